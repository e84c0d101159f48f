"""Distances to a boundary mean what they say, where the truth is known."""

import pytest
import torch
from helpers import points

from neural_odes import seeded
from neural_odes_lab.studies.boundary import distances
from neural_odes_lab.studies.stability import capped


@pytest.mark.parametrize("n", [1, 2, 3])
def test_of_a_plane(n):
    w = points(n, seed=1)
    x = points(40, n)
    found = distances(lambda x: (x @ w - 0.3)[:, None], x, margin=1.0)
    want = (x @ w - 0.3).abs() / w.norm()
    near = want < 1.0  # the foot of the others may lie outside the grid
    assert near.sum() > 20
    torch.testing.assert_close(found[near], want[near], rtol=0, atol=1e-4)


@pytest.mark.parametrize("n", [2, 3])
def test_of_a_sphere(n):
    """Inside and out; scores that are steep or flat are of no account."""
    x = points(60, n)
    for score in (
        lambda x: x.norm(dim=1, keepdim=True) - 1,
        lambda x: (x.norm(dim=1, keepdim=True) - 1) ** 3,
    ):
        found = distances(score, x)
        want = (x.norm(dim=1) - 1).abs()
        torch.testing.assert_close(found, want, rtol=0, atol=5e-3)


def test_of_two_points_of_a_cross():
    """The nearer of two branches counts."""
    x = torch.tensor([[0.3, 0.1], [0.1, -0.4], [-0.2, 0.5]]).double()
    found = distances(lambda x: x[:, :1] * x[:, 1:], x)
    want = x.abs().min(1).values
    torch.testing.assert_close(found, want, rtol=0, atol=1e-4)


def test_where_there_is_none():
    x = points(5, 2)
    found = distances(lambda x: torch.ones(len(x), 1), x, most=3.0)
    assert (found == 3).all()
    with pytest.raises(ValueError, match="at most 3 features"):
        distances(lambda x: x[:, :1], points(5, 4))


def test_a_capped_field_is_lipschitz_with_the_product_of_its_caps():
    field = seeded(lambda: capped(3, 16, 16, 3, cap=1.5), 0).double()
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.mul_(20)  # beyond the cap, so that it counts
    slopes = torch.func.vmap(torch.func.jacrev(field))(points(200, 3))
    largest = torch.linalg.matrix_norm(slopes, 2).max().item()
    assert 0.1 < largest <= 1.5**3 * (1 + 1e-9)
