"""What the study of flows that generate measures, against what is known."""

from __future__ import annotations

import math
from itertools import permutations

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from neural_odes import DepthConcat, Solver, mlp, seeded
from neural_odes_lab.studies import STUDIES, generation
from neural_odes_lab.studies.generation import (
    DATA,
    bend,
    energy_distance,
    euler_path,
    log_density,
    match,
    matched,
    points,
    sliced_distance,
)
from neural_odes_lab.verdicts import MATTERS, judge

EXACT = Solver(rtol=1e-8, atol=1e-8)


class Growth(nn.Module):
    """dz/ds = rate z, whose samples are normal noise times exp(rate)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, s: Tensor, z: Tensor, x: Tensor) -> Tensor:
        return self.rate * z


def normal(*shape: int, seed: int = 0) -> Tensor:
    draws = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=draws, dtype=torch.float64)


def square() -> tuple[Tensor, float]:
    """Points of a grid on [-8, 8]^2, and the area of its cells."""
    axis = torch.linspace(-8, 8, 161, dtype=torch.float64)
    return torch.cartesian_prod(axis, axis), 0.1**2


def test_straight_paths_do_not_bend_and_a_parabola_does() -> None:
    s = torch.linspace(0, 1, 501, dtype=torch.float64)[:, None, None]
    ends = normal(5, 2)
    assert bend(s * ends + normal(5, 2, seed=1)) == pytest.approx(0, abs=1e-20)
    parabola = torch.cat([s, s**2], dim=2)
    assert bend(parabola) == pytest.approx(1 / 3, rel=1e-4)
    # Straight, but not at constant speed: one Euler step would miss its end.
    assert bend(s**2) == pytest.approx(1 / 3, rel=1e-4)


def test_the_energy_distance_of_shifted_normals_is_the_closed_form() -> None:
    def folded(mean: float) -> float:  # E|X| for X of this mean, variance 2
        tail = math.erf(mean / 2)
        return 2 / math.sqrt(math.pi) * math.exp(-(mean**2) / 4) + mean * tail

    shares = (torch.arange(2000, dtype=torch.float64)[:, None] + 0.5) / 2000
    quantiles = torch.special.ndtri(shares)
    assert energy_distance(quantiles, quantiles) == pytest.approx(0, abs=1e-12)
    for shift in (0.5, 2.0):
        expected = 2 * folded(shift) - 2 * folded(0)
        found = energy_distance(quantiles, quantiles + shift)
        assert found == pytest.approx(expected, rel=0.005)
    a, b = normal(2000, 1), normal(2000, 1, seed=1)
    assert 0 < energy_distance(a, b) < 0.01


def test_the_sliced_distance_of_a_shift_is_its_mean_over_directions() -> None:
    a = normal(300, 2)
    assert sliced_distance(a, a.flip(0)) == pytest.approx(0, abs=1e-12)
    moved = a + torch.tensor([0.6, -0.8])
    assert sliced_distance(a, moved) == pytest.approx(2 / math.pi, rel=1e-3)


def test_the_density_of_a_growing_flow_is_the_normal_one() -> None:
    grid, area = square()
    found = log_density(Growth(0.5), grid, EXACT)
    wide = torch.distributions.Normal(torch.zeros(2).double(), math.exp(0.5))
    torch.testing.assert_close(found, wide.log_prob(grid).sum(dim=1))
    assert found.exp().sum() * area == pytest.approx(1, abs=1e-3)


def test_the_density_of_any_flow_integrates_to_one() -> None:
    field = seeded(lambda: DepthConcat(mlp(3, 16, 2)), 3).double()
    with torch.no_grad():
        for p in field.parameters():
            p.mul_(2)
    grid, area = square()
    density = log_density(field, grid, EXACT).exp()
    assert density.sum() * area == pytest.approx(1, abs=1e-3)
    assert density.max() > 0.17  # not that of the noise, 1 / (2 pi)


def test_euler_steps_are_those_of_the_power() -> None:
    z = normal(3, 2)
    for steps in (1, 4):
        path = euler_path(Growth(-0.7), z, steps)
        assert path.shape == (steps + 1, 3, 2)
        torch.testing.assert_close(path[-1], z * (1 - 0.7 / steps) ** steps)


def test_matched_pairs_are_the_least_of_all() -> None:
    z0, z1 = normal(6, 2), normal(6, 2, seed=1)
    first, second = matched(z0, z1)
    found = (first - second).square().sum()
    least = min(
        (z0 - z1[list(order)]).square().sum()
        for order in permutations(range(6))
    )
    torch.testing.assert_close(found, least)
    # On a line, pairs by transport do not cross.
    first, second = matched(normal(20, 1), normal(20, 1, seed=1))
    assert (first.argsort(dim=0) == second.argsort(dim=0)).all()


def test_flow_matching_finds_the_conditional_mean() -> None:
    """From noise to noise of half the width, where it is known.

    With z = (1 - s) z0 + s z1, E[z1 - z0 | z] = (s/4 - (1 - s)) / v z, where
    v = (1 - s)^2 + s^2/4 is the variance of z.
    """
    draws = torch.Generator().manual_seed(0)
    field = seeded(lambda: DepthConcat(mlp(2, 32, 32, 1)), 0)

    def pairs(n: int) -> tuple[Tensor, Tensor]:
        z0, z1 = torch.randn(2, n, 1, generator=draws)
        return z0, z1 / 2

    match(field, pairs, draws, updates=600, batch=512, lr=0.01)
    z = torch.linspace(-0.8, 0.8, 9)[:, None]
    for s in (0.1, 0.5, 0.9):
        with torch.no_grad():
            found = field(torch.tensor(s), z, z)
        slope = (s / 4 - (1 - s)) / ((1 - s) ** 2 + s**2 / 4)
        torch.testing.assert_close(found, slope * z, atol=0.12, rtol=0)


@pytest.mark.parametrize("name", DATA)
def test_data_are_about_as_wide_as_the_noise(name: str) -> None:
    x = points(name, 2000, 0)
    assert x.shape == (2000, 2)
    assert ((x.std(dim=0) > 0.6) & (x.std(dim=0) < 1.5)).all()
    assert x.mean(dim=0).abs().max() < 0.1
    fresh = points(name, 2000, generation.FRESH)
    assert energy_distance(x.double(), fresh.double()) < 0.01


def test_a_flow_that_stands_still_has_the_density_of_the_noise() -> None:
    x = normal(50, 2)
    found = log_density(Growth(0.0), x, Solver())
    torch.testing.assert_close(found, generation.normal_log_density(x))


@pytest.mark.parametrize(
    ("excess", "word"), [(1.05, "held"), (1.4, "not held"), (1.25, "undecided")]
)
def test_one_step_is_enough_to_within_a_quarter(
    excess: float, word: str
) -> None:
    study = STUDIES["generation.flows"]
    claims = study.claims(study.config())
    claim = next(one for one in claims if one.id == "rectified-one-step")
    noise = 0.05 * torch.linspace(-1, 1, 20)
    frame = pd.DataFrame(
        {"variant": name, "pairs": "rectified once", "seed": seed, "excess": e}
        for name in DATA
        for seed, e in enumerate((excess + noise).tolist())
    )
    (verdict,) = judge([claim], frame, None, {**MATTERS, **study.matters})
    assert verdict.word == word
