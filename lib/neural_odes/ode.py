"""One equation that covers every model of the paper.

    dz/ds = f(s, z, u(x)),   z(0) = h(x),   y = r(z(S))

with the field f, the lift h, the readout r and the depth S; the control u is
what the field sees of the input, by default x itself. Every variant in this
library is a choice of these (paper, section 3, equation 4; sections 4 and 5 for
h, S and u).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from neural_odes.checks import (
    check_batch,
    check_boolean,
    check_function,
    check_positive,
    finite,
    unwrapped,
)
from neural_odes.fields import (
    JointField,
    as_field,
    parts_of,
    per_sample,
    step_limits,
)
from neural_odes.initial_value import integrate
from neural_odes.solver import METHODS, Solution, Solver, check_solver
from neural_odes.states import describe, rebuild, tensors, watch_for_writes

Running = Callable[[Tensor, Tensor, Tensor, Tensor, Any], Tensor]
"""A running cost ``running(s, z, x, dz, field)``, shape (N,), of the field's
arguments, the slope dz that they gave, and the field itself. Its integral along
the path is :attr:`Solution.running <neural_odes.Solution.running>`."""


class NeuralODE(nn.Module):
    """y = r(z(S)) where dz/ds = f(s, z, x) and z(0) = h(x).

    Args:
        field: f, a callable of (s, z, x), or an ``nn.Module`` of z alone, which
            is then found at ``model.field.module``.
        lift: h, maps the input x of shape (N, ...) to the initial state; by
            default the identity.
        control: u, maps the input, once per solve, to what the field gets in
            place of x; by default the identity.
        depth: S > 0, a plain number; or a callable of x that gives each sample
            its own depth, shape (N,), >= 0 (adaptive depth, paper equation
            18). For a trained depth, the callable is an nn.Module.
        readout: r, maps the final state to the output; by default the
            identity.
        running: a cost whose integral along each path is solved for alongside
            the state, such as :func:`kinetic_energy`; by default none.
        solver: how to solve; by default dopri5 at tolerances of 1e-4.

    Raises:
        TypeError: one of them cannot be called as described, or depth is
            neither a number nor callable.
        ValueError: depth is not finite and > 0, or lies beyond the domain of
            a basis in the field.
    """

    def __init__(
        self,
        field: Any,
        *,
        lift: Callable[[Tensor], Tensor] | None = None,
        control: Callable[[Tensor], Any] | None = None,
        depth: float | Callable[[Tensor], Tensor] = 1.0,
        readout: Callable[[Tensor], Tensor] | None = None,
        running: Running | None = None,
        solver: Solver | None = None,
    ) -> None:
        super().__init__()
        parts = {"lift": lift, "control": control, "readout": readout}
        for name, part in parts.items():
            if part is not None:
                check_function(name, part, "one tensor")
        if running is not None:
            check_function("running", running, "(s, z, x, dz, field)")
        if callable(depth):
            check_function("depth", depth, "x")
        else:
            check_positive("depth", depth)
        if solver is not None:
            check_solver(solver)
        self.field = field if isinstance(field, JointField) else as_field(field)
        self.lift = nn.Identity() if lift is None else lift
        self.control = nn.Identity() if control is None else control
        self.depth = depth
        self.running = running
        self.readout = nn.Identity() if readout is None else readout
        if not callable(depth):
            _check_domains(self.field, float(depth))
        self.solver = Solver() if solver is None else solver
        _warn_of_layers(self.field, self.solver)

    def extra_repr(self) -> str:
        depth = "" if isinstance(self.depth, nn.Module) else f"{self.depth}, "
        return f"{depth and 'depth='}{depth}{self.solver}"

    def _save_to_state_dict(
        self, destination: Any, prefix: str, keep_vars: bool
    ) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if not callable(self.depth):
            destination._metadata[prefix[:-1]]["depth"] = float(self.depth)

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, *args: Any
    ) -> None:
        found = local_metadata.get("depth", self.depth)
        if found != self.depth:
            raise ValueError(
                f"state_dict must be of a model of depth {self.depth}, got one "
                f"of depth {found}"
            )
        # Keys of compiled parts fit plain ones, and the other way round.
        own = {k.replace("_orig_mod.", ""): k for k in self.state_dict()}
        for key in [key for key in state_dict if key.startswith(prefix)]:
            name = key.removeprefix(prefix).replace("_orig_mod.", "")
            state_dict[prefix + own.get(name, name)] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)

    def forward(self, x: Tensor) -> Tensor:
        """The output r(z(S)) for an input of shape (N, ...)."""
        return self.read(self.solve(x))

    def read(self, solution: Solution, *, path: bool = False) -> Tensor:
        """The readout of a solution's last state.

        With ``path``, that of its states at all T depths, (N, T, ...).
        """
        if not path:
            return self.readout(solution.z[-1])
        states = solution.z.transpose(0, 1)
        return self.readout(states.flatten(0, 1)).unflatten(0, states.shape[:2])

    def solve(
        self, x: Tensor, s: Tensor | None = None, *, beyond: bool = False
    ) -> Solution:
        """Follow the states of a batch through depth.

        Args:
            x: input, shape (N, ...), floating point.
            s: depths at which to return the state, shape (T,), increasing, in
                [0, S]; by default (0, S). For a model with a depth per sample
                they are fractions of that depth, in [0, 1]. From another state,
                or backwards, :func:`integrate` follows ``model.field``.
            beyond: whether s may go beyond S, where the field is evaluated
                unchanged.

        Returns:
            ``Solution(s, z, nfe)``, z of shape (T, N, ...).

        Raises:
            ValueError: x is empty, not finite or does not fit the field; s is
                not increasing or leaves its range.
            SolverError: the solve could not be finished.
        """
        check_batch("x", x)
        check_boolean("beyond", beyond)
        return self.follow(x, s, beyond=beyond)

    def follow(
        self, x: Tensor, s: Any = None, *, beyond: bool = False
    ) -> Solution:
        """As :meth:`solve`, of inputs that were checked."""
        writes = watch_for_writes([x])
        start = self.start(x)
        s, depths = self.output_depths(s, start, beyond=beyond)
        if depths == [0]:  # z(0) alone was asked for
            return self.solution(s, start, [p[None] for p in start.state], 0)
        before = [0.0] * (depths[0] > 0)
        grid: Tensor | list[float] = [*before, *depths]
        if s.requires_grad:
            grid = torch.cat([s.new_tensor(before), s])
        with explain_misfit(x):
            found, nfe = integrate(
                self.slopes(start.control, start.sample_depths),
                *(start.whole, grid),
                solver=self.solver,
                params=self._adjoint_parameters(x, start)
                if self.solver.adjoint
                else (),
                **step_limits(self.field, start.sample_depths),
            )
        if writes():
            raise ValueError(
                "a part of the model writes into its input x, as "
                "nn.ReLU(inplace=True) does as a lift; x must not be changed"
            )
        return self.solution(s, start, tensors(found), nfe)

    def start(self, x: Tensor) -> Start:
        """What is solved for inputs x: the state at depth 0, and what is fixed.

        Raises:
            ValueError: x does not fit lift, control or depth.
        """
        with explain_misfit(x):
            z0, control = self.lift(x), self.control(x)
            depths = self.depth(x) if callable(self.depth) else None
        if not isinstance(z0, Tensor) or len(z0) != len(x):
            raise ValueError(
                f"lift(x) must be a tensor of shape ({len(x)}, ...), as many "
                f"samples as x, got {describe(z0)}"
            )
        if depths is not None:
            _check_depths(depths, len(x))
            depths = depths.to(z0)
        else:
            check_positive("depth", self.depth)
        state = [z0]
        if isinstance(self.field, JointField):
            if depths is not None:
                raise TypeError(
                    "depth must be a number where the field has a state of its "
                    f"own, as {type(self.field).__name__} does, got a callable"
                )
            state.append(self.field.initial())
        if self.running is not None:
            state.append(z0.new_zeros(len(z0)))
        return Start(tuple(state), control, depths)

    def slopes(self, control: Any, sample_depths: Tensor | None) -> Any:
        """The slopes, f(s, state), of all that is solved."""
        field, running = self.field, self.running

        def slopes(s: Tensor, state: Any) -> Any:
            z, *along = tensors(state)
            if isinstance(field, JointField):
                found = [*field(s, (z, along[0]), control)]
            else:
                found = [field(s, z, control)]
            if running is not None:
                found.append(running(s, z, control, found[0], field))
            return rebuild(state, found)

        if sample_depths is None:
            return slopes

        def stretched(tau: Tensor, state: Any) -> Any:
            found = tensors(slopes((tau * sample_depths)[:, None], state))
            scaled = [per_sample(sample_depths, dz) * dz for dz in found]
            return rebuild(state, scaled)

        return stretched

    def solution(
        self, s: Tensor, start: Start, parts: Sequence[Tensor], nfe: Any
    ) -> Solution:
        """The solution at depths s, of solved parts that may begin before."""
        z = parts[0][-len(s) :]
        costs = None if self.running is None else parts[-1][-len(s) :]
        depths = start.sample_depths
        at = s if depths is None else s[:, None] * depths
        return Solution(at, z, nfe, costs)

    def output_depths(
        self, s: Any, start: Start, *, beyond: bool = False
    ) -> tuple[Tensor, list[float]]:
        """Output depths, checked, like the state and as numbers.

        Raises:
            TypeError: s is not made of numbers.
            ValueError: s is not increasing or leaves its range.
        """
        z0 = start.state[0]
        end = 1.0 if callable(self.depth) else float(self.depth)
        if s is None:
            ends = [0.0, end]
            return torch.tensor(ends, dtype=z0.dtype, device=z0.device), ends
        try:
            found = torch.as_tensor(s, dtype=z0.dtype, device=z0.device)
        except (TypeError, ValueError, RuntimeError) as error:
            raise TypeError(
                f"s must be a tensor of depths, got {type(s).__name__}"
            ) from error
        most = math.inf if beyond else end
        at = found.tolist() if found.ndim == 1 else []
        rising = at and all(a < b for a, b in pairwise(at))
        if not rising or at[0] < 0 or not at[-1] <= most * (1 + 1e-6):
            raise ValueError(
                f"s must be increasing depths in [0, {most:g}], got {s}"
            )
        return found, at

    def _adjoint_parameters(self, x: Tensor, start: Start) -> list[Tensor]:
        """The tensors for which the adjoint computes gradients, each once.

        A control stands for the input and the parameters that it is computed
        from: with both, the adjoint would count their gradients twice.
        """
        control = start.control
        inside = {id(p) for m in parts_of(self.control) for p in m.parameters()}
        kept = list[Tensor](p for p in self.parameters() if id(p) not in inside)
        of_x = control is not x and isinstance(control, Tensor)
        kept.append(control if of_x else x)
        depths = start.sample_depths
        if depths is not None and depths.is_leaf:
            kept.append(depths)
        return kept


@dataclass(frozen=True)
class Start:
    """Where a solve of a batch begins, and what does not change in it.

    Attributes:
        state: z(0), then the field's own state and the running cost, if any.
        control: what the field sees of the input.
        sample_depths: shape (N,), where each sample has its own; else None.
    """

    state: tuple[Tensor, ...]
    control: Any
    sample_depths: Tensor | None

    @property
    def whole(self) -> Any:
        """A state as the solver gets it: a tensor, or a tuple of several."""
        return self.state if len(self.state) > 1 else self.state[0]


def check_plain(model: NeuralODE) -> None:
    """Refuse a model whose field has a state of its own."""
    if isinstance(model.field, JointField):
        raise TypeError(
            "model.field must be a field of (s, z, x), got "
            f"{type(model.field).__name__}, whose weights have their own state"
        )


def common_depth(model: NeuralODE) -> float:
    """A model's depth, if all samples have the same."""
    if callable(model.depth):
        raise ValueError(
            "model.depth must be a number, the same for all samples, got "
            f"{type(model.depth).__name__}"
        )
    return float(model.depth)


