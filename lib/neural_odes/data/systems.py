"""Classical systems whose Lyapunov exponents are known.

Fields f(s, z, x) of states (..., n) that ignore ``x``. Use them in a model:
``NeuralODE(lorenz, depth=50.0, solver=Solver("rk4", step_size=0.01))``.
"""

from __future__ import annotations

import torch
from torch import Tensor

LORENZ = (0.9056, 0.0, -14.5723)
"""Exponents of :func:`lorenz` (Sprott, 2003, Chaos and Time-Series Analysis);
they sum to the divergence of the field, -(10 + 1 + 8/3)."""

ROSSLER = (0.0714, 0.0, -5.3943)
"""Exponents of :func:`rossler` (Sprott, 2003)."""


def lorenz(s: Tensor, z: Tensor, x: Tensor) -> Tensor:
    """Convection (Lorenz, 1963), at sigma = 10, rho = 28, beta = 8/3."""
    a, b, c = z.unbind(-1)
    return torch.stack([10 * (b - a), a * (28 - c) - b, a * b - 8 / 3 * c], -1)


def rossler(s: Tensor, z: Tensor, x: Tensor) -> Tensor:
    """A single folded band (Rössler, 1976), at a = b = 0.2, c = 5.7."""
    a, b, c = z.unbind(-1)
    return torch.stack([-b - c, a + 0.2 * b, 0.2 + c * (a - 5.7)], -1)


def van_der_pol(s: Tensor, z: Tensor, x: Tensor) -> Tensor:
    """A limit cycle, at mu = 1: the largest exponent is 0."""
    a, b = z.unbind(-1)
    return torch.stack([b, (1 - a.square()) * b - a], -1)


def stable_spiral(s: Tensor, z: Tensor, x: Tensor) -> Tensor:
    """A linear system with eigenvalues -0.5 ± 2i and -1.

    Their real parts are its exponents.
    """
    a, b, c = z.unbind(-1)
    return torch.stack([-0.5 * a - 2 * b, 2 * a - 0.5 * b, -c], -1)
