"""Exercises that check their own answers: numbers, and the reader's functions.

Every check prints one line: right, not yet and why, or not answered yet, which
is what a function that returns None counts as.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor, nn

from neural_odes import Fourier, Galerkin, mlp, nested_spheres, seeded

Field = Callable[[float, Tensor], Tensor]


def check(
    answer: float | None,
    truth: float | Callable[[], float],
    *,
    rtol: float = 1e-3,
) -> None:
    """Print whether an answer is right.

    Args:
        answer: the reader's number; None means not answered yet.
        truth: the right number, or a function that computes it, called only
            once there is an answer.
        rtol: how far off, relative to the truth, still counts as right.

    Raises:
        TypeError: answer is neither a number nor None.
    """
    if answer is None:
        print("Not answered yet: set a number and run the cell again.")
        return
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        raise TypeError(f"answer must be a number, got {answer!r}")
    value = truth() if callable(truth) else truth
    right = math.isclose(answer, value, rel_tol=rtol, abs_tol=1e-12)
    print("Right." if right else "Not yet: the computation says otherwise.")


class _OpenError(Exception):
    """The reader's function returns nothing yet."""


def _asked(answer: Any) -> Callable[..., Any]:
    """The reader's function, which fails where it returns nothing yet."""
    if not callable(answer):
        raise TypeError(f"answer must be a function, got {answer!r}")

    def asked(*given: Any) -> Any:
        found = answer(*given)
        if found is None:
            raise _OpenError
        return found

    return asked


def _graded(judge: Callable[[Any], str]) -> Callable[[Any], None]:
    """A check by a judge that says what is wrong, or "" if nothing is."""

    @wraps(judge)
    def check_function(answer: Any) -> None:
        try:
            wrong = judge(_asked(answer))
        except _OpenError:
            print("Not answered yet: complete the function and run the cell.")
        else:
            print(f"Not yet: {wrong}" if wrong else "Right.")

    return check_function


def _apart(a: Any, b: Any) -> float:
    """The largest difference of two tensors; infinite if shapes differ."""
    a, b = (torch.as_tensor(one, dtype=torch.float64) for one in (a, b))
    if a.shape != b.shape:
        return math.inf
    return float((a - b).abs().max().nan_to_num(math.inf))


def _solved(f: Field, z: Tensor, end: float = 1.0, steps: int = 400) -> Tensor:
    """z(end) by the classical Runge-Kutta method."""
    h = end / steps
    for n in range(steps):
        s = n * h
        k1 = f(s, z)
        k2 = f(s + h / 2, z + h / 2 * k1)
        k3 = f(s + h / 2, z + h / 2 * k2)
        z = z + h / 6 * (k1 + 2 * k2 + 2 * k3 + f(s + h, z + h * k3))
    return z


