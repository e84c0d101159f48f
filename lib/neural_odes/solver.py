"""Initial value problems: how they are solved, in one place.

Everything in this library that follows a differential equation goes through
:func:`integrate`: by the methods of ``runge_kutta.py``, or by torchdiffeq,
which has more of them and the adjoint. Arguments are checked, the number of
function evaluations is part of the result, and a solve that fails raises one
exception that says where and why.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from numbers import Real
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import Tensor
from torchdiffeq import odeint, odeint_adjoint

from neural_odes.checks import (
    at_least,
    boolean,
    finite,
    function,
    one_of,
    positive,
)
from neural_odes.runge_kutta import (
    TABLEAUS,
    Cost,
    StopError,
    adaptive_steps,
    fixed_steps,
    root_mean_square,
    worst_sample,
)

State = Tensor | tuple[Tensor, ...]


@dataclass(frozen=True)
class Method:
    """What is known of a Runge-Kutta method.

    Attributes:
        order: the global error falls as (step size) ** order.
        stages: evaluations of the field a step takes. Methods of the
            Dormand-Prince kind reuse the last stage of the step before.
        adaptive: whether the step size follows an error estimate.
    """

    order: int
    stages: int
    adaptive: bool


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "euler": Method(1, 1, adaptive=False),
        "midpoint": Method(2, 2, adaptive=False),
        "heun3": Method(3, 3, adaptive=False),
        "rk4": Method(4, 4, adaptive=False),
        "adaptive_heun": Method(2, 1, adaptive=True),
        "bosh3": Method(3, 3, adaptive=True),
        "dopri5": Method(5, 6, adaptive=True),
        "dopri8": Method(8, 13, adaptive=True),
    }
)


class SolverError(ArithmeticError):
    """A solve that could not be finished.

    Attributes:
        depth: the last depth s at which the field was evaluated. Fixed-step
            methods do not look at the state before the end.
        nfe: how often the field had been evaluated by then.
    """

    def __init__(self, reason: str, depth: float, nfe: int) -> None:
        self.reason, self.depth, self.nfe = reason, depth, nfe
        super().__init__(
            f"the solver stopped at depth s = {depth:.4g} after {nfe} "
            f"evaluations: {reason}. What helps: a smooth activation, a "
            "smaller learning rate, weight decay or a regulariser. A "
            "fixed-step method goes on where this one stops, and may return "
            "numbers that are wrong."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are made anew from their message alone, unless told.
        return type(self), (self.reason, self.depth, self.nfe)


@dataclass(frozen=True)
class Solver:
    """How to solve dz/ds = f(s, z).

    The defaults are the paper's: Dormand-Prince 5(4) at tolerances of 1e-4,
    gradients by backpropagation through the solver's own operations.

    Args:
        method: a key of :data:`METHODS`.
        rtol: relative tolerance of a step, > 0; adaptive methods only.
        atol: absolute tolerance of a step, > 0; adaptive methods only.
        adjoint: compute gradients by solving the adjoint equation backwards
            (constant memory, but an error of its own), with torchdiffeq.
        step_size: the largest step of a fixed-step method, in units of s. Each
            stretch between two output depths is cut into the fewest equal
            steps that are no longer than this.
        max_steps: give up after so many steps between two output depths.
        max_step: the longest step of an adaptive method, in units of s.
        error_norm: what an adaptive method holds within the tolerances: the
            error of the "batch", the root-mean-square over all its samples,
            in which a hard sample is diluted by easy ones; or that of the
            "worst sample".
        backend: "own", the methods of ``runge_kutta.py``, where they have the
            method and can do without the adjoint; or "torchdiffeq".
        options: of torchdiffeq's method besides these, such as
            {"first_step": 0.01}; with them torchdiffeq solves.

    Raises:
        TypeError: an argument of another type, by its name.
        ValueError: an argument out of range, by its name.
    """

    method: str = "dopri5"
    rtol: float = 1e-4
    atol: float = 1e-4
    adjoint: bool = False
    step_size: float | None = None
    max_steps: int = 10_000
    max_step: float | None = None
    error_norm: Literal["batch", "worst sample"] = "batch"
    backend: Literal["own", "torchdiffeq"] = "own"
    options: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        one_of("method", self.method, METHODS)
        positive("rtol", self.rtol)
        positive("atol", self.atol)
        at_least("max_steps", self.max_steps, 1)
        boolean("adjoint", self.adjoint)
        one_of("error_norm", self.error_norm, ("batch", "worst sample"))
        one_of("backend", self.backend, ("own", "torchdiffeq"))
        if not isinstance(self.options, Mapping | None):
            raise TypeError(
                f"options must be a dictionary, got {self.options!r}"
            )
        adaptive = METHODS[self.method].adaptive
        kind = "chooses its own steps" if adaptive else "has fixed steps"
        ours, theirs = "max_step", "step_size"
        if not adaptive:
            ours, theirs = theirs, ours
        if getattr(self, theirs) is not None:
            raise ValueError(
                f"{theirs} must be None, got {getattr(self, theirs)}: "
                f"{self.method} {kind}"
            )
        if not adaptive or self.max_step is not None:
            positive(ours, getattr(self, ours))

    @property
    def own(self) -> bool:
        """Whether ``runge_kutta.py`` solves."""
        return (
            self.backend == "own"
            and self.method in TABLEAUS
            and not self.adjoint
            and not self.options
        )


@dataclass(frozen=True)
class Solution:
    """The states of a solve and what they cost.

    Attributes:
        s: depths, shape (T,); (T, N) where each sample has its own depth.
        z: states at these depths, shape (T, N, ...).
        nfe: number of function evaluations the solve took.
        running: integrals of the model's running cost from 0 to each depth,
            shape (T, N); None where it has none.
    """

    s: Tensor
    z: Tensor
    nfe: int
    running: Tensor | None = None


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
        s: output depths, shape (T,), T >= 2, strictly increasing, or
            decreasing: the way back.
        solver: method and tolerances; by default ``Solver()``.
        params: every tensor the field's gradient should reach; used only by
            ``adjoint=True``, which cannot find them by itself.
        norm: of an error shaped like the state, one number that adaptive
            methods hold at or below 1 in units of the tolerances; by default
            the solver's ``error_norm``, of a tuple the largest of its parts'.
        jumps: depths at which the field jumps, with its values from the right
            there: steps end at them, whatever the method.
        max_step: of adaptive methods, besides the solver's own.

    Returns:
        ``(z, nfe)``: the states at the depths s, shape (T, ...) or a tuple
        of such, and the number of evaluations of the field.

    Raises:
        ValueError: s neither increases nor decreases; z0 is complex or of half
            precision, in which a step's error drowns in rounding; the field's
            output has another shape than the state, or it writes into its
            input; or (adjoint) it depends on a tensor not in params, or a
            second derivative is asked for, which the adjoint does not give.
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
        z, nfe = _by_torchdiffeq(
            *(field, z0, s),
            solver=solver,
            params=tuple(params),
            norm=norm,
            jumps=s.new_tensor(inside),
        )
    if not all(finite(part[-1]) for part in _tensors(z)):
        raise SolverError("the state is NaN or infinite", depths[-1], nfe)
    return z, nfe


def _check_problem(field: Any, z0: Any, solver: Any, jumps: Any) -> None:
    function("field", field, "(s, z)")
    check_solver(solver)
    if not all(isinstance(part, Tensor) for part in _tensors(z0)) or z0 == ():
        raise TypeError(
            f"z0 must be a tensor or a tuple of tensors, got {_describe(z0)}"
        )
    for part in _tensors(z0):
        if part.dtype not in (torch.float32, torch.float64):
            raise ValueError(
                "z0, and so x and lift(x), must be float32 or float64, got "
                f"{part.dtype}; to save time, let the field compute in half "
                "precision by autocast"
            )
    numbers = isinstance(jumps, list | tuple)
    if not numbers or not all(isinstance(one, Real) for one in jumps):
        raise TypeError(f"jumps must be a list of depths, got {jumps!r}")


def check_solver(solver: Any) -> None:
    """Refuse what is no Solver, such as a method's name."""
    if not isinstance(solver, Solver):
        raise TypeError(
            "solver must be a Solver, such as Solver('rk4', step_size=0.1), "
            f"got {solver!r}"
        )


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
    """By ``runge_kutta.py``, in which the state is one tensor."""
    tableau, cost = TABLEAUS[solver.method], Cost(s[0])
    pack, unpack = _packing(z0)
    start = pack(z0)

    def packed(s: Tensor, z: Tensor) -> Tensor:
        state = unpack(z)
        dz = (_checked if cost.nfe == 1 else _called)(field, s, state)
        return pack(dz)

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
            assert solver.step_size is not None
            grid = _grid(solver.step_size, solver.max_steps, s, jumps)
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


