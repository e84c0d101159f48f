"""Exponents of systems where they are known, and of networks."""

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
    SolverError,
    mlp,
    seeded,
)
from neural_odes.chaos import (
    finite_time_exponents,
    lyapunov_exponent,
    lyapunov_spectrum,
    renormalised_exponent,
    sphere,
)
from neural_odes.data.systems import (
    LORENZ,
    ROSSLER,
    lorenz,
    rossler,
    stable_spiral,
    van_der_pol,
)


def attractor(field, samples, depth, step, size=3):
    """A model on the attractor, and points that have come to lie on it."""
    solver = Solver("rk4", step_size=step)
    x = points(samples, size) + 1
    with torch.no_grad():
        x = NeuralODE(field, depth=30.0, solver=solver)(x)
    return NeuralODE(field, depth=depth, solver=solver), x


def assert_average(found, published, at_most):
    """Rounding decides where chaos goes: averages differ by chance alone."""
    error = found.std(dim=0) / len(found) ** 0.5
    assert error.max() <= at_most
    away = (found.mean(dim=0) - torch.tensor(published)).abs()
    assert bool((away <= 5 * error).all()), (found.mean(dim=0), error)


FIELDS = {
    "vanilla": lambda: mlp(2, 8, 2),
    "concat": lambda: DepthConcat(mlp(3, 8, 2)),
    "galerkin": lambda: Galerkin(mlp(2, 8, 2), Fourier(3, (0.0, 2.0))),
    "hypernetwork": lambda: Hypernetwork(mlp(2, 8, 2), hidden=4),
    "controlled": lambda: DataControlled(mlp(4, 8, 2)),
    "controlled concat": lambda: DataControlled(DepthConcat(mlp(5, 8, 2))),
}


def network(kind, **parts):
    model = seeded(lambda: NeuralODE(FIELDS[kind](), **parts), 0).double()
    with torch.no_grad():
        for p in model.field.parameters():
            p.mul_(2)
    return model


def test_a_linear_field_gives_the_real_parts_of_its_eigenvalues():
    model = NeuralODE(
        stable_spiral, depth=20.0, solver=Solver("rk4", step_size=0.1)
    )
    got = lyapunov_spectrum(model, points(3, 3), pieces=40, align=20)
    expected = torch.tensor([-0.5, -0.5, -1.0]).double().expand(3, 3)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-3)
    rates = torch.tensor([-0.2, -1.1]).double()
    decay = NeuralODE(
        lambda s, z, x: z * rates, depth=20.0, solver=model.solver
    )
    x = points(4, 2)
    torch.testing.assert_close(
        finite_time_exponents(decay, x),
        rates.expand(4, 2),
        rtol=0,
        atol=1e-5,
    )
    largest = renormalised_exponent(decay, x, pieces=40, align=20)
    torch.testing.assert_close(largest, rates[:1].expand(4), rtol=0, atol=1e-3)


def test_eigenvectors_need_not_be_orthogonal():
    mixed = points(3, 3, seed=4)
    rates = torch.tensor([0.4, -0.3, -1.5]).double()
    matrix = mixed @ torch.diag(rates) @ torch.linalg.inv(mixed)
    model = NeuralODE(
        lambda s, z, x: z @ matrix.mT,
        depth=40.0,
        solver=Solver("rk4", step_size=0.05),
    )
    found = lyapunov_spectrum(model, points(2, 3), pieces=40, align=20)
    torch.testing.assert_close(found, rates.expand(2, 3), rtol=0, atol=1e-3)


def test_the_largest_comes_first_where_the_axes_do_not_mix():
    rates = torch.tensor([-0.2, 0.7]).double()
    model = NeuralODE(
        lambda s, z, x: z * rates,
        depth=20.0,
        solver=Solver("rk4", step_size=0.1),
    )
    for count in (1, 2):
        found = lyapunov_spectrum(
            model, points(2, 2), pieces=40, align=30, count=count
        )
        torch.testing.assert_close(
            found, rates.flip(0)[:count].expand(2, count), rtol=0, atol=1e-3
        )


