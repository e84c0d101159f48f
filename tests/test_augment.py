"""Lifts and higher orders: known solutions, and what they leave alone."""

import math

import pytest
import torch
from helpers import TIGHT, double, points
from torch import nn

from neural_odes import (
    AdaptiveDepth,
    DataControlled,
    DepthConcat,
    Fourier,
    Galerkin,
    Hypernetwork,
    HypernetworkODE,
    NeuralODE,
    Solver,
    fit,
    mlp,
    nested_spheres,
    seeded,
)
from neural_odes.augment import (
    HigherOrder,
    InputLayer,
    PartialReadout,
    ZeroAugment,
)


@pytest.mark.parametrize("shape", [(4, 2), (3, 2, 5, 5), (6, 2)])
def test_zeros_are_added_on_dimension_1(shape):
    x = points(*shape)
    z = ZeroAugment(3)(x)
    assert z.shape == (shape[0], 5, *shape[2:])
    assert torch.equal(z[:, :2], x)
    assert not z[:, 2:].any()
    assert torch.equal(ZeroAugment(0)(x), x)
    graphs = points(4, 6, 2)
    assert ZeroAugment(3, dim=-1)(graphs).shape == (4, 6, 5)


def test_an_input_layer_replaces_x_or_follows_it():
    layer = double(lambda: nn.Conv2d(1, 6, 1))
    x = points(2, 1, 4, 4)
    torch.testing.assert_close(InputLayer(layer)(x), layer(x))
    kept = InputLayer(layer, keep=True)(x)
    assert torch.equal(kept[:, :1], x)
    torch.testing.assert_close(kept[:, 1:], layer(x))
    linear = double(lambda: nn.Linear(2, 3))
    graphs = points(4, 6, 2)
    kept = InputLayer(linear, keep=True, dim=-1)(graphs)
    assert kept.shape == (4, 6, 5)


def test_augmented_states_that_nothing_feeds_leave_x_alone():
    """With zeroed rows and columns for a, z flows as without it."""
    plain = double(lambda: nn.Linear(2, 2))
    wide = nn.Linear(5, 5).double()
    with torch.no_grad():
        for p in wide.parameters():
            p.zero_()
        wide.weight[:2, :2] = plain.weight
        wide.bias[:2] = plain.bias
    x = points(4, 2)
    z = NeuralODE(wide, lift=ZeroAugment(3), solver=TIGHT)(x)
    expected = NeuralODE(plain, solver=TIGHT)(x)
    torch.testing.assert_close(z[:, :2], expected, rtol=0, atol=1e-8)
    assert not z[:, 2:].any()


def test_the_readout_sees_its_part_alone():
    readout = double(lambda: nn.Linear(2, 1))
    z = points(4, 5)
    torch.testing.assert_close(PartialReadout(readout, 2)(z), readout(z[:, :2]))
    torch.testing.assert_close(
        PartialReadout(readout, 4, start=2)(z), readout(z[:, 2:4])
    )
    images = points(3, 6, 4, 4)
    pooled = PartialReadout(nn.Flatten(), 1)(images)
    torch.testing.assert_close(pooled, images[:, 0].flatten(1))


# --- Higher orders


@pytest.mark.parametrize(
    "make",
    [
        lambda: mlp(4, 6, 4),
        lambda: DepthConcat(mlp(5, 6, 4)),
        lambda: Galerkin(mlp(4, 6, 4), Fourier(3)),
        lambda: DataControlled(mlp(8, 6, 4)),
    ],
    ids=["vanilla", "concat", "galerkin", "controlled"],
)
def test_order_1_and_no_state_of_order_2_are_the_plain_model(make):
    field, x = double(make), points(5, 4)
    expected = NeuralODE(field)(x)
    for order, size in ((1, None), (2, 0), (1, 2)):
        same = NeuralODE(HigherOrder(field, order, size=size))
        torch.testing.assert_close(same(x), expected)