def _packing(
    z0: State,
) -> tuple[Callable[[Any], Tensor], Callable[[Tensor], Any]]:
    """How a state becomes one tensor, and back."""
    if isinstance(z0, Tensor):
        return lambda z: z, lambda z: z
    sizes, shapes = [p.numel() for p in z0], [p.shape for p in z0]

    def unpack(flat: Tensor) -> tuple[Tensor, ...]:
        parts = zip(flat.split(sizes), shapes, strict=True)
        return tuple(part.reshape(shape) for part, shape in parts)

    return lambda z: torch.cat([p.reshape(-1) for p in z]), unpack


def _by_torchdiffeq(
    field: Callable[[Tensor, Any], Any],
    z0: State,
    s: Tensor,
    *,
    solver: Solver,
    params: tuple[Tensor, ...],
    norm: Callable[[Any], Tensor],
    jumps: Tensor,
) -> tuple[Any, int]:
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
    except AssertionError as error:  # torchdiffeq's way to give up
        raise SolverError(_reason(error), *counted.where()) from error
    for part in _tensors(z):
        if part.requires_grad:
            part.register_hook(_refuse_second_derivatives)
    return z, counted.nfe


def _negative(dz: Any) -> Any:
    if isinstance(dz, tuple):
        return tuple(-part for part in dz)
    return -dz if isinstance(dz, Tensor) else dz


