"""Penalties: their values on known flows, and their gradients."""

import math

import pytest
import torch
from helpers import TIGHT, points
from torch import nn

from neural_odes import (
    AdaptiveDepth,
    DepthConcat,
    HypernetworkODE,
    NeuralODE,
    Solver,
    fit,
    mlp,
    nested_spheres,
    seeded,
)
from neural_odes.regularize import (
    divergence,
    fixed_point,
    jacobian_norm,
    kinetic_energy,
    steady_state,
)

X = torch.tensor([[3.0, 4.0], [0.0, 2.0]]).double()


def value(penalty, model, x=X):
    return penalty(model, model.solve(x), x)


def test_penalties_of_an_exponential_decay():
    """|f(z(1))| = |x| / e, and the way from S to 2S is |x| (1/e - 1/e^2)."""
    model = NeuralODE(lambda s, z, x: -z, solver=TIGHT)
    mean = (5 + 2) / 2
    one = 0.3 * mean / math.e
    assert value(fixed_point(0.3), model).item() == pytest.approx(one)
    both = 0.3 * mean * (1 / math.e - 1 / math.e**2)
    assert value(steady_state(0.3), model).item() == pytest.approx(both)


@pytest.mark.parametrize("penalty", [fixed_point(1.0), steady_state(1.0)])
def test_the_field_sees_what_it_sees_in_the_flow(penalty):
    """A control of 2 x: |f| = 2 |x|, over an interval of length 1."""
    model = NeuralODE(lambda s, z, u: u + 0 * z, control=lambda x: 2 * x)
    assert value(penalty, model).item() == pytest.approx(5 + 2, rel=1e-5)


def test_the_steady_state_is_asked_for_up_to_2s():
    """S = 2: |x| (e^-2 - e^-4), not up to S + 1."""
    model = NeuralODE(lambda s, z, x: -z, depth=2.0, solver=TIGHT)
    expected = (5 + 2) / 2 * (math.exp(-2) - math.exp(-4))
    assert value(steady_state(1.0), model).item() == pytest.approx(expected)


def test_each_sample_is_asked_at_its_own_end():
    """|f| = s |x|: the largest depth for all would give 2 (5 + 2) / 2."""
    own = torch.tensor([1.0, 2.0]).double()
    model = NeuralODE(lambda s, z, x: s * x, depth=lambda x: own, solver=TIGHT)
    found = value(fixed_point(1.0), model).item()
    assert found == pytest.approx((1 * 5 + 2 * 2) / 2)


def test_a_depth_of_their_own():
    own = torch.tensor([1.0, 2.0]).double()
    model = NeuralODE(lambda s, z, x: s * 0 - z, depth=lambda x: own,
                      solver=TIGHT)  # fmt: skip
    expected = (5 / math.e + 2 / math.e**2) / 2
    assert value(fixed_point(1.0), model).item() == pytest.approx(expected)
    with pytest.raises(ValueError, match=r"model\.depth must"):
        value(steady_state(1.0), model)


@pytest.mark.parametrize("make", [fixed_point, steady_state])
@pytest.mark.parametrize(
    "solver",
    [
        Solver("rk4", step_size=0.25),
        Solver("dopri8", rtol=1e-9, atol=1e-9, adjoint=True),
    ],
    ids=["backpropagation", "adjoint"],
)
def test_gradients_of_a_penalised_loss(make, solver):
    field = seeded(lambda: DepthConcat(mlp(3, 3, 2)), 0).double()
    model, penalty = NeuralODE(field, solver=solver), make(0.7)

    def loss(*_):
        solution = model.solve(X)
        end = solution.z[-1]
        return end.square().mean() + penalty(model, solution, X)

    assert torch.autograd.gradcheck(
        loss, tuple(field.parameters()), eps=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("make", [fixed_point, steady_state])
def test_fit_takes_them_and_they_calm_the_end(make):
    x, y = nested_spheres(64, dim=3, seed=0)
    ends = []
    for strength in (0.0, 1.0):
        model = seeded(
            lambda: NeuralODE(
                mlp(3, 8, 3), readout=torch.nn.Linear(3, 1),
                solver=Solver("rk4", step_size=0.25),
            ),
            0,
        )  # fmt: skip
        fit(model, x, y, epochs=40, lr=0.02, penalty=make(strength),
            progress=False)  # fmt: skip
        ends.append(value(fixed_point(1.0), model, x).item())
    assert ends[1] < ends[0] / 2


def test_bad_arguments_are_named():
    for make in (fixed_point, steady_state):
        for wrong in (-1.0, math.nan):
            with pytest.raises(ValueError, match="strength must"):
                make(wrong)
        joint = NeuralODE(HypernetworkODE(mlp(2, 2), hidden=2)).double()
        with pytest.raises(TypeError, match=r"model\.field must"):
            value(make(1.0), joint)
    adaptive = NeuralODE(mlp(2, 2), depth=AdaptiveDepth(2)).double()
    assert value(fixed_point(1.0), adaptive) > 0


def linear(n=3):
    matrix = points(n, n)
    return matrix, NeuralODE(lambda s, z, x: z @ matrix.mT, solver=TIGHT)


def test_the_divergence_of_a_linear_field_is_its_trace():
    matrix, model = linear()
    model.running = divergence
    found = model.solve(points(4, 3)).running[-1]
    torch.testing.assert_close(found, matrix.trace().expand(4))


def test_the_norm_of_the_jacobian_is_right_on_average():
    matrix, model = linear()
    z = points(2, 3)
    norms = torch.stack(
        [
            jacobian_norm(torch.zeros(()), z, z, z, model.field, seed)
            for seed in range(4000)
        ]
    )
    torch.testing.assert_close(norms[:, 0], norms[:, 1])  # of any state
    off = norms[:, 0].mean() - matrix.square().sum()
    assert off.abs() < 5 * norms[:, 0].std() / 4000**0.5


@pytest.mark.parametrize("cost", [kinetic_energy, jacobian_norm])
def test_running_costs_are_penalised_in_an_ensemble_too(cost):
    x, y = nested_spheres(32, seed=0)

    def integral(weight):
        models = [
            seeded(
                lambda: NeuralODE(
                    mlp(2, 8, 2), readout=nn.Linear(2, 1), running=cost
                ),
                seed,
            )
            for seed in range(3)
        ]
        fit(
            *(models, x, y),
            epochs=60,
            lr=0.02,
            penalty=lambda _model, solution, x: (
                weight * solution.running[-1].mean()
            ),
            progress=False,
        )
        return sum(m.solve(x).running[-1].mean().item() for m in models)

    assert integral(3.0) < 0.5 * integral(0.0)


def test_a_density_ends_at_one_depth():
    model = NeuralODE(mlp(2, 4, 2), depth=AdaptiveDepth(2), running=divergence)
    with pytest.raises(ValueError, match="one depth for all"):
        model.solve(torch.ones(3, 2))
