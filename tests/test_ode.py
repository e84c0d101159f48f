"""The one equation: shapes, depths, parts, and what it refuses."""

import math
import warnings

import pytest
import torch
from helpers import TIGHT, double, points
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from neural_odes import (
    AdaptiveDepth,
    DataControlled,
    DepthConcat,
    Fourier,
    Galerkin,
    HigherOrder,
    JointField,
    NeuralODE,
    Solver,
    ZeroAugment,
    integrate,
    mlp,
    seeded,
)
from neural_odes.fields import DepthInvariant, as_field, per_sample
from neural_odes.regularize import divergence, kinetic_energy


def planar(**parts):
    return seeded(lambda: NeuralODE(mlp(2, 8, 2), **parts), 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(1,), (3,), (2, 4), (3, 5, 5)])
def test_any_state_shape_decays(dtype, shape):
    model = NeuralODE(lambda s, z, x: -z, depth=2.0)
    x = torch.rand(4, *shape, dtype=dtype)
    solution = model.solve(x, torch.tensor([0.0, 0.5, 2.0]))
    assert solution.z.shape == (3, 4, *shape)
    assert solution.z.dtype == dtype
    assert torch.equal(solution.z[0], x)
    for s, z in zip(solution.s, solution.z, strict=True):
        torch.testing.assert_close(z, x * math.exp(-s), atol=1e-3, rtol=0)


def test_parts_are_applied_in_order():
    model = NeuralODE(
        lambda s, z, x: torch.ones_like(z),
        lift=lambda x: 10 * x,
        depth=3.0,
        readout=lambda z: z + 0.5,
    )
    x = torch.tensor([[1.0], [2.0]])
    torch.testing.assert_close(model(x), 10 * x + 3.5)
    torch.testing.assert_close(model.solve(x).s, torch.tensor([0.0, 3.0]))


def test_the_field_sees_depth_and_input():
    model = NeuralODE(lambda s, z, x: 2 * s * x, solver=TIGHT)
    x = torch.tensor([[1.5]], dtype=torch.float64)
    torch.testing.assert_close(model(x), 2 * x)  # x + x s^2 at s = 1


def test_output_depths_may_start_late_or_be_alone():
    model = planar(solver=TIGHT).double()
    x = torch.randn(5, 2, dtype=torch.float64)
    whole = model.solve(x, torch.linspace(0, 1, 5)).z
    late = model.solve(x, torch.tensor([0.5, 0.75])).z
    torch.testing.assert_close(late, whole[2:4], atol=1e-7, rtol=0)
    start = model.solve(x, torch.tensor([0.0]))
    assert torch.equal(start.z, x[None])
    assert start.nfe == 0


@given(middle=st.floats(0.1, 0.9))
def test_flows_of_autonomous_fields_compose(middle):
    field = seeded(lambda: mlp(2, 8, 2), 1).double()
    x = torch.tensor([[0.3, -1.0], [2.0, 0.1]], dtype=torch.float64)
    first = NeuralODE(field, depth=middle, solver=TIGHT)
    second = NeuralODE(field, depth=1 - middle, solver=TIGHT)
    whole = NeuralODE(field, solver=TIGHT)
    torch.testing.assert_close(second(first(x)), whole(x), atol=1e-6, rtol=0)


def test_a_module_of_z_is_depth_invariant():
    net = mlp(2, 4, 2)
    field = as_field(net)
    assert isinstance(field, DepthInvariant)
    z, x = torch.randn(3, 2), torch.randn(3, 2)
    assert torch.equal(field(torch.tensor(0.2), z, x), net(z))
    assert next(NeuralODE(net).parameters()) is net[0].weight


def test_a_module_of_three_is_a_field():
    class Field(nn.Module):
        def forward(self, s, z, x):
            return s * z + x

    field = Field()
    assert as_field(field) is field


class Joint(JointField):
    """dz = w z, dw = -w: w(s) = exp(-s)."""

    def initial(self):
        return torch.ones(1, dtype=torch.float64)

    def forward(self, s, state, x):
        z, w = state
        return w * z, -w


def test_a_joint_state_is_solved_along():
    model = NeuralODE(Joint(), solver=TIGHT)
    x = torch.tensor([[2.0]], dtype=torch.float64)
    exact = x * math.exp(1 - math.exp(-1))
    torch.testing.assert_close(model(x), exact, atol=1e-7, rtol=0)
    with pytest.raises(TypeError, match="field must"):
        as_field(Joint())