def _called(field: Callable[[Tensor, Any], Any], s: Tensor, z: Any) -> Any:
    return field(s, z)


def _checked(field: Callable[[Tensor, Any], Any], s: Tensor, z: Any) -> Any:
    """What the field returns, if that is a slope of the state.

    The state is the caller's own: whether it is written to, copies tell.
    """
    z = _like(z, [part.clone() for part in _tensors(z)])
    writes = written(_tensors(z))
    dz = field(s, z)
    if writes():
        raise ValueError(
            "the field writes into its input z, as nn.ReLU(inplace=True) "
            "does; the solver needs it unchanged"
        )
    for part in _tensors(dz):
        if isinstance(part, Tensor) and part.is_complex():
            raise ValueError(
                f"the field must return real slopes, got {part.dtype}; make "
                "real and imaginary parts two features of the state"
            )
    if _shapes(dz) != _shapes(z):
        raise ValueError(
            f"the field returned {_describe(dz)} for a state z of "
            f"{_describe(z)}; the two must agree"
        )
    return dz


class _CountedField:
    """Counts evaluations of one solve and checks what the field returns."""

    def __init__(self, field: Callable[[Tensor, Any], Any]) -> None:
        self.field, self.nfe = field, 0
        self.recent: deque[Tensor] = deque(maxlen=2)

    def __call__(self, s: Tensor, z: Any) -> Any:
        self.nfe += 1
        self.recent.append(s)
        return (_checked if self.nfe == 1 else _called)(self.field, s, z)

    def where(self) -> tuple[float, int]:
        # A first step that came out as NaN is tried before it is refused.
        tried = [float(s.detach()) for s in self.recent]
        depth = next((s for s in reversed(tried) if math.isfinite(s)), tried[0])
        return depth, self.nfe


