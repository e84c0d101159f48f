"""Penalties: a steady end state (section 6), slow and non-stiff paths.

The paper's penalties depend on how the state ends; running costs are integrated
along the path, and their integral is penalised.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from neural_odes.checks import check_nonnegative
from neural_odes.fields import Field, lengths, step_limits
from neural_odes.initial_value import integrate
from neural_odes.ode import NeuralODE, check_plain, common_depth
from neural_odes.solver import Solution
from neural_odes.states import State
from neural_odes.training.fit import Penalty


def fixed_point(strength: float) -> Penalty:
    """The paper's penalty (21): strength times the mean of ``|f(S, z(S))|``.

    It favours states that have come to rest at S, and costs one evaluation.
    Use it as ``fit(..., penalty=fixed_point(0.1))``. With a depth per sample,
    the field is evaluated at each sample's own end.

    Args:
        strength: its weight in the loss, >= 0.

    Raises:
        ValueError: strength is not a finite number >= 0.
        TypeError: strength is not a number; or (in training) the field has a
            state of its own.
    """
    check_nonnegative("strength", strength)

    def penalty(model: NeuralODE, solution: Solution, x: Tensor) -> Tensor:
        check_plain(model)
        s = solution.s[-1]
        s = s[:, None] if s.ndim else s
        slope = model.field(s, solution.z[-1], model.control(x))
        return strength * lengths(slope).mean()

    return penalty


def steady_state(strength: float) -> Penalty:
    """TisODE's penalty (20): strength times the integral of ``|f|`` after S.

    The integral of ``|f(s, z(s))|`` over [S, 2S] is the length of the path that
    the state would still travel: the solve continues to 2S, at about the cost
    of a second one. A depth-variant field is evaluated unchanged beyond S.

    Args:
        strength: its weight in the loss, >= 0.

    Raises:
        TypeError, ValueError: as :func:`fixed_point`; or (in training) samples
            have depths of their own.
    """
    check_nonnegative("strength", strength)

    def penalty(model: NeuralODE, solution: Solution, x: Tensor) -> Tensor:
        check_plain(model)
        common_depth(model)
        end, control = solution.z[-1], model.control(x)
        s = solution.s[-1] * solution.s.new_tensor([1.0, 2.0])

        def onward(s: Tensor, state: State) -> State:
            slope = model.field(s, state[0], control)
            return slope, lengths(slope)

        (_, length), _ = integrate(
            onward,
            (end, end.new_zeros(len(end))),
            s,
            solver=model.solver,
            params=[*model.parameters(), x],
            **step_limits(model.field),
        )
        return strength * length[-1].mean()

    return penalty


def kinetic_energy(
    s: Tensor, z: Tensor, x: Tensor, dz: Tensor, field: Field
) -> Tensor:
    """The running cost ``|dz/ds|^2``: how fast states move (RNODE).

    Finlay et al. (2020) penalise its integral, for flows that are cheap::

        model = NeuralODE(f, running=kinetic_energy)
        fit(model, x, y, penalty=lambda model, solution, x:
            0.01 * solution.running[-1].mean())
    """
    return lengths(dz).square()


def divergence(
    s: Tensor, z: Tensor, x: Tensor, dz: Tensor, field: Field
) -> Tensor:
    """The running cost div f, the trace of df/dz, of states (N, n).

    Along the flow, the logarithm of a density falls by the integral of div f: a
    continuous normalising flow is ``NeuralODE(f, running=divergence)``. Each
    evaluation takes n Jacobian-vector products. What the field sees of x counts
    as given: where x is the point that flows, as under data control, the
    integral is not the change of its density.

    Raises:
        ValueError: samples have depths of their own, which move densities, too.
    """
    if s.ndim:
        raise ValueError(
            "divergence must be integrated to one depth for all samples, got "
            "a depth per sample"
        )
    basis = torch.eye(z.shape[1], dtype=z.dtype, device=z.device)

    def along(v: Tensor) -> Tensor:
        step = v.expand_as(z)
        found = torch.func.jvp(lambda z: field(s, z, x), (z,), (step,))[1]
        return (found * v).sum(dim=1)

    return torch.vmap(along)(basis).sum(dim=0)


def jacobian_norm(  # noqa: PLR0917
    s: Tensor, z: Tensor, x: Tensor, dz: Tensor, field: Field, seed: int = 0
) -> Tensor:
    """The running cost ``|e^T df/dz|^2``, on average ``|df/dz|^2`` (RNODE).

    Finlay et al. (2020): e is one Gaussian direction, drawn from the seed, and
    the same along a solve and for all samples. For another one, use
    ``functools.partial(jacobian_norm, seed=1)``.
    """
    # By numpy, as torch.vmap does not let torch draw random numbers.
    normal = np.random.default_rng(seed).standard_normal(z.shape[1:])
    e = torch.as_tensor(normal).to(z).expand_as(z)
    pull: Any = torch.func.vjp(lambda z: field(s, z, x), z)[1]
    return lengths(pull(e)[0]).square()
