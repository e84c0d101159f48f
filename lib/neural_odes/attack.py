"""How much a small change of the input costs in accuracy (section 6)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from neural_odes.checks import (
    check_at_least,
    check_batch,
    check_function,
    check_one_of,
    check_positive,
    generator,
)
from neural_odes.fields import lengths, per_sample
from neural_odes.training.ensemble import Loss
from neural_odes.training.fit import check_labels, in_eval_mode
from neural_odes.training.loop import check_shapes, check_targets

Norm = Literal["l2", "linf"]


def wrong_side(output: Tensor, y: Tensor) -> Tensor:
    """The mean of -output y, which an attack on labels ±1 maximises.

    Unlike the squared error, it does not grow where an output of the right
    sign overshoots its label.
    """
    check_shapes(output, y)
    return -(output * y).mean()


def pgd(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    radius: float,
    norm: Norm = "l2",
    steps: int = 20,
    step_size: float | None = None,
    loss: Loss = wrong_side,
    seed: int = 0,
) -> Tensor:
    """Inputs within a ball around x that raise the loss (Madry et al., 2018).

    Projected gradient ascent from a random point of the ball. Gradients are
    backpropagated through the solver, so they are exact for the steps that it
    took.

    Args:
        model: maps inputs (N, ...) to outputs; a module is set to eval mode
            meanwhile.
        x: inputs, shape (N, ...).
        y: their targets.
        radius: of the ball, > 0.
        norm: of each input's perturbation, "l2" or "linf".
        steps: number of ascent steps, >= 1.
        step_size: by default 2.5 radius / steps, enough to cross the ball.
        loss: of outputs and targets, a scalar; the default is for labels ±1.
        seed: of the starting points.

    Returns:
        shape (N, ...), none farther than the radius from its x.

    Raises:
        TypeError, ValueError: an argument of the wrong type, or out of range.
    """
    check_one_of("norm", norm, ("l2", "linf"))
    check_function("model", model, "x")
    check_function("loss", loss, "outputs and targets")
    check_batch("x", x)
    check_positive("radius", radius)
    check_at_least("steps", steps, 1)
    size = 2.5 * radius / steps if step_size is None else step_size
    check_positive("step_size", size)
    if loss is wrong_side:
        check_labels(y)
    elif not isinstance(y, Tensor):
        raise TypeError(f"y must be a tensor, got {type(y).__name__}")
    draws = generator(seed)
    draw = torch.rand(x.shape, generator=draws).to(x)
    away = _within((2 * draw - 1) * radius, radius, norm)
    with in_eval_mode(model):
        for i in range(steps):
            away = away.detach().requires_grad_()
            output = model(x + away)
            check_targets(loss, output, y, labels=None if i else y)
            (slope,) = torch.autograd.grad(loss(output, y), away)
            step = slope.sign() if norm == "linf" else _unit(slope)
            away = _within(away.detach() + size * step, radius, norm)
    return x + away


def accuracy_under_attack(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    radius: float,
    norm: Norm = "l2",
    restarts: int = 1,
) -> float:
    """The share of inputs classified correctly after every run of :func:`pgd`.

    An upper bound on the robust accuracy: a stronger attack, or more restarts,
    may find points that this one misses.

    Args:
        model: as for :func:`pgd`, as are x, radius and norm; its outputs have
            the shape of y.
        y: labels -1 and +1, shape (N, 1).
        restarts: number of random starts of the attack on each input, >= 1.

    Raises:
        ValueError: an argument out of range, or outputs and y differ in shape.
    """
    check_at_least("restarts", restarts, 1)
    check_labels(y)
    survived = torch.ones_like(y, dtype=torch.bool)
    for seed in range(restarts):
        near = pgd(model, x, y, radius=radius, norm=norm, seed=seed)
        with torch.no_grad(), in_eval_mode(model):
            output = model(near)
        check_shapes(output, y)
        survived &= output.sign() == y.sign()
    return survived.double().mean().item()


def _within(away: Tensor, radius: float, norm: Norm) -> Tensor:
    if norm == "linf":
        return away.clamp(-radius, radius)
    return away * per_sample(radius / lengths(away).clamp_min(radius), away)


def _unit(slope: Tensor) -> Tensor:
    return slope / per_sample(lengths(slope).clamp_min(1e-30), slope)
