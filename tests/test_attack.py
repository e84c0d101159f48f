"""Attacks stay in their ball and find what can be found."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from neural_odes import NeuralODE, mlp, seeded
from neural_odes.attack import (
    accuracy_under_attack,
    pgd,
)


def line(*weights):
    layer = nn.Linear(len(weights), 1, bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([weights]))
    return layer


@given(
    seed=st.integers(0, 2**16),
    radius=st.floats(1e-3, 10),
    norm=st.sampled_from(["l2", "linf"]),
)
@settings(max_examples=25)
def test_attacked_points_lie_within_the_ball(seed, radius, norm):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(6, 2, generator=generator)
    y = torch.randn(6, 1, generator=generator).sign()
    model = seeded(lambda: NeuralODE(mlp(2, 4, 2), readout=nn.Linear(2, 1)), 0)
    away = pgd(model, x, y, radius=radius, norm=norm, steps=3, seed=seed) - x
    order = 2 if norm == "l2" else math.inf
    lengths = torch.linalg.vector_norm(away, ord=order, dim=1)
    # x + away is rounded once more.
    assert bool((lengths <= radius * (1 + 1e-4) + 1e-6).all())


def test_against_a_line_the_best_step_is_known():
    """The wrong side is nearest along w, or along the signs of w."""
    model, x = line(3.0, 4.0), torch.zeros(2, 2).double()
    y = torch.tensor([[-1.0], [1.0]]).double()
    direction = torch.tensor([[1.0], [-1.0]]).double()
    found = pgd(model, x, y, radius=0.5, steps=50)
    expected = 0.5 * direction * torch.tensor([0.6, 0.8])
    torch.testing.assert_close(found, expected, rtol=0, atol=0.03)
    found = pgd(model, x, y, radius=0.5, norm="linf")
    torch.testing.assert_close(found, 0.5 * direction * torch.ones(2).double())


def test_accuracy_falls_where_the_ball_reaches_across_the_line():
    model = line(1.0, 0.0)
    x = torch.tensor([[0.1, 0.0], [1.0, 0.0], [-0.1, 0.0], [-1.0, 0.0]])
    x, y = x.double(), x[:, :1].sign().double()
    assert accuracy_under_attack(model, x, y, radius=0.05) == 1
    assert accuracy_under_attack(model, x, y, radius=0.5) == 0.5
    assert accuracy_under_attack(model, x, y, radius=2.0, norm="linf") == 0


def test_restarts_find_what_one_start_misses():
    """A well on one side only: whether it is found hangs on the start."""
    x, y = torch.zeros(200, 1).double(), torch.ones(200, 1).double()

    class Well(nn.Module):
        def forward(self, x):
            well = 3 * (-30 * (x - 0.9).square()).exp()
            return 1 - 0.3 * x.square() - well

    shares = [
        accuracy_under_attack(Well(), x, y, radius=1.0, restarts=n)
        for n in (1, 4)
    ]
    assert shares[1] < shares[0] - 0.2


def test_attacks_repeat_and_leave_the_model_alone():
    model, x, y = line(1.0, 2.0), torch.ones(3, 2).double(), -torch.ones(3, 1)
    once = pgd(model, x, y.double(), radius=0.1, seed=3)
    assert torch.equal(once, pgd(model, x, y.double(), radius=0.1, seed=3))
    assert model.weight.grad is None


def test_bad_arguments_are_named():
    model, x, y = line(1.0), torch.ones(1, 1).double(), torch.ones(1, 1)
    for name, wrong in (("radius", 0.0), ("steps", 0), ("step_size", -1.0)):
        arguments = {"radius": 1.0} | {name: wrong}
        with pytest.raises(ValueError, match=f"{name} must"):
            pgd(model, x, y, **arguments)
    with pytest.raises(ValueError, match="restarts must"):
        accuracy_under_attack(model, x, y, radius=1.0, restarts=0)
    with pytest.raises(ValueError, match="norm must"):
        pgd(model, x, y, radius=1.0, norm="l3")


def test_labels_that_would_broadcast_or_are_others_are_refused():
    model, x = line(1.0, 0.0), torch.ones(3, 2).double()
    y = torch.ones(3, 1).double()
    for attacked in (pgd, accuracy_under_attack):
        with pytest.raises(ValueError, match=r"^y "):
            attacked(model, x, y[:, 0], radius=0.1)
        with pytest.raises(ValueError, match=r"^y "):
            attacked(model, x, 0 * y, radius=0.1)
    squared = torch.nn.functional.mse_loss
    with pytest.raises(ValueError, match=r"^y must have the shape"):
        pgd(model, x, y[:, 0], radius=0.1, loss=squared)
