"""The library's own methods against torchdiffeq's, to rounding."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch.func import functional_call, grad, jacrev, jvp, vmap
from torchdiffeq import odeint

from neural_odes import NeuralODE, Solver, mlp, seeded
from neural_odes.adaptive_steps import Pace, first_steps, root_mean_square
from neural_odes.initial_value import integrate, solve
from neural_odes.runge_kutta import TABLEAUS, Progress
from neural_odes.solver import METHODS, SolverError


def solver(method: str, backend: str, **settings) -> Solver:
    if METHODS[method].adaptive:
        settings = {"rtol": 1e-5, "atol": 1e-6, **settings}
    else:
        settings = {"step_size": 0.07}
    return Solver(method, backend=backend, **settings)


def pendulum(s: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    angle, speed = z.unbind(-1)
    return torch.stack([speed, (3 * s).cos() - 4 * angle.sin()], dim=-1)


def starts(n: int = 5) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, 2, generator=generator, dtype=torch.float64)


def both(field, z0, s, method, **settings):
    found = []
    for backend in ("own", "torchdiffeq"):
        z, nfe = integrate(
            field,
            z0,
            s,
            solver=solver(method, backend),
            **settings,
        )
        found.append((z, nfe))
    return found


@pytest.mark.parametrize("method", TABLEAUS)
def test_states_and_cost_are_torchdiffeqs(method):
    s = torch.tensor([0.0, 0.3, 0.31, 0.9, 2.0], dtype=torch.float64)
    (own, cost), (theirs, their_cost) = both(pendulum, starts(), s, method)
    torch.testing.assert_close(own, theirs, rtol=1e-10, atol=1e-10)
    assert cost == their_cost


def test_a_gradient_is_that_of_the_steps_taken():
    """torchdiffeq's, once its first step is a number as all others are."""
    module, x = seeded(lambda: mlp(2, 8, 2), 0).double(), starts()
    s = torch.tensor([0.0, 1.5], dtype=torch.float64)
    own = Solver(rtol=1e-5, atol=1e-6)
    pace = Pace(0, Progress(0.0), [0.0, 1.5], [], math.inf, 100, 5)
    (first,) = first_steps(
        *(lambda _, s, z: module(z), [], x, module(x), [pace]),
        *(own.rtol, own.atol, root_mean_square),
    )
    ours, _ = integrate(lambda s, z: module(z), x, s, solver=own)
    theirs = odeint(
        lambda s, z: module(z),
        x,
        s,
        rtol=own.rtol,
        atol=own.atol,
        options={"first_step": first, "step_t": s[-1:]},
    )
    gradients = [
        torch.autograd.grad(z[-1].square().sum(), list(module.parameters()))
        for z in (ours, theirs)
    ]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("method", TABLEAUS)
def test_gradients_are_torchdiffeqs(method):
    gradients = []
    for backend in ("own", "torchdiffeq"):
        model = seeded(
            lambda b=backend: NeuralODE(
                mlp(2, 8, 2), depth=1.5, solver=solver(method, b)
            ),
            0,
        ).double()
        x = starts().requires_grad_()
        loss = model(x).square().sum()
        gradients.append(torch.autograd.grad(loss, [x, *model.parameters()]))
    # torchdiffeq differentiates the size of its first step as well.
    near = 1e-6 if METHODS[method].adaptive else 1e-10
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=near, atol=near)


@pytest.mark.parametrize("method", TABLEAUS)
def test_tuples_are_torchdiffeqs(method):
    def field(s, state):
        a, b = state
        return -b.sum() * a, b.sin() + a.mean() * s

    z0 = starts(), starts(1)[0]
    s = torch.tensor([0.0, 1.0], dtype=torch.float64)
    (own, cost), (theirs, their_cost) = both(field, z0, s, method)
    for ours, other in zip(own, theirs, strict=True):
        torch.testing.assert_close(ours, other, rtol=1e-10, atol=1e-10)
    assert cost == their_cost