def _options(
    solver: Solver, s: Tensor, end: Tensor, jumps: Tensor
) -> dict[str, Any]:
    if not METHODS[solver.method].adaptive:

        def grid(_field: Any, _z0: Any, s: Tensor) -> Tensor:
            assert solver.step_size is not None
            depths, sign = s.tolist(), 1 if s[-1] > s[0] else -1
            steps = _grid(
                solver.step_size,
                solver.max_steps,
                [sign * at for at in depths],
                [sign * at for at in jumps.tolist()],
            )
            return s.new_tensor([sign * at for at in steps])

        # At a jump, a step sees the field on its own side of it.
        return {"grid_constructor": grid, "perturb": len(jumps) > 0}
    options: dict[str, Any] = {
        "max_num_steps": solver.max_steps,
        # Without it torchdiffeq steps past the end and interpolates back,
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


def _grid(
    step_size: float,
    max_steps: int,
    s: Sequence[float],
    jumps: Sequence[float],
) -> list[float]:
    """Equal steps of at most ``step_size`` between every two depths."""
    found = []
    for start, stop in pairwise(sorted({*s, *jumps})):
        # Tolerate rounding: 1 / 0.1 must give ten steps, not eleven.
        steps = max(1, math.ceil((stop - start) / step_size * (1 - 1e-6)))
        if steps > max_steps:
            raise ValueError(
                f"step_size must not take more than max_steps = {max_steps} "
                f"steps from s = {start:.4g} to {stop:.4g}, got {step_size}"
            )
        found += [start + (stop - start) * i / steps for i in range(steps)]
    return [*found, s[-1]]


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
    """The adjoint silently drops gradients of tensors it was not told of."""
    with torch.enable_grad():
        state = tuple(z.detach().requires_grad_() for z in _tensors(z0))
        dz = field(s, state if isinstance(z0, tuple) else state[0])
    known = {id(p) for p in params}
    stop = {p.grad_fn for p in params if p.grad_fn is not None}
    inner = {id(z) for z in state}
    queue = [d.grad_fn for d in _tensors(dz) if d.grad_fn is not None]
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


def _tensors(state: Any) -> tuple[Any, ...]:
    return state if isinstance(state, tuple) else (state,)


def _like(state: Any, parts: Sequence[Any]) -> Any:
    return tuple(parts) if isinstance(state, tuple) else parts[0]


def written(tensors: Sequence[Tensor]) -> Callable[[], bool]:
    """What tells later whether any of these tensors was written to."""
    if any(part.is_inference() for part in tensors):
        # Of these torch does not count it.
        kept = [part.clone() for part in tensors]
        return lambda: not all(map(torch.equal, kept, tensors))
    before = [part._version for part in tensors]
    return lambda: [part._version for part in tensors] != before


def _shapes(state: Any) -> tuple[Any, ...]:
    shapes = [getattr(part, "shape", None) for part in _tensors(state)]
    return isinstance(state, tuple), *shapes


def _describe(state: Any) -> str:
    if isinstance(state, tuple):
        return f"({', '.join(_describe(part) for part in state)})"
    if isinstance(state, Tensor):
        return f"shape {tuple(state.shape)}"
    return type(state).__name__


def _reason(error: AssertionError) -> str:
    text = str(error)
    if text.endswith(("dt 0.0", "dt nan")):  # what NaN makes of a step
        return "the field is NaN or infinite"
    if "underflow" in text:
        return "the step size underflowed"
    if "max_num_steps" in text:
        return "max_steps was reached"
    if "non-finite" in text:
        return "the state is NaN or infinite"
    raise error


def _brief(s: Tensor) -> str:
    values = [f"{v:.4g}" for v in s.detach().flatten()[:4].tolist()]
    return f"[{', '.join(values)}{', …' if s.numel() > 4 else ''}]"
