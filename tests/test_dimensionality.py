"""The measures behind section 5's studies."""

import math

import pytest
import torch
from torch import nn

from neural_odes import NeuralODE, mlp, seeded
from neural_odes_lab.studies import cover, paths, spheres


@pytest.mark.parametrize("r", [0.1, 0.5, 1.0])
def test_covers_of_circle_and_sphere_have_closed_forms(r):
    angle = 2 * math.asin(r / 2)
    assert cover.least_cover(2, r) == pytest.approx(math.pi / angle)
    assert cover.least_cover(3, r) == pytest.approx(4 / r**2, rel=1e-6)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_a_greedy_cover_reaches_every_point_and_takes_enough(n):
    points = cover.on_sphere(2000, n, seed=0)
    torch.testing.assert_close(points.norm(dim=1), torch.ones(2000))
    for r in (0.5, 1.0):
        assert cover.greedy_cover(points, r) >= math.floor(
            cover.least_cover(n, r)
        )
    assert cover.greedy_cover(points, 2.0) == 1


def test_crossings_of_known_lines_are_found():
    s = torch.linspace(0, 1, 5)
    along = torch.stack([s, 0 * s], dim=1)
    across = torch.stack([0.3 + 0 * s, s - 0.6], dim=1)
    aside = along + torch.tensor([0.0, 5.0])
    found = paths.path_crossings(torch.stack([along, across, aside], dim=1))
    assert len(found) == 1
    assert found[0]["samples"] == [0, 1]
    assert found[0]["point"] == pytest.approx([0.3, 0.0], abs=1e-6)
    assert found[0]["steps"] == pytest.approx([1.2, 2.4], abs=1e-5)


def test_depth_invariant_trajectories_do_not_cross():
    model = seeded(lambda: NeuralODE(mlp(2, 8, 2)), 0)
    x = torch.randn(12, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        z = model.solve(x, torch.linspace(0, 1, 101)).z
    assert paths.path_crossings(z) == []


def test_an_island_is_closed_and_a_half_plane_is_none():
    class Disc(nn.Module):
        def forward(self, z):
            return z.square().sum(1, keepdim=True) - 1

    still = mlp(2, 2)
    nn.init.zeros_(still[0].weight)
    nn.init.zeros_(still[0].bias)
    disc = NeuralODE(still, readout=Disc())
    assert spheres.island(disc, 61)
    assert not spheres.island(disc, 61, extent=0.5)
    line = seeded(lambda: NeuralODE(still, readout=nn.Linear(2, 1)), 0)
    assert not spheres.island(line, 61)


def test_the_gap_lies_between_the_rings():
    x, y = spheres.gap(500, seed=0)
    radius = x.norm(dim=1, keepdim=True)
    assert bool(((radius > 0.5) & (radius < 1.0)).all())
    assert bool(((radius > 0.75) == (y > 0)).all())
