"""Penalties that make a model's end state steady (section 6)."""

from __future__ import annotations

from torch import Tensor

from neural_odes.checks import nonnegative
from neural_odes.ode import JointField, NeuralODE, steps_of
from neural_odes.solver import Solution, integrate
from neural_odes.training.fit import Penalty


def fixed_point(strength: float) -> Penalty:
    """The paper's penalty (21): strength times the mean of |f(S, z(S))|.

    It asks states to have come to rest at S, and costs one evaluation. Pass
    it to ``fit(..., penalty=fixed_point(0.1))``. A model with a depth per
    sample is asked at each sample's own end.

    Args:
        strength: its weight in the loss, >= 0.

    Raises:
        ValueError: strength is not a finite number >= 0.
        TypeError: strength is not a number; or (in training) the field has a
            state of its own.
    """
    nonnegative("strength", strength)

    def penalty(model: NeuralODE, solution: Solution, x: Tensor) -> Tensor:
        _refuse_joint(model)
        s = solution.s[-1]
        s = s[:, None] if s.ndim else s
        slope = model.field(s, solution.z[-1], x)
        return strength * _lengths(slope).mean()

    return penalty


def steady_state(strength: float) -> Penalty:
    """TisODE's penalty (20): strength times the mean integral of |f| after S.

    The integral of |f(s, z(s))| over [S, 2S] is the length of the path that
    the state would still go: the solve goes on to 2S, at about the cost of a
    second one. A depth-variant field is taken as it is beyond S.

    Args:
        strength: its weight in the loss, >= 0.

    Raises:
        ValueError: strength is not a finite number >= 0; or (in training)
            samples have depths of their own.
        TypeError: strength is not a number; or (in training) the field has a
            state of its own.
    """
    nonnegative("strength", strength)

    def penalty(model: NeuralODE, solution: Solution, x: Tensor) -> Tensor:
        _refuse_joint(model)
        if callable(model.depth):
            raise ValueError(
                "model.depth must be a number, the same for all samples, got "
                f"{type(model.depth).__name__}"
            )
        end = solution.z[-1]
        s = solution.s[-1] * solution.s.new_tensor([1.0, 2.0])

        def onward(
            s: Tensor, state: tuple[Tensor, Tensor]
        ) -> tuple[Tensor, Tensor]:
            slope = model.field(s, state[0], x)
            return slope, _lengths(slope)

        (_, length), _ = integrate(
            onward,
            (end, end.new_zeros(len(end))),
            s,
            solver=model.solver,
            params=[*model.parameters(), x],
            **steps_of(model.field),
        )
        return strength * length[-1].mean()

    return penalty


def _lengths(slope: Tensor) -> Tensor:
    return slope.reshape(len(slope), -1).norm(dim=1)


def _refuse_joint(model: NeuralODE) -> None:
    if isinstance(model.field, JointField):
        raise TypeError(
            "model.field must be a field of (s, z, x), got "
            f"{type(model.field).__name__}, whose weights have their own state"
        )
