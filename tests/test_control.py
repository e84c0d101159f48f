"""Data control, adaptive depth and the reflection (section 5)."""

import copy
import math

import pytest
import torch
from helpers import TIGHT, points
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.autograd import gradcheck

from neural_odes import (
    AdaptiveDepth,
    DataControlled,
    DepthConcat,
    Fourier,
    Galerkin,
    Hypernetwork,
    HypernetworkODE,
    LinearControl,
    NeuralODE,
    Solver,
    mlp,
    seeded,
)
from neural_odes.data import crossing

BACKPROP = Solver("rk4", step_size=0.5)  # its gradient is exact for any step
ADJOINT = Solver("dopri8", rtol=1e-9, atol=1e-9, adjoint=True)
# Wide enough that what an adaptive step leaves of error does not show.
NUDGED = {"eps": 1e-4, "atol": 1e-5}
EVERY_FIELD = {
    "vanilla": lambda: mlp(2, 6, 2),
    "concat": lambda: DepthConcat(mlp(3, 6, 2)),
    "galerkin": lambda: Galerkin(mlp(2, 6, 2), Fourier(3, (0.0, 3.0))),
    "hypernetwork": lambda: Hypernetwork(mlp(2, 6, 2), hidden=4),
    "controlled": lambda: DataControlled(mlp(4, 6, 2)),
    "controlled concat": lambda: DataControlled(DepthConcat(mlp(5, 6, 2))),
    "concat controlled": lambda: DepthConcat(DataControlled(mlp(5, 6, 2))),
    "controlled galerkin": lambda: DataControlled(
        Galerkin(mlp(4, 6, 2), Fourier(3, (0.0, 3.0)))
    ),
    "galerkin controlled": lambda: Galerkin(
        DataControlled(mlp(4, 6, 2)), Fourier(3, (0.0, 3.0))
    ),
    "hypernetwork controlled": lambda: Hypernetwork(
        DataControlled(DepthConcat(mlp(5, 6, 2))), hidden=4
    ),
}
each_field = pytest.mark.parametrize("kind", EVERY_FIELD)


def double(make, seed=0):
    """A module in float64, its weights scaled so that depth matters."""
    module = seeded(make, seed).double()
    with torch.no_grad():
        for p in module.parameters():
            p.add_(torch.sin(torch.arange(p.numel())).view_as(p), alpha=0.3)
    return module


def by_hand(*depths):
    own = torch.tensor(depths, dtype=torch.float64)
    return lambda x: own


# --- LinearControl and Theorem 1


@pytest.mark.parametrize("theta", [0.1, 1.0, 5.0])
def test_the_linear_model_follows_its_analytic_solution(theta):
    field = LinearControl(theta).double()
    x, s = points(7, 1), torch.linspace(0, 1, 21).double()
    z = NeuralODE(field, solver=TIGHT).solve(x, s).z
    torch.testing.assert_close(
        z, field.solution(s[:, None, None], x), rtol=0, atol=1e-8
    )


@given(
    st.floats(-50, 50).filter(lambda x: abs(x) > 1e-3),
    st.floats(1e-3, 1.0),
    st.floats(1e-3, 3.0),
)
def test_theorem_1_holds_exactly_above_its_bound(x, eps, above):
    """|phi(x) - z(1)| < eps if and only if theta exceeds the bound."""
    at = torch.tensor([[x]], dtype=torch.float64)
    bound = LinearControl.bound(at, eps).item()
    for theta, within in ((bound + above, True), (bound - above, False)):
        if theta > 0:
            end = LinearControl(theta).double().solution(1.0, at)
            assert bool((-at - end).abs() < eps) is within


def test_the_bound_is_the_papers():
    x = torch.tensor([[1.0], [-2.0], [0.0]])
    expected = [-math.log(0.1 / 2), -math.log(0.1 / 4), -math.inf]
    assert LinearControl.bound(x, 0.1).tolist() == pytest.approx(expected)
    corner = torch.tensor([[3.0, 4.0]])
    assert LinearControl.bound(corner, 1.0).item() == pytest.approx(
        math.log(10)
    )