@pytest.mark.parametrize("method", ["bosh3", "dopri5"])
def test_a_field_that_stands_still_costs_what_it_costs_torchdiffeq(method):
    costs = [
        integrate(
            lambda s, z: 0 * z,
            *(torch.ones(2).double(), [0.0, 3.0]),
            solver=solver(method, backend),
        )[1]
        for backend in ("own", "torchdiffeq")
    ]
    assert costs[0] == costs[1]


def test_a_problem_whose_step_overflows_costs_the_others_nothing():
    """Of two, the first is infinite once; the second has no step to spare."""
    calls = 0

    def field(along, s, z):
        nonlocal calls
        calls += 1
        last_stage = 2 + 6 + 6  # of the second step: in its error alone
        once = math.inf if calls == last_stage else 0.0
        return torch.stack([0 * z[0] + once, (3 * z[1]).cos() * 5])

    def alone(along, s, z):
        return (3 * z).cos() * 5

    start, depths = torch.ones(1).double(), [0.0, 2.0]
    own = Solver(rtol=1e-6, atol=1e-6)
    z, (one,) = solve(
        *(alone, (), start, depths),
        solver=own,
        jumps=[()],
        max_step=[math.inf],
    )
    both, (first, second) = solve(
        *(field, (), torch.stack([start, start]), depths),
        solver=replace(own, max_steps=one.steps + one.rejected),
        jumps=[()] * 2,
        max_step=[math.inf] * 2,
        stacked=True,
    )
    assert first.rejected == 1
    assert second == one
    torch.testing.assert_close(both[1], z)
    assert (both[0] == 1).all()


@pytest.mark.parametrize("method", TABLEAUS)
def test_steps_end_at_jumps(method):
    def field(s, z):
        return torch.where(s < 0.5, 1.0, -2.0) + 0 * z

    z0 = torch.zeros(1, 1, dtype=torch.float64)
    s = torch.tensor([0.0, 1.0], dtype=torch.float64)
    (own, cost), (theirs, their_cost) = both(field, z0, s, method, jumps=[0.5])
    assert own[-1].item() == pytest.approx(-0.5, abs=1e-12)
    torch.testing.assert_close(own, theirs, rtol=0, atol=1e-10)
    assert cost == their_cost


def test_no_step_is_longer_than_max_step():
    seen: list[float] = []

    def field(s, z):
        seen.append(s.item())
        return 0 * z

    s = torch.tensor([0.0, 1.0], dtype=torch.float64)
    for backend in ("own", "torchdiffeq"):
        seen.clear()
        limited = solver("dopri5", backend, max_step=0.1)
        integrate(field, torch.zeros(1, 1).double(), s, solver=limited)
        depths = sorted({round(at, 9) for at in seen})
        # Between two stages lies half a step of dopri5 at most.
        assert max(b - a for a, b in pairwise(depths)) <= 0.05 + 1e-9
        assert len(depths) > 50


def test_each_output_depth_has_its_own_allowance_of_steps():
    def field(s, z):
        return (20 * s).cos() + 0 * z

    z0, few = torch.zeros(1, 1).double(), Solver(rtol=1e-6, max_steps=30)
    s = torch.linspace(0, 5, 11).double()
    integrate(field, z0, s, solver=few)
    with pytest.raises(SolverError, match="max_steps"):
        integrate(field, z0, s[[0, -1]], solver=few)


