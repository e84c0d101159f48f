"""Runge-Kutta methods that choose their steps.

An embedded method estimates the error of each step; a step whose error exceeds
the tolerances is repeated, and the error sets the length of the next (Hairer,
Norsett and Wanner, Solving Ordinary Differential Equations I, section II.4).
First step and control are those of torchdiffeq.

Of stacked problems each has its own depth, step and count of evaluations, as
plain numbers, so that it takes the steps that it takes alone. One that has
arrived leaves the stack.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neural_odes.checks import unwrapped
from neural_odes.runge_kutta import (
    Along,
    Field,
    Progress,
    Tableau,
    beside,
    choose,
    evaluate,
    interpolate,
    stages,
    weighted_sum,
)

SAFETY, SHRINK, GROW = 0.9, 0.2, 10.0
"""Of step control: a safety factor, and how much a step may change at once."""

Norm = Callable[[Tensor], Tensor]


class SolveStopped(ArithmeticError):
    """A solve that could not be finished: why, and of which problem."""

    def __init__(self, reason: str, member: int = 0) -> None:
        self.reason, self.member = reason, member
        super().__init__(reason)


@dataclass
class Pace:
    """The steps of one problem, in plain numbers.

    Attributes:
        member: which problem.
        progress: is kept up to date.
        depths: output depths, the first of which is the start.
        jumps: increasing depths at which the field jumps; steps end there.
        longest: the longest step.
        most: the most steps, accepted or not, between two output depths.
        order: of the method.
        step: the step to try next, and then the one that is tried.
        stop: where the step that is tried ends.
        done: how many output depths were passed.
        tried: steps since the last of these.
    """

    member: int
    progress: Progress
    depths: Sequence[float]
    jumps: Sequence[float]
    longest: float
    most: int
    order: int
    step: float = 0.0
    stop: float = 0.0
    done: int = 1
    tried: int = 0

    @property
    def arrived(self) -> bool:
        return self.done == len(self.depths)

    def aim(self) -> float:
        """Choose the step to try, and return its length: 0 if arrived."""
        start = self.progress.s
        if self.arrived:
            self.stop, self.step = start, 0.0
            return 0.0
        if self.tried >= self.most:
            raise SolveStopped("max_steps was reached", self.member)
        if math.isnan(self.step):
            raise SolveStopped("the field is NaN or infinite", self.member)
        step = min(self.step, self.longest)
        if not start + step > start:
            raise SolveStopped("the step size underflowed", self.member)
        self.tried += 1
        ahead = min((j for j in self.jumps if j > start), default=math.inf)
        ahead = min(ahead, self.depths[-1])
        # Rounding must not leave a tiny step before the depth ahead.
        clipped = start + step * (1 + 1e-9) >= ahead
        self.stop = ahead if clipped else start + step
        self.step = self.stop - start
        return self.step

    def judge(self, ratio: float) -> list[int]:
        """Take the step or not; returns which output depths it passes.

        Args:
            ratio: the step's error in units of the tolerances; NaN ends the
                solve, as the next step is NaN, too.
        """
        if self.arrived:
            return []
        factor = GROW if ratio == 0 else SAFETY / ratio ** (1 / self.order)
        least = 1.0 if ratio < 1 else SHRINK
        self.step *= min(max(factor, least), GROW)
        if not ratio <= 1:
            self.progress.rejected += 1
            return []
        self.progress.s = self.stop
        self.progress.steps += 1
        first = self.done
        self.done = bisect_right(self.depths, self.stop, lo=first)
        if self.done > first:
            self.tried = 0
        return list(range(first, self.done))

    def retry(self, evaluations: int) -> None:
        """Forget a step that was spoilt by another problem's."""
        if self.arrived:
            return
        self.tried -= 1
        self.progress.nfe -= evaluations


