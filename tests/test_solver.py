"""The solver: orders, exact counts, gradients and clear failures."""

import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torchdiffeq import odeint
from torchdiffeq._impl.odeint import SOLVERS

from neural_odes import (
    Fourier,
    Galerkin,
    NeuralODE,
    PiecewiseConstant,
    Solver,
    SolverError,
    integrate,
    mlp,
)
from neural_odes.solver import METHODS

FIXED = [name for name, method in METHODS.items() if not method.adaptive]
ADAPTIVE = [name for name, method in METHODS.items() if method.adaptive]


def chosen(method, **settings):
    """A solver; scipy's is differentiable by its adjoint alone."""
    return Solver(method, adjoint=method == "scipy_solver", **settings)


MATRICES = {
    "decay and growth": [[-1.0, 0.3], [0.0, 0.5]],
    "rotation": [[0.0, -2.0], [2.0, 0.0]],
}


def linear(name, end=1.0):
    a = torch.tensor(MATRICES[name], dtype=torch.float64)
    z0 = torch.tensor([[1.0, 0.5], [-0.3, 2.0]], dtype=torch.float64)
    return (lambda s, z: z @ a.T), z0, z0 @ torch.linalg.matrix_exp(end * a).T


def depths(*values, dtype=torch.float64):
    return torch.tensor(values, dtype=dtype)


@pytest.mark.parametrize("problem", MATRICES)
@pytest.mark.parametrize("method", FIXED)
def test_fixed_step_methods_reach_their_orders(method, problem):
    field, z0, exact = linear(problem)
    steps = np.array([16, 32, 64, 128])
    errors = []
    for n in steps:
        solver = Solver(method, step_size=1 / n)
        z, _ = integrate(field, z0, depths(0, 1), solver=solver)
        errors.append(float((z[-1] - exact).norm()))
    slope = np.polyfit(np.log(1 / steps), np.log(errors), 1)[0]
    assert slope == pytest.approx(METHODS[method].order, abs=0.2)


@pytest.mark.parametrize("problem", MATRICES)
@pytest.mark.parametrize(
    ("method", "tolerances"),
    [
        ("adaptive_heun", np.logspace(-3, -5.5, 6)),
        ("fehlberg2", np.logspace(-5.5, -7.5, 5)),
        ("bosh3", np.logspace(-5, -8, 7)),
        ("dopri5", np.logspace(-5, -9, 9)),
    ],
)
def test_adaptive_methods_reach_their_orders(method, tolerances, problem):
    """The error falls as evaluations ** -order while the tolerance does.

    That of dopri8 falls faster here, as their -9th to -11th power.
    """
    field, z0, exact = linear(problem, end=5.0)
    nfe, errors = [], []
    for tolerance in tolerances:
        solver = Solver(method, rtol=tolerance, atol=tolerance)
        z, count = integrate(field, z0, depths(0, 5), solver=solver)
        nfe.append(count)
        errors.append(float((z[-1] - exact).norm()))
    slope = np.polyfit(np.log(nfe), np.log(errors), 1)[0]
    assert slope == pytest.approx(-METHODS[method].order, abs=0.2)


@pytest.mark.parametrize("problem", MATRICES)
@pytest.mark.parametrize("method", ADAPTIVE)
def test_adaptive_methods_follow_the_tolerance(method, problem):
    field, z0, exact = linear(problem)
    for tolerance in (1e-4, 1e-7):
        solver = chosen(method, rtol=tolerance, atol=tolerance)
        z, _ = integrate(field, z0, depths(0, 1), solver=solver)
        # fehlberg2 takes a 512th of a difference for its error.
        most = 1000 if method == "fehlberg2" else 100
        assert (z[-1] - exact).norm() < most * tolerance