def test_lorenz_has_the_published_spectrum():
    model, x = attractor(lorenz, 1000, 12.0, 0.025)
    spectrum = lyapunov_spectrum(model, x, pieces=24, align=8)
    model.depth = 60.0
    largest = renormalised_exponent(model, x, pieces=120, align=20)
    assert_average(spectrum, LORENZ, at_most=0.01)
    assert_average(largest[:, None], LORENZ[:1], at_most=0.01)


def test_rossler_and_van_der_pol():
    model, x = attractor(rossler, 64, 400.0, 0.05)
    largest = renormalised_exponent(model, x, pieces=100, align=10)
    assert_average(largest[:, None], ROSSLER[:1], at_most=0.002)
    cycle, x = attractor(van_der_pol, 4, 30.0, 0.05, size=2)
    spectrum = lyapunov_spectrum(cycle, x, pieces=60, align=20)
    assert spectrum[:, 0].abs().max() < 0.02
    assert spectrum[:, 1].max() < -1


@pytest.mark.parametrize("kind", FIELDS)
def test_exponents_sum_to_the_mean_divergence_along_the_path(kind):
    """Liouville: ln |det| of the Jacobian integrates the divergence."""
    model = network(kind, depth=1.5, solver=TIGHT)
    x = points(5, 2)
    s = torch.linspace(0, 1.5, 301).double()
    with torch.no_grad():
        path = model.solve(x, s).z
    divergence = []
    for depth, z in zip(s, path, strict=True):
        jacobian = torch.func.vmap(
            torch.func.jacrev(
                lambda z, x, depth=depth: model.field(depth, z[None], x[None])[
                    0
                ]
            )
        )(z, x)
        divergence.append(jacobian.diagonal(dim1=1, dim2=2).sum(dim=1))
    mean = torch.trapezoid(torch.stack(divergence), s, dim=0) / 1.5
    for found in (
        finite_time_exponents(model, x),
        lyapunov_spectrum(model, x, pieces=5),
    ):
        torch.testing.assert_close(
            found.sum(dim=1), mean.detach(), rtol=0, atol=1e-4
        )


@pytest.mark.parametrize("kind", FIELDS)
def test_finite_time_exponents_are_those_of_the_jacobian(kind):
    model = network(kind, solver=Solver("rk4", step_size=0.02))
    x = points(3, 2)

    def end(z, x):
        steps, h = 50, 0.02
        for i in range(steps):
            s = torch.tensor(i * h).double()
            f = lambda s, z: model.field(s, z[None], x[None])[0]  # noqa: E731
            a = f(s, z)
            b = f(s + h / 2, z + h / 2 * a)
            c = f(s + h / 2, z + h / 2 * b)
            z = z + h / 6 * (a + 2 * b + 2 * c + f(s + h, z + h * c))
        return z

    with torch.no_grad():
        jacobian = torch.func.vmap(torch.func.jacrev(end))(x, x)
    expected = torch.linalg.svdvals(jacobian).log()
    got = finite_time_exponents(model, x)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-5)


def test_a_lift_acts_first():
    lift = seeded(lambda: nn.Linear(2, 3), 0).double()
    field = seeded(lambda: mlp(3, 8, 3), 1).double()
    x = points(4, 2)
    lifted = NeuralODE(field, lift=lift, solver=TIGHT)
    with torch.no_grad():
        plain = finite_time_exponents(NeuralODE(field, solver=TIGHT), lift(x))
    assert plain.shape == (4, 3)
    torch.testing.assert_close(finite_time_exponents(lifted, x), plain)


@pytest.mark.parametrize("kind", ["vanilla", "concat", "controlled"])
def test_small_perturbations_stay_within_the_finite_time_exponents(kind):
    """No direction grows faster than the first, or slower than the last."""
    model = network(kind, solver=TIGHT)
    x = points(20, 2)
    low, high = finite_time_exponents(model, x).flip(1).unbind(dim=1)
    found = lyapunov_exponent(model, x, radius=1e-6, perturbations=40)
    assert bool((found.exponents <= high[:, None] + 1e-4).all())
    assert bool((found.exponents >= low[:, None] - 1e-4).all())
    torch.testing.assert_close(
        found.exponents.amax(dim=1), high, rtol=0, atol=0.02
    )


