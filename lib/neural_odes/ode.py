"""One equation that covers every model of the paper.

    dz/ds = f(s, z, u(x)),   z(0) = h(x),   y = r(z(S))

with the field f, the lift h, the readout r and the depth S; the control u is
what the field sees of the input, by default x itself. Every variant in this
library is a choice of these (paper, section 3, equation 4; sections 4 and 5 for
h, S and u).
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd
from torch.optim.swa_utils import AveragedModel

from neural_odes.checks import (
    batch,
    boolean,
    finite,
    function,
    positive,
    unwrapped,
)
from neural_odes.initial_value import integrate
from neural_odes.solver import METHODS, Solution, Solver, check_solver
from neural_odes.states import written

Field = Callable[[Tensor, Tensor, Tensor], Tensor]
"""A vector field ``field(s, z, x)`` gives the slope dz/ds, shaped like z.

``s`` is a scalar tensor, or has shape (N, 1) where each sample has its own
depth; ``z`` is the state, shape (N, ...); ``x`` is the model's input, or what
the control makes of it."""

Running = Callable[[Tensor, Tensor, Tensor, Tensor, Any], Tensor]
"""A running cost ``running(s, z, x, dz, field)``, shape (N,), of the field's
arguments, the slope dz that they gave, and the field itself. Its integral along
the path is :attr:`Solution.running <neural_odes.Solution.running>`."""


class DepthInvariant(nn.Module):
    """The field f(z) of a module that sees neither depth nor input.

    Args:
        module: maps a state of shape (N, ...) to its slope, of the same shape.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, s: Tensor, z: Tensor, x: Tensor) -> Tensor:
        return self.module(z)


class JointField(nn.Module):
    """A field with a state w(s) of its own that is solved along with z.

    Subclasses return w(0) from :meth:`initial` and both slopes from
    ``forward(s, (z, w), x) -> (dz, dw)``. A joint field has to be outermost: it
    may wrap other fields, but none may wrap it. All samples share one w(s), so
    the model's depth must be a number.
    """

    def initial(self) -> Tensor:
        """w(0), of any shape."""
        raise NotImplementedError

    def forward(
        self, s: Tensor, state: tuple[Tensor, Tensor], x: Tensor
    ) -> tuple[Tensor, Tensor]:
        raise NotImplementedError


