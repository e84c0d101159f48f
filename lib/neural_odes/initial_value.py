"""Initial value problems: how they are solved, in one place.

Everything in this library that follows a differential equation goes through
:func:`integrate`, or through :func:`solve` for several problems at once: by the
methods of ``runge_kutta.py``, or by torchdiffeq, which has more of them and the
adjoint. Arguments are checked, the number of function evaluations is part of
the result, and a solve that fails raises one exception that says where and why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from neural_odes import torchdiffeq_backend
from neural_odes.adaptive_steps import (
    Pace,
    SolveStopped,
    adaptive_steps,
    root_mean_square,
    worst_sample,
)
from neural_odes.checks import check_function, check_positive, finite
from neural_odes.members import apart, mapped, together
from neural_odes.runge_kutta import (
    TABLEAUS,
    Along,
    Progress,
    beside,
    choose,
    fixed_steps,
)
from neural_odes.solver import METHODS, Solver, SolverError, check_solver
from neural_odes.states import (
    State,
    describe,
    first_slope,
    packing,
    rebuild,
    tensors,
)


def integrate(
    field: Callable[[Tensor, Any], Any],
    z0: State,
    s: Any,
    *,
    solver: Solver | None = None,
    params: Iterable[Tensor] = (),
    norm: Callable[[Any], Tensor] | None = None,
    jumps: Sequence[float] = (),
    max_step: float = math.inf,
) -> tuple[Any, int]:
    """Solve dz/ds = field(s, z) from z(s[0]) = z0.

    Args:
        field: called with a scalar tensor s and a state like ``z0``.
        z0: a tensor of any shape, or a tuple of tensors.
        s: output depths, shape (T,), T >= 2, strictly increasing, or strictly
            decreasing to solve backwards; or a list of them.
        solver: method and tolerances; by default ``Solver()``.
        params: every tensor the field's gradient should reach; used only by
            ``adjoint=True``, which cannot find them by itself.
        norm: maps an error in units of the tolerances, shaped like the state,
            to the number that adaptive methods keep at or below 1; by default
            the solver's ``error_norm``, for a tuple the largest of its parts'.
        jumps: depths at which the field jumps; with any method, steps end
            there, and see the field on their own side.
        max_step: a limit > 0 for adaptive methods, besides the solver's own.

    Returns:
        ``(z, nfe)``: the states at the depths s, a tensor of shape (T, ...) or
        a tuple of such, and the number of evaluations of the field.

    Raises:
        TypeError: field is not a function, z0 neither a tensor nor a tuple of
            tensors, solver not a Solver, or jumps not a list of depths.
        ValueError: s neither increases nor decreases; a jump is not finite, or
            max_step not > 0; z0 is complex or of half
            precision, in which a step's error is lost in rounding; the field's
            output differs from the state in shape, or the field writes into
            its input; or (adjoint) it depends on a tensor not in params, or a
            second derivative is requested, which the adjoint does not provide.
        SolverError: the step underflowed, the field or the state became NaN or
            infinite, or ``max_steps`` was reached.
    """
    solver = Solver() if solver is None else solver
    _check_problem(field, z0, solver, jumps, max_step)
    if isinstance(s, list):
        s = torch.tensor(s, dtype=tensors(z0)[0].dtype)
    depths = _depths(s)
    again = partial(
        integrate, solver=solver, params=params, norm=norm, max_step=max_step
    )
    if depths[1] < depths[0]:
        turned = [-jump for jump in jumps]
        try:
            return again(
                lambda s, z: _negative(field(-s, z)), z0, -s, jumps=turned
            )
        except SolverError as error:
            raise SolverError(error.reason, -error.depth, error.nfe) from error
    if s.requires_grad and torch.is_grad_enabled():
        fixed = s.detach()
        start = _step(field, s[0], z0, fixed[0] - s[0])
        z, nfe = again(field, start, fixed, jumps=jumps)
        ends = [
            tensors(_step(field, fixed[i], rebuild(z0, at), s[i] - fixed[i]))
            for i, at in enumerate(zip(*tensors(z), strict=True))
        ]
        parts = [torch.stack(each) for each in zip(*ends, strict=True)]
        return rebuild(z0, parts), nfe + 2 * len(ends) + 2
    if solver.uses_own_methods:
        over = mapped(tensors(z0)) if norm is None else None
        if over is not None:
            return _solve_each(
                *(field, z0, depths, over),
                solver=solver,
                jumps=jumps,
                max_step=max_step,
            )
        z, (progress,) = solve(
            lambda _, s, z: field(s, z),
            *((), z0, depths),
            solver=solver,
            norm=norm,
            jumps=[jumps],
            max_step=[max_step],
        )
        return z, progress.nfe
    if METHODS[solver.method].adaptive and max_step < math.inf:
        longest = min(max_step, solver.max_step or math.inf)
        solver = replace(solver, max_step=longest)
    edges = _edges(jumps, depths, tensors(z0)[0])
    inside = [j for j in edges if depths[0] < j < depths[-1]]
    z, nfe = torchdiffeq_backend.solve(
        *(_within(field, edges, depths), z0, s.to(tensors(z0)[0].device)),
        solver=solver,
        params=tuple(params),
        norm=_norm(solver, z0) if norm is None else norm,
        jumps=s.new_tensor(inside),
    )
    if not all(finite(part[-1]) for part in tensors(z)):
        raise SolverError("the state is NaN or infinite", depths[-1], nfe)
    return z, nfe


def solve(
    field: Callable[[Along, Tensor, Any], Any],
    along: Along,
    z0: State,
    depths: Sequence[float],
    *,
    solver: Solver,
    jumps: Sequence[Sequence[float]],
    max_step: Sequence[float],
    norm: Callable[[Any], Tensor] | None = None,
    stacked: bool = False,
) -> tuple[Any, list[Progress]]:
    """Solve one problem, or M stacked ones, by the library's own methods.

    Args:
        field: see :data:`~neural_odes.runge_kutta.Field`; of states like z0.
        along: what belongs to stacked problems besides their states.
        z0: a state; if stacked, of tensors (M, ...).
        depths: increasing, the same for all.
        jumps, max_step: of each problem, as in :func:`integrate`.
        norm: as there, but only of a single problem.

    Returns:
        the states, (T, ...) or (M, T, ...), and what each problem took.

    Raises:
        ValueError: the field's output differs from the state in shape, or the
            field writes into its input.
        SolverError: one could not be solved; names which.
    """
    tableau, rows = TABLEAUS[solver.method], int(stacked)
    progress = [Progress(depths[0]) for _ in jumps]
    pack, unpack = packing(z0, rows)
    start = pack(z0)
    edges = [_edges(own, depths, start) for own in jumps]

    def packed(along: Along, s: Tensor, z: Tensor) -> Tensor:
        slope = partial(field, along)
        if progress[0].nfe == 1:
            return pack(first_slope(slope, s, unpack(z)))
        return pack(slope(s, unpack(z)))

    adaptive = METHODS[solver.method].adaptive
    try:
        if adaptive:
            most = solver.max_step or math.inf
            paces = [
                Pace(
                    *(i, one, depths, own, min(longest, most)),
                    *(solver.max_steps, tableau.order),
                )
                for i, (one, own, longest) in enumerate(
                    zip(progress, edges, max_step, strict=True)
                )
            ]
            measure = _norm(solver, z0, rows) if norm is None else norm
            first = list(enumerate([0] * len(jumps)))
            found = [(first, start if stacked else start[None])]
            found += adaptive_steps(
                *(packed, along, start, tableau, paces),
                rtol=solver.rtol,
                atol=solver.atol,
                norm=lambda error: measure(unpack(error)),
                stacked=stacked,
                leave=len(along) > 0,
            )
            z = torch.cat([part for _, part in found])
            if stacked:
                pairs = [pair for each, _ in found for pair in each]
                order = sorted(range(len(pairs)), key=pairs.__getitem__)
                z = choose(z, order).unflatten(0, (-1, len(depths)))
        else:
            grid = solver.grid(depths, edges[0])
            wanted = set(depths)
            states = fixed_steps(
                *(packed, along, start, grid, tableau, progress), jumps=edges[0]
            )
            reached = zip(grid[1:], states, strict=True)
            read = [z for at, z in reached if at in wanted]
            z = torch.stack([start, *read], dim=rows)
        if not adaptive or norm is not None:  # else each step was checked
            ends = z.select(rows, -1)
            whole = [finite(ends)]
            if stacked:
                whole = torch.isfinite(ends).flatten(1).all(1).tolist()
            if not all(whole):
                reason = "the state is NaN or infinite"
                raise SolveStopped(reason, whole.index(False))
    except SolveStopped as stop:
        at, member = progress[stop.member], stop.member if stacked else None
        raise SolverError(stop.reason, at.s, at.nfe, member) from stop
    return unpack(z), progress


def _solve_each(
    field: Callable[[Tensor, Any], Any],
    z0: State,
    depths: Sequence[float],
    over: tuple[int, int],
    *,
    solver: Solver,
    jumps: Sequence[float],
    max_step: float,
) -> tuple[Any, int]:
    """Solve what is mapped over members, each by its own steps.

    As the field holds values of all members, none of them leaves.
    """
    level, members = over

    def stack(state: Any) -> Any:
        parts = tensors(state)
        return rebuild(state, [together(one, level, members) for one in parts])

    def take(state: Any) -> Any:
        return rebuild(state, [apart(one, level) for one in tensors(state)])

    z, progress = solve(
        lambda _, s, z: stack(field(take(s) if s.ndim else s, take(z))),
        *((), stack(z0), depths),
        solver=solver,
        jumps=[jumps] * members,
        max_step=[max_step] * members,
        stacked=True,
    )
    return take(z), max(one.nfe for one in progress)


def _step(
    field: Callable[[Tensor, Any], Any], s: Tensor, z: State, h: Tensor
) -> Any:
    """The state after a midpoint step of length 0, through which gradients
    reach depths: h is 0, and depends on them."""
    pack, unpack = packing(z)
    start = pack(z)
    half = start + h / 2 * pack(field(s, z))
    return unpack(start + h * pack(field(s + h / 2, unpack(half))))


def _within(
    field: Callable[[Tensor, Any], Any],
    edges: Sequence[float],
    depths: Sequence[float],
) -> Callable[[Tensor, Any], Any]:
    """A field that is read on the inner side of jumps at a solve's ends."""
    first, last = depths[0], depths[-1]
    if not {first, last} & set(edges):
        return field

    def inside(s: Tensor, z: Any) -> Any:
        low = beside(first, first in edges, last - first, s)
        high = beside(last, -(last in edges), last - first, s)
        return field(s.clamp(low, high), z)

    return inside