def test_algorithm_1_and_the_spectrum_agree_where_both_apply():
    """A linear flow that only grows: after a while the largest rate rules."""
    matrix = torch.tensor([[1.0, 0.3], [0.1, -1.0]]).double()
    model = NeuralODE(lambda s, z, x: z @ matrix.mT, depth=12.0, solver=TIGHT)
    x = points(5, 2)
    found = lyapunov_exponent(model, x, radius=1e-8, perturbations=20).mean
    largest = lyapunov_spectrum(model, x, pieces=24, align=8)[:, 0]
    torch.testing.assert_close(found, largest, rtol=0, atol=0.15)
    renormalised = renormalised_exponent(model, x, pieces=24, align=8)
    torch.testing.assert_close(renormalised, largest, rtol=0, atol=1e-4)


def test_algorithm_1_saturates_where_the_renormalised_version_does_not():
    model, x = attractor(lorenz, 32, 60.0, 0.02)
    naive = lyapunov_exponent(model, x, radius=1e-3, perturbations=2).mean
    renormalised = renormalised_exponent(model, x, pieces=120, align=20)
    assert naive.mean() < 0.3
    assert renormalised.mean() > 0.8


def test_many_perturbations_take_one_solve():
    seen = []

    def field(s, z, x):
        seen.append(len(z))
        return -z

    x = points(1000, 2)
    found = lyapunov_exponent(NeuralODE(field), x, perturbations=10)
    assert set(seen) == {11_000}
    assert found.nfe == len(seen)
    assert found.error.shape == (51, 1000, 10)
    assert found.mean.shape == found.spread.shape == (1000,)
    torch.testing.assert_close(
        found.error[0], torch.full((1000, 10), 1e-3).double()
    )
    torch.testing.assert_close(
        found.exponents, torch.full((1000, 10), -1.0).double(),
        rtol=0, atol=1e-3,
    )  # fmt: skip


@pytest.mark.parametrize("dim", [1, 2, 3, 7])
def test_perturbations_are_uniform_on_the_sphere(dim):
    drawn = sphere((20_000,), dim, radius=0.3, seed=0)
    lengths = drawn.norm(dim=1)
    torch.testing.assert_close(lengths, torch.full_like(lengths, 0.3))
    assert drawn.mean(dim=0).norm() < 0.3 * 4 / math.sqrt(20_000)
    second = drawn.mT @ drawn / len(drawn)
    expected = 0.09 / dim * torch.eye(dim).double()
    torch.testing.assert_close(second, expected, rtol=0, atol=2e-3)
    again = sphere((20_000,), dim, radius=0.3, seed=0)
    assert torch.equal(drawn, again)


def test_chunks_give_what_all_points_give_together():
    def make():
        return double(
            lambda: NeuralODE(
                DataControlled(mlp(4, 8, 2)),
                solver=Solver("rk4", step_size=0.1),
            )
        )

    model, x = make(), points(7, 2)
    whole, parts = (lyapunov_exponent(model, x, chunk=c) for c in (7, 3))
    torch.testing.assert_close(parts.error, whole.error)
    assert parts.nfe == 3 * whole.nfe
    torch.testing.assert_close(
        finite_time_exponents(model, x, chunk=2),
        finite_time_exponents(model, x),
    )