def adaptive_steps(
    field: Field,
    along: Along,
    z: Tensor,
    tableau: Tableau,
    paces: Sequence[Pace],
    *,
    rtol: float,
    atol: float,
    norm: Norm,
    stacked: bool = False,
    leave: bool = True,
) -> Iterator[tuple[list[tuple[int, int]], Tensor]]:
    """The states at increasing depths, from the second on.

    Each step of which some problem passes depths yields these as pairs (member,
    index of the depth), and the P states there, shape (P, ...). Within a step,
    states are those of a polynomial of degree four.

    Args:
        field, along, z: as for :func:`~neural_odes.runge_kutta.fixed_steps`.
        tableau: of an embedded method.
        paces: of each problem, all with the same depths.
        rtol, atol: tolerances of a step's error.
        norm: maps the error in units of the tolerances to the number that is
            kept at or below 1; if stacked, to one for each problem.
        stacked: whether there are several problems, in the first dimension.
        leave: whether those that have arrived leave, with what goes along; else
            they rest, for a field that needs all.

    Raises:
        SolveStopped: of a problem, the error is not a number, the step size
            underflowed, or max_steps was reached.
    """
    s = paces[0].depths
    at = [beside(s[0], s[0] in p.jumps, s[-1] - s[0], z) for p in paces]
    first = evaluate(field, along, at, z, [pace.progress for pace in paces])
    steps = first_steps(field, along, z, first, paces, rtol, atol, norm)
    for pace, step in zip(paces, steps, strict=True):
        pace.step = step
    while not all(pace.arrived for pace in paces):
        h = _column([pace.aim() for pace in paces], z)
        last = [beside(p.stop, -(p.stop in p.jumps), p.step, z) for p in paces]
        k = stages(
            *(field, along, z, first, tableau),
            [pace.progress for pace in paces if not pace.arrived],
            h,
            [
                [
                    p.progress.s + c * p.step if c < 1 else end
                    for p, end in zip(paces, last, strict=True)
                ]
                for c in tableau.c
            ],
        )
        new, newest = k.pop(), k[-1]
        with torch.no_grad():
            scale = atol + rtol * torch.maximum(z.abs(), new.abs())
            weight, error = weighted_sum(k, tableau.error)
            (ratios,) = numbers(norm(error * (h * weight) / scale))
        if len(paces) > 1 and any(map(math.isinf, ratios)):
            # Behind torch.where, an infinite state would spoil gradients.
            for pace, ratio in zip(paces, ratios, strict=True):
                if math.isinf(ratio):
                    pace.judge(ratio)
                else:
                    pace.retry(len(tableau.a))
            continue
        starts = [pace.progress.s for pace in paces]
        taken = [ratio <= 1 for ratio in ratios]
        passed = [
            (row, depth)
            for row, (pace, ratio) in enumerate(zip(paces, ratios, strict=True))
            for depth in pace.judge(ratio)
        ]
        if passed:
            pairs = [(paces[row].member, depth) for row, depth in passed]
            x = [
                (s[depth] - starts[row]) / (paces[row].stop - starts[row])
                for row, depth in passed
            ]
            rows = [row for row, _ in passed] if stacked else None
            yield pairs, interpolate(z, new, k, tableau, h, x, rows)
        turns = [
            ok and p.stop in p.jumps and p.stop < s[-1]
            for ok, p in zip(taken, paces, strict=True)
        ]
        if any(turns):  # the field on the other side of a jump
            turned = [p for p, on in zip(paces, turns, strict=True) if on]
            at = [beside(p.stop, 1, p.step, z) for p in paces]
            right = evaluate(
                *(field, along, at, new, [p.progress for p in turned])
            )
            newest = _where(turns, right, newest)
        z, first = _where(taken, new, z), _where(taken, newest, first)
        going = [row for row, pace in enumerate(paces) if not pace.arrived]
        if leave and 0 < len(going) < len(paces):
            z, first = choose(z, going), choose(first, going)
            along = [choose(one, going) for one in along]
            paces = [paces[row] for row in going]


@torch.no_grad()
def first_steps(
    field: Field,
    along: Along,
    z: Tensor,
    first: Tensor,
    paces: Sequence[Pace],
    rtol: float,
    atol: float,
    norm: Norm,
) -> list[float]:
    """A first step of each problem (Hairer, Norsett and Wanner, section II.4).

    The field is tried no farther than a first step may go.
    """
    scale = atol + z.abs() * rtol
    size, slope = norm(z / scale), norm(first / scale)
    room = [min(p.longest, p.depths[-1] - p.depths[0]) for p in paces]
    small = (size < 1e-5) | (slope < 1e-5)
    guess = torch.where(small, 1e-6, 0.01 * size / slope)
    most = room[0] if len(set(room)) == 1 else guess.new_tensor(room)
    guess = guess.clamp(max=most)
    for pace in paces:
        pace.progress.nfe += 1
    step = guess.reshape(-1, *[1] * (z.ndim - 1)) if guess.ndim else guess
    ahead = field(along, paces[0].depths[0] + guess, z + step * first)
    bend = norm((ahead - first) / scale) / guess
    order, steps = paces[0].order, []
    for slope_, bend_, guess_ in zip(*numbers(slope, bend, guess), strict=True):
        if slope_ <= 1e-15 and bend_ <= 1e-15:
            step_ = 1e-6
        else:
            step_ = (0.01 / max(slope_, bend_)) ** (1 / order)
        steps.append(min(100 * guess_, step_))
    return steps


def numbers(*values: Tensor) -> list[list[float]]:
    """Each value as a list of numbers, one for each problem, at one wait.

    Under torch.func's transforms it is the largest of the batch.
    """
    if any(unwrapped(value) is not value for value in values):
        return [[unwrapped(value).max().item()] for value in values]
    together = torch.stack(values) if len(values) > 1 else values[0]
    found: list[list[float]] = together.reshape(len(values), -1).tolist()
    return found


def _column(steps: Sequence[float], z: Tensor) -> float | Tensor:
    """A number for all problems, or one for each row of z."""
    if steps.count(steps[0]) == len(steps):
        return steps[0]
    return z.new_tensor(steps).reshape(-1, *[1] * (z.ndim - 1))


def _where(chosen: Sequence[bool], one: Tensor, other: Tensor) -> Tensor:
    """The rows of one that are chosen, and the others' of the other."""
    if all(chosen):
        return one
    if not any(chosen):
        return other
    rows = torch.tensor(chosen, device=one.device)
    return torch.where(rows.reshape(-1, *[1] * (one.ndim - 1)), one, other)


def root_mean_square(error: Tensor, rows: int = 0) -> Tensor:
    """The root-mean-square norm of a state; with rows = 1, of each problem."""
    return error.square().flatten(rows).mean(rows).sqrt()


def worst_sample(error: Tensor, rows: int = 0) -> Tensor:
    """The largest of the samples' root-mean-square norms; error is (N, ...)."""
    samples = error.reshape(*error.shape[: rows + 1], -1)
    return samples.square().mean(-1).sqrt().amax(rows)
