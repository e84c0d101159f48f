"""Runge-Kutta methods, on one page.

A step of size h from z(s) evaluates the field at a few stages,

    k_i = f(s + c_i h, z + h sum_j a_ij k_j),    z(s + h) = z + h sum_i b_i k_i.

Fixed-step methods need no more. An embedded method has a second, less accurate
set of weights; the difference of the two results estimates the error of the
step, and sets the step size (``adaptive_steps.py``): Hairer, Norsett and
Wanner, Solving Ordinary Differential Equations I, chapter II. Tableaus are
those of torchdiffeq, the reference that tests compare with.

One problem is solved, or M that are stacked in a first dimension of the state.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import torch
from torch import Tensor

Along = Sequence[Tensor]
"""What belongs to the stacked problems besides their states, such as weights:
tensors (M, ...), which members that have arrived leave, too."""

Field = Callable[[Along, Tensor, Tensor], Tensor]
"""``field(along, s, z)``, the slope of z; s is a scalar, or has shape (M,)
where stacked problems have different depths."""


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

    @property
    def c(self) -> list[float]:
        """Where within the step the stages after the first lie."""
        sums = [sum(row) for row in self.a]
        return [1.0 if abs(c - 1) < 1e-12 else c for c in sums]


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
class Progress:
    """How far one problem has come, and at what cost.

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


def fixed_steps(
    field: Field,
    along: Along,
    z: Tensor,
    grid: Sequence[float],
    tableau: Tableau,
    progress: Sequence[Progress],
    *,
    jumps: Collection[float] = (),
) -> Iterator[Tensor]:
    """The states at the depths of a grid, from the second on.

    Args:
        field: see :data:`Field`.
        along: what else it takes.
        z: the state at the first depth.
        grid: increasing depths.
        tableau: of the method.
        progress: of each problem; is kept up to date.
        jumps: depths of the grid at which the field jumps; each step sees the
            field on its own side of a jump.
    """
    for start, stop in pairwise(grid):
        h = stop - start
        at = beside(start, start in jumps, h, z)
        first = evaluate(field, along, [at], z, progress)
        last = beside(stop, -(stop in jumps), h, z)
        k = stages(
            *(field, along, z, first, tableau, progress, h),
            [[start + c * h if c < 1 else last] for c in tableau.c],
        )
        z = advance(z, k, tableau.b, h)
        for one in progress:
            one.s, one.steps = stop, one.steps + 1
        yield z


def stages(
    field: Field,
    along: Along,
    z: Tensor,
    first: Tensor,
    tableau: Tableau,
    progress: Sequence[Progress],
    h: float | Tensor,
    depths: Sequence[Sequence[float]],
) -> list[Tensor]:
    """k_1, k_2, ..., and last, for an embedded method, the result.

    Args:
        first: k_1.
        h: the step, or one for each problem.
        depths: of the stages after the first, one for each problem.
    """
    k, state = [first], z
    for row, at in zip(tableau.a, depths, strict=True):
        state = advance(z, k, row, h)
        k.append(evaluate(field, along, at, state, progress))
    return [*k, state] if tableau.error else k


def evaluate(
    field: Field,
    along: Along,
    s: Sequence[float],
    z: Tensor,
    progress: Sequence[Progress],
) -> Tensor:
    """The field at depths s, one for each problem, counted."""
    for one in progress:
        one.nfe += 1
    if s.count(s[0]) == len(s):
        at = torch.full((), s[0], dtype=z.dtype, device=z.device)
    else:
        at = z.new_tensor(s)
    return field(along, at, z)


def weighted_sum(
    k: Sequence[Tensor], weights: Sequence[float]
) -> tuple[float, Tensor]:
    """w and k, where w k = w_1 k_1 + w_2 k_2 + ...; w is the first weight."""
    used = [(w, one) for w, one in zip(weights, k, strict=True) if w]
    weight, total = used[0]
    for w, one in used[1:]:
        total = torch.add(total, one, alpha=w / weight)
    return weight, total


def advance(
    z: Tensor,
    k: Sequence[Tensor],
    weights: Sequence[float],
    h: float | Tensor,
) -> Tensor:
    """z + h (w_1 k_1 + w_2 k_2 + ...), with the slopes summed first.

    Where steps are many, z is large beside a slope, and rounding adds up.
    """
    weight, total = weighted_sum(k, weights)
    if isinstance(h, Tensor):
        return torch.addcmul(z, h, total, value=weight)
    return torch.add(z, total, alpha=h * weight)


def interpolate(
    z: Tensor,
    new: Tensor,
    k: Sequence[Tensor],
    tableau: Tableau,
    h: float | Tensor,
    x: Sequence[float],
    rows: Sequence[int] | None,
) -> Tensor:
    """States within a step, shape (P, ...).

    Args:
        x: at which shares of the step, each in (0, 1].
        rows: of stacked problems, to which of them each of x belongs.
    """
    if min(x) == 1:
        return new[None] if rows is None else choose(new, rows)
    middle = advance(z, k, tableau.middle, h)
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
    powers = z.new_tensor([[one**i for i in range(5)] for one in x])
    if rows is None:
        return torch.tensordot(powers, coefficients, dims=1)
    chosen = choose(coefficients, rows, dim=1)
    return torch.einsum("pc,cp...->p...", powers, chosen)


def choose(values: Tensor, rows: Sequence[int], dim: int = 0) -> Tensor:
    """Some rows of a tensor; the tensor itself if these are all."""
    if list(rows) == list(range(values.shape[dim])):
        return values
    return values.index_select(dim, torch.tensor(rows, device=values.device))


def beside(s: float, side: int, h: float, like: Tensor) -> float:
    """s; with a side, just before (-1) or after (1) it, past all rounding."""
    return s + side * 4 * torch.finfo(like.dtype).eps * max(abs(s), h)
