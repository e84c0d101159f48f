"""Initial value problems: how they are solved, in one place.

Everything in this library that follows a differential equation goes through
:func:`integrate`: by the methods of ``runge_kutta.py``, or by torchdiffeq,
which has more of them and the adjoint. Arguments are checked, the number of
function evaluations is part of the result, and a solve that fails raises one
exception that says where and why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from neural_odes.by_torchdiffeq import by_torchdiffeq
from neural_odes.checks import finite, function
from neural_odes.runge_kutta import (
    TABLEAUS,
    Cost,
    StopError,
    adaptive_steps,
    fixed_steps,
    root_mean_square,
    worst_sample,
)
from neural_odes.solver import METHODS, Solver, SolverError, check_solver
from neural_odes.states import (
    State,
    checked,
    describe,
    packing,
    tensors,
)


def integrate(
    field: Callable[[Tensor, Any], Any],
    z0: State,
    s: Tensor,
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
            decreasing to solve backwards.
        solver: method and tolerances; by default ``Solver()``.
        params: every tensor the field's gradient should reach; used only by
            ``adjoint=True``, which cannot find them by itself.
        norm: maps an error in units of the tolerances, shaped like the state,
            to the number that adaptive methods keep at or below 1; by default
            the solver's ``error_norm``, for a tuple the largest of its parts'.
        jumps: depths at which the field jumps, where it takes the values from
            the right; with any method, steps end there.
        max_step: a limit for adaptive methods, besides the solver's own.

    Returns:
        ``(z, nfe)``: the states at the depths s, a tensor of shape (T, ...) or
        a tuple of such, and the number of evaluations of the field.

    Raises:
        TypeError: field is not a function, z0 neither a tensor nor a tuple of
            tensors, solver not a Solver, or jumps not a list of depths.
        ValueError: s neither increases nor decreases; z0 is complex or of half
            precision, in which a step's error is lost in rounding; the field's
            output differs from the state in shape, or the field writes into
            its input; or (adjoint) it depends on a tensor not in params, or a
            second derivative is requested, which the adjoint does not provide.
        SolverError: the step underflowed, the field or the state became NaN or
            infinite, or ``max_steps`` was reached.
    """
    solver = Solver() if solver is None else solver
    _check_problem(field, z0, solver, jumps)
    depths = _depths(s)
    if depths[1] < depths[0]:
        try:
            return integrate(
                lambda s, z: _negative(field(-s, z)),
                *(z0, -s),
                solver=solver,
                params=params,
                norm=norm,
                jumps=sorted(-jump for jump in jumps),
                max_step=max_step,
            )
        except SolverError as error:
            raise SolverError(error.reason, -error.depth, error.nfe) from error
    norm = _norm(solver, z0) if norm is None else norm
    if METHODS[solver.method].adaptive and max_step < math.inf:
        longest = min(max_step, solver.max_step or math.inf)
        solver = replace(solver, max_step=longest)
    inside = [j for j in jumps if depths[0] < j < depths[-1]]
    if solver.own and not s.requires_grad:
        z, nfe = _solved(
            *(field, z0, depths), solver=solver, norm=norm, jumps=inside
        )
    else:
        z, nfe = by_torchdiffeq(
            *(field, z0, s),
            solver=solver,
            params=tuple(params),
            norm=norm,
            jumps=s.new_tensor(inside),
        )
    if not all(finite(part[-1]) for part in tensors(z)):
        raise SolverError("the state is NaN or infinite", depths[-1], nfe)
    return z, nfe


def _check_problem(field: Any, z0: Any, solver: Any, jumps: Any) -> None:
    function("field", field, "(s, z)")
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


def _norm(solver: Solver, z0: State) -> Callable[[Any], Tensor]:
    batch = solver.error_norm == "batch"
    norm = root_mean_square if batch else worst_sample
    if isinstance(z0, Tensor):
        return norm
    return lambda z: torch.stack([norm(part) for part in z]).max()


def _solved(
    field: Callable[[Tensor, Any], Any],
    z0: State,
    s: Sequence[float],
    *,
    solver: Solver,
    norm: Callable[[Any], Tensor],
    jumps: Sequence[float],
) -> tuple[Any, int]:
    """Solve by ``runge_kutta.py``, with the state packed into one tensor."""
    tableau, cost = TABLEAUS[solver.method], Cost(s[0])
    pack, unpack = packing(z0)
    start = pack(z0)

    def packed(s: Tensor, z: Tensor) -> Tensor:
        state = unpack(z)
        first = cost.nfe == 1
        return pack(checked(field, s, state) if first else field(s, state))

    found = [start[None]]
    try:
        if METHODS[solver.method].adaptive:
            found += adaptive_steps(
                *(packed, start, s, tableau, cost),
                rtol=solver.rtol,
                atol=solver.atol,
                norm=lambda error: norm(unpack(error)),
                max_steps=solver.max_steps,
                max_step=solver.max_step or math.inf,
                jumps=jumps,
            )
        else:
            grid = solver.grid(s, jumps)
            wanted = set(s)
            states = fixed_steps(
                packed, start, grid, tableau, cost, jumps=len(jumps) > 0
            )
            found += [
                z[None]
                for at, z in zip(grid[1:], states, strict=True)
                if at in wanted
            ]
    except StopError as error:
        raise SolverError(str(error), cost.s, cost.nfe) from error
    z = torch.cat(found)
    if isinstance(z0, tuple):
        return tuple(
            part.reshape(len(s), *like.shape)
            for part, like in zip(
                z.split([p.numel() for p in z0], dim=1), z0, strict=True
            )
        ), cost.nfe
    return z, cost.nfe


def _negative(dz: Any) -> Any:
    if isinstance(dz, tuple):
        return tuple(-part for part in dz)
    return -dz if isinstance(dz, Tensor) else dz


def _brief(s: Tensor) -> str:
    values = [f"{v:.4g}" for v in s.detach().flatten()[:4].tolist()]
    return f"[{', '.join(values)}{', …' if s.numel() > 4 else ''}]"
