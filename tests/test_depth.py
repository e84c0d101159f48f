"""Fields whose weights move with depth."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import torch
from helpers import TIGHT
from torch import nn

from neural_odes import (
    Chebyshev,
    DepthConcat,
    Fourier,
    Galerkin,
    Hypernetwork,
    HypernetworkODE,
    NeuralODE,
    PiecewiseConstant,
    Polynomial,
    Solver,
    fit,
    integrate,
    lyapunov_exponent,
    mlp,
    renormalised_exponent,
    seeded,
    steady_state,
)
from neural_odes.chaos import finite_time_exponents
from neural_odes.training.ensemble import Ensemble


class Graph(nn.Module):
    """A layer on the nodes of a fixed graph: A z W + b, z (..., 4, 2)."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mixing", torch.full((4, 4), 0.25))
        self.linear = nn.Linear(2, 2)

    def forward(self, z):
        return torch.tanh(self.linear(self.mixing @ z))


def convolution():
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        nn.GroupNorm(2, 4),
        nn.Tanh(),
        nn.Conv2d(4, 2, 1),
    )


MODULES = {
    "mlp": (lambda: mlp(2, 8, 2), (6, 2)),
    "convolution": (convolution, (3, 2, 5, 5)),
    "graph": (Graph, (4, 2)),
    "graphs": (Graph, (3, 4, 2)),
    "concat": (lambda: DepthConcat(mlp(3, 8, 2)), (6, 2)),
}
WRAPPERS = {
    "fourier": lambda m: Galerkin(m, Fourier(5)),
    "chebyshev": lambda m: Galerkin(m, Chebyshev(4)),
    "polynomial": lambda m: Galerkin(m, Polynomial(3)),
    "pieces": lambda m: Galerkin(m, PiecewiseConstant(4)),
    "hypernetwork": lambda m: Hypernetwork(m, hidden=6),
}


def module(kind, seed=0):
    make, shape = MODULES[kind]
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, generator=generator, dtype=torch.float64)
    return seeded(make, seed).double(), x