@pytest.mark.parametrize("adjoint", [False, True])
def test_gradients_reach_everything(adjoint):
    model = seeded(
        lambda: NeuralODE(
            mlp(3, 4, 3),
            lift=nn.Linear(2, 3),
            readout=nn.Linear(3, 1),
            solver=Solver(rtol=1e-10, atol=1e-10, adjoint=adjoint),
        ),
        0,
    ).double()
    x = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    model(x).square().sum().backward()
    got = [p.grad.clone() for p in model.parameters()]
    model.solver = Solver(rtol=1e-10, atol=1e-10)
    model.zero_grad()
    model(x).square().sum().backward()
    for a, p in zip(got, model.parameters(), strict=True):
        torch.testing.assert_close(a, p.grad, atol=1e-7, rtol=1e-6)


@pytest.mark.parametrize("adjoint", [False, True])
def test_gradients_in_an_input_that_the_field_sees(adjoint):
    class Field(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = mlp(2, 3, 1)

        def forward(self, s, z, x):
            return s * self.net(torch.cat([z, x], dim=1))

    solver = Solver(rtol=1e-10, atol=1e-10, adjoint=adjoint)
    model = seeded(lambda: NeuralODE(Field(), solver=solver), 0).double()
    x = torch.tensor([[0.4], [-1.2]], dtype=torch.float64, requires_grad=True)
    inputs = (x, *model.parameters())
    assert torch.autograd.gradcheck(
        lambda x, *_: model(x), inputs, atol=1e-5, nondet_tol=1e-9
    )


def test_depths_broadcast_against_states():
    z = torch.zeros(3, 2, 5, 5)
    assert per_sample(torch.tensor(0.5), z).ndim == 0
    assert per_sample(torch.rand(3, 1), z).shape == (3, 1, 1, 1)


@pytest.mark.parametrize(
    ("x", "what"),
    [
        ([[1.0, 2.0]], "^x must"),
        (torch.ones(3, 2, dtype=torch.long), "^x must"),
        (torch.ones(0, 2), "^x must"),
        (torch.tensor([[1.0, math.nan]]), "^x must"),
        (torch.tensor([[1.0, math.inf]]), "^x must"),
        (torch.ones(4, 3), "^x must fit"),
        (torch.ones(4, 2, dtype=torch.float64), "^x must fit"),
    ],
)
def test_bad_inputs_are_named(x, what):
    with pytest.raises(ValueError, match=what):
        planar()(x)


@pytest.mark.parametrize("s", [[0.5, 0.5], [0.0, 1.5], [-0.1, 1.0], []])
def test_bad_output_depths_are_named(s):
    with pytest.raises(ValueError, match=r"^s must"):
        planar().solve(torch.ones(1, 2), torch.tensor(s))


@pytest.mark.parametrize("depth", [0.0, -1.0, math.inf, math.nan])
def test_bad_final_depths_are_named(depth):
    with pytest.raises(ValueError, match="depth must"):
        planar(depth=depth)


@pytest.mark.parametrize(
    "field", [3, None, torch.sin, lambda z: z, lambda s, z: z]
)
def test_bad_fields_are_named(field):
    with pytest.raises(TypeError, match="field must"):
        NeuralODE(field)


@pytest.mark.parametrize("part", ["lift", "readout"])
def test_bad_parts_are_named(part):
    with pytest.raises(TypeError, match=f"{part} must"):
        planar(**{part: 3})


@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="there is no CUDA device"
)
def test_cuda_agrees_with_the_cpu():
    model = planar()
    x = torch.randn(8, 2)
    here = model(x)
    there = model.cuda()(x.cuda()).cpu()
    torch.testing.assert_close(here, there, atol=1e-4, rtol=1e-4)


def test_a_depth_that_would_not_be_trained_is_refused():
    depth = nn.Parameter(torch.tensor(1.0))
    with pytest.raises(TypeError, match="depth must"):
        NeuralODE(mlp(2, 2), depth=depth)
    model = NeuralODE(mlp(2, 2))
    model.depth = depth
    with pytest.raises(TypeError, match="depth must"):
        model(torch.ones(1, 2))


@pytest.mark.parametrize("part", ["lift", "control"])
def test_parts_that_write_into_x_are_refused(part):
    model = NeuralODE(mlp(2, 2), **{part: nn.ReLU(inplace=True)})
    with pytest.raises(ValueError, match="writes into its input x"):
        model(-torch.ones(1, 2))