def _line(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


def _random(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@_graded
def check_step(step: Callable[[Field, float, Tensor, float], Tensor]) -> str:
    """step(f, s, z, h) is a step of a method of order four."""

    def field(s: float, z: Tensor) -> Tensor:
        return z * math.cos(s)  # exp(sin(s)) from 1

    errors = []
    for steps in (16, 32):
        z = _line(1.0)
        for n in range(steps):
            z = step(field, n / steps, z, 1 / steps)
        errors.append(_apart(z, _line(math.exp(math.sin(1)))))
    if min(errors) == 0 or not math.isfinite(max(errors)):
        return "the end is not near exp(sin 1), or has another shape."
    order = math.log2(errors[0] / errors[1])
    if abs(order - 4) < 0.3:
        return ""
    return f"its error falls with the power {order:.1f} of the step, not 4."


@_graded
def check_control(control: Callable[[float, float], float]) -> str:
    """control(h, error) is the next step of a method of order five."""
    if not 0.5 <= control(0.1, 1.0) / 0.1 <= 1:
        return "at an error of 1 the step should stay, or shrink a little."
    if not control(0.1, 5.0) < 0.1 < control(0.1, 0.01):
        return "a step should shrink above an error of 1 and grow well below."
    ratio = control(0.1, 0.1) / control(0.1, 0.4)
    if abs(ratio - 4**0.2) > 0.01:
        return (
            "between errors of 0.4 and 0.1 the step should change by "
            f"{4**0.2:.2f}, it changes by {ratio:.2f}."
        )
    if control(0.1, 1e-30) > 2 or control(0.1, 1e30) < 1e-3:
        return "limit how much a step may change at once."
    if abs(control(0.2, 0.5) - 2 * control(0.1, 0.5)) > 1e-9:
        return "twice the step should make the next one twice as long."
    return ""


def check_two_solutions(f: Any, first: Any, second: Any) -> None:
    """first(s) and second(s) both solve dz/ds = f(s, z) from the same state.

    Args:
        f: of a depth and a state, both tensors of one shape.
        first: the state at depths in [0, 1], a tensor.
        second: likewise.
    """

    def judge(asked: Callable[[Any, Tensor], Any]) -> str:
        s = torch.linspace(0, 1, 101, dtype=torch.float64)[1:]
        s.requires_grad_()
        for name, one in (("first", first), ("second", second)):
            z = asked(one, s)
            slope = torch.zeros_like(s)
            if z.requires_grad:
                (slope,) = torch.autograd.grad(z.sum(), s)
            off = _apart(slope, asked(lambda s, z=z: f(s, z), s).detach())
            if off > 1e-3:
                return f"the {name} one is no solution: off by {off:.2g}."
        zero = torch.zeros(1, dtype=torch.float64)
        if _apart(first(zero).detach(), second(zero).detach()) > 1e-9:
            return "they start from different states."
        if _apart(first(s).detach(), second(s).detach()) < 0.01:
            return "they are the same solution."
        return ""

    _graded(judge)(lambda function, given: function(given))


@_graded
def check_back(back: Callable[[Field, float, Tensor, Tensor], Tensor]) -> str:
    """back(f, s, z, a) is da/ds of the adjoint, for states (N, D)."""
    net = seeded(lambda: mlp(3, 8, 3), 0).double()
    z, a = _random(5, 3), _random(5, 3).flip(0)

    def field(s: float, z: Tensor) -> Tensor:
        return net(z) + s

    h, columns = 1e-5, []
    with torch.no_grad():
        for i in range(3):
            move = torch.zeros_like(z)
            move[:, i] = h
            change = field(0.3, z + move) - field(0.3, z - move)
            columns.append(-(a * change).sum(1) / (2 * h))
    off = _apart(back(field, 0.3, z, a).detach(), torch.stack(columns, 1))
    if off < 1e-6:
        return ""
    return f"finite differences say otherwise: off by up to {off:.2g}."


@_graded
def check_undo(undo: Callable[..., tuple[Tensor, Tensor]]) -> str:
    """undo(f, s, z, w, h) takes back a step of a pair of states.

    The step is z + h f(s, w), then w + h f(s + h, the new z).
    """
    net, h = seeded(lambda: mlp(2, 8, 2), 0).double(), 0.3

    def field(s: float, z: Tensor) -> Tensor:
        return (net(z) + s).detach()

    z, w = _random(4, 2), _random(4, 2).flip(0)
    new_z = z + h * field(0.2, w)
    new_w = w + h * field(0.2 + h, new_z)
    found = undo(field, 0.2, new_z, new_w, h)
    off = max(_apart(a, b) for a, b in zip(found, (z, w), strict=True))
    return "" if off < 1e-12 else f"the way back misses by {off:.2g}."


@_graded
def check_pieces(pieces: Callable[[int], int]) -> str:
    """pieces(steps) makes the states that recomputation keeps fewest.

    It keeps one for each piece, and those of one piece's steps.
    """
    for steps in (16, 100, 1024):
        kept = {n: n + steps / n for n in range(1, steps + 1)}
        own = int(pieces(steps))
        if own not in kept or kept[own] > min(kept.values()) + 1e-9:
            return f"for {steps} steps, another number keeps fewer states."
    return ""


@_graded
def check_hats(hats: Callable[[Tensor], Tensor]) -> str:
    """hats(s) are five piecewise linear functions, one for each of five nodes.

    At its node, 0, 1/4, 1/2, 3/4 or 1, each is 1, and at the others 0.
    """
    nodes = torch.linspace(0, 1, 5, dtype=torch.float64)
    if _apart(hats(nodes), torch.eye(5)) > 1e-6:
        return "at its own node each should be 1, at the others 0."
    s = torch.linspace(0, 1, 81, dtype=torch.float64)
    if _apart(hats(s).sum(-1), torch.ones(81)) > 1e-6:
        return "their sum should be 1 at every depth."
    if hats(s).min() < -1e-9 or _apart(hats(s)[2, 0], 0.9) > 1e-6:
        return "between the nodes they should be straight."
    return ""


@_graded
def check_count(count: Callable[[list[int], int], int]) -> str:
    """count(sizes, m) is the number of parameters of a GalNODE of an MLP."""
    for sizes, m in (([2, 16, 16, 2], 5), ([3, 7, 3], 1), ([2, 2], 8)):
        field = Galerkin(mlp(*sizes), Fourier(m))
        right = sum(p.numel() for p in field.parameters())
        if count(sizes, m) != right:
            return f"for {sizes} and m = {m} there are {right}."
    return ""


@_graded
def check_square(field: Callable[[Tensor], Tensor]) -> str:
    """field(z) of states [x; a] takes a from 0 to x squared and leaves x."""
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    end = _solved(lambda s, z: field(z), torch.cat([x, 0 * x], 1))
    off = _apart(end, torch.cat([x, x**2], 1))
    return "" if off < 1e-6 else f"[x; a] should end at [x; x²]: off {off:.2g}."


@_graded
def check_autonomous(autonomous: Callable[[Field], Any]) -> str:
    """autonomous(f) is a field F([z; t]) without depth, with the flow of f."""

    def f(s: float, z: Tensor) -> Tensor:
        return torch.sin(3 * torch.as_tensor(s) + z)

    z = _random(6, 2)
    field = _asked(autonomous(f))
    start = torch.cat([z, torch.zeros(6, 1, dtype=torch.float64)], 1)
    end = _solved(lambda s, state: field(state), start)
    off = _apart(end[:, :2], _solved(f, z))
    return "" if off < 1e-6 else f"z should end as under f: off by {off:.2g}."


@_graded
def check_swap(field: Callable[[Tensor], Tensor]) -> str:
    """field(z) of states [x; a], a from 0, takes x to -x and a back to 0."""
    x = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None]
    end = _solved(lambda s, z: field(z), torch.cat([x, 0 * x], 1))
    off = _apart(end, torch.cat([-x, 0 * x], 1))
    return "" if off < 1e-3 else f"[x; 0] should end at [-x; 0]: off {off:.2g}."


@_graded
def check_first_order(
    convert: Callable[[Callable[[Tensor, Tensor], Tensor]], Any],
) -> str:
    """convert(f) is the field of states [q; p] for q'' = f(q, p)."""
    field = _asked(convert(lambda q, p: -4 * q))
    q = _random(5, 2)
    end = _solved(lambda s, z: field(z), torch.cat([q, 0 * q], 1))
    right = torch.cat([q * math.cos(2), -2 * q * math.sin(2)], 1)
    off = _apart(end, right)
    return "" if off < 1e-6 else f"a spring should swing: off by {off:.2g}."


@_graded
def check_energy(f: Callable[[Tensor, Tensor], Tensor]) -> str:
    """f(q, p) of q'' = f keeps the energy of a pendulum, p²/2 - cos q."""
    q, p = _line(1.0, 0.3), _line(0.0, 0.5)

    def field(s: float, z: Tensor) -> Tensor:
        return torch.cat([z[:, 1:], f(z[:, :1], z[:, 1:])], 1)

    def energy(z: Tensor) -> Tensor:
        return z[:, 1] ** 2 / 2 - torch.cos(z[:, 0])

    start = torch.cat([q, p], 1)
    end = _solved(field, start, 10.0, 2000)
    off = _apart(energy(end), energy(start))
    return "" if off < 1e-5 else f"at s = 10 it has changed by {off:.2g}."


@_graded
def check_rise(rise: Callable[[Tensor], Tensor]) -> str:
    """rise(x), an added state's slope, lifts the ring above 0, the disc not."""
    x, y = nested_spheres(512, seed=0)
    a = rise(x)
    if a.shape != y.shape:
        return f"it should have shape {tuple(y.shape)}, got {tuple(a.shape)}."
    right = float((a.sign() == y).float().mean())
    return "" if right == 1 else f"{right:.0%} of the points are right."


@_graded
def check_controlled(field: Callable[[Tensor, Tensor], Tensor]) -> str:
    """field(z, x) takes every x to x squared in one unit of depth."""
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    off = _apart(_solved(lambda s, z: field(z, x), x), x**2)
    return "" if off < 1e-6 else f"x should end at x²: off by {off:.2g}."


@_graded
def check_depths(depths: Callable[[Tensor], Tensor]) -> str:
    """depths(x) > 0 lets dz/ds = 1 take every x to x + |x|, if x is not 0."""
    x = torch.tensor([-2.0, -0.5, 0.5, 3.0], dtype=torch.float64)[:, None]
    g = depths(x)
    if not (g > 0).all():
        return "depths should be greater than 0."
    off = _apart(x + g, x + x.abs())
    return "" if off < 1e-6 else f"x should end at x + |x|: off by {off:.2g}."


@_graded
def check_merge(f: Field) -> str:
    """f(s, z) brings 1 and -1 together at s = 1, and not before."""
    gaps = []
    for end in (0.99, 0.999):
        z = _solved(f, _line(1.0, -1.0), end, 20_000)
        gaps.append(float(z[0] - z[1]))
    if not all(math.isfinite(gap) and gap > 0 for gap in gaps):
        return "before s = 1 the two should stay finite and in order."
    if gaps[0] > 0.1 or gaps[1] > 0.5 * gaps[0]:
        return f"at s = 0.999 they are {gaps[1]:.2g} apart, and do not meet."
    return ""


@_graded
def check_exponents(exponents: Callable[[Tensor, float], Tensor]) -> str:
    """exponents(J, S) are those of a flow's Jacobian, the largest first."""
    for depth in (1.0, 2.5):
        jacobian = _random(3, 3) * depth
        right = torch.linalg.eigvalsh(jacobian.T @ jacobian).log().flip(0)
        off = _apart(exponents(jacobian, depth), right / 2 / depth)
        if off > 1e-6:
            return f"for S = {depth:g} they are off by {off:.2g}."
    return ""


@_graded
def check_attack(attack: Callable[..., Tensor]) -> str:
    """attack(w, b, x, y, radius) is the worst input in a ball.

    The output is x w + b, of inputs (N, D) with labels (N, 1), -1 or 1.
    """
    w, x = _random(3, 1), _random(6, 3)
    y = torch.tensor([1.0, -1.0] * 3, dtype=torch.float64)[:, None]
    found = attack(w, 0.2, x, y, 0.4)
    if found.shape != x.shape or (found - x).norm(dim=1).max() > 0.4 + 1e-9:
        return "an input left its ball."
    worst = y * (x @ w + 0.2) - 0.4 * w.norm()
    off = _apart(y * (found @ w + 0.2), worst)
    return "" if off < 1e-6 else f"there are inputs worse by {off:.2g}."


@_graded
def check_gauge(gauge: Callable[[Field, Any, float], Any]) -> str:
    """gauge(f, r, c) is a field and readout with the same outputs as f and r.

    States of the new field, which start as those of f, end closer to each other
    by a factor of exp(-c), at S = 1.
    """
    net = seeded(lambda: mlp(2, 8, 2), 0).double()
    last = seeded(lambda: nn.Linear(2, 1), 1).double()

    def f(s: float, z: Tensor) -> Tensor:
        return net(z).detach()

    z, c = _random(6, 2), 0.7
    field, readout = map(_asked, gauge(f, last, c))
    end, new = _solved(f, z), _solved(field, z)
    off = _apart(readout(new).detach(), last(end).detach())
    if off > 1e-6:
        return f"outputs should not change: off by {off:.2g}."
    shrunk = math.exp(-c) * (end[0] - end[1]).norm()
    off = _apart((new[0] - new[1]).norm(), shrunk)
    return "" if off < 1e-6 else f"ends should be nearer: off by {off:.2g}."


@_graded
def check_mean_slope(
    mean_slope: Callable[[float, Tensor, Tensor], Tensor],
) -> str:
    """mean_slope(s, z, data) is E[z1 - z0 | z] of noise and a few points.

    z, (N, D), lies at depth s on lines from normal noise to data (M, D), each
    of which is as likely as the others.
    """
    z, points = _random(5, 2), 2 * _random(4, 2).flip(0)
    for s in (0.0, 0.4, 0.8):
        starts = (z[:, None] - s * points) / (1 - s)
        weights = torch.softmax(-starts.square().sum(2) / 2, dim=1)
        right = (weights[:, :, None] * (points - starts)).sum(1)
        off = _apart(mean_slope(s, z, points), right)
        if off > 1e-6:
            return f"at s = {s:g} it is off by up to {off:.2g}."
    return ""


@_graded
def check_line_pairs(line_pairs: Callable[[Tensor, Tensor], Tensor]) -> str:
    """line_pairs(z0, z1) is z1, (N, 1), in the order that suits z0 best.

    Pairs have the least sum of squared distances.
    """
    z0, z1 = _random(12, 1), _random(12, 1).flip(0) ** 3 + 1
    found = line_pairs(z0, z1)
    if _apart(torch.as_tensor(found).sort(0).values, z1.sort(0).values) > 1e-12:
        return "every point of the data should be used once."
    best = z1.sort(0).values[z0.argsort(0).argsort(0)[:, 0]]
    excess = float((found - z0).square().sum() - (best - z0).square().sum())
    return "" if excess < 1e-9 else f"the sum could be less by {excess:.2g}."


@_graded
def check_score(field: Callable[..., Tensor]) -> str:
    """field(score, s, z) is the field that a score belongs to, for 0 < s < 1.

    score(s, z) is the gradient of the log density of (1 - s) z0 + s z1, with
    normal noise z0; the field is E[z1 - z0 | z].
    """
    z, spread = _random(6, 2), 0.5  # of data, which are normal as well
    for s in (0.2, 0.5, 0.9):
        variance = (1 - s) ** 2 + s**2 * spread**2

        def score(s: float, z: Tensor, variance: float = variance) -> Tensor:
            return -z / variance

        right = (s * spread**2 - (1 - s)) / variance * z
        off = _apart(field(score, s, z), right)
        if off > 1e-6:
            return f"at s = {s:g} it is off by up to {off:.2g}."
    return ""
