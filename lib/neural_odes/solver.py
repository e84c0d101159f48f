"""A solve's method and tolerances, its outcome and its failure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Literal

from torch import Tensor

from neural_odes.checks import (
    check_at_least,
    check_boolean,
    check_one_of,
    check_positive,
)
from neural_odes.runge_kutta import TABLEAUS


@dataclass(frozen=True)
class Method:
    """The properties of a Runge-Kutta method.

    Attributes:
        order: the global error falls as (step size) ** order; 0 where the
            method changes it on the way.
        stages: evaluations of the field per step. Methods of the
            Dormand-Prince kind reuse the last stage of the previous step.
        adaptive: whether an error estimate controls the step size.
    """

    order: int
    stages: int
    adaptive: bool


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "euler": Method(1, 1, adaptive=False),
        "midpoint": Method(2, 2, adaptive=False),
        "heun2": Method(2, 2, adaptive=False),
        "heun3": Method(3, 3, adaptive=False),
        "rk4": Method(4, 4, adaptive=False),
        "adaptive_heun": Method(2, 1, adaptive=True),
        "fehlberg2": Method(2, 2, adaptive=True),
        "bosh3": Method(3, 3, adaptive=True),
        "dopri5": Method(5, 6, adaptive=True),
        "dopri8": Method(8, 13, adaptive=True),
        "scipy_solver": Method(0, 0, adaptive=True),
    }
)
"""torchdiffeq's, but not Adams', right only where all steps are equal. For
stiff equations, ``scipy_solver`` is scipy's LSODA, or another by options such
as {"solver": "Radau"}; its gradients are the adjoint's."""


ADVICE: Mapping[str, str] = {
    "max_steps was reached": "raise max_steps; if the equation is stiff, use "
    'Solver("scipy_solver", adjoint=True)',
    "the step size underflowed": "tell the solver where the field jumps, or "
    "use a smooth activation",
    "the field is NaN or infinite": "look for a division by 0 or a root of a "
    "negative number there",
    "the state is NaN or infinite": "with fixed steps, a smaller step_size or "
    "an adaptive method",
}
"""What may help, by the reason why a solve stopped."""


class SolverError(ArithmeticError):
    """A solve that could not be finished.

    Attributes:
        depth: the depth s reached, at the end of the last accepted step; with
            torchdiffeq, the last finite depth of an evaluation. Fixed-step
            methods do not check the state before the end.
        nfe: evaluations of the field by then.
        member: which of several problems that are solved together, counted
            from 0; None for a single one.
    """

    def __init__(
        self, reason: str, depth: float, nfe: int, member: int | None = None
    ) -> None:
        self.reason, self.depth, self.nfe = reason, depth, nfe
        self.member = member
        super().__init__(
            f"the solver stopped at depth s = {depth:.4g} after {nfe} "
            f"evaluations: {reason}. What may help: "
            f"{ADVICE.get(reason, 'another method')}; a model in training may "
            "need a smaller learning rate, weight decay or a penalty."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # By default, unpickling remakes exceptions from their message alone.
        return type(self), (self.reason, self.depth, self.nfe, self.member)


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
            interval between two output depths is cut into the fewest equal
            steps that are no longer than this.
        max_steps: give up after this many steps between two output depths;
            ``scipy_solver`` has no such limit.
        max_step: the longest step of an adaptive method, in units of s.
        error_norm: what an adaptive method keeps within the tolerances: the
            error of the "batch", the root-mean-square over all its samples,
            in which a hard sample is diluted by easy ones; or that of the
            "worst sample".
        backend: "own" for ``runge_kutta.py`` wherever it has the method and no
            adjoint is needed; or "torchdiffeq".
        options: further options of torchdiffeq's method, such as
            {"first_step": 0.01}; if there are any, torchdiffeq solves.

    Raises:
        TypeError: an argument of the wrong type; names it.
        ValueError: an argument out of range; names it.
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
        check_one_of("method", self.method, METHODS)
        check_positive("rtol", self.rtol)
        check_positive("atol", self.atol)
        check_at_least("max_steps", self.max_steps, 1)
        check_boolean("adjoint", self.adjoint)
        check_one_of("error_norm", self.error_norm, ("batch", "worst sample"))
        check_one_of("backend", self.backend, ("own", "torchdiffeq"))
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
            check_positive(ours, getattr(self, ours))
        if self.method == "scipy_solver" and not self.adjoint:
            raise ValueError("adjoint must be True with scipy_solver")

    @property
    def uses_own_methods(self) -> bool:
        """Whether ``runge_kutta.py`` solves."""
        return (
            self.backend == "own"
            and self.method in TABLEAUS
            and not self.adjoint
            and not self.options
        )

    def grid(
        self, s: Sequence[float], jumps: Sequence[float] = ()
    ) -> list[float]:
        """The fewest equal steps between successive depths, s increasing.

        Raises:
            ValueError: some take more than max_steps.
        """
        assert self.step_size is not None
        found = []
        for start, stop in pairwise(sorted({*s, *jumps})):
            # Tolerate rounding: 1 / 0.1 must give ten steps, not eleven.
            least = (stop - start) / self.step_size * (1 - 1e-6)
            steps = max(1, math.ceil(least))
            if steps > self.max_steps:
                raise ValueError(
                    "step_size must not take more than max_steps = "
                    f"{self.max_steps} steps from s = {start:.4g} to "
                    f"{stop:.4g}, got {self.step_size}"
                )
            found += [start + (stop - start) * i / steps for i in range(steps)]
        return [*found, s[-1]]


@dataclass(frozen=True)
class Solution:
    """The states of a solve and what they cost.

    Attributes:
        s: depths, shape (T,); (T, N) where each sample has its own depth.
        z: states at these depths, shape (T, N, ...).
        nfe: number of function evaluations the solve took.
        running: integrals of the model's running cost from 0 to each depth,
            shape (T, N); None if there is no running cost.
    """

    s: Tensor
    z: Tensor
    nfe: int
    running: Tensor | None = None


def check_solver(solver: Any) -> None:
    """Refuse anything but a Solver, for example a method's name."""
    if not isinstance(solver, Solver):
        raise TypeError(
            "solver must be a Solver, such as Solver('rk4', step_size=0.1), "
            f"got {solver!r}"
        )