def moved(field, seed=1):
    """The field with parameters that do change with depth."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in field.parameters():
            noise = torch.randn(p.shape, generator=generator, dtype=p.dtype)
            p.add_(0.2 * noise)
    return field


def size(model):
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("kind", MODULES)
def test_one_constant_mode_is_the_vanilla_model(kind):
    net, x = module(kind)
    vanilla, galerkin = NeuralODE(net), NeuralODE(Galerkin(net, Fourier(1)))
    # theta is summed over its one mode: the same numbers, elsewhere in memory.
    torch.testing.assert_close(galerkin(x), vanilla(x))
    assert size(galerkin) == size(vanilla)


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("m", [1, 3, 6])
def test_parameters_count_m_times(kind, m):
    net, _ = module(kind)
    assert size(Galerkin(net, Fourier(m))) == m * size(net)


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("basis", [Fourier(5), Chebyshev(4), Polynomial(3)])
def test_training_starts_at_the_vanilla_model(kind, basis):
    net, x = module(kind)
    rk4 = Solver("rk4", step_size=0.1)  # the same steps for both
    torch.testing.assert_close(
        NeuralODE(Galerkin(net, basis), solver=rk4)(x),
        NeuralODE(net, solver=rk4)(x),
    )


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("wrap", WRAPPERS)
def test_theta_of_s_is_what_the_field_uses(kind, wrap):
    net, x = module(kind)
    field = moved(WRAPPERS[wrap](net).double())
    for depth in (0.1, 0.8):
        s = torch.tensor(depth, dtype=torch.float64)
        values = field.weights(s)
        own = {
            name.removeprefix("field.module."): p
            for name, p in net.named_parameters()
        }
        assert set(values) == set(own)
        with torch.no_grad():
            for name, p in own.items():
                p.copy_(values[name])
        torch.testing.assert_close(
            field(s, x, x), NeuralODE(net).field(s, x, x)
        )


@pytest.mark.parametrize("kind", ["mlp", "convolution", "graphs", "concat"])
@pytest.mark.parametrize("wrap", WRAPPERS)
def test_samples_may_have_their_own_depths(kind, wrap):
    net, x = module(kind)
    field = moved(WRAPPERS[wrap](net).double())
    s = torch.linspace(0, 1, len(x), dtype=torch.float64)[:, None]
    together = field(s, x, x)
    alone = [
        field(each[0], z[None], z[None])[0]
        for each, z in zip(s, x, strict=True)
    ]
    torch.testing.assert_close(together, torch.stack(alone))


def test_a_part_met_twice_moves_as_one():
    part = seeded(lambda: nn.Linear(2, 2), 0)
    field = moved(Galerkin(nn.Sequential(part, nn.Tanh(), part), Fourier(3)))
    assert field.coefficients.shape == (6, 3)
    s, z = torch.tensor(0.3), torch.randn(4, 2)
    w, b = field.weights(s).values()
    want = torch.tanh(z @ w.T + b) @ w.T + b
    torch.testing.assert_close(field(s, z, z), want)


def test_weights_keep_the_shapes_of_depths():
    field = Galerkin(mlp(2, 8, 2), Fourier(3))
    assert field.theta(torch.rand(5, 4)).shape == (5, 4, size(mlp(2, 8, 2)))
    assert field.weights(torch.rand(5, 4))["0.weight"].shape == (5, 4, 8, 2)


def test_galerkin_is_the_sum_of_its_modes():
    field = moved(Galerkin(mlp(2, 3, 2), Chebyshev(4)))
    s = torch.tensor(0.3)
    psi = Chebyshev(4)(s)
    want = sum(psi[j] * field.coefficients[:, j] for j in range(4))
    torch.testing.assert_close(field.theta(s), want)


def test_a_readers_own_basis_will_do():
    class Bessel:
        size = 4

        def __call__(self, s):
            rates = torch.arange(self.size, dtype=s.dtype)
            return torch.special.bessel_j0(4 * rates * s[..., None])

    net, x = module("mlp")
    galerkin = NeuralODE(Galerkin(net, Bessel()))
    torch.testing.assert_close(galerkin(x), NeuralODE(net)(x))
    galerkin(x).sum().backward()
    assert torch.isfinite(galerkin.field.coefficients.grad).all()
    assert size(galerkin) == 4 * size(net)


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_gradients_agree_with_finite_differences(wrap):
    field = moved(WRAPPERS[wrap](mlp(1, 3, 1)).double())
    model = NeuralODE(field, solver=Solver("rk4", step_size=0.25))
    x = torch.tensor([[0.5], [-1.0]], dtype=torch.float64)
    names, values = zip(*model.named_parameters(), strict=True)

    def end(*values):
        given = dict(zip(names, values, strict=True))
        return torch.func.functional_call(model, given, (x,))

    inputs = tuple(v.detach().requires_grad_() for v in values)
    assert torch.autograd.gradcheck(end, inputs)


def test_only_what_moves_is_trained():
    field = Galerkin(mlp(2, 8, 2), Fourier(3))
    assert "basis=Fourier(size=3, domain=(0.0, 1.0))" in repr(field)
    assert [name for name, _ in field.named_parameters()] == ["coefficients"]
    assert list(field.state_dict()) == ["coefficients"]


def test_concat_gets_the_depth_of_every_stage():
    seen = []

    class Recorder(nn.Module):
        def forward(self, z):
            seen.append(z[:, -1].clone())
            return torch.zeros_like(z[:, :-1])

    model = NeuralODE(
        DepthConcat(Recorder()), solver=Solver("rk4", step_size=0.5)
    )
    model(torch.ones(3, 2, dtype=torch.float64))
    nodes = torch.tensor([0, 1 / 3, 2 / 3, 1], dtype=torch.float64)
    want = torch.cat([nodes / 2, 0.5 + nodes / 2])
    got = torch.stack(seen)
    torch.testing.assert_close(got, want[:, None].expand(8, 3))


def test_concat_takes_vectors_images_and_depths_per_sample():
    z, s = torch.randn(3, 2), torch.rand(3, 1)
    field = DepthConcat(nn.Identity())
    torch.testing.assert_close(field(s, z, z), torch.cat([z, s], 1))
    image = torch.randn(3, 2, 4, 4)
    out = field(torch.tensor(0.5), image, image)
    assert out.shape == (3, 3, 4, 4)
    assert torch.equal(out[:, 2], torch.full((3, 4, 4), 0.5))


@pytest.mark.parametrize("kind", [Hypernetwork, HypernetworkODE])
def test_weights_start_near_those_of_the_module(kind):
    """The generator's last layer starts at a tenth of torch's default."""
    field = seeded(lambda: kind(mlp(2, 16, 2), hidden=16), 0)
    last = field.generator[-1].weight.abs().max()
    assert 0.05 / 16**0.5 < last <= 0.1 / 16**0.5


@pytest.mark.parametrize("kind", ["mlp", "convolution"])
def test_an_ode_of_weights_that_stand_still_is_vanilla(kind):
    net, x = module(kind)
    field = HypernetworkODE(net, hidden=4)
    with torch.no_grad():
        for p in field.generator[-1].parameters():
            p.zero_()
    torch.testing.assert_close(
        NeuralODE(field, solver=TIGHT)(x),
        NeuralODE(net, solver=TIGHT)(x),
        atol=1e-7,
        rtol=0,
    )


def test_an_ode_of_weights_is_solved():
    net, _ = module("mlp")
    field = moved(HypernetworkODE(net, hidden=4))
    s = torch.linspace(0, 1, 5, dtype=torch.float64)
    want, _ = integrate(field.slope, field.start, s, solver=TIGHT)
    got = field.weights(s, TIGHT)
    flat = torch.cat([w.flatten(1) for w in got.values()], 1)
    torch.testing.assert_close(flat, want, atol=1e-6, rtol=0)
    first = field.weights(s[:1])["0.weight"][0]
    assert torch.equal(first, field.start[: first.numel()].view(first.shape))


def test_an_ode_of_weights_has_gradients_both_ways():
    gradients = []
    for adjoint in (False, True):
        net, x = module("mlp")
        field = seeded(partial(HypernetworkODE, net, hidden=4), 0)
        moved(field)
        solver = Solver(rtol=1e-9, atol=1e-9, adjoint=adjoint)
        model = NeuralODE(field, solver=solver)
        model(x).square().sum().backward()
        gradients.append([p.grad for p in model.parameters()])
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)


def test_float32_and_float64_agree():
    net = seeded(lambda: mlp(2, 8, 2), 0)
    field = moved(Galerkin(net, Fourier(3)))
    model = NeuralODE(field, solver=Solver("rk4", step_size=0.1))
    x = torch.randn(4, 2)
    single = model(x)
    double = model.double()(x.double())
    torch.testing.assert_close(single.double(), double, atol=1e-5, rtol=1e-5)


def test_a_basis_reaches_as_far_as_the_model():
    for basis in (PiecewiseConstant(5, (0.0, 5.0)), Chebyshev(4, (0.0, 5.0))):
        field = Galerkin(mlp(2, 4, 2), basis)
        s = torch.linspace(0, 5, 11)
        theta, start = field.theta(s), field.template.initial()
        assert torch.allclose(theta, start.expand_as(theta), atol=1e-6)
        NeuralODE(field, depth=5.0)
    with pytest.raises(ValueError, match=r"depth must.*domain=\(0, 2\)"):
        NeuralODE(Galerkin(mlp(2, 2), Fourier(3)), depth=2.0)


def test_bad_modules_are_named():
    with pytest.raises(TypeError, match="module must"):
        Galerkin(lambda s, z, x: z, Fourier(3))
    with pytest.raises(ValueError, match="module must"):
        Hypernetwork(nn.Identity())
    pair = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    pair[1].weight = pair[0].weight
    with pytest.raises(ValueError, match="module must not"):
        Galerkin(pair, Fourier(3))
    with pytest.raises(TypeError, match="module must"):
        Galerkin(HypernetworkODE(mlp(2, 4, 2)), Fourier(3))


class Drift(nn.Module):
    """dz/ds = b."""

    def __init__(self):
        super().__init__()
        self.b = nn.Parameter(torch.zeros(()))

    def forward(self, z):
        return self.b.expand_as(z)


@pytest.mark.parametrize("piece", range(10))
@pytest.mark.parametrize(
    "solver",
    [Solver(), Solver("bosh3"), Solver("rk4", step_size=0.25),
     Solver("euler", step_size=1.0), Solver(adjoint=True)],
    ids=lambda solver: f"{solver.method}-{solver.adjoint}",
)  # fmt: skip
def test_no_piece_is_stepped_over(piece, solver):
    """z(1) is the sum of all pieces' integrals, and so is its gradient."""
    field = one_piece(Drift(), piece)
    x = torch.zeros(2, 1, requires_grad=True)
    z = NeuralODE(field, solver=solver)(x)
    torch.testing.assert_close(z, torch.full((2, 1), 0.3), rtol=0, atol=1e-5)
    z[0].sum().backward()
    torch.testing.assert_close(
        field.coefficients.grad, torch.full((1, 10), 0.1), rtol=0, atol=1e-5
    )