@pytest.mark.parametrize("method", FIXED)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("step_size", "s", "steps"),
    [
        (0.1, (0.0, 1.0), 10),
        (0.15, (0.0, 1.0), 7),
        (2.0, (0.0, 1.0), 1),
        (0.1, (0.0, 0.25, 1.0), 3 + 8),
        (0.1, (0.0, 0.3, 0.6, 0.9), 9),
    ],
)
def test_fixed_step_counts_are_exact(method, dtype, step_size, s, steps):
    solver = Solver(method, step_size=step_size)
    z0 = torch.ones(3, 2, dtype=dtype)
    _, nfe = integrate(
        lambda s, z: -z, z0, depths(*s, dtype=dtype), solver=solver
    )
    assert nfe == steps * METHODS[method].stages


@pytest.mark.parametrize("method", METHODS)
def test_nfe_counts_calls(method):
    calls = []

    def field(s, z):
        calls.append(float(s))
        return torch.cos(s) * z

    step = None if METHODS[method].adaptive else 0.2
    _, nfe = integrate(
        field,
        torch.ones(2, 1),
        depths(0, 1, dtype=torch.float32),
        solver=chosen(method, step_size=step),
    )
    # Before an adjoint, a look at what the field depends on is not counted.
    assert nfe == len(calls) - (method == "scipy_solver")


def test_every_method_of_torchdiffeq_is_one_here_or_is_told_why_not():
    assert SOLVERS.keys() - METHODS == {
        *("explicit_adams", "implicit_adams", "fixed_adams"),
    }
    assert METHODS.keys() <= SOLVERS.keys()
    # Why not: they take steps for equal that are not.
    z0, even = torch.ones(1).double(), torch.linspace(0, 1, 101).double()
    ends = [
        odeint(lambda s, z: -z, z0, s, method="implicit_adams")[-1]
        for s in (even, even**2)
    ]
    errors = [abs(float(end) - math.exp(-1)) for end in ends]
    assert errors[0] < 1e-8
    assert errors[1] > 1e-6


def test_scipy_solves_stiff_equations_and_says_what_it_cannot():
    def stiff(s, z):
        return -1e4 * (z - s.cos())

    z0, s = torch.ones(1, 1).double(), depths(0, 2, 10)
    settings = {"rtol": 1e-6, "atol": 1e-6}
    for options in (None, {"solver": "BDF"}):
        solver = chosen("scipy_solver", **settings, options=options)
        z, nfe = integrate(stiff, z0, s, solver=solver)
        assert float(z[-1]) == pytest.approx(math.cos(10), abs=1e-3)
        assert nfe < 1000
    with pytest.raises(SolverError, match="max_steps"):
        integrate(stiff, z0, s, solver=Solver(max_steps=1000))
    with pytest.raises(ValueError, match="told where a field jumps"):
        integrate(stiff, z0, s, solver=solver, jumps=[0.5])
    with pytest.raises(ValueError, match="adjoint must be True"):
        Solver("scipy_solver")
    solver = chosen("scipy_solver", options={"solver": "Radau"})
    with pytest.raises(SolverError, match="underflowed"):
        integrate(lambda s, z: z**2, z0, s, solver=solver)
    with pytest.raises(SolverError, match="NaN or infinite"):
        integrate(lambda s, z: z * math.nan, z0, s, solver=solver)


def test_scipy_s_gradients_are_those_of_dopri5():
    found = []
    for method in ("scipy_solver", "dopri5"):
        weight = torch.ones((), dtype=torch.float64, requires_grad=True)
        z, _ = integrate(
            lambda s, z, w=weight: (w * s).sin() * z,
            torch.ones(2, 1).double(),
            depths(0, 1, 2),
            solver=chosen(method, rtol=1e-8, atol=1e-8),
            params=[weight],
        )
        found += torch.autograd.grad(z.sum(), weight)
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("method", ["rk4", "dopri5"])
def test_output_depths_do_not_cost_accuracy(method):
    field, z0, exact = linear("rotation")
    step = None if METHODS[method].adaptive else 0.01
    solver = Solver(method, rtol=1e-9, atol=1e-9, step_size=step)
    s = torch.linspace(0, 1, 8, dtype=torch.float64)
    z, _ = integrate(field, z0, s, solver=solver)
    assert z.shape == (8, 2, 2)
    a = torch.tensor(MATRICES["rotation"], dtype=torch.float64)
    want = torch.stack([z0 @ torch.linalg.matrix_exp(a * t).T for t in s])
    torch.testing.assert_close(z, want, atol=1e-7, rtol=0)
    torch.testing.assert_close(z[-1], exact, atol=1e-7, rtol=0)


