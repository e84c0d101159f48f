"""Training: one loop for every model of the book."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Required, TypedDict, Unpack, overload

import torch
from torch import Tensor, nn

from neural_odes.checks import check_batch, check_function, finite, generator
from neural_odes.fields import parts_of
from neural_odes.ode import NeuralODE
from neural_odes.training import arguments
from neural_odes.training.checkpoint import Checkpoint, fingerprint, stateful
from neural_odes.training.ensemble import Ensemble, Loss, Penalty, stackable
from neural_odes.training.identity import identity
from neural_odes.training.loop import (
    Callback,
    History,
    TrainingError,
    check_classes,
    check_shapes,
    train,
)

__all__ = ["History", "Penalty", "TrainingError", "accuracy", "fit"]

Optimize = Callable[[list[Tensor]], torch.optim.Optimizer]
"""Makes an optimizer of parameters."""


class _Settings(TypedDict, total=False):
    epochs: Required[int]
    lr: float | Sequence[float]
    weight_decay: float
    optimizer: str | Optimize
    loss: Loss | None
    depths: Tensor | None
    batch_size: int | None
    seed: int
    penalty: Penalty | None
    progress: bool
    checkpoint: str | Path | None
    callback: Callback | None


@overload
def fit(
    models: NeuralODE, x: Tensor, y: Tensor, **settings: Unpack[_Settings]
) -> History: ...


@overload
def fit(
    models: Sequence[NeuralODE],
    x: Tensor | Sequence[Tensor],
    y: Tensor | Sequence[Tensor],
    **settings: Unpack[_Settings],
) -> list[History]: ...


def fit(
    models: NeuralODE | Sequence[NeuralODE],
    x: Tensor | Sequence[Tensor],
    y: Tensor | Sequence[Tensor],
    *,
    epochs: int,
    lr: float | Sequence[float] = 1e-3,
    weight_decay: float = 0.0,
    optimizer: str | Optimize = "adam",
    loss: Loss | None = None,
    depths: Tensor | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    penalty: Penalty | None = None,
    progress: bool = True,
    checkpoint: str | Path | None = None,
    callback: Callback | None = None,
) -> History | list[History]:
    """Train a model, or each of several, in place.

    Several models learn independently of each other. If they differ only in
    the values of their parameters, they are trained as one program where that
    is faster (``neural_odes.training.ensemble``), else one after another. Each
    takes the solver's steps that it takes alone, and learns what it learns
    alone, up to rounding, which long trainings amplify.

    Models are in ``train()`` mode during training, and in ``eval()`` mode in
    callbacks and afterwards. Each call starts with a new optimizer: to continue
    an earlier training, use a checkpoint and more epochs, or a callback.

    Args:
        models: one model, or several.
        x: inputs, shape (N, ...), on the models' device; for several models
            also a list, one for each.
        y: targets, likewise. Floating-point ones have the shape of the
            outputs; integers (classes) are for losses that take them.
        epochs: passes over the data, >= 1.
        lr: learning rate, > 0; for several models also a list, one for each.
        weight_decay: of the optimizer, >= 0.
        optimizer: "adam" (weight decay added to the gradient, as in the
            paper), "adamw" (decoupled from it), or a callable that makes one
            from a list of parameters, with a learning rate of its own. For
            models trained as one program it sees stacked parameters, shape
            (M, ...).
        loss: of outputs and targets, a scalar; by default the mean squared
            error, as in the paper, or the cross entropy if targets are
            integers.
        depths: to learn whole paths: at these depths, shape (T,), increasing,
            outputs are compared with targets y of shape (T, N, ...). The loss
            sees both as (N, T, ...), a penalty the solve at these depths.
        batch_size: samples per step; by default all of them.
        seed: of the order of mini-batches, the same for all models.
        penalty: of (model, solution, x), a scalar added to the loss.
        progress: show a progress bar.
        checkpoint: a file for the training's state after each epoch (weights,
            optimizer, generators, history). If it exists, training resumes
            from it, and ends as if it had never stopped; a file of other data,
            settings, loss or model is refused. What the optimizer's hooks or
            the callback refer to and has a ``state_dict``, such as a schedule,
            is kept, too; plain variables are not. Models trained one after
            another have a file each, with their number in its name.
        callback: called after each epoch as ``callback(epoch, models, row)``,
            where models is the list of those trained together and row has
            their losses, norms of gradients and evaluations, shape (3, M);
            returning True ends the training. For early stopping, validation,
            best weights.

    Returns:
        the history, or one for each model.

    Raises:
        TypeError: models are not NeuralODEs.
        ValueError: an argument out of range, x and y that do not fit each
            other or the model, or NaN in either; or a checkpoint of another
            training.
        RuntimeError: gradients are switched off.
        TrainingError: the loss or its gradient became NaN or infinite, or a
            solve failed; says of which model.
    """
    if not torch.is_grad_enabled():
        raise RuntimeError("call fit outside torch.no_grad()")
    arguments.check_settings(
        *(epochs, weight_decay, optimizer, batch_size, progress),
        loss=loss,
        penalty=penalty,
        callback=callback,
    )
    draws, seed = generator(seed), int(seed)
    epochs, weight_decay = int(epochs), float(weight_decay)
    batch_size = None if batch_size is None else int(batch_size)
    several = arguments.members(models)
    rates = arguments.rates(lr, optimizer, len(several))
    xs, ys = arguments.data(x, y, depths, len(several))
    loss = arguments.default_loss(ys) if loss is None else loss
    together = (
        arguments.uniform(xs)
        and arguments.uniform(ys)
        and worth_stacking(several, xs[0][:batch_size])
        and stackable(
            *(several, xs[0], ys[0]), loss=loss, penalty=penalty, depths=depths
        )
    )
    if together:
        programs = [Ensemble(several, penalty, depths)]
        data = [(torch.stack(xs), torch.stack(ys))]
    else:
        programs = [Ensemble([model], penalty, depths) for model in several]
        data = [(a[None], b[None]) for a, b in zip(xs, ys, strict=True)]
    histories: list[History] = []
    settings = {
        "lr": rates if len(set(rates)) > 1 else rates[0],
        "weight_decay": weight_decay,
        "optimizer": optimizer if isinstance(optimizer, str) else "own",
        "batch_size": batch_size,
        "seed": seed,
    }
    for i, (program, (inputs, targets)) in enumerate(
        zip(programs, data, strict=True)
    ):
        if not program.parameters:
            raise ValueError("models must have parameters to train")
        draws.manual_seed(seed)
        own = rates if together else [rates[i]]
        made = (
            arguments.OPTIMIZERS[optimizer](
                program.parameters, lr=max(own), weight_decay=weight_decay
            )
            if isinstance(optimizer, str)
            else optimizer(program.parameters)
        )
        arguments.check_optimizer(made, program.parameters)
        kept = None
        if checkpoint is not None:
            path = Path(checkpoint)
            if len(programs) > 1:
                path = path.with_name(f"{path.stem}.{i}{path.suffix}")
            seen = {"x": inputs, "y": targets}
            if depths is not None:
                seen["s"] = depths
            made_of = {
                "data": fingerprint(seen),
                "loss": identity(loss),
                "penalty": identity(penalty),
                "optimizer": identity(optimizer),
                "solver": identity([model.solver for model in program.models]),
                "model": identity(program.models),
            }
            keepers = stateful(made, callback, program.models)
            kept = Checkpoint(path, draws, settings, made_of, keepers)
        histories += train(
            program,
            inputs,
            targets,
            optimizer=made,
            lr_share=[rate / max(own) for rate in own],
            loss=loss,
            epochs=epochs,
            batches=_batches(inputs, batch_size, draws),
            progress=progress,
            number=None if isinstance(models, NeuralODE) else i,
            checkpoint=kept,
            callback=callback,
        )
    return histories[0] if isinstance(models, NeuralODE) else histories


def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """The share of outputs that predict their label, by its sign or class.

    Args:
        model: a function, or a module, which is set to eval mode meanwhile; its
            outputs have the shape of y, or are scores (N, classes).
        x: inputs, shape (N, ...).
        y: labels -1 and +1, shape (N, 1); or classes, integers of shape (N,).

    Raises:
        ValueError: the model's output is not finite or has another shape than
            y, or y holds other labels.
    """
    check_function("model", model, "x")
    check_batch("x", x)
    classes = isinstance(y, Tensor) and y.dtype == torch.int64
    if not classes:
        check_labels(y)
    with torch.no_grad(), in_eval_mode(model):
        output = model(x)
    if not finite(output):
        raise ValueError("model(x) must be finite, got NaN or infinite values")
    if classes:
        check_classes(output, y, y)
        return (output.argmax(1) == y).double().mean().item()
    check_shapes(output, y)
    return (output.sign() == y.sign()).double().mean().item()


@contextmanager
def in_eval_mode(model: Any) -> Iterator[None]:
    """Measure a module without moving its running means or dropping parts."""
    modes = [(part, part.training) for part in parts_of(model)]
    try:
        for part, _ in modes:
            part.training = False
        yield
    finally:
        for part, mode in modes:
            part.training = mode


def check_labels(y: Tensor) -> None:
    """Refuse labels that are not -1 or +1."""
    check_batch("y", y)
    if not bool((y.abs() == 1).all()):
        found = ", ".join(f"{v:g}" for v in y.unique()[:4].tolist())
        raise ValueError(f"y must be labels -1 and +1, got {found}")


def _batches(
    x: Tensor, size: int | None, generator: torch.Generator
) -> Callable[[], Iterable[slice | Tensor]]:
    """A function that returns an epoch's batches, as indices of samples."""
    samples = x.shape[1]
    if size is None or size >= samples:
        return lambda: [slice(None)]
    return lambda: (
        torch.randperm(samples, generator=generator).to(x.device).split(size)
    )


def worth_stacking(models: Sequence[NeuralODE], batch: Tensor) -> bool:
    """Whether models are likely faster as one program than alone.

    One program saves the overhead of small operations, which pays with three or
    more models as long as the arithmetic of each, of its batch of inputs, is
    small (measured on a CPU by benchmarks/training_step.py). On other devices
    it is assumed to pay.
    """
    if batch.device.type != "cpu":
        return len(models) > 1
    widths = [
        min(layer.in_features, layer.out_features)
        for layer in models[0].modules()
        if isinstance(layer, nn.Linear)
    ]
    return len(models) > 2 and len(batch) * max(widths, default=1) <= 20_000