def test_no_piece_is_stepped_over_by_samples_of_other_depths():
    field = one_piece(Drift(), 5)
    depths = torch.tensor([0.55, 1.0, 0.3, 0.0])
    z = NeuralODE(field, depth=lambda x: depths)(torch.zeros(4, 1))
    expected = torch.tensor([[0.15], [0.3], [0.0], [0.0]])
    torch.testing.assert_close(z, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "wrap", [lambda net: Galerkin(net, Fourier(5)), Hypernetwork]
)
def test_threads_may_share_a_model(wrap):
    model = seeded(lambda: NeuralODE(wrap(mlp(2, 16, 2))), 0)
    x = torch.randn(24, 5, 2, generator=torch.Generator().manual_seed(0))

    def solved(batch):
        with torch.no_grad():  # a setting of each thread
            return model(batch)

    alone = [solved(batch) for batch in x]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(solved, x))
    torch.testing.assert_close(torch.stack(together), torch.stack(alone))


@pytest.mark.parametrize(
    "wrap", [lambda net: Galerkin(net, Fourier(3)), Hypernetwork]
)
def test_frozen_weights_do_not_move(wrap):
    net = mlp(2, 4, 2)
    net[0].requires_grad_(False)
    before = net[0].weight.clone()
    model = NeuralODE(wrap(net))
    x, y = torch.randn(8, 2), torch.randn(8, 2)
    fit(model, x, y, epochs=3, lr=0.1, progress=False)
    found = [
        value
        for key, value in model.state_dict().items()
        if key.endswith("template.field.module.0.weight")
    ]
    torch.testing.assert_close(found, [before])
    assert set(model.field.weights(torch.zeros(1))) == {"2.weight", "2.bias"}


