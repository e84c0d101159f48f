"""The training loop, for one model or several at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss
from tqdm.auto import tqdm

from neural_odes.ode import NeuralODE
from neural_odes.solver import SolverError, _reason
from neural_odes.training.checkpoint import Checkpoint
from neural_odes.training.ensemble import Ensemble, Loss, scalar

Callback = Callable[[int, Sequence[NeuralODE], Tensor], bool | None]
"""``callback(epoch, models, row)`` after an epoch, counted from 0: the row has
losses, norms of gradients and evaluations, shape (3, M). True stops."""


@dataclass(frozen=True)
class History:
    """What training measured. Tensors of shape (epochs,), float64, on the CPU.

    Attributes:
        loss: mean over the epoch's samples, each before its step; without the
            penalty.
        grad_norm: Euclidean norm of the objective's gradient in all
            parameters, mean over the epoch's steps.
        nfe: evaluations of the field in a forward solve, mean over the
            epoch's steps. Models that train as one program share theirs; what
            one costs alone, its own solve says (``model.solve(x).nfe``).
        seconds: wall time; of one program, that of all its models.
    """

    loss: Tensor
    grad_norm: Tensor
    nfe: Tensor
    seconds: float


class TrainingError(ArithmeticError):
    """Training that could not go on.

    The model holds the parameters of the last step that had a finite loss and
    gradient.

    Attributes:
        reason: what happened.
        epoch: counted from 0.
        step: within the epoch, counted from 0.
        depth: where the forward solve stopped; None where it got through.
        member: which of several models, counted from 0; None for a single one,
            or if each gets through when solved alone.
        history: of the epochs before; of several models trained as one
            program, the failed one's (the first's, if member is None).
    """

    def __init__(
        self,
        reason: str,
        *,
        epoch: int,
        step: int,
        depth: float | None,
        member: int | None,
        history: History,
    ) -> None:
        self.reason, self.epoch, self.step = reason, epoch, step
        self.depth, self.member, self.history = depth, member, history
        super().__init__(
            f"training {'' if member is None else f'of model {member} '}"
            f"stopped in epoch {epoch}, step {step}"
            f"{'' if depth is None else f', at depth s = {depth:.4g}'}: "
            f"{reason}. What helps: a smaller learning rate, weight decay or "
            "a penalty, a smooth activation, or a fixed-step method."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are made anew from their message alone, unless told.
        names = ("epoch", "step", "depth", "member", "history")
        known = {name: getattr(self, name) for name in names}
        return partial(type(self), self.reason, **known), ()


class _StopError(Exception):
    def __init__(
        self, reason: str, member: int | None, depth: float | None = None
    ) -> None:
        self.reason, self.member, self.depth = reason, member, depth
        super().__init__(reason)


def train(
    program: Ensemble,
    x: Tensor,
    y: Tensor,
    *,
    optimizer: torch.optim.Optimizer,
    loss: Loss,
    epochs: int,
    batches: Callable[[], Iterable[slice | Tensor]],
    progress: bool,
    slower: Sequence[float] = (),
    number: int | None = None,
    checkpoint: Checkpoint | None = None,
    callback: Callback | None = None,
) -> list[History]:
    """Train models on inputs and targets of shape (M, N, ...).

    Args:
        program: what is trained, in place.
        x: inputs.
        y: targets.
        optimizer: of the program's parameters.
        loss: of one model's outputs and targets.
        epochs: passes over the data.
        batches: gives an epoch's batches, as indices of samples.
        progress: show a progress bar.
        slower: learning rates of the members as shares of the optimizer's.
        number: of a single model among others, for errors.
        checkpoint: keeps the state after each epoch, or has one to go on from.
        callback: called after each epoch; True ends the training.

    Raises:
        ValueError: the loss is no scalar, outputs and y differ in shape, or
            the kept state does not fit.
        TrainingError: see there.
    """
    start = time.perf_counter()
    parameters: list[Tensor] = program.parameters
    rows: list[Tensor] = []  # of each epoch, (loss, gradient norm, nfe) x M
    if checkpoint is not None and checkpoint.path.exists():
        rows, spent = checkpoint.load(
            parameters, program.models, optimizer, epochs
        )
        start -= spent
    good = [p.detach().clone() for p in parameters]
    differ = any(share != 1 for share in slower)
    program.train(True)
    bar = tqdm(
        range(len(rows), epochs),
        desc="epochs",
        leave=False,
        disable=not progress,
    )
    try:
        for epoch in bar:
            steps, weights = [], []
            for step, index in enumerate(batches()):
                inputs, targets = x[:, index], y[:, index]
                optimizer.zero_grad()
                try:
                    steps.append(_gradient(program, inputs, targets, loss))
                except _StopError as stop:
                    with torch.no_grad():
                        torch._foreach_copy_(parameters, good)
                    past = _histories(rows, len(x), start)
                    raise TrainingError(
                        stop.reason,
                        epoch=epoch,
                        step=step,
                        depth=stop.depth,
                        member=number if len(x) == 1 else stop.member,
                        history=past[stop.member or 0],
                    ) from stop.__cause__
                weights.append(inputs.shape[1] / x.shape[1])
                torch._foreach_copy_(good, [p.detach() for p in parameters])
                optimizer.step()
                if differ:
                    _slow_down(parameters, good, slower)
            row = torch.stack(steps).cpu().double()
            row[:, 0] *= len(steps) * torch.tensor(weights)[:, None]
            rows.append(row.mean(0))
            bar.set_postfix(loss=rows[-1][0].mean().item(), refresh=False)
            if checkpoint is not None:
                checkpoint.save(
                    parameters,
                    program.models,
                    optimizer,
                    rows,
                    time.perf_counter() - start,
                )
            if callback is not None:
                program.write_back()
                program.train(False)
                if callback(epoch, program.models, rows[-1]):
                    break
                program.train(True)
    finally:
        program.write_back()
        program.train(False)
    return _histories(rows, len(x), start)


@torch.no_grad()
def _slow_down(
    parameters: Sequence[Tensor],
    before: Sequence[Tensor],
    share: Sequence[float],
) -> None:
    """Cut each member's step: those of Adam and AdamW are linear in lr."""
    for now, old in zip(parameters, before, strict=True):
        part = now.new_tensor(share).reshape(-1, *[1] * (now.ndim - 1))
        now.copy_(old + part * (now - old))


