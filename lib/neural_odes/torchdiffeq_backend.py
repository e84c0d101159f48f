"""Solves by torchdiffeq: methods that runge_kutta.py lacks, and the adjoint.

torchdiffeq is also the reference that tests compare with.
"""

from __future__ import annotations

import math
import warnings
from collections import deque
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torchdiffeq import odeint, odeint_adjoint

from neural_odes.solver import METHODS, Solver, SolverError
from neural_odes.states import State, first_slope, rebuild, tensors

# torchdiffeq hands min_step to all of scipy's methods.
warnings.filterwarnings("ignore", ".*no effect .* solver: `min_step`")


def solve(
    field: Callable[[Tensor, Any], Any],
    z0: State,
    s: Tensor,
    *,
    solver: Solver,
    params: tuple[Tensor, ...],
    norm: Callable[[Any], Tensor],
    jumps: Tensor,
) -> tuple[Any, int]:
    """What :func:`~neural_odes.initial_value.integrate` returns."""
    counted = _CountedField(field)
    arguments: dict[str, Any] = {
        "method": solver.method,
        "rtol": solver.rtol,
        "atol": solver.atol,
        "options": _options(solver, s, s[-1:], jumps)
        | {**(solver.options or {})},
    }
    if METHODS[solver.method].adaptive:
        arguments["options"]["norm"] = norm
    try:
        if not solver.adjoint:
            return odeint(counted, z0, s, **arguments), counted.nfe
        reach = tuple(p for p in params if p.requires_grad)
        _refuse_missed_tensors(_CountedField(field), z0, s[0], reach)
        z = odeint_adjoint(
            counted,
            z0,
            s,
            adjoint_params=reach,
            adjoint_options=_options(solver, s, s[:1], jumps),
            **arguments,
        )
    except (AssertionError, ValueError) as error:  # how torchdiffeq gives up
        raise SolverError(given_up(error), *counted.where()) from error
    if len(tensors(z)[0]) < len(s):  # how scipy gives up
        raise SolverError("the step size underflowed", *counted.where())
    for part in tensors(z):
        if part.requires_grad:
            part.register_hook(_refuse_second_derivatives)
    return z, counted.nfe


class _CountedField:
    """A field that counts its evaluations and checks its first output."""

    def __init__(self, field: Callable[[Tensor, Any], Any]) -> None:
        self.field, self.nfe = field, 0
        self.recent: deque[Tensor] = deque(maxlen=2)

    def __call__(self, s: Tensor, z: Any) -> Any:
        self.nfe += 1
        self.recent.append(s)
        if self.nfe == 1:
            return first_slope(self.field, s, z)
        return self.field(s, z)

    def where(self) -> tuple[float, int]:
        # torchdiffeq tries a first step that is NaN before it gives up.
        tried = [float(s.detach()) for s in self.recent]
        depth = next((s for s in reversed(tried) if math.isfinite(s)), tried[0])
        return depth, self.nfe


def _options(
    solver: Solver, s: Tensor, end: Tensor, jumps: Tensor
) -> dict[str, Any]:
    if solver.method == "scipy_solver":
        if len(jumps):
            raise ValueError("scipy_solver cannot be told where a field jumps")
        longest = solver.max_step or math.inf
        return {"max_step": longest, **(solver.options or {})}
    if not METHODS[solver.method].adaptive:

        def grid(_field: Any, _z0: Any, s: Tensor) -> Tensor:
            sign = 1 if s[-1] > s[0] else -1
            steps = solver.grid(
                [sign * at for at in s.tolist()],
                [sign * at for at in jumps.tolist()],
            )
            return s.new_tensor([sign * at for at in steps])

        # At either end, a step sees the field on its own side of a jump.
        return {"grid_constructor": grid, "perturb": len(jumps) > 0}
    options: dict[str, Any] = {
        "max_num_steps": solver.max_steps,
        # Without this torchdiffeq steps past the end and interpolates back,
        # which costs accuracy (up to 4e-6 at a tolerance of 1e-6).
        "step_t": end,
    }
    if solver.max_step is not None:
        options["max_step"] = solver.max_step
    if len(jumps):
        options["jump_t"] = jumps
    if s.device.type == "mps":  # which has no float64
        options["dtype"] = torch.float32
    return options


def _refuse_second_derivatives(_gradient: Tensor) -> None:
    if torch.is_grad_enabled():  # as it is where create_graph=True
        raise ValueError(
            "adjoint=True gives first derivatives only; for a second one use "
            "adjoint=False"
        )


def _refuse_missed_tensors(
    field: Callable[[Tensor, Any], Any],
    z0: State,
    s: Tensor,
    params: tuple[Tensor, ...],
) -> None:
    """Refuse tensors whose gradients the adjoint would silently drop."""
    with torch.enable_grad():
        state = tuple(z.detach().requires_grad_() for z in tensors(z0))
        dz = field(s, rebuild(z0, state))
    known = {id(p) for p in params}
    stop = {p.grad_fn for p in params if p.grad_fn is not None}
    inner = {id(z) for z in state}
    queue = [d.grad_fn for d in tensors(dz) if d.grad_fn is not None]
    seen = set(queue)
    while queue:
        node = queue.pop()
        leaf = getattr(node, "variable", None)
        if leaf is not None and id(leaf) not in known | inner:
            raise ValueError(
                "adjoint=True, but the field depends on a tensor of shape "
                f"{tuple(leaf.shape)} that is not among its parameters, so "
                "its gradient would be lost; register it as a parameter of "
                "the module, or use adjoint=False"
            )
        if node in stop:
            continue
        for following, _ in node.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                queue.append(following)


def given_up(error: Exception) -> str:
    """Why torchdiffeq gave up, in this library's words; re-raises the rest."""
    text = str(error)
    if text.endswith(("dt 0.0", "dt nan", "contain infs or NaNs")):
        return "the field is NaN or infinite"
    if "underflow" in text:
        return "the step size underflowed"
    if "max_num_steps" in text:
        return "max_steps was reached"
    if "non-finite" in text:
        return "the state is NaN or infinite"
    raise error