def test_a_hard_sample_is_not_diluted_by_easy_ones():
    """One sample turns fast, beside a thousand that rest."""
    speed = torch.zeros(1001, 1)
    speed[0] = 30.0
    z0 = torch.tensor([[1.0, 0.0]]).repeat(1001, 1)

    def field(s, z):
        return speed * torch.stack([-z[:, 1], z[:, 0]], dim=1)

    s = torch.tensor([0.0, 1.0])
    exact = torch.tensor([math.cos(30), math.sin(30)])
    errors = {}
    for norm in ("batch", "worst sample"):
        z, _ = integrate(field, z0, s, solver=Solver(error_norm=norm))
        errors[norm] = (z[-1, 0] - exact).norm().item()
    alone, _ = integrate(
        lambda s, z: 30 * torch.stack([-z[:, 1], z[:, 0]], dim=1), z0[:1], s
    )
    assert errors["batch"] > 10 * errors["worst sample"]
    assert errors["worst sample"] == pytest.approx(
        (alone[-1, 0] - exact).norm().item(), rel=0.1
    )


@pytest.mark.parametrize("method", ["dopri5", "rk4"])
class TestTransforms:
    """torch.func goes through the solver, against finite differences."""

    def end(self, method):
        model = NeuralODE(
            seeded(lambda: mlp(2, 8, 2), 0).double(),
            solver=solver(method, "own", rtol=1e-9, atol=1e-9),
        )
        return lambda x: model.solve(x[None]).z[-1, 0]

    def numerical(self, function, x, h=1e-5):
        columns = [
            (function(x + h * e) - function(x - h * e)) / (2 * h)
            for e in torch.eye(2, dtype=x.dtype)
        ]
        return torch.stack(columns, dim=1).detach()

    def test_jacobians(self, method):
        end, x = self.end(method), starts(1)[0]
        want = self.numerical(end, x)
        torch.testing.assert_close(jacrev(end)(x), want, rtol=0, atol=1e-7)
        direction = torch.tensor([0.3, -1.0], dtype=torch.float64)
        _, along = jvp(end, (x,), (direction,))
        torch.testing.assert_close(along, want @ direction, rtol=0, atol=1e-7)
        slope = grad(lambda x: end(x).sum())(x)
        torch.testing.assert_close(slope, want.sum(0), rtol=0, atol=1e-7)

    def test_many_at_a_time(self, method):
        end, x = self.end(method), starts(3)
        want = torch.stack([end(one) for one in x]).detach()
        torch.testing.assert_close(vmap(end)(x), want, rtol=0, atol=1e-7)
        jacobians = torch.stack([self.numerical(end, one) for one in x])
        found = vmap(jacrev(end))(x)
        torch.testing.assert_close(found, jacobians, rtol=0, atol=1e-7)


@pytest.mark.parametrize("method", TABLEAUS)
def test_weights_sum_to_their_nodes(method):
    """What consistency and order one ask of a tableau."""
    tableau = TABLEAUS[method]
    weights = tableau.a[-1] if tableau.error else tableau.b
    assert math.fsum(weights) == pytest.approx(1, abs=1e-12)
    if tableau.error:
        assert math.fsum(tableau.error) == pytest.approx(0, abs=1e-12)
        assert math.fsum(tableau.middle) == pytest.approx(1 / 2, abs=1e-12)


def test_dense_output_is_of_order_four():
    errors = []
    for h in (0.2, 0.1):
        s = torch.tensor([0.0, 0.4 * h, h], dtype=torch.float64)
        fine = Solver(rtol=1e3, atol=1e3, max_step=h)
        z, _ = integrate(lambda s, z: z, s.new_ones(1, 1), s, solver=fine)
        errors.append(abs(z[1].item() - math.exp(0.4 * h)))
    order = math.log2(errors[0] / errors[1])
    assert order == pytest.approx(5, abs=0.5)  # of one step: one more


def test_weights_may_be_wrapped():
    """As those of an ensemble's members are."""
    model, x = NeuralODE(mlp(2, 4, 2)), starts(4).float()
    stacked = {
        name: torch.stack([value.detach()] * 3)
        for name, value in model.named_parameters()
    }
    found = vmap(lambda weights: functional_call(model, weights, (x,)))(stacked)
    torch.testing.assert_close(found[1], model(x), rtol=1e-4, atol=1e-5)