def _gradient(program: Ensemble, x: Tensor, y: Tensor, loss: Loss) -> Tensor:
    """Leaves the gradients; returns losses, their norms and nfe, (3, M)."""
    try:
        outputs, penalties, nfe = program(x)
    except SolverError as error:
        culprit = _culprit(program, x)
        raise _StopError(error.reason, culprit, error.depth) from error
    check_targets(loss, outputs[0], y[0])
    losses = program.losses(lambda o, t: scalar("loss", loss(o, t)), outputs, y)
    objectives = losses + penalties
    try:
        objectives.sum().backward()
    except AssertionError as error:  # torchdiffeq's adjoint gives up
        reason = f"backwards, {_reason(error)}"
        raise _StopError(reason, 0 if len(x) == 1 else None) from error
    norms = program.gradient_norms()
    finite = torch.isfinite(torch.stack([objectives, norms]).detach())
    if not finite.all():
        what = "gradient" if finite[0].all() else "loss"
        member = int((~finite).any(0).nonzero()[0])
        raise _StopError(f"the {what} is NaN or infinite", member)
    return torch.stack([losses.detach(), norms, torch.full_like(norms, nfe)])


def _culprit(program: Ensemble, x: Tensor) -> int | None:
    """Which model it is that cannot be solved."""
    if len(x) == 1:
        return 0
    program.write_back()
    for member, (model, own) in enumerate(zip(program.models, x, strict=True)):
        try:
            with torch.no_grad():
                model.solve(own)
        except SolverError:
            return member
    return None


def check_targets(loss: Loss, output: Tensor, y: Tensor) -> None:
    """Refuse targets that a loss would broadcast; labels of classes may."""
    if loss is cross_entropy and not y.is_floating_point():
        check_classes(output, y)
    elif y.is_floating_point() or loss is mse_loss or not _labelled(output, y):
        check_shapes(output, y)


def check_classes(output: Tensor, y: Tensor) -> None:
    """Refuse labels that name no class of the outputs (N, classes, ...)."""
    shape, classes = tuple(output.shape), (*output.shape, 1)[1]
    whole = y.dtype == torch.int64 and _labelled(output, y)
    if not whole or not 0 <= y.min() <= y.max() < classes:
        span = f" from {y.min():g} to {y.max():g}" if whole else ""
        raise ValueError(
            f"y must be classes, int64 from 0 to {classes - 1}, of shape "
            f"{shape[:1] + shape[2:]} for outputs of shape {shape}, got "
            f"{y.dtype} of shape {tuple(y.shape)}{span}; of outputs with one "
            "feature, y are floating-point numbers of their shape"
        )


def _labelled(output: Tensor, y: Tensor) -> bool:
    shape = output.shape
    return y.shape == shape[:1] + shape[2:] and shape[1:2] > (1,)


def check_shapes(output: Tensor, y: Tensor) -> None:
    """Refuse to compare outputs and targets of different shapes."""
    if output.shape != y.shape:
        raise ValueError(
            f"y must have the shape of the model's output, "
            f"{tuple(output.shape)}, got {tuple(y.shape)}"
        )


def _histories(rows: list[Tensor], members: int, start: float) -> list[History]:
    seconds = time.perf_counter() - start
    table = torch.stack(rows) if rows else torch.zeros(0, 3, members).double()
    return [
        History(
            loss=each[:, 0],
            grad_norm=each[:, 1],
            nfe=each[:, 2],
            seconds=seconds,
        )
        for each in table.unbind(2)
    ]