def as_field(field: Any, name: str = "field") -> Any:
    """Read a module or function as a field f(s, z, x).

    Args:
        field: a callable of (s, z, x), taken as it is; or an ``nn.Module`` of
            one argument z, taken as a depth-invariant field.
        name: of the argument, for the error.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(field, JointField):
        raise TypeError(
            f"{name} must be a field of (s, z, x), got {type(field).__name__}, "
            "whose weights have their own state; put it outermost, around the "
            "other fields"
        )
    if callable(field):
        arity = _arity(field)
        if arity == 3:
            return field
        if arity == 1 and isinstance(field, nn.Module):
            return DepthInvariant(field)
        if arity in (1, 2) and not isinstance(field, type):
            raise TypeError(
                f"{name} must be a callable of (s, z, x), also where it looks "
                f"at fewer: lambda s, z, x: -z, got one of {arity} argument"
                f"{'s' if arity > 1 else ''}"
            )
    kind = "the class " * isinstance(field, type)
    raise TypeError(
        f"{name} must be a callable of (s, z, x) or an nn.Module of z alone, "
        f"got {kind}{getattr(field, '__name__', type(field).__name__)}"
    )


def _arity(field: Callable[..., Any]) -> int:
    if isinstance(field, nn.Module) and (
        isinstance(field, nn.DataParallel | AveragedModel)
        or hasattr(field, "_orig_mod")  # what torch.compile makes
    ):  # wrappers take what the wrapped module takes
        inner: Any = getattr(field, "_orig_mod", None) or field.module
        return _arity(inner)
    call = field.forward if isinstance(field, nn.Module) else field
    kinds = (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    )
    try:
        parameters = inspect.signature(call).parameters.values()
    except ValueError:  # such as torch.sin, which has no signature
        return -1
    return sum(p.kind in kinds and p.default is p.empty for p in parameters)


def per_sample(s: Tensor, like: Tensor) -> Tensor:
    """Shape a depth, scalar or (N, 1), so that it broadcasts against a state.

    Args:
        s: scalar tensor, or shape (N, 1).
        like: a state, shape (N, ...).

    Returns:
        s itself if scalar, else shape (N, 1, ..., 1) with like's dimensions.
    """
    return s if s.ndim == 0 else s.reshape(-1, *[1] * (like.ndim - 1))


def lengths(z: Tensor) -> Tensor:
    """The Euclidean norm of each sample, (N, ...) to (N,)."""
    return z.reshape(len(z), -1).norm(dim=1)


class NeuralODE(nn.Module):
    """y = r(z(S)) where dz/ds = f(s, z, x) and z(0) = h(x).

    Args:
        field: f, a callable of (s, z, x), or an ``nn.Module`` of z alone.
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
        for name, part in (
            ("lift", lift),
            ("control", control),
            ("readout", readout),
        ):
            if part is not None:
                function(name, part, "one tensor")
        if running is not None:
            function("running", running, "(s, z, x, dz, field)")
        if callable(depth):
            function("depth", depth, "x")
        else:
            positive("depth", depth)
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
        _warn_of_dropout(self.field, self.solver)

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
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)

    def forward(self, x: Tensor) -> Tensor:
        """The output r(z(S)) for an input of shape (N, ...)."""
        return self.readout(self.solve(x).z[-1])

    def solve(
        self, x: Tensor, s: Tensor | None = None, *, beyond: bool = False
    ) -> Solution:
        """Follow the states of a batch through depth.

        Args:
            x: input, shape (N, ...), floating point.
            s: depths at which to return the state, shape (T,), increasing, in
                [0, S]; by default (0, S). For a model with a depth per sample
                they are fractions of that depth, in [0, 1].
            beyond: whether s may go beyond S, where the field is evaluated
                unchanged.

        Returns:
            ``Solution(s, z, nfe)``, z of shape (T, N, ...).

        Raises:
            ValueError: x is empty, not finite or does not fit the field; s is
                not increasing or leaves its range.
            SolverError: the solve could not be finished.
        """
        batch("x", x)
        own: Tensor | None = None
        end: float = 1.0
        boolean("beyond", beyond)
        writes = written([x])
        with _fitting(x):
            z0, control = self.lift(x), self.control(x)
            if callable(self.depth):
                own = self.depth(x)
        if not isinstance(z0, Tensor) or len(z0) != len(x):
            tensor = isinstance(z0, Tensor)
            got = tuple(z0.shape) if tensor else type(z0).__name__
            raise ValueError(
                f"lift(x) must be a tensor of shape ({len(x)}, ...), as many "
                f"samples as x, got {got}"
            )
        if own is not None:
            _check_depths(own, len(x))
            own = own.to(z0)
        elif not callable(self.depth):
            positive("depth", self.depth)
            end = self.depth
        s = _output_depths(s, math.inf if beyond else end, z0)
        grid = s if s[0] == 0 else torch.cat([s.new_zeros(1), s])
        state = [z0]
        if isinstance(self.field, JointField):
            if own is not None:
                raise TypeError(
                    "depth must be a number where the field has a state of its "
                    f"own, as {type(self.field).__name__} does, got a callable"
                )
            state.append(self.field.initial())
        if self.running is not None:
            state.append(z0.new_zeros(len(z0)))
        if len(grid) == 1:  # z(0) alone was asked for
            costs = None if self.running is None else state[-1][None]
            return Solution(s, z0[None], 0, costs)
        with _fitting(x):
            found, nfe = integrate(
                self._slopes(control, own),
                tuple(state) if len(state) > 1 else z0,
                grid,
                solver=self.solver,
                params=self._reached(x, control, own)
                if self.solver.adjoint
                else (),
                **steps_of(self.field, own),
            )
        if writes():
            raise ValueError(
                "a part of the model writes into its input x, as "
                "nn.ReLU(inplace=True) does as a lift; x has to stay what it is"
            )
        parts = found if isinstance(found, tuple) else (found,)
        costs = None if self.running is None else parts[-1][-len(s) :]
        depths = s if own is None else s[:, None] * own
        return Solution(depths, parts[0][-len(s) :], nfe, costs)

    def _slopes(self, control: Any, own: Tensor | None) -> Any:
        """The slopes of all that is solved: the state and what goes with it."""
        field, running = self.field, self.running

        def slopes(s: Tensor, state: Any) -> Any:
            z, *along = state if isinstance(state, tuple) else (state,)
            if isinstance(field, JointField):
                found = [*field(s, (z, along[0]), control)]
            else:
                found = [field(s, z, control)]
            if running is not None:
                found.append(running(s, z, control, found[0], field))
            return tuple(found) if along else found[0]

        return slopes if own is None else _stretch(slopes, own)

    def _reached(
        self, x: Tensor, control: Any, own: Tensor | None
    ) -> list[Tensor]:
        """The tensors for which the adjoint computes gradients, each once.

        A control stands for the input and the parameters that it is computed
        from: with both, the adjoint would count their gradients twice.
        """
        inside = (
            {id(p) for p in self.control.parameters()}
            if isinstance(self.control, nn.Module)
            else set()
        )
        reached: list[Tensor] = [
            p for p in self.parameters() if id(p) not in inside
        ]
        if control is x or not isinstance(control, Tensor):
            reached.append(x)
        else:
            reached.append(control)
        if own is not None and own.is_leaf:
            reached.append(own)
        return reached