def test_all_states_of_order_2_are_the_full_second_order():
    field, x = double(lambda: mlp(4, 6, 2)), points(5, 4)
    full = NeuralODE(HigherOrder(field))(x)
    same = NeuralODE(HigherOrder(field, 2, size=2))
    torch.testing.assert_close(same(x), full)


def spring(z):
    return -4 * z[:, :2]  # q'' = -4 q


class Spring(nn.Module):
    forward = staticmethod(spring)


@pytest.mark.parametrize("shape", [(4, 2), (3, 2, 3, 3)])
def test_second_order_is_the_harmonic_oscillator(shape):
    q, p = points(*shape), points(*shape, seed=1)
    s = torch.linspace(0, 2, 5).double()
    model = NeuralODE(HigherOrder(Spring()), depth=2.0, solver=TIGHT)
    z = model.solve(torch.cat([q, p], dim=1), s).z
    t = s.reshape(-1, *[1] * len(shape))
    position = q * torch.cos(2 * t) + p / 2 * torch.sin(2 * t)
    velocity = -2 * q * torch.sin(2 * t) + p * torch.cos(2 * t)
    torch.testing.assert_close(
        z, torch.cat([position, velocity], dim=2), rtol=0, atol=1e-8
    )


def test_the_oscillator_converges_with_the_order_of_the_method():
    x = points(3, 4)
    errors = []
    for steps in (10, 20, 40):
        model = NeuralODE(
            HigherOrder(Spring()), solver=Solver("rk4", step_size=1 / steps)
        )
        exact = math.cos(2) * x[:, :2] + math.sin(2) / 2 * x[:, 2:]
        errors.append((model(x)[:, :2] - exact).norm().item())
    slopes = [
        math.log2(a / b) for a, b in zip(errors, errors[1:], strict=False)
    ]
    assert slopes == pytest.approx([4, 4], abs=0.2)


def test_third_order_without_a_force_is_a_parabola():
    class Nothing(nn.Module):
        def forward(self, z):
            return 0 * z[:, :1]

    x = points(6, 3)
    z = NeuralODE(HigherOrder(Nothing(), 3), depth=2.0, solver=TIGHT)(x)
    a, b, c = x.unbind(1)
    expected = torch.stack([a + 2 * b + 2 * c, b + 2 * c, c], dim=1)
    torch.testing.assert_close(z, expected, rtol=0, atol=1e-9)


def test_selective_second_order_leaves_the_rest_first_order():
    """q'' = -4 q beside a' = -a."""

    class Both(nn.Module):
        def forward(self, z):
            return torch.cat([-4 * z[:, :1], -z[:, 2:]], dim=1)

    x = points(5, 4)
    z = NeuralODE(HigherOrder(Both(), 2, size=1), solver=TIGHT)(x)
    q = math.cos(2) * x[:, :1] + math.sin(2) / 2 * x[:, 1:2]
    torch.testing.assert_close(z[:, :1], q, rtol=0, atol=1e-8)
    torch.testing.assert_close(z[:, 2:], x[:, 2:] / math.e, rtol=0, atol=1e-8)


# --- Together with everything else

COMBINED = {
    "galerkin inside": lambda: HigherOrder(Galerkin(mlp(4, 6, 2), Fourier(3))),
    "galerkin outside": lambda: Galerkin(HigherOrder(mlp(4, 6, 2)), Fourier(3)),
    "hypernetwork": lambda: Hypernetwork(HigherOrder(mlp(4, 6, 2)), hidden=3),
    "weight ODE": lambda: HypernetworkODE(HigherOrder(mlp(4, 2)), hidden=2),
    "concat": lambda: HigherOrder(DepthConcat(mlp(5, 6, 2))),
    "controlled": lambda: HigherOrder(
        DataControlled(mlp(6, 6, 2), embed=nn.Identity())
    ),
}


