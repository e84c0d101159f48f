"""What several experiments share."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from neural_odes.nets import mlp, seeded
from neural_odes.ode import NeuralODE
from neural_odes.solver import Solver


def planar(
    seed: int,
    *sizes: int,
    device: str = "cpu",
    solver: Solver | None = None,
) -> NeuralODE:
    """A vanilla model of the plane with a linear readout to one number.

    Args:
        seed: of the initial weights.
        sizes: of the field's hidden layers.
        device: where its parameters live.
        solver: by default the paper's.
    """
    return seeded(
        lambda: NeuralODE(
            mlp(2, *sizes, 2), readout=nn.Linear(2, 1), solver=solver
        ),
        seed,
    ).to(device)


def in_float64(model: NeuralODE, solver: Solver) -> NeuralODE:
    """A copy of a model, on the CPU in float64, with another solver.

    Training runs where the caller says; what is measured to many digits is
    measured here, because not every device has float64.
    """
    copied = copy.deepcopy(model).cpu().double()
    copied.solver = solver
    return copied


def distance(a: Tensor, b: Tensor) -> float:
    """Root-mean-square distance of paired points, both of shape (N, n)."""
    return (a - b).square().sum(1).mean().sqrt().item()


def log_slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Slope of the least-squares line of log y over log x.

    Raises:
        ValueError: fewer than two points, or one that is not > 0.
    """
    if len(x) < 2 or min(*x, *y) <= 0:
        raise ValueError(
            f"x, y are {x}, {y}; they take two points or more, > 0"
        )
    u = torch.tensor([math.log(v) for v in x], dtype=torch.float64)
    v = torch.tensor([math.log(v) for v in y], dtype=torch.float64)
    u = u - u.mean()
    return ((u * v).sum() / u.square().sum()).item()


def count(module: nn.Module) -> int:
    """How many numbers a module trains."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)