def steps_of(field: Any, own: Tensor | None = None) -> dict[str, Any]:
    """The constraints that a field and its parts put on a solver's steps.

    Args:
        field: a field; one that is not an ``nn.Module`` has none.
        own: depths of samples, shape (N,), where each has its own.

    Returns:
        arguments of ``integrate``: jumps, the increasing depths at which the
        parts jump, and max_step, the longest step; with ``own``, as fractions
        tau of these depths.
    """
    parts = _parts(field)
    depths = sorted({j for part in parts for j in getattr(part, "jumps", ())})
    longest = min(
        (getattr(p, "max_step", math.inf) for p in parts), default=math.inf
    )
    if own is None:
        return {"jumps": depths, "max_step": longest}
    if depths:
        at = torch.tensor(depths).to(own) / own.detach()[:, None]
        depths = at[at < 1].unique().tolist()
    if longest < math.inf:
        longest /= max(unwrapped(own.detach()).max().item(), 1e-9)
    return {"jumps": depths, "max_step": longest}


def _parts(field: Any) -> list[nn.Module]:
    """The modules of a field; none if it is a function."""
    return list(field.modules()) if isinstance(field, nn.Module) else []


def _check_domains(field: Any, depth: float) -> None:
    for part in _parts(field):
        basis = getattr(part, "basis", None)
        _, last = getattr(basis, "domain", (0.0, math.inf))
        if depth > last * (1 + 1e-6):
            raise ValueError(
                f"depth must lie in the domain of the field's basis, which "
                f"ends at {last:g}, got {depth:g}; give the basis a longer "
                f"one: domain=(0, {depth:g})"
            )


def _stretch(slopes: Any, own: Tensor) -> Any:
    """Slopes in tau from 0 to 1, where each sample reaches its own depth."""

    def stretched(tau: Tensor, state: Any) -> Any:
        found = slopes((tau * own)[:, None], state)
        if isinstance(found, tuple):
            return tuple(per_sample(own, part) * part for part in found)
        return per_sample(own, found) * found

    return stretched


def _warn_of_dropout(field: Any, solver: Solver) -> None:
    drops = any(
        isinstance(part, _DropoutNd) and part.p > 0 for part in _parts(field)
    )
    if drops and METHODS[solver.method].adaptive:
        warnings.warn(
            "the field has dropout, which is drawn anew at each evaluation: "
            f"{solver.method} takes that for errors and cuts its steps in "
            "vain; use a fixed-step method",
            stacklevel=3,
        )


@contextmanager
def _fitting(x: Tensor) -> Iterator[None]:
    """Name the input when torch raises errors about shapes or types."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, IndexError) as error:
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


def _check_depths(own: Tensor, samples: int) -> None:
    if own.shape != (samples,):
        raise ValueError(
            f"depth(x) must have shape ({samples},), one depth per sample, "
            f"got {tuple(own.shape)}"
        )
    if not finite(own) or unwrapped(own).min() < 0:
        raise ValueError(
            "depth(x) must be finite and >= 0, got negative, NaN or infinite "
            "depths"
        )


def _output_depths(s: Tensor | None, end: float, z0: Tensor) -> Tensor:
    if s is None:
        return torch.tensor([0.0, end], dtype=z0.dtype, device=z0.device)
    given = s
    try:
        s = torch.as_tensor(s, dtype=z0.dtype, device=z0.device)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"s must be a tensor of depths, got {type(given).__name__}"
        ) from error
    rising = s.ndim == 1 and len(s) > 0 and bool((s[1:] > s[:-1]).all())
    if not rising or s[0] < 0 or s[-1] > end * (1 + 1e-6):
        raise ValueError(
            f"s must be increasing depths in [0, {end:g}], got {given}"
        )
    return s