@given(
    rate=st.floats(-3, 3),
    start=st.floats(-5, 5),
    end=st.floats(0.1, 2),
)
def test_exponentials(rate, start, end):
    solver = Solver(rtol=1e-9, atol=1e-9)
    z0 = torch.tensor([[start]], dtype=torch.float64)
    z, _ = integrate(lambda s, z: rate * z, z0, depths(0, end), solver=solver)
    exact = start * math.exp(rate * end)
    assert float(z[-1]) == pytest.approx(exact, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("adjoint", [False, True])
@pytest.mark.parametrize("method", ["dopri5", "rk4"])
def test_gradients_agree_with_finite_differences(method, adjoint):
    tight = {"rtol": 1e-10, "atol": 1e-10}
    solver = (
        Solver(method, adjoint=adjoint, **tight)
        if METHODS[method].adaptive
        else Solver(method, adjoint=adjoint, step_size=0.005)
    )
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(2, 2, generator=generator, dtype=torch.float64)
    z0 = torch.randn(3, 2, generator=generator, dtype=torch.float64)
    weight.requires_grad_()
    z0.requires_grad_()

    def end(z0, weight):
        z, _ = integrate(
            lambda s, z: torch.tanh(z @ weight) * (1 + s),
            z0,
            depths(0, 1),
            solver=solver,
            params=[weight],
        )
        return z[-1]

    assert torch.autograd.gradcheck(
        end, (z0, weight), eps=1e-5, atol=1e-6, rtol=1e-5, nondet_tol=1e-9
    )


def test_tuples_are_solved_together():
    z, _ = integrate(
        lambda s, state: (state[1], -state[0]),
        (torch.ones(1, 1).double(), torch.zeros(2).double()[:1, None]),
        depths(0, math.pi),
        solver=Solver(rtol=1e-9, atol=1e-9),
    )
    assert float(z[0][-1]) == pytest.approx(-1, abs=1e-7)
    assert float(z[1][-1]) == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("start", [1.0, 2.0, 4.0])
def test_a_blow_up_says_where(start):
    with pytest.raises(SolverError, match="depth s") as caught:
        integrate(
            lambda s, z: z**2,
            torch.tensor([[start]], dtype=torch.float64),
            depths(0, 2),
        )
    assert caught.value.depth == pytest.approx(1 / start, abs=1e-3)
    assert caught.value.nfe > 0


@pytest.mark.parametrize(
    "solver", [Solver(), Solver("rk4", step_size=0.1)], ids=["dopri5", "rk4"]
)
@pytest.mark.parametrize("part", [0, 1])
def test_nan_in_any_part_of_the_state_is_refused(solver, part):
    def field(s, state):
        return tuple(
            z * torch.nan if i == part else z for i, z in enumerate(state)
        )

    with pytest.raises(SolverError, match="NaN or infinite") as caught:
        integrate(
            field, (torch.ones(1), torch.ones(1)), depths(0, 1), solver=solver
        )
    assert 0 <= caught.value.depth <= 1


def test_nan_and_too_many_steps_are_told_apart():
    z0 = torch.ones(1, 1)
    s = depths(0, 1, dtype=torch.float32)
    with pytest.raises(SolverError, match="NaN or infinite"):
        integrate(
            lambda s, z: z * torch.nan,
            z0,
            s,
            solver=Solver("euler", step_size=0.1),
        )
    with pytest.raises(SolverError, match="max_steps"):
        integrate(
            lambda s, z: torch.sin(100 * s) * z,
            z0,
            s,
            solver=Solver(max_steps=2),
        )
    with pytest.raises(ValueError, match="step_size must"):
        integrate(
            lambda s, z: z,
            z0,
            s,
            solver=Solver("euler", step_size=1e-3, max_steps=100),
        )


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"method": "rk5"}, "method"),
        ({"rtol": -1e-4}, "rtol"),
        ({"atol": 0.0}, "atol"),
        ({"rtol": math.nan}, "rtol"),
        ({"rtol": 10**400}, "rtol"),
        ({"max_steps": 0}, "max_steps"),
        ({"method": "rk4"}, "step_size"),
        ({"method": "rk4", "step_size": -0.1}, "step_size"),
        ({"method": "dopri5", "step_size": 0.1}, "step_size"),
    ],
)
def test_bad_settings_are_named(settings, name):
    with pytest.raises((TypeError, ValueError), match=rf"^{name} must"):
        Solver(**settings)