def test_the_solver_meets_the_bound_too():
    x, _ = crossing(9)
    eps = 0.05
    theta = LinearControl.bound(x, eps).max().item() + 0.01
    model = NeuralODE(LinearControl(theta), solver=Solver(rtol=1e-6, atol=1e-6))
    assert (model(x) + x).abs().max() < eps


def test_the_l1_loss_is_convex_in_theta():
    """Along theta, chords lie above the curve mean |x| 2 exp(-theta)."""
    x, y = (t.double() for t in crossing(20))
    theta = torch.linspace(0.1, 8, 80).double()
    losses = torch.stack(
        [
            (LinearControl(t.item()).double().solution(1.0, x) - y).abs().mean()
            for t in theta
        ]
    )
    torch.testing.assert_close(losses, 2 * x.abs().mean() * torch.exp(-theta))
    assert bool((losses[:-2] - 2 * losses[1:-1] + losses[2:] > 0).all())


@pytest.mark.parametrize("theta", [0.0, -1.0, math.nan, math.inf])
def test_theta_starts_above_zero(theta):
    with pytest.raises(ValueError, match="theta must"):
        LinearControl(theta)
    with pytest.raises(ValueError, match="eps must"):
        LinearControl.bound(torch.ones(1, 1), -abs(theta))


# --- DataControlled


def widened(plain, controls):
    """A copy of a net with zeroed input columns (channels) for controls."""
    wide = copy.deepcopy(plain)
    first = wide[0]
    weight = first.weight.detach()
    extra = weight.new_zeros(len(weight), controls, *weight.shape[2:])
    first.weight = nn.Parameter(torch.cat([weight, extra], dim=1))
    return wide


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: mlp(3, 8, 3), (5, 3)),
        (lambda: nn.Sequential(nn.Conv2d(2, 2, 3, padding=1)), (4, 2, 6, 6)),
        (lambda: nn.Sequential(nn.Conv2d(2, 4, 1), nn.Tanh(),
                               nn.Conv2d(4, 2, 1)), (4, 2, 3, 3)),
    ],
)  # fmt: skip
def test_zeroed_control_columns_give_the_plain_model(make, shape):
    plain = double(make)
    x = points(*shape)
    controlled = NeuralODE(DataControlled(widened(plain, shape[1])))
    # Sums over more columns may be taken in another order: rounding, in
    # some 30 evaluations.
    torch.testing.assert_close(
        controlled(x), NeuralODE(plain)(x), rtol=0, atol=1e-12
    )


def test_images_keep_their_shape_and_see_an_embedding_with_more_channels():
    embed = double(lambda: nn.Conv2d(1, 5, 3, padding=1))
    net = double(lambda: nn.Conv2d(1 + 5, 1, 3, padding=1))
    x = points(3, 1, 4, 4)
    field = DataControlled(net, embed=embed)
    s = torch.zeros(())
    expected = net(torch.cat([x, embed(x)], dim=1))
    torch.testing.assert_close(field(s, x, x), expected)
    assert NeuralODE(field)(x).shape == x.shape
    # An augmented state has more channels than its input.
    wide = NeuralODE(
        DataControlled(double(lambda: nn.Conv2d(4 + 1, 4, 1))),
        lift=double(lambda: nn.Conv2d(1, 4, 1)),
    )
    assert wide(x).shape == (3, 4, 4, 4)


class GraphLayer(nn.Module):
    """Means over neighbours, then a linear layer: (..., nodes, features)."""

    def __init__(self, adjacency, inputs, outputs):
        super().__init__()
        self.register_buffer("mean", adjacency / adjacency.sum(1, keepdim=True))
        self.linear = nn.Linear(inputs, outputs)

    def forward(self, h):
        return torch.tanh(self.linear(self.mean @ h))