@pytest.mark.parametrize("kind", COMBINED)
def test_it_combines_with_every_field_and_a_depth_per_sample(kind):
    field = double(COMBINED[kind])
    # A field with a state of its own takes one depth for all.
    own = double(lambda: AdaptiveDepth(2))
    depth = 1.0 if kind == "weight ODE" else own
    model = NeuralODE(field, lift=ZeroAugment(2), depth=depth, solver=TIGHT)
    x = points(3, 2)
    alone = torch.cat([model(x[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(model(x), alone, rtol=0, atol=1e-7)


@pytest.mark.parametrize("kind", COMBINED)
def test_gradients_agree_with_finite_differences(kind):
    lift = double(lambda: InputLayer(nn.Linear(2, 2), keep=True))
    model = NeuralODE(
        double(COMBINED[kind]),
        lift=lift,
        readout=double(lambda: PartialReadout(nn.Linear(2, 1), 2)),
        solver=Solver("rk4", step_size=0.5),
    )
    x = points(2, 2).requires_grad_()
    inputs = (x, *model.lift.parameters(), *model.readout.parameters())
    assert torch.autograd.gradcheck(lambda x, *_: model(x), inputs)


def test_a_second_order_model_trains():
    x, y = nested_spheres(64, seed=0)
    model = seeded(
        lambda: NeuralODE(
            HigherOrder(mlp(4, 16, 2)),
            lift=InputLayer(nn.Linear(2, 2), keep=True),
            readout=PartialReadout(nn.Linear(2, 1), 2),
            solver=Solver("rk4", step_size=0.25),
        ),
        0,
    )
    history = fit(model, x, y, epochs=120, lr=0.02, progress=False)
    assert history.loss[-1] < history.loss[0] / 3


def test_images_shift_with_their_input():
    """With circular padding nothing tells one place from another."""
    convolution = double(
        lambda: nn.Conv2d(4, 2, 3, padding=1, padding_mode="circular")
    )
    model = NeuralODE(HigherOrder(convolution), lift=ZeroAugment(3))
    x = points(2, 1, 6, 6)
    torch.testing.assert_close(
        model(x.roll((1, 2), (2, 3))), model(x).roll((1, 2), (2, 3))
    )


class GraphLayer(nn.Module):
    """Means over neighbours, then a linear layer."""

    def __init__(self, adjacency, inputs, outputs):
        super().__init__()
        self.register_buffer("mean", adjacency / adjacency.sum(1, keepdim=True))
        self.linear = nn.Linear(inputs, outputs)

    def forward(self, h):
        return torch.tanh(self.linear(self.mean @ h))


def test_graphs_do_not_know_the_order_of_their_nodes():
    generator = torch.Generator().manual_seed(0)
    adjacency = torch.rand(7, 7, generator=generator).round() + torch.eye(7)
    order = torch.randperm(7, generator=generator)
    x = points(7, 2)

    def model(adjacency):
        layer = double(lambda: GraphLayer(adjacency, 6, 3))
        lift = double(lambda: InputLayer(nn.Linear(2, 4), keep=True))
        return NeuralODE(HigherOrder(layer), lift=lift)

    torch.testing.assert_close(
        model(adjacency[order][:, order])(x[order]), model(adjacency)(x)[order]
    )


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"^n must"):
        ZeroAugment(-1)
    with pytest.raises(TypeError, match="module must"):
        InputLayer(spring)
    with pytest.raises(ValueError, match="order must"):
        HigherOrder(Spring(), 0)
    with pytest.raises(ValueError, match="size must"):
        HigherOrder(Spring(), size=-1)
    with pytest.raises(TypeError, match="field must"):
        HigherOrder(3)
    with pytest.raises(ValueError, match="start must"):
        PartialReadout(nn.Identity(), 2, start=2)
    x = torch.zeros(2, 3)
    with pytest.raises(ValueError, match=r"^z must"):
        NeuralODE(HigherOrder(Spring()))(x)
    with pytest.raises(ValueError, match=r"^z must"):
        NeuralODE(HigherOrder(Spring(), size=2))(x)
    with pytest.raises(ValueError, match="field must"):
        NeuralODE(HigherOrder(mlp(4, 3)))(torch.zeros(2, 4))
    with pytest.raises(ValueError, match=r"^z must"):
        PartialReadout(nn.Identity(), 5)(x)
