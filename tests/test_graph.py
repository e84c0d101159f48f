"""The karate club, and a convolution on it."""

import pytest
import torch
from torch import nn

from neural_odes import NeuralODE, ZeroAugment, accuracy, fit, seeded
from neural_odes.nets import GraphConv
from neural_odes_lab.data import karate


def test_the_club_is_the_published_one():
    x, y, adjacency = karate()
    assert torch.equal(x, torch.eye(34))
    assert y.shape == (34, 1)
    assert (y < 0).sum() == 17
    assert torch.equal(adjacency, adjacency.mT)
    assert adjacency.sum() == 2 * 78
    assert not adjacency.diagonal().any()


def test_a_convolution_is_the_formula():
    adjacency = torch.tensor([[0.0, 1, 1], [1, 0, 0], [1, 0, 0]])
    layer = seeded(lambda: GraphConv(2, 4, adjacency), 0)
    h = torch.randn(3, 2, generator=torch.Generator().manual_seed(0))
    root = torch.tensor([3.0, 2, 2]).rsqrt()
    mean = torch.diag(root) @ (adjacency + torch.eye(3)) @ torch.diag(root)
    torch.testing.assert_close(layer(h), mean @ layer.linear(h))
    batch = torch.stack([h, 2 * h])
    assert layer(batch).shape == (2, 3, 4)


def test_nodes_have_no_order():
    _, _, adjacency = karate()
    order = torch.randperm(34, generator=torch.Generator().manual_seed(0))
    x = torch.randn(34, 3, generator=torch.Generator().manual_seed(1))
    plain = seeded(lambda: NeuralODE(GraphConv(3, 3, adjacency)), 0)
    mixed = seeded(
        lambda: NeuralODE(GraphConv(3, 3, adjacency[order][:, order])), 0
    )
    torch.testing.assert_close(
        mixed(x[order]), plain(x)[order], rtol=0, atol=1e-5
    )


def test_an_augmented_graph_ode_learns_the_sides_of_the_quarrel():
    x, y, adjacency = karate()

    def make():
        field = nn.Sequential(
            GraphConv(38, 8, adjacency), nn.Tanh(), GraphConv(8, 38, adjacency)
        )
        readout = nn.Linear(38, 1)
        return NeuralODE(field, lift=ZeroAugment(4), readout=readout)

    model = seeded(make, 0)
    fit(model, x, y, epochs=60, lr=0.02, progress=False)
    assert accuracy(model, x, y) == 1


def test_bad_adjacencies_are_named():
    for wrong, said in (
        (torch.ones(2, 3), "must be a square"),
        (-torch.ones(2, 2), "must have entries"),
        (torch.tensor([[0.0, 1], [0, 0]]), "must be symmetric"),
    ):
        with pytest.raises(ValueError, match=f"adjacency {said}"):
            GraphConv(1, 1, wrong)