class Growth(Drift):
    """dz/ds = b z."""

    def forward(self, z):
        return self.b * z


def one_piece(module, piece, size=10, domain=(0.0, 1.0)):
    """A field of the module's that is 3 on one piece, and 0 elsewhere."""
    field = Galerkin(module, PiecewiseConstant(size, domain))
    with torch.no_grad():
        field.coefficients.zero_()[0, piece] = 3.0
    return field


def test_no_piece_is_stepped_over_by_an_ensemble():
    models = [NeuralODE(one_piece(Drift(), 5)) for _ in range(2)]
    with torch.no_grad():
        output, _, _ = Ensemble(models)(torch.zeros(2, 3, 1))
    torch.testing.assert_close(
        output, torch.full((2, 3, 1), 0.3), rtol=0, atol=1e-5
    )


def test_no_piece_is_stepped_over_by_a_penalty():
    """Between S = 1 and 2S: |f| = 3 over a tenth."""
    model = NeuralODE(one_piece(Drift(), 15, 20, (0.0, 2.0)))
    x = torch.zeros(3, 1)
    found = steady_state(1.0)(model, model.solve(x), x)
    torch.testing.assert_close(found, torch.tensor(0.3), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "measure",
    [
        lambda model, x: lyapunov_exponent(model, x).mean,
        lambda model, x: renormalised_exponent(model, x, pieces=4),
        lambda model, x: finite_time_exponents(model, x)[:, 0],
    ],
)
def test_no_piece_is_stepped_over_by_an_exponent(measure):
    model = NeuralODE(one_piece(Growth(), 5)).double()
    found = measure(model, torch.zeros(2, 1).double())
    expected = torch.full((2,), 0.3).double()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    "basis",
    [Fourier(5), Fourier(9), Chebyshev(9), PiecewiseConstant(5)],
    ids=str,
)
def test_gradients_of_modes_are_right_at_the_default_tolerance(basis):
    """Also while the weights are flat and the state shows nothing of them."""
    x = torch.randn(64, 2, generator=torch.Generator().manual_seed(0)).double()
    field = seeded(lambda: Galerkin(mlp(2, 16, 2), basis), 0).double()
    gradients = []
    for solver in (Solver(), Solver("rk4", step_size=0.005)):
        end = NeuralODE(field, solver=solver)(x)
        loss = (end[:, 0] - x[:, 1]).square().mean()
        gradients.append(torch.autograd.grad(loss, field.coefficients)[0])
    found, truth = gradients
    assert (found - truth).norm() < 0.01 * truth.norm()


def test_the_drift_of_a_mode_is_its_integral():
    model = NeuralODE(Galerkin(Drift(), Fourier(5)))
    slope = torch.autograd.grad(
        model(torch.zeros(1, 1)).sum(), model.field.coefficients
    )[0]
    want = torch.tensor([[1.0, 0, 0, 0, 0]])
    torch.testing.assert_close(slope, want, rtol=0, atol=1e-3)


def test_weights_of_a_hypernetwork_ode_at_one_depth():
    field = seeded(lambda: HypernetworkODE(mlp(2, 3, 2)), 0)
    for at in (0.0, 0.5):
        one = field.weights(torch.tensor(at))
        several = field.weights(torch.tensor([at]))
        for name, value in one.items():
            torch.testing.assert_close(value, several[name][0])


def test_an_index_that_is_wrong_is_the_fields_error():
    class Wrong(nn.Module):
        def forward(self, z):
            return [z, z][len(z) + 3]

    with pytest.raises(IndexError, match="list index"):
        NeuralODE(Wrong())(torch.ones(1, 2))
