"""Runge-Kutta methods, on one page.

A step of size h from z(s) evaluates the field at a few stages,

    k_i = f(s + c_i h, z + h sum_j a_ij k_j),    z(s + h) = z + h sum_i b_i k_i.

Fixed-step methods need no more. An embedded method has a second, less accurate
set of weights; the difference of the two results estimates the error of the
step, and sets the step size: Hairer, Norsett and Wanner, Solving Ordinary
Differential Equations I, sections II.4 and II.5. Tableaus, first step and
control are those of torchdiffeq, the reference that tests compare with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from neural_odes.checks import unwrapped

SAFETY, SHRINK, GROW = 0.9, 0.2, 10.0
"""Of step control: a safety factor, and how much a step may change at once."""

Field = Callable[[Tensor, Tensor], Tensor]
Norm = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Tableau:
    """A method's coefficients.

    Attributes:
        order: the global error falls as h ** order.
        a: rows of the stages after the first; their sums are c. Where ``error``
            is given, the last row yields the result, and its stage is the next
            step's first.
        b: weights of the result, where ``error`` is not given.
        error: weights of all stages in the error estimate.
        middle: weights of all stages in z(s + h / 2), for dense output.
    """

    order: int
    a: tuple[tuple[float, ...], ...]
    b: tuple[float, ...] = ()
    error: tuple[float, ...] = ()
    middle: tuple[float, ...] = ()


TABLEAUS: Mapping[str, Tableau] = MappingProxyType(
    {
        "euler": Tableau(1, (), b=(1.0,)),
        "midpoint": Tableau(2, ((1 / 2,),), b=(0.0, 1.0)),
        "heun3": Tableau(3, ((1 / 3,), (0, 2 / 3)), b=(1 / 4, 0, 3 / 4)),
        "rk4": Tableau(  # the 3/8 rule
            4,
            ((1 / 3,), (-1 / 3, 1), (1, -1, 1)),
            b=(1 / 8, 3 / 8, 3 / 8, 1 / 8),
        ),
        "bosh3": Tableau(  # Bogacki and Shampine, 1989
            3,
            ((1 / 2,), (0, 3 / 4), (2 / 9, 1 / 3, 4 / 9)),
            error=(2 / 9 - 7 / 24, 1 / 3 - 1 / 4, 4 / 9 - 1 / 3, -1 / 8),
            middle=(0, 1 / 2, 0, 0),
        ),
        "dopri5": Tableau(  # Dormand and Prince, 1980; Shampine, 1986
            5,
            (
                (1 / 5,),
                (3 / 40, 9 / 40),
                (44 / 45, -56 / 15, 32 / 9),
                (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
                (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
                (35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
            ),
            error=(
                35 / 384 - 1951 / 21600,
                0,
                500 / 1113 - 22642 / 50085,
                125 / 192 - 451 / 720,
                -2187 / 6784 + 12231 / 42400,
                11 / 84 - 649 / 6300,
                -1 / 60,
            ),
            middle=(
                6025192743 / 60171106304,
                0,
                51252292925 / 130801643196,
                -2691868925 / 90256659456,
                187940372067 / 3189068634112,
                -1776094331 / 39487288512,
                11237099 / 470086768,
            ),
        ),
    }
)


@dataclass
class Cost:
    """The cost of a solve so far.

    Attributes:
        s: the depth reached.
        nfe: evaluations of the field.
        steps: accepted steps.
        rejected: steps that were too long and repeated.
    """

    s: float
    nfe: int = 0
    steps: int = 0
    rejected: int = 0


class StopError(ArithmeticError):
    """A solve that could not be finished; says why."""


def fixed_steps(
    field: Field,
    z: Tensor,
    grid: Sequence[float],
    tableau: Tableau,
    cost: Cost,
    *,
    jumps: bool = False,
) -> Iterator[Tensor]:
    """The states at the depths of a grid, from the second on.

    Args:
        field: f(s, z), s a scalar tensor.
        z: the state at the first depth.
        grid: increasing depths.
        tableau: of the method.
        cost: is kept up to date.
        jumps: whether the field may jump at depths of the grid; if so, each
            step sees the field on its own side of a jump.
    """
    for start, stop in zip(grid[:-1], grid[1:], strict=True):
        k = stages(field, z, None, start, stop, tableau, cost, jumps=jumps)
        z = combined(z, k, tableau.b, stop - start)
        cost.s, cost.steps = stop, cost.steps + 1
        yield z


def adaptive_steps(
    field: Field,
    z: Tensor,
    s: Sequence[float],
    tableau: Tableau,
    cost: Cost,
    *,
    rtol: float,
    atol: float,
    norm: Norm,
    max_steps: int,
    max_step: float = math.inf,
    jumps: Sequence[float] = (),
) -> Iterator[Tensor]:
    """The states at increasing depths, from the second on.

    Each step that passes depths yields one tensor of shape (T, *z.shape), for
    the T depths that it has passed. Within a step, the states are those of a
    polynomial of degree four.

    Args:
        field: f(s, z), s a scalar tensor.
        z: the state at the first depth.
        s: the depths.
        tableau: of an embedded method.
        cost: is kept up to date.
        rtol: relative tolerance of a step's error.
        atol: absolute tolerance of a step's error.
        norm: maps the error in units of the tolerances to the number that is
            kept at or below 1.
        max_steps: the most steps, accepted or not, between two depths.
        max_step: the longest step.
        jumps: depths within s at which the field jumps; steps end there.

    Raises:
        StopError: the error is not a number, the step size underflowed, or
            max_steps was reached.
    """
    start, end = s[0], s[-1]
    first = evaluate(field, start, z, cost)
    step = first_step(field, z, first, start, tableau, cost, rtol, atol, norm)
    ahead = [jump for jump in jumps if start < jump < end] + [end]
    done, tried = 1, 0
    while done < len(s):
        if tried >= max_steps:
            raise StopError("max_steps was reached")
        tried += 1
        if math.isnan(step):
            raise StopError("the field is NaN or infinite")
        step = min(step, max_step)
        if not start + step > start:
            raise StopError("the step size underflowed")
        # Rounding must not leave a tiny step before the depth ahead.
        clipped = start + step * (1 + 1e-9) >= ahead[0]
        stop = ahead[0] if clipped else start + step
        step = stop - start
        k = stages(
            *(field, z, first, start, stop, tableau, cost),
            jumps=len(jumps) > 0,
        )
        new, k_last = k.pop(), k[-1]
        with torch.no_grad():
            scale = atol + rtol * torch.maximum(z.abs(), new.abs())
            error = combined(None, k, tableau.error, step)
            ratio = number(norm(error / scale))
        if ratio <= 1:
            passed = done
            while done < len(s) and s[done] <= stop:
                done += 1
            if done > passed:
                yield between(z, new, k, tableau, start, stop, s[passed:done])
                tried = 0
            if clipped and len(ahead) > 1:  # the field on the other side
                ahead.pop(0)
                k_last = evaluate(field, stop, new, cost, side=1)
            z, first, start = new, k_last, stop
            cost.s, cost.steps = stop, cost.steps + 1
        else:
            cost.rejected += 1
        # Where the ratio is NaN, so is the next step, which ends the solve.
        factor = GROW if ratio == 0 else SAFETY / ratio ** (1 / tableau.order)
        least = 1.0 if ratio < 1 else SHRINK
        step *= min(max(factor, least), GROW)


def stages(
    field: Field,
    z: Tensor,
    first: Tensor | None,
    start: float,
    stop: float,
    tableau: Tableau,
    cost: Cost,
    *,
    jumps: bool,
) -> list[Tensor]:
    """k_1, k_2, …, and last, for an embedded method, the result."""
    if first is None:
        first = evaluate(field, start, z, cost, side=int(jumps))
    k, h, state = [first], stop - start, z
    for row in tableau.a:
        state = combined(z, k, row, h)
        c = sum(row)
        last = abs(c - 1) < 1e-12
        at = stop if last else start + c * h
        side = -1 if last and jumps else 0
        k.append(evaluate(field, at, state, cost, side=side))
    return [*k, state] if tableau.error else k


def evaluate(
    field: Field, s: float, z: Tensor, cost: Cost, *, side: int = 0
) -> Tensor:
    """f(s, z), counted; with a side, just before (-1) or after (1) s."""
    cost.nfe += 1
    at = torch.full((), s, dtype=z.dtype, device=z.device)
    if side:
        at = torch.nextafter(at, at + side)
    return field(at, z)


def combined(
    z: Tensor | None, k: Sequence[Tensor], weights: Sequence[float], h: float
) -> Tensor:
    """z + h (w_1 k_1 + w_2 k_2 + …); without z, the sum alone."""
    for weight, one in zip(weights, k, strict=True):
        if weight:
            part = h * weight
            z = one * part if z is None else torch.add(z, one, alpha=part)
    assert z is not None
    return z


def first_step(
    field: Field,
    z: Tensor,
    first: Tensor,
    s: float,
    tableau: Tableau,
    cost: Cost,
    rtol: float,
    atol: float,
    norm: Norm,
) -> float:
    """A first step size (Hairer, Norsett and Wanner, section II.4)."""
    with torch.no_grad():
        scale = atol + z.abs() * rtol
        size, slope = number(norm(z / scale)), number(norm(first / scale))
        small = size < 1e-5 or slope < 1e-5
        guess = 1e-6 if small else 0.01 * size / slope
        ahead = evaluate(field, s + guess, z + guess * first, cost)
        bend = number(norm((ahead - first) / scale)) / guess
    if slope <= 1e-15 and bend <= 1e-15:
        return min(100 * guess, max(1e-6, guess * 1e-3))
    return min(100 * guess, (0.01 / max(slope, bend)) ** (1 / tableau.order))


def between(
    z: Tensor,
    new: Tensor,
    k: Sequence[Tensor],
    tableau: Tableau,
    start: float,
    stop: float,
    s: Sequence[float],
) -> Tensor:
    """States at depths within a step, shape (T, *z.shape)."""
    if len(s) == 1 and s[0] == stop:
        return new[None]
    h = stop - start
    middle = combined(z, k, tableau.middle, h)
    first, last = h * k[0], h * k[-1]
    coefficients = torch.stack(
        [
            z,
            first,
            last - 4 * first - 11 * z - 5 * new + 16 * middle,
            5 * first - 3 * last + 18 * z + 14 * new - 32 * middle,
            2 * (last - first) - 8 * (new + z) + 16 * middle,
        ]
    )
    x = z.new_tensor([(one - start) / h for one in s])
    powers = x[:, None] ** torch.arange(5, device=z.device)
    return torch.tensordot(powers, coefficients, dims=1)


def number(value: Tensor) -> float:
    """A scalar as a number; under ``torch.vmap`` the largest of the batch."""
    return unwrapped(value).max().item()


def root_mean_square(error: Tensor) -> Tensor:
    """The root-mean-square norm over the whole state."""
    return error.square().mean().sqrt()


def worst_sample(error: Tensor) -> Tensor:
    """The largest of the samples' root-mean-square norms; error is (N, ...)."""
    return error.reshape(len(error), -1).square().mean(1).sqrt().max()