def _check_domains(field: Any, depth: float) -> None:
    for part in parts_of(field):
        basis = getattr(part, "basis", None)
        _, last = getattr(basis, "domain", (0.0, math.inf))
        if depth > last * (1 + 1e-6):
            raise ValueError(
                f"depth must lie in the domain of the field's basis, which "
                f"ends at {last:g}, got {depth:g}; give the basis a longer "
                f"one: domain=(0, {depth:g})"
            )


def _warn_of_layers(field: Any, solver: Solver) -> None:
    parts = parts_of(field)
    drops = any(isinstance(p, _DropoutNd) and p.p > 0 for p in parts)
    if drops and METHODS[solver.method].adaptive:
        warnings.warn(
            "the field has dropout, which is drawn anew at each evaluation: "
            f"{solver.method} takes that for errors and cuts its steps in "
            "vain; use a fixed-step method",
            stacklevel=3,
        )
    if any(isinstance(p, _BatchNorm) and p.track_running_stats for p in parts):
        warnings.warn(
            "the field has batch normalisation, whose running means mix all "
            "depths: in eval mode it is another field than the one that was "
            "trained; use nn.LayerNorm or nn.GroupNorm",
            stacklevel=3,
        )


@contextmanager
def explain_misfit(x: Tensor) -> Iterator[None]:
    """Name the input when torch raises errors about shapes or types."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, IndexError) as error:
        if isinstance(error, IndexError) and "list index" in str(error):
            raise  # an index of the field's own
        if "does not require grad" in str(error):
            raise ValueError(
                "the field takes a gradient where none is tracked, as in the "
                "solver's choice of its first step; let it do so under "
                f"torch.enable_grad(): {error}"
            ) from error
        if torch._C._functorch.maybe_current_level() is not None:
            raise ValueError(
                "torch.func's transforms (jacrev, vmap, ...) must be able to "
                "pass through solver and field: the solver's backend must be "
                '"own", with one of its methods and without adjoint, and the '
                "field must take gradients by torch.func.grad, if any: "
                f"{error}"
            ) from error
        raise ValueError(
            f"x must fit the model, got shape {tuple(x.shape)}, {x.dtype} on "
            f"{x.device}: {error}"
        ) from error


def _check_depths(depths: Tensor, samples: int) -> None:
    if depths.shape != (samples,):
        raise ValueError(
            f"depth(x) must have shape ({samples},), one depth per sample, "
            f"got {tuple(depths.shape)}"
        )
    if not finite(depths) or unwrapped(depths).min() < 0:
        raise ValueError(
            "depth(x) must be finite and >= 0, got negative, NaN or infinite "
            "depths"
        )