class Gradient(nn.Module):
    """A field that takes a gradient without seeing to it that it can."""

    def forward(self, z):
        z = z.clone().requires_grad_()
        return torch.autograd.grad(z.square().sum(), z)[0]


def test_what_is_not_the_inputs_fault_is_not_put_on_it():
    x = torch.ones(1, 2)
    with pytest.raises(ValueError, match=r"torch\.enable_grad"):
        NeuralODE(Gradient())(x)
    adjoint = NeuralODE(mlp(2, 2), solver=Solver(adjoint=True))
    with pytest.raises(ValueError, match=r"^torch\.func's transforms"):
        torch.func.jacrev(adjoint)(x)


@pytest.mark.parametrize(
    "parts",
    [
        {"field": DepthConcat(mlp(3, 2))},
        {"field": mlp(2, 2), "depth": AdaptiveDepth(2)},
        {"field": mlp(2, 2), "running": divergence},
    ],
)
def test_inputs_without_features_are_named(parts):
    with pytest.raises(ValueError, match=r"^x must fit"):
        NeuralODE(**parts)(torch.ones(2))


def test_a_lift_that_changes_the_number_of_samples_is_refused():
    model = NeuralODE(mlp(2, 2), lift=ZeroAugment(1, dim=0))
    with pytest.raises(ValueError, match=r"lift\(x\) must"):
        model(torch.ones(3, 2))


# --- what goes along, and how far


def test_the_control_is_computed_once_a_solve():
    calls = []

    class Half(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(0.5, dtype=torch.float64))

        def forward(self, x):
            calls.append(len(x))
            return self.scale * x

    x = points(4, 2).requires_grad_()
    gradients = []
    for adjoint in (False, True):
        solver = Solver(rtol=1e-10, atol=1e-12, adjoint=adjoint)
        model = double(
            lambda s=solver: NeuralODE(
                DataControlled(mlp(4, 4, 2)), control=Half(), solver=s
            )
        )
        calls.clear()
        loss = model(x).square().sum()
        assert calls == [4]
        found = torch.autograd.grad(loss, [x, *model.parameters()])
        gradients.append(found)
    embedded = double(
        lambda: NeuralODE(
            DataControlled(mlp(4, 4, 2), embed=Half()), solver=TIGHT
        )
    )
    torch.testing.assert_close(embedded(x), model(x))
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-8)
    with pytest.raises(TypeError, match="control must"):
        NeuralODE(mlp(2, 2), control=3)


def test_running_costs_are_integrated_along_the_path():
    """dz/ds = -z: the integral of |dz/ds|^2 is |x|^2 (1 - e^(-2s)) / 2."""
    x = points(3, 2)
    s = torch.tensor([0.0, 0.5, 1.0]).double()
    for depth in (1.0, lambda x: torch.ones(len(x))):
        model = NeuralODE(
            lambda s, z, x: -z,
            running=kinetic_energy,
            depth=depth,
            solver=TIGHT,
        )
        found = model.solve(x, s)
        exact = x.square().sum(1) * (1 - torch.exp(-2 * s[:, None])) / 2
        torch.testing.assert_close(found.running, exact)
        torch.testing.assert_close(found.z[-1], x / math.e)
        late = model.solve(x, s[1:])  # depths need not begin at 0
        torch.testing.assert_close(late.running, exact[1:])
    assert model.solve(x, s[:1]).running.tolist() == [[0.0] * 3]
    assert NeuralODE(lambda s, z, x: -z).solve(x).running is None
    joint = NeuralODE(Joint(), running=kinetic_energy, solver=TIGHT)
    torch.testing.assert_close(
        joint(x), NeuralODE(Joint(), solver=TIGHT)(x), rtol=1e-8, atol=1e-8
    )


def test_a_solve_may_go_beyond_the_depth():
    model = NeuralODE(lambda s, z, x: -z, depth=1.0, solver=TIGHT)
    x, s = points(2, 2), torch.tensor([1.0, 3.0]).double()
    found = model.solve(x, s, beyond=True).z
    torch.testing.assert_close(found[1], x * math.exp(-3))
    with pytest.raises(ValueError, match="s must be increasing"):
        model.solve(x, s)


