"""A small real graph (section 4)."""

from __future__ import annotations

import torch
from torch import Tensor

from neural_odes.checks import optional


def karate() -> tuple[Tensor, Tensor, Tensor]:
    """Zachary's karate club (1977): 34 members, 78 friendships, one quarrel.

    Returns:
        x, one-hot features, shape (34, 34), which tell each node only its own
        identity; y, labels -1 (with the instructor) and +1 (with the officer),
        shape (34, 1); the adjacency matrix, shape (34, 34), float32.

    Raises:
        ImportError: networkx is missing (the extra ``lab``).
    """
    networkx = optional("networkx", "lab")
    club = networkx.karate_club_graph()
    sides = networkx.get_node_attributes(club, "club")
    y = torch.tensor([[1.0 if sides[n] == "Officer" else -1.0] for n in club])
    adjacency = networkx.to_numpy_array(club, weight=None)
    return torch.eye(len(club)), y, torch.from_numpy(adjacency).float()