def ring(nodes):
    eye = torch.eye(nodes)
    return eye + eye.roll(1, 0) + eye.roll(-1, 0)


def test_graphs_are_controlled_by_their_node_features():
    net = double(lambda: GraphLayer(ring(6), 2 * 3, 3))
    one, batch = points(6, 3), points(4, 6, 3)
    alone = NeuralODE(DataControlled(net), solver=TIGHT)
    together = NeuralODE(DataControlled(net, dim=-1), solver=TIGHT)
    assert alone(one).shape == one.shape
    expected = torch.stack([alone(graph) for graph in batch])
    torch.testing.assert_close(together(batch), expected, rtol=0, atol=1e-8)
    turned = alone(one.roll(2, 0))  # a ring has no first node
    torch.testing.assert_close(turned, alone(one).roll(2, 0))


def test_graphs_of_a_batch_may_have_their_own_depths():
    net = double(lambda: GraphLayer(ring(5), 2 * 2, 2))
    x = points(3, 5, 2)
    depth = AdaptiveDepth(5 * 2).double()
    model = NeuralODE(DataControlled(net, dim=-1), depth=depth, solver=TIGHT)
    expected = torch.cat([model(x[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(model(x), expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("adjoint", [False, True])
def test_gradients_reach_the_input_and_the_embedding(adjoint):
    """Through the control alone: the state starts at zero, whatever x is."""
    field = DataControlled(mlp(4, 3, 2), embed=nn.Linear(3, 2)).double()
    solver = ADJOINT if adjoint else BACKPROP
    lift = lambda x: x.new_zeros(len(x), 2)  # noqa: E731
    model = NeuralODE(field, lift=lift, solver=solver)
    weight = field.embed.weight
    x = points(2, 3).requires_grad_()
    # gradcheck nudges parameters in place.
    inputs = (x, *field.parameters())
    assert gradcheck(lambda x, *_: model(x), inputs, **NUDGED)
    model(x).sum().backward()
    assert x.grad.abs().min() > 0
    assert weight.grad.abs().min() > 0


def test_controls_that_do_not_fit_are_named():
    x = torch.zeros(4, 2)
    with pytest.raises(ValueError, match=r"embed\(x\) must"):
        NeuralODE(DataControlled(mlp(3, 2), embed=lambda x: x[:, 0]))(x)
    images = torch.zeros(4, 1, 6, 6)
    pooled = DataControlled(nn.Conv2d(2, 1, 1), embed=nn.AvgPool2d(2))
    with pytest.raises(ValueError, match=r"embed\(x\) must"):
        NeuralODE(pooled)(images)
    with pytest.raises(ValueError, match=r"^x must fit"):
        NeuralODE(DataControlled(mlp(2, 2)))(x)
    with pytest.raises(TypeError, match="embed must"):
        DataControlled(mlp(4, 2), embed=3)
    with pytest.raises(TypeError, match="module must"):
        DataControlled(3)


# --- AdaptiveDepth


@each_field
def test_a_depth_per_sample_is_each_sample_solved_alone(kind):
    """The n-th sample sees its own s, also where the field varies with it."""
    field = double(EVERY_FIELD[kind])
    x, depths = points(4, 2), (0.3, 1.0, 2.5, 0.0)
    model = NeuralODE(field, depth=by_hand(*depths), solver=TIGHT)
    tau = torch.tensor([0.0, 0.4, 1.0]).double()
    with torch.no_grad():
        batch = model.solve(x, tau)
        for n, depth in enumerate(depths[:3]):
            alone = NeuralODE(field, depth=depth, solver=TIGHT)
            one = alone.solve(x[n : n + 1], tau * depth)
            torch.testing.assert_close(
                batch.z[:, n], one.z[:, 0], rtol=0, atol=1e-7
            )
            torch.testing.assert_close(batch.s[:, n], one.s)
    # It stays where it is, but for rounding in dense output.
    torch.testing.assert_close(
        batch.z[:, 3], x[3].expand(3, 2), rtol=0, atol=1e-13
    )


@pytest.mark.parametrize(
    ("kind", "solver"),
    [(kind, BACKPROP) for kind in EVERY_FIELD]
    + [(kind, ADJOINT) for kind in ("concat", "hypernetwork controlled")],
)
def test_gradients_of_x_and_g_agree_with_finite_differences(kind, solver):
    depth = double(lambda: AdaptiveDepth(2, hidden=2))
    model = NeuralODE(double(EVERY_FIELD[kind]), depth=depth, solver=solver)
    x = points(1 if solver.adjoint else 2, 2).requires_grad_()
    # Finite differences across the kink of a unit of g would be wrong.
    assert depth.module[:2](x).abs().min() > 10 * NUDGED["eps"]
    inputs = (x, *depth.parameters())
    assert gradcheck(lambda x, *_: model(x), inputs, **NUDGED)


@pytest.mark.parametrize("solver", [BACKPROP, ADJOINT])
def test_gradients_reach_depths_set_by_hand(solver):
    own = torch.tensor([0.5, 1.5]).double().requires_grad_()
    x, field = points(2, 2), double(EVERY_FIELD["concat"])
    model = NeuralODE(field, depth=lambda x: own, solver=solver)
    assert gradcheck(lambda own: model(x), (own,), **NUDGED)


def test_the_last_states_slope_in_g_is_the_field_there():
    field = double(EVERY_FIELD["controlled concat"])
    own = torch.tensor([0.7, 1.9]).double().requires_grad_()
    x = points(2, 2)
    model = NeuralODE(field, depth=lambda x: own, solver=TIGHT)
    z = model(x)
    z[:, 0].sum().backward()
    slope = field(own[:, None], z, x)[:, 0]
    torch.testing.assert_close(own.grad, slope, rtol=0, atol=1e-7)


@given(
    st.integers(0, 2**16),
    st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=8),
    st.floats(-20, 20),
)
def test_depths_are_never_negative(seed, inputs, scale):
    depth = seeded(lambda: AdaptiveDepth(1), seed)
    with torch.no_grad():
        depth.module[-1].weight.mul_(scale)
    own = depth(torch.tensor(inputs)[:, None])
    assert own.shape == (len(inputs),)
    assert bool((own >= 0).all())


def test_a_field_with_a_state_of_its_own_takes_one_depth():
    field = HypernetworkODE(DataControlled(mlp(4, 4, 2)), hidden=4)
    model = NeuralODE(field, depth=AdaptiveDepth(2))
    with pytest.raises(TypeError, match="depth must be a number"):
        model(torch.ones(3, 2))


def test_depth_zero_returns_the_input():
    class MinusOne(nn.Module):
        def forward(self, x):
            return -torch.ones(len(x))

    x = points(5, 2)
    for kind in EVERY_FIELD.values():
        model = NeuralODE(double(kind), depth=AdaptiveDepth(MinusOne()))
        torch.testing.assert_close(model(x), x, rtol=0, atol=1e-14)


def test_depth_is_the_papers_network_and_starts_near_one():
    depth = seeded(lambda: AdaptiveDepth(1), 0)
    x = torch.linspace(-1, 1, 9)[:, None]
    _, inner, _, outer = depth.module
    assert (inner.out_features, outer.in_features) == (8, 8)
    hidden = torch.relu(x * inner.weight[:, 0] + inner.bias)
    expected = (1 + hidden @ outer.weight[0]).abs()
    torch.testing.assert_close(depth(x), expected)
    for seed in range(20):
        own = seeded(lambda: AdaptiveDepth(1), seed)(x)
        assert (own - 1).abs().max() < 0.2
        assert own.std() > 0


def test_any_module_gives_depths():
    x = torch.randn(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    net = nn.Sequential(nn.Conv2d(1, 1, 4), nn.Flatten())
    torch.testing.assert_close(AdaptiveDepth(net)(x), (1 + net(x)[:, 0]).abs())
    field = DataControlled(DepthConcat(nn.Conv2d(3, 1, 3, padding=1)))
    assert NeuralODE(field, depth=AdaptiveDepth(net))(x).shape == x.shape
    assert AdaptiveDepth(16)(x).shape == (3,)


def test_bad_depths_are_named():
    for wrong in (0, -1):
        with pytest.raises(ValueError, match="module must"):
            AdaptiveDepth(wrong)
    with pytest.raises(ValueError, match="hidden must"):
        AdaptiveDepth(1, hidden=0)
    with pytest.raises(TypeError, match="module must"):
        AdaptiveDepth("deep")
    x = torch.zeros(4, 2)
    with pytest.raises(ValueError, match=r"module\(x\) must"):
        AdaptiveDepth(nn.Linear(2, 3))(x)
    with pytest.raises(ValueError, match=r"^x must fit"):
        NeuralODE(mlp(2, 2), depth=AdaptiveDepth(3))(x)


# --- Order on a line


def strong(make, seed):
    """A field on a line with large weights: flows that twist a lot."""
    module = seeded(make, seed).double()
    with torch.no_grad():
        for p in module.parameters():
            p.mul_(4)
    return module


@pytest.mark.parametrize(
    "make",
    [
        lambda: mlp(1, 8, 1),
        lambda: DepthConcat(mlp(2, 8, 1)),
        lambda: Galerkin(mlp(1, 8, 1), Fourier(3)),
    ],
    ids=["vanilla", "concat", "galerkin"],
)
@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**16),
    start=st.floats(-2, 2),
    gaps=st.lists(st.floats(0.05, 1.0), min_size=1, max_size=6),
)
def test_flows_on_a_line_keep_the_order_of_points(make, seed, start, gaps):
    """Solutions that start apart stay apart, at every depth."""
    x = torch.tensor([start, *gaps]).double().cumsum(0)[:, None]
    model = NeuralODE(strong(make, seed), solver=Solver(rtol=1e-8, atol=1e-10))
    with torch.no_grad():
        z = model.solve(x, torch.linspace(0, 1, 11)).z[..., 0]
    # Contraction may bring points within the solver's error, not past it.
    assert bool((z.diff(dim=1) > -1e-6).all())


def test_data_control_flips_the_order_of_points():
    x, y = crossing(11)
    linear = NeuralODE(LinearControl(4.0))
    assert bool((linear(x).diff(dim=0) < 0).all())
    assert (linear(x) - y).abs().max() < 0.05
    # The same flow as weights of a general data-controlled layer.
    layer = nn.Linear(2, 1, bias=False)
    nn.init.constant_(layer.weight, -4.0)
    general = NeuralODE(DataControlled(layer))
    torch.testing.assert_close(general(x), linear(x), rtol=0, atol=1e-5)


def test_depths_by_hand_flip_two_points_of_a_concat_flow():
    """Figure 4: x = 1 stops at depth 1 and x = -1 at depth 3."""

    class Swing(nn.Module):  # z(s) = x - 2 sin(pi s / 2)
        def forward(self, zs):
            return -math.pi * torch.cos(math.pi / 2 * zs[:, 1:])

    field = DepthConcat(Swing())
    x = torch.tensor([[1.0], [-1.0]]).double()
    model = NeuralODE(field, depth=by_hand(1.0, 3.0), solver=TIGHT)
    torch.testing.assert_close(model(x), -x, rtol=0, atol=1e-8)
    same = NeuralODE(field, depth=3.0, solver=TIGHT)
    assert bool((same(x).diff(dim=0) < 0).all())