def _edges(
    jumps: Sequence[float], depths: Sequence[float], like: Tensor
) -> list[float]:
    """The jumps within a solve, its ends included; rounding moves none off."""
    first, last = depths[0], depths[-1]
    near = 4 * torch.finfo(like.dtype).eps * max(abs(first), abs(last))
    found = set()
    for jump in jumps:
        end = min((first, last), key=lambda end: abs(jump - end))
        at = end if abs(jump - end) <= near else float(jump)
        if first <= at <= last:
            found.add(at)
    return sorted(found)


def _check_problem(
    field: Any, z0: Any, solver: Any, jumps: Any, max_step: Any
) -> None:
    check_function("field", field, "(s, z)")
    check_solver(solver)
    if not all(isinstance(part, Tensor) for part in tensors(z0)) or z0 == ():
        raise TypeError(
            f"z0 must be a tensor or a tuple of tensors, got {describe(z0)}"
        )
    for part in tensors(z0):
        if part.dtype not in (torch.float32, torch.float64):
            raise ValueError(
                "z0, and so x and lift(x), must be float32 or float64, got "
                f"{part.dtype}; to save time, let the field compute in half "
                "precision by autocast"
            )
    numbers = isinstance(jumps, list | tuple)
    if not numbers or not all(isinstance(one, Real) for one in jumps):
        raise TypeError(f"jumps must be a list of depths, got {jumps!r}")
    if not all(map(math.isfinite, jumps)):
        raise ValueError(f"jumps must be finite depths, got {jumps!r}")
    if not (isinstance(max_step, float) and max_step == math.inf):
        check_positive("max_step", max_step)