@pytest.mark.parametrize(
    "s",
    [
        (0.0,),
        (1.0, 0.0, 0.5),
        (0.0, 0.0),
        ((0.0, 1.0),),
        (0, 1),
        (0.0, math.inf),
        (-math.inf, 0.0),
        (math.inf, 0.0),
    ],
)
def test_bad_depths_are_named(s):
    given = r"got \[1, 0, 0.5\]" if s == (1.0, 0.0, 0.5) else "got "
    with pytest.raises(ValueError, match=rf"^s must .* {given}"):
        integrate(lambda s, z: z, torch.ones(1, 1), torch.tensor(s))


def test_a_way_back_that_stops_says_where():
    with pytest.raises(SolverError) as caught:
        integrate(
            lambda s, z: z / (s > 0.5),
            torch.ones(1, 1),
            depths(2, 1, 0).float(),
        )
    assert 0 < caught.value.depth < 1


@pytest.mark.parametrize("adjoint", [False, True])
@pytest.mark.parametrize(
    ("slope", "what"),
    [
        (lambda z: z[:, :1], r"shape \(4, 1\)"),
        (lambda z: (z, z), r"\(shape \(4, 2\), shape \(4, 2\)\)"),
        (lambda z: (z,), r"\(shape \(4, 2\)\)"),
        (lambda z: None, "NoneType"),
        (lambda z: 0.0, "float"),
    ],
)
def test_a_field_of_another_shape_is_named(slope, what, adjoint):
    message = rf"the field returned {what} for a state z of shape \(4, 2\)"
    with pytest.raises(ValueError, match=message):
        integrate(
            lambda s, z: slope(z),
            torch.ones(4, 2),
            depths(0, 1, dtype=torch.float32),
            solver=Solver(adjoint=adjoint),
        )


def test_the_adjoint_refuses_what_it_would_miss():
    missed = torch.ones(2, requires_grad=True)
    s = depths(0, 1, dtype=torch.float32)
    with pytest.raises(ValueError, match="not among its parameters"):
        integrate(
            lambda s, z: missed * z,
            torch.ones(1, 2),
            s,
            solver=Solver(adjoint=True),
        )
    z, _ = integrate(
        lambda s, z: missed * z,
        torch.ones(1, 2),
        s,
        solver=Solver(adjoint=True),
        params=[missed],
    )
    z[-1].sum().backward()
    assert missed.grad is not None


