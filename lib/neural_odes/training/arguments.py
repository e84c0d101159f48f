"""The arguments of a training, checked before it starts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from neural_odes.checks import (
    check_at_least,
    check_batch,
    check_boolean,
    check_function,
    check_nonnegative,
    check_one_of,
    check_positive,
    finite,
)
from neural_odes.ode import NeuralODE
from neural_odes.states import describe
from neural_odes.training.identity import referred

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}
CALLED = {
    "loss": "outputs and targets",
    "penalty": "(model, solution, x), such as fixed_point(0.1)",
    "callback": "(epoch, models, row)",
}


def members(models: Any) -> list[NeuralODE]:
    """One model or several, as a list."""
    listed = list(models) if isinstance(models, list | tuple) else [models]
    if not listed or not all(isinstance(m, NeuralODE) for m in listed):
        kinds = ", ".join(type(m).__name__ for m in listed) or "empty"
        raise TypeError(f"models must be one NeuralODE or more, got {kinds}")
    trained = [p for m in listed for p in m.parameters() if p.requires_grad]
    if len({id(p) for p in trained}) < len(trained):
        raise ValueError(
            "models must not share what they train, got one model twice, or "
            "two with a part in common"
        )
    for model in listed:
        check_owned(model)
    return listed


def data(
    x: Any, y: Any, depths: Any, members: int
) -> tuple[list[Tensor], list[Tensor]]:
    """Inputs and targets of each model, samples first."""
    xs, ys = each("x", x, members), each("y", y, members)
    if depths is not None:
        ys = [_sample_first(own, depths) for own in ys]
    for inputs, targets in zip(xs, ys, strict=True):
        check_batch("x", inputs)
        samples = len(inputs)
        if not isinstance(targets, Tensor) or targets.shape[:1] != (samples,):
            raise ValueError(
                "y must be a tensor with one target per sample, "
                f"({samples}, ...), got {describe(targets)}"
            )
        if targets.is_complex():
            raise ValueError(f"y must be real, got {targets.dtype}")
        if not finite(targets):
            raise ValueError("y must be finite, got NaN or infinite values")
    return xs, ys


def _sample_first(y: Any, depths: Any) -> Tensor:
    """Targets of paths, (T, N, ...), as (N, T, ...)."""
    check_batch("depths", depths)
    check_batch("y", y)
    if y.ndim < 2 or depths.ndim != 1 or len(y) != len(depths):
        raise ValueError(
            f"y must have shape (T, N, ...) with a target at each of the "
            f"{len(depths)} depths, got {tuple(y.shape)}"
        )
    return y.transpose(0, 1)


def each(name: str, value: Any, members: int) -> list[Tensor]:
    """One tensor for each model, given one for all or a list."""
    if isinstance(value, Tensor):
        return [value] * members
    if isinstance(value, DataLoader):
        raise TypeError(
            f"{name} must be a tensor, as fit holds data in memory, got a "
            "DataLoader; with it, write a training loop of your own"
        )
    if not isinstance(value, list | tuple) or len(value) != members:
        got = len(value) if isinstance(value, list | tuple) else type(value)
        raise ValueError(
            f"{name} must be one tensor for all or one for each of {members} "
            f"models, got {getattr(got, '__name__', got)}"
        )
    return list(value)


def uniform(tensors: Sequence[Tensor]) -> bool:
    """Whether tensors can be stacked."""
    return len({(t.shape, t.dtype, t.device) for t in tensors}) == 1


def rates(
    lr: float | Sequence[float], optimizer: Any, members: int
) -> list[float]:
    """The learning rate of each model."""
    if not isinstance(lr, list | tuple):
        check_positive("lr", lr)
        return [float(lr)] * members  # type: ignore[arg-type]
    if len(lr) != members or not isinstance(optimizer, str):
        raise ValueError(
            f"lr must be a number, or one for each of {members} models where "
            f"optimizer is a name, got {lr}"
        )
    for rate in lr:
        check_positive("each of lr", rate)
    return [float(rate) for rate in lr]


def check_owned(model: NeuralODE) -> None:
    """Refuse functions whose modules training would not reach."""
    own = {id(p) for p in model.parameters()}
    for part in model.modules():
        for function in filter(inspect.isfunction, vars(part).values()):
            for name, used in referred(function).items():
                if isinstance(used, nn.Module) and any(
                    p.requires_grad and id(p) not in own
                    for p in used.parameters()
                ):
                    raise ValueError(
                        f"{name} would not be trained: a plain function of "
                        "the models uses it; make it a submodule"
                    )


def check_settings(
    epochs: int,
    weight_decay: float,
    optimizer: Any,
    batch_size: int | None,
    progress: bool,
    **called: Any,
) -> None:
    """Refuse what is out of range, unknown, or cannot be called."""
    check_at_least("epochs", epochs, 1)
    check_nonnegative("weight_decay", weight_decay)
    if not callable(optimizer):
        check_one_of("optimizer", optimizer, OPTIMIZERS)
    if batch_size is not None:
        check_at_least("batch_size", batch_size, 1)
    check_boolean("progress", progress)
    for name, function in called.items():
        if function is not None:
            check_function(name, function, CALLED[name])


def check_optimizer(optimizer: Any, parameters: Sequence[Tensor]) -> None:
    """Refuse what a callable made, unless it steps these parameters."""
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise TypeError(
            "optimizer must make a torch.optim.Optimizer, got "
            f"{type(optimizer).__name__}"
        )
    if isinstance(optimizer, torch.optim.LBFGS):
        raise TypeError(
            "optimizer must step without a closure, got LBFGS; with it, write "
            "a training loop of your own"
        )
    own = {id(p) for p in parameters}
    for group in optimizer.param_groups:
        if not {id(p) for p in group["params"]} <= own:
            raise ValueError(
                "optimizer must be made of the parameters that it is given, "
                "got one of others"
            )


def default_loss(ys: Sequence[Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """The mean squared error; for integers (classes), the cross entropy."""
    floating = all(y.is_floating_point() for y in ys)
    functional = nn.functional
    return functional.mse_loss if floating else functional.cross_entropy