@pytest.mark.parametrize("backend", ["own", "torchdiffeq"])
def test_the_way_back_ends_where_the_path_began(backend):
    def field(s, z):
        return torch.where(s < 0.5, 1.0, -2.0) * z.cos()

    solver = Solver(rtol=1e-10, atol=1e-12, backend=backend)
    s = torch.tensor([0.0, 0.3, 1.0]).double()
    there, _ = integrate(field, points(3, 2), s, solver=solver, jumps=[0.5])
    back, _ = integrate(field, there[-1], s.flip(0), solver=solver, jumps=[0.5])
    torch.testing.assert_close(back.flip(0), there, rtol=1e-8, atol=1e-8)


def test_a_model_says_how_it_is_solved_and_for_how_long():
    model = NeuralODE(mlp(2, 2), depth=2.0, solver=Solver("rk4", step_size=0.1))
    assert "depth=2.0, Solver(method='rk4'" in repr(model)
    with pytest.raises(ValueError, match=r"state_dict must .* depth 2\.0"):
        NeuralODE(mlp(2, 2)).load_state_dict(model.state_dict())
    NeuralODE(mlp(2, 2), depth=2.0).load_state_dict(model.state_dict())


def test_dropout_in_an_adaptive_solve_is_warned_of():
    field = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1))
    with pytest.warns(UserWarning, match="fixed-step"):
        NeuralODE(field)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        NeuralODE(field, solver=Solver("rk4", step_size=0.1))


def test_torchdiffeqs_options_are_handed_on():
    seen = []

    def field(s, z, x):
        seen.append(s.item())
        return -z

    model = NeuralODE(field, solver=Solver(options={"first_step": 0.125}))
    model(points(2, 2))
    assert max(seen[:7]) == pytest.approx(0.125)
    with pytest.raises(TypeError, match="options must"):
        Solver(options=3)


@pytest.mark.parametrize(
    "wrap",
    [torch.compile, nn.DataParallel, torch.optim.swa_utils.AveragedModel],
)
def test_wrapped_modules_are_read_as_what_they_wrap(wrap):
    assert isinstance(as_field(wrap(mlp(2, 2))), DepthInvariant)
    field = wrap(DataControlled(mlp(4, 2)))
    assert as_field(field) is field


@pytest.mark.parametrize("outermost", [False, True])
def test_weights_of_compiled_parts_load_into_plain_ones_and_back(outermost):
    parts = [torch.compile(mlp(2, 4, 2)), nn.Linear(2, 2)]
    compiled = NeuralODE(parts[0], readout=parts[1])
    plain = NeuralODE(mlp(2, 4, 2), readout=nn.Linear(2, 2))
    assert "field.module.0.weight" in plain.state_dict()
    state = compiled.state_dict()
    assert "field.module._orig_mod.0.weight" in state
    wrapped = nn.Sequential(plain) if outermost else plain
    if outermost:
        state = nn.Sequential(compiled).state_dict()
    wrapped.load_state_dict(state)
    for one, other in zip(
        plain.parameters(), compiled.parameters(), strict=True
    ):
        assert torch.equal(one, other)
    nn.init.ones_(plain.readout.weight)
    compiled.load_state_dict(plain.state_dict())
    assert (compiled.readout.weight == 1).all()
    plain.load_state_dict(torch.compile(compiled).state_dict())
    with pytest.raises(RuntimeError, match=r"Missing key.*readout"):
        plain.load_state_dict(NeuralODE(mlp(2, 4, 2)).state_dict())


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: NeuralODE(lambda z: -z), "lambda s, z, x: -z"),
        (lambda: NeuralODE(lambda t, z: -z), "lambda s, z, x: -z"),
        (lambda: NeuralODE(mlp), "callable of \\(s, z, x\\)"),
        (lambda: NeuralODE(mlp(2, 2), solver="rk4"), "Solver\\('rk4', step"),
        (lambda: NeuralODE(mlp(2, 2), lift=nn.Linear), "the class Linear"),
        (lambda: Galerkin(mlp(2, 2), 5), "such as Fourier\\(5\\), got 5"),
        (lambda: Galerkin(mlp(2, 2), Fourier), "such as Fourier\\(5\\)"),
        (
            lambda: NeuralODE(HigherOrder(mlp(2, 1)))(torch.ones(3, 1)),
            "a lift such as ZeroAugment",
        ),
    ],
)
def test_errors_say_what_to_write_instead(call, says):
    with pytest.raises((TypeError, ValueError), match=says):
        call()
