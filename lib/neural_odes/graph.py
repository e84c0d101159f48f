"""A small real graph, and a layer for it (section 4)."""

from __future__ import annotations

import networkx
import torch
from torch import Tensor, nn


class GraphConv(nn.Module):
    """A graph convolution: a linear layer of the mean over neighbours.

    The mean is Kipf and Welling's (2017): with self-loops and the symmetric
    normalisation D^-1/2 (A + I) D^-1/2.

    Args:
        inputs: features of a node that go in.
        outputs: features that come out.
        adjacency: A, shape (nodes, nodes), symmetric, entries >= 0.

    Raises:
        ValueError: adjacency is no such matrix.
    """

    mean: Tensor

    def __init__(self, inputs: int, outputs: int, adjacency: Tensor) -> None:
        super().__init__()
        square = adjacency.ndim == 2 and len(set(adjacency.shape)) == 1
        if not (square and bool((adjacency >= 0).all())):
            raise ValueError(
                f"adjacency has shape {tuple(adjacency.shape)}; it takes a "
                "square matrix of entries >= 0"
            )
        if not torch.equal(adjacency, adjacency.mT):
            raise ValueError("adjacency is not symmetric")
        looped = adjacency + torch.eye(len(adjacency)).to(adjacency)
        scale = looped.sum(dim=1).rsqrt()
        self.register_buffer(
            "mean", scale[:, None] * looped * scale, persistent=False
        )
        self.linear = nn.Linear(inputs, outputs)

    def forward(self, h: Tensor) -> Tensor:
        """Features of shape (..., nodes, inputs) to (..., nodes, outputs)."""
        return self.mean @ self.linear(h)


def karate() -> tuple[Tensor, Tensor, Tensor]:
    """Zachary's karate club (1977): 34 members, 78 friendships, one quarrel.

    Returns:
        x, one-hot features of shape (34, 34): each node knows its own name
        alone; y, labels -1 (with the instructor) and +1 (with the officer),
        shape (34, 1); the adjacency matrix, shape (34, 34), float32.
    """
    club = networkx.karate_club_graph()
    sides = networkx.get_node_attributes(club, "club")
    y = torch.tensor([[1.0 if sides[n] == "Officer" else -1.0] for n in club])
    adjacency = networkx.to_numpy_array(club, weight=None)
    return torch.eye(len(club)), y, torch.from_numpy(adjacency).float()
