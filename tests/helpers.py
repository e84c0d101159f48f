"""What several test files need."""

from collections.abc import Callable

import torch
from torch import Tensor

from neural_odes import NeuralODE, Solver, seeded

TIGHT = Solver(rtol=1e-10, atol=1e-12)
"""For comparisons in float64 with what is known exactly."""


def points(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal numbers, float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def double(make: Callable[[], NeuralODE], seed: int = 0) -> NeuralODE:
    """A model with weights of a seed, in float64."""
    return seeded(make, seed).double()