def test_what_cannot_be_measured_is_named():
    model, x = NeuralODE(stable_spiral), points(2, 3)
    for radius in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="radius must"):
            lyapunov_exponent(model, x, radius=radius)
    with pytest.raises(ValueError, match="perturbations must"):
        lyapunov_exponent(model, x, perturbations=0)
    with pytest.raises(ValueError, match="depth must"):
        NeuralODE(stable_spiral, depth=0.0)
    with pytest.raises(ValueError, match="pieces must"):
        lyapunov_spectrum(model, x, pieces=0)
    with pytest.raises(ValueError, match="align must"):
        lyapunov_spectrum(model, x, pieces=5, align=5)
    with pytest.raises(TypeError, match="align must"):
        renormalised_exponent(model, x, pieces=4, align=1.5)
    with pytest.raises(ValueError, match="count must"):
        lyapunov_spectrum(model, x, count=4)
    with pytest.raises(ValueError, match=r"^x must"):
        finite_time_exponents(model, x * math.nan)
    with pytest.raises(TypeError, match="model must"):
        lyapunov_exponent(stable_spiral, x)
    joint = NeuralODE(HypernetworkODE(mlp(3, 3), hidden=2))
    with pytest.raises(TypeError, match=r"model\.field must"):
        finite_time_exponents(joint, x.float())
    adaptive = NeuralODE(mlp(3, 3), depth=AdaptiveDepth(3))
    with pytest.raises(ValueError, match=r"model\.depth must"):
        finite_time_exponents(adaptive, x.float())
    images = NeuralODE(nn.Conv2d(1, 1, 1))
    with pytest.raises(ValueError, match=r"^x must be lifted"):
        lyapunov_exponent(images, torch.zeros(2, 1, 4, 4))
    forgets = NeuralODE(lambda s, z, x: -1e3 * z, depth=10.0)
    with pytest.raises(ValueError, match="radius must"):
        lyapunov_exponent(forgets, x.float(), radius=1e-30)


def test_what_does_not_fit_is_named():
    for measure in (
        lyapunov_exponent,
        renormalised_exponent,
        lyapunov_spectrum,
        finite_time_exponents,
    ):
        with pytest.raises(ValueError, match=r"^x must fit"):
            measure(NeuralODE(mlp(3, 3)), torch.ones(2, 5))
    forgets = NeuralODE(
        lambda s, z, x: -30 * z,
        depth=10.0,
        solver=Solver("rk4", step_size=0.05),
    )
    with pytest.raises(ValueError, match="shrinks a direction"):
        finite_time_exponents(forgets, torch.ones(2, 1) * 1e-3)


def test_models_that_train_by_the_adjoint_are_measured_too():
    field = seeded(lambda: mlp(2, 4, 2), 0).double()
    x = points(2, 2)
    usual, adjoint = (
        NeuralODE(field),
        NeuralODE(field, solver=Solver(adjoint=True)),
    )
    torch.testing.assert_close(
        lyapunov_exponent(usual, x).error, lyapunov_exponent(adjoint, x).error
    )
    for measure in (finite_time_exponents, lyapunov_spectrum):
        torch.testing.assert_close(measure(usual, x), measure(adjoint, x))


def test_a_solution_that_overflows_is_an_error():
    explodes = NeuralODE(lambda s, z, x: z.square(), depth=5.0)
    with pytest.raises(SolverError):
        lyapunov_exponent(explodes, torch.ones(2, 1))
    with pytest.raises(SolverError):
        finite_time_exponents(explodes, torch.ones(2, 1))


def test_a_neighbour_keeps_the_control_of_its_point():
    """dz/ds = -z + 5x: moved with the control, neighbours would part."""
    model = NeuralODE(lambda s, z, x: -z + 5 * x, solver=TIGHT)
    x = points(4, 2)
    found = renormalised_exponent(model, x, pieces=4)
    torch.testing.assert_close(
        found, -torch.ones(4).double(), rtol=0, atol=1e-5
    )


def test_the_seed_of_first_directions_counts():
    model = seeded(lambda: NeuralODE(mlp(2, 8, 2), depth=0.5), 0)
    x = torch.ones(2, 2)
    one, other, again = (
        lyapunov_spectrum(model, x, pieces=2, count=1, seed=seed)
        for seed in (0, 1, 0)
    )
    assert torch.equal(one, again)
    assert not torch.allclose(one, other)