def _depths(s: Any) -> list[float]:
    usable = isinstance(s, Tensor) and s.ndim == 1 and s.is_floating_point()
    depths: list[float] = s.tolist() if usable else []
    steps = [b - a for a, b in pairwise(depths)]
    one_way = all(d > 0 for d in steps) or all(d < 0 for d in steps)
    if not steps or not one_way or not all(map(math.isfinite, depths)):
        raise ValueError(
            "s must be a floating-point tensor of two finite depths or more, "
            "increasing or decreasing, got "
            f"{_brief(s) if isinstance(s, Tensor) else repr(s)}"
        )
    return depths


def _norm(solver: Solver, z0: State, rows: int = 0) -> Callable[[Any], Tensor]:
    batch = solver.error_norm == "batch"
    norm = partial(root_mean_square if batch else worst_sample, rows=rows)
    if isinstance(z0, Tensor):
        return norm
    return lambda z: torch.stack([norm(part) for part in z]).amax(0)


def _negative(dz: Any) -> Any:
    if isinstance(dz, tuple):
        return tuple(-part for part in dz)
    return -dz if isinstance(dz, Tensor) else dz


def _brief(s: Tensor) -> str:
    values = [f"{v:.4g}" for v in s.detach().flatten()[:4].tolist()]
    return f"[{', '.join(values)}{', …' if s.numel() > 4 else ''}]"
