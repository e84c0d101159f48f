"""Data sets: labels and radii as in (3), even splits, seeds."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neural_odes import crossing, half_moons, nested_spheres
from neural_odes.data import RADII
from neural_odes_lab import data

samples = st.integers(2, 60)
dims = st.integers(1, 40)
seeds = st.integers(0, 2**32 - 1)
radii = st.lists(st.floats(0.01, 100), min_size=3, max_size=3, unique=True).map(
    sorted
)


class TestCrossing:
    @given(samples)
    def test_is_the_reflection_of_equally_spaced_points(self, n):
        x, y = crossing(n)
        assert x.shape == y.shape == (n, 1)
        assert torch.equal(y, -x)
        assert x[0] == -1
        assert x[-1] == 1
        torch.testing.assert_close(
            x.diff(dim=0), torch.full((n - 1, 1), 2 / (n - 1))
        )


class TestNestedSpheres:
    @settings(max_examples=60)
    @given(samples, dims, radii, seeds)
    def test_labels_follow_the_radii(self, n, dim, radii, seed):
        x, y = nested_spheres(n, dim=dim, radii=radii, seed=seed)
        assert x.shape == (n, dim)
        assert y.shape == (n, 1)
        assert x.dtype == y.dtype == torch.float32
        r1, r2, r3 = radii
        radius = x.double().norm(dim=1)
        inner = y[:, 0] == -1
        assert torch.equal(inner, y[:, 0] != 1)
        assert (radius[inner] <= r1 * (1 + 1e-5)).all()
        assert (radius[~inner] >= r2 * (1 - 1e-5)).all()
        assert (radius[~inner] <= r3 * (1 + 1e-5)).all()
        assert inner.sum() == n // 2

    @pytest.mark.parametrize("dim", [1, 2, 3, 10])
    def test_points_are_uniform_in_volume(self, dim):
        """The volume within a point's radius is uniform: mean 1/2."""
        x, y = nested_spheres(20_000, dim=dim)
        r1, r2, r3 = RADII
        radius = x.norm(dim=1)[:, None].double()
        inside = (radius[y < 0] / r1) ** dim
        shell = (radius[y > 0] ** dim - r2**dim) / (r3**dim - r2**dim)
        for volume in (inside, shell):
            # Four standard errors of 10,000 uniform numbers.
            assert abs(volume.mean() - 0.5) < 4 * (1 / 12 / 10_000) ** 0.5
        assert (x.mean(0).abs() < 4 * RADII[2] / 20_000**0.5).all()

    def test_one_dimension_has_both_sides(self):
        x, y = nested_spheres(200, dim=1)
        for label in (-1, 1):
            side = x[y == label]
            assert side.min() < 0 < side.max()

    def test_a_thousand_dimensions(self):
        x, y = nested_spheres(10, dim=1000, radii=(0.1, 5.0, 9.0))
        assert torch.isfinite(x).all()
        assert (x[y[:, 0] > 0].norm(dim=1) > 5).all()

    def test_labels_come_shuffled(self):
        _, y = nested_spheres(100)
        assert (y.diff(dim=0) != 0).sum() > 10

    def test_noise_is_added_to_the_points_alone(self):
        x, y = nested_spheres(5000, seed=1)
        noisy, label = nested_spheres(5000, noise=0.3, seed=1)
        assert torch.equal(y, label)
        assert (noisy - x).std().item() == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize("make", [nested_spheres, half_moons])
class TestSeeds:
    @settings(max_examples=20)
    @given(n=samples, seed=seeds)
    def test_same_seed_same_data(self, make, n, seed):
        for a, b in zip(make(n, seed=seed), make(n, seed=seed), strict=True):
            assert torch.equal(a, b)

    @settings(max_examples=20)
    @given(n=samples, seed=st.integers(0, 2**32 - 2))
    def test_other_seed_other_data(self, make, n, seed):
        assert not torch.equal(make(n, seed=seed)[0], make(n, seed=seed + 1)[0])

    def test_the_global_generator_is_left_alone(self, make):
        before = torch.random.get_rng_state()
        make(10, seed=3)
        assert torch.equal(before, torch.random.get_rng_state())


class TestHalfMoons:
    @given(samples, seeds)
    def test_is_split_evenly(self, n, seed):
        x, y = half_moons(n, seed=seed)
        assert x.shape == (n, 2)
        assert y.shape == (n, 1)
        assert x.dtype == y.dtype == torch.float32
        assert (y == -1).sum() == n // 2
        assert (y == 1).sum() == n - n // 2

    def test_without_noise_the_moons_are_half_circles(self):
        x, y = half_moons(50, noise=0.0)
        centre = torch.where(y < 0, torch.zeros(2), torch.tensor([1.0, 0.5]))
        torch.testing.assert_close((x - centre).norm(dim=1), torch.ones(50))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: crossing(1), "samples must"),
        (lambda: nested_spheres(1), "samples must"),
        (lambda: nested_spheres(10, dim=0), "dim must"),
        (lambda: nested_spheres(10, noise=-0.1), "noise must"),
        (lambda: nested_spheres(10, noise=float("nan")), "noise must"),
        (lambda: nested_spheres(10, radii=(1, 0.5, 2)), "radii must"),
        (lambda: nested_spheres(10, radii=(0, 1, 2)), "radii must"),
        (lambda: nested_spheres(10, radii=(1, 2, float("inf"))), "radii must"),
        (lambda: nested_spheres(10, radii=(1, 2)), "radii must"),
        (lambda: half_moons(1), "samples must"),
        (lambda: half_moons(10, noise=-1), "noise must"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_digits_come_in_two_disjoint_parts():
    x, y = data.digits("train")
    fresh, labels = data.digits("test")
    assert x.shape == (1437, 1, 8, 8)
    assert fresh.shape == (360, 1, 8, 8)
    assert (x.dtype, y.dtype) == (torch.float32, torch.int64)
    assert (x.min(), x.max()) == (0, 1)
    assert set(y.tolist()) == set(labels.tolist()) == set(range(10))
    both = torch.cat([x, fresh]).flatten(1)
    assert len(both.unique(dim=0)) == len(both)
    again, _ = data.digits("test", seed=0)
    assert torch.equal(fresh, again)
    assert not torch.equal(fresh, data.digits("test", seed=1)[0])
    with pytest.raises(ValueError, match="split must"):
        data.digits("all")
    with pytest.raises(ValueError, match="test must"):
        data.digits(test=0)
