"""What a solve is: its method and tolerances, its outcome, its failure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Literal

from torch import Tensor

from neural_odes.checks import at_least, boolean, one_of, positive
from neural_odes.runge_kutta import TABLEAUS


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

    def grid(
        self, s: Sequence[float], jumps: Sequence[float] = ()
    ) -> list[float]:
        """The fewest equal steps between every two depths, s increasing.

        Raises:
            ValueError: they are more than max_steps.
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
            shape (T, N); None where it has none.
    """

    s: Tensor
    z: Tensor
    nfe: int
    running: Tensor | None = None


def check_solver(solver: Any) -> None:
    """Refuse what is no Solver, such as a method's name."""
    if not isinstance(solver, Solver):
        raise TypeError(
            "solver must be a Solver, such as Solver('rk4', step_size=0.1), "
            f"got {solver!r}"
        )