class Sine(nn.Module):
    """dz/ds = a sin z."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, z):
        return self.a * z.sin()


def test_a_penalty_on_gradients_is_right_or_refused():
    """dz(1)/dx has the closed form sin z(1) / sin x."""

    def penalty(solver):
        model = NeuralODE(Sine(), solver=solver)
        x = torch.tensor([[1.0]]).double().requires_grad_()
        (slope,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
        (found,) = torch.autograd.grad(
            slope.square().sum(), model.field.module.a
        )
        return slope.item(), found.item()

    slope, found = penalty(Solver(rtol=1e-9, atol=1e-9))
    x = torch.tensor(1.0).double()
    a = torch.tensor(1.0).double().requires_grad_()
    end = 2 * torch.atan(torch.tan(x / 2) * torch.exp(a))
    exact = end.sin() / x.sin()
    (expected,) = torch.autograd.grad(exact.square(), a)
    assert slope == pytest.approx(exact.item(), rel=1e-6)
    assert found == pytest.approx(expected.item(), rel=1e-6)
    with pytest.raises(ValueError, match="first derivatives only"):
        penalty(Solver(adjoint=True))


@pytest.mark.parametrize("field", [
    nn.Sequential(nn.ReLU(inplace=True), nn.Linear(2, 2)),
    lambda s, z, x: z.mul_(-1),
])  # fmt: skip
def test_a_field_that_writes_into_its_input_is_refused(field):
    x = torch.tensor([[-1.0, 2.0]])
    with pytest.raises(ValueError, match="writes into its input"):
        NeuralODE(field)(x)
    with torch.inference_mode(), pytest.raises(ValueError, match="writes into"):
        NeuralODE(field)(x)
    assert x.tolist() == [[-1.0, 2.0]]


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.complex64]
)
def test_other_precisions_are_refused(dtype):
    z0, s = torch.ones(2, 1, dtype=dtype), torch.tensor([0.0, 1.0])
    with pytest.raises(ValueError, match=r"^z0, and so x and lift"):
        integrate(lambda s, z: -z, z0, s)
    with pytest.raises(ValueError, match=r"^z0, and so x and lift"):
        NeuralODE(mlp(1, 1), lift=lambda x: x.to(dtype))(torch.ones(2, 1))


@pytest.mark.parametrize("method", ["dopri5", "dopri8"])
def test_imaginary_parts_are_not_dropped(method):
    with pytest.raises(ValueError, match="must return real slopes"):
        NeuralODE(lambda s, z, x: 1j * z, solver=Solver(method))(
            torch.ones(2, 1)
        )


def test_a_switch_takes_no_word():
    with pytest.raises(TypeError, match="adjoint must"):
        Solver(adjoint="no")
    with pytest.raises(TypeError, match="rtol must"):
        Solver(rtol="1e-4")
    with pytest.raises(TypeError, match="max_steps must"):
        Solver(max_steps=1.5)


def test_errors_survive_a_process_pool():
    error = SolverError("underflow", 0.5, 7, member=3)
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert (again.depth, again.nfe, again.member) == (0.5, 7, 3)


def layers(size, values):
    """dz/ds = theta(s) z with theta constant on pieces, in float64."""
    field = Galerkin(nn.Linear(1, 1, bias=False), PiecewiseConstant(size))
    with torch.no_grad():
        field.coefficients.copy_(torch.tensor([values]))
    return field.double()


class TestJumps:
    """Each step sees the field on its own side of a jump, at both ends, too."""

    @pytest.mark.parametrize("backend", ["own", "torchdiffeq"])
    @pytest.mark.parametrize("method", ["rk4", "dopri5"])
    def test_at_the_end_of_a_solve(self, method, backend):
        size = 0.5 if method == "rk4" else None
        solver = Solver(method, step_size=size, backend=backend)
        model = NeuralODE(layers(2, [0.0, 1.0]), depth=0.5, solver=solver)
        x = torch.ones(1, 1).double()
        end = model(x)
        assert end.item() == pytest.approx(1, abs=1e-12)
        end.sum().backward()
        want = torch.tensor([[0.5, 0.0]]).double()
        torch.testing.assert_close(model.field.coefficients.grad, want)

    @pytest.mark.parametrize("method", ["rk4", "dopri5"])
    def test_at_the_start_of_a_solve_backwards(self, method):
        """From 0.5 back to 0 the field is 0; from 1 to 0.5 it is 1."""
        field = layers(2, [0.0, 1.0])
        solver = Solver(method, step_size=0.5 if method == "rk4" else None)
        for ends, want in (([0.5, 0.0], 1.0), ([1.0, 0.5], math.exp(-0.5))):
            z, _ = integrate(
                lambda s, z: field(s, z, z),
                *(torch.ones(1, 1).double(), torch.tensor(ends).double()),
                solver=solver,
                jumps=[0.5],
            )
            assert z[-1].item() == pytest.approx(want, abs=1e-3)

    def test_with_a_depth_per_sample(self):
        """exp of the integral of the pieces 1 to 7 up to that depth."""
        end = 0.9871487021446228
        exact = math.exp(sum(range(1, 7)) / 7 + 7 * (end - 6 / 7))
        for solver in (Solver("rk4", step_size=0.01), Solver(rtol=1e-9)):
            model = NeuralODE(
                layers(7, [1.0, 2, 3, 4, 5, 6, 7]),
                depth=lambda x: torch.tensor([end], dtype=torch.float64),
                solver=solver,
            )
            found = model(torch.ones(1, 1).double()).item()
            assert found == pytest.approx(exact, rel=1e-5)

    @given(st.lists(st.floats(0.02, 1), min_size=1, max_size=3), st.booleans())
    def test_at_depths_of_samples(self, ends, single):
        """Where each sample jumps at a place of its own, in both precisions."""
        kind = torch.float32 if single else torch.float64
        model = NeuralODE(
            layers(4, [1.0, -2, 3, 0]).to(kind),
            depth=lambda x: torch.tensor(ends, dtype=kind),
            solver=Solver("rk4", step_size=0.5),
        )
        x = torch.ones(len(ends), 1, dtype=kind)
        steps = [1.0, -2, 3, 0]
        for end, found in zip(ends, model(x), strict=True):
            parts = [max(0.0, min(end, (i + 1) / 4) - i / 4) for i in range(4)]
            total = sum(a * b for a, b in zip(parts, steps, strict=True))
            assert found.item() == pytest.approx(math.exp(total), rel=1e-2)

    @pytest.mark.parametrize("jumps", [[0.5, 0.25], [0.5, 0.5], [0.25, 0.5]])
    def test_in_any_order(self, jumps):
        z, _ = integrate(
            lambda s, z: torch.where(s < 0.5, 1.0, -2.0) + 0 * z,
            *(torch.zeros(1), torch.tensor([0.0, 1.0])),
            jumps=jumps,
        )
        assert z[-1].item() == pytest.approx(-0.5, abs=1e-6)

    @pytest.mark.parametrize(
        ("name", "value"),
        [("jumps", [math.nan]), ("jumps", [math.inf]), ("max_step", math.nan)],
    )
    def test_that_are_no_numbers_are_refused(self, name, value):
        with pytest.raises(ValueError, match=name):
            integrate(
                lambda s, z: -z,
                *(torch.ones(1), torch.tensor([0.0, 1.0])),
                **{name: value},
            )


@pytest.mark.parametrize(
    "solver",
    [
        Solver("rk4", step_size=0.01),
        Solver(rtol=1e-9, atol=1e-9),
        Solver(rtol=1e-9, atol=1e-9, adjoint=True),
        Solver("dopri8", rtol=1e-9, atol=1e-9),
    ],
    ids=["rk4", "dopri5", "adjoint", "dopri8"],
)
def test_gradients_reach_output_depths(solver):
    s = torch.tensor([0.5, 1.0], dtype=torch.float64, requires_grad=True)
    rate = torch.ones(1, dtype=torch.float64, requires_grad=True)
    z, _ = integrate(
        lambda s, z: -rate * z,
        *(torch.ones(1, dtype=torch.float64), s),
        solver=solver,
        params=[rate],
    )
    z[-1].sum().backward()
    want = math.exp(-0.5) * torch.tensor([1.0, -1.0]).double()
    torch.testing.assert_close(s.grad, want, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(rate.grad, 0.5 * want[1:], rtol=1e-6, atol=1e-6)


def test_second_gradients_reach_output_depths():
    def end(s):
        z, _ = integrate(
            lambda s, z: s.sin() - z,
            *(torch.ones(1).double(), s),
            solver=Solver(rtol=1e-10, atol=1e-10),
        )
        return z

    s = torch.tensor([0.1, 0.7, 1.3]).double().requires_grad_()
    assert torch.autograd.gradcheck(end, s, atol=1e-5)
    assert torch.autograd.gradgradcheck(end, s, atol=1e-4)


@pytest.mark.parametrize(
    ("backend", "rate"),
    # torchdiffeq's first trial step cannot be told where the solve ends.
    [("own", 0.0), ("own", 1e-3), ("torchdiffeq", 0.0)],
)
def test_the_field_is_read_nowhere_beyond_the_solve(backend, rate):
    """A control may be a table that ends there."""
    seen = []

    def field(s, z):
        seen.append(s.item())
        return rate * z

    s = torch.tensor([0.0, 1.0]).double()
    solver = Solver(max_step=0.3, backend=backend)
    integrate(field, torch.full((1,), 1e3).double(), s, solver=solver)
    assert 0 <= min(seen) <= max(seen) <= 1
    assert max(b - a for a, b in pairwise(seen)) <= 0.3 + 1e-9


@pytest.mark.parametrize("backend", ["own", "torchdiffeq"])
def test_a_jump_that_rounding_moves_off_the_end_takes_no_step(backend):
    s = torch.tensor([0.0, 0.3])  # 0.30000001
    solver = Solver("euler", step_size=0.1, backend=backend)
    _, nfe = integrate(lambda s, z: -z, torch.ones(1), s, solver=solver)
    assert nfe == 3
    _, nfe = integrate(
        lambda s, z: -z, torch.ones(1), s, solver=solver, jumps=[0.3]
    )
    assert nfe == 3


def test_rounding_does_not_add_up_over_many_steps():
    z, _ = integrate(
        lambda s, z: torch.ones_like(z),
        *(torch.zeros(1), torch.tensor([0.0, 10.0])),
        solver=Solver("rk4", step_size=1e-3),
    )
    assert z[-1].item() == pytest.approx(10, abs=1e-3)


def test_advice_fits_the_cause():
    def stop(field, **settings):
        with pytest.raises(SolverError) as caught:
            integrate(
                field,
                *(torch.ones(1), torch.tensor([0.0, 1.0])),
                solver=Solver(**settings),
            )
        return str(caught.value)

    assert "raise max_steps" in stop(lambda s, z: -1e6 * z, max_steps=10)
    assert "division by 0" in stop(lambda s, z: z * math.nan)
    assert "step_size" in stop(
        lambda s, z: z**9, method="euler", step_size=0.01
    )


@pytest.mark.parametrize("backend", ["own", "torchdiffeq"])
def test_the_limit_of_the_solver_holds_beside_the_fields(backend):
    """Both limit steps: the smaller one counts."""

    def steps(own, field):
        model = NeuralODE(
            Galerkin(mlp(2, 4, 2), Fourier(field)),
            solver=Solver(max_step=own, backend=backend),
        )
        return model.solve(torch.ones(1, 2)).nfe

    assert steps(0.01, 3) > 100 > steps(1.0, 3)
    assert steps(1.0, 41) > 100


@pytest.mark.parametrize("backend", ["own", "torchdiffeq"])
def test_the_worst_part_of_a_tuple_counts(backend):
    """A part that stands still does not dilute the error of the other."""
    solver = Solver(backend=backend)
    s, z0 = [0.0, 3.0], torch.ones(2)
    _, alone = integrate(lambda s, z: (5 * z).sin(), z0, s, solver=solver)
    _, beside = integrate(
        lambda s, z: ((5 * z[0]).sin(), torch.zeros(100)),
        *((z0, torch.zeros(100)), s),
        solver=solver,
    )
    assert beside == alone
