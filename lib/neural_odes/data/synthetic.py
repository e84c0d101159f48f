"""The paper's toy data: nested spheres, half-moons and the reflection."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from neural_odes.checks import (
    check_at_least,
    check_integer,
    check_nonnegative,
    generator,
    optional,
)

RADII = (0.5, 1.0, 1.5)
"""r1, r2, r3 of the nested spheres; chosen, as the paper's are lost."""


def crossing(samples: int = 20) -> tuple[Tensor, Tensor]:
    """Crossing trajectories: the reflection y = -x on a line (section 5).

    Args:
        samples: points, equally spaced in [-1, 1], >= 2.

    Returns:
        x and y, both of shape (samples, 1).

    Raises:
        TypeError, ValueError: samples is not an integer >= 2.
    """
    check_at_least("samples", samples, 2)
    x = torch.linspace(-1, 1, samples)[:, None]
    return x, -x


def nested_spheres(
    samples: int,
    *,
    dim: int = 2,
    radii: Sequence[float] = RADII,
    noise: float = 0.0,
    seed: int = 0,
) -> tuple[Tensor, Tensor]:
    """A ball labelled -1 inside a shell labelled +1 (equation 3).

    Points are uniform in the volume of ``|x| <= r1`` and of ``r2 <= |x| <=
    r3``, half of them in each; if their number is odd, the shell gets the
    extra one.

    Args:
        samples: points, >= 2.
        dim: dimension n of space, >= 1.
        radii: r1, r2, r3 with 0 < r1 < r2 < r3.
        noise: standard deviation of the Gaussian noise added to the points
            after labelling.
        seed: of the generator that draws them.

    Returns:
        x of shape (samples, dim), y of shape (samples, 1).

    Raises:
        TypeError, ValueError: an argument of the wrong type, or out of range.
    """
    check_at_least("samples", samples, 2)
    check_nonnegative("noise", noise)
    check_at_least("dim", dim, 1)
    try:
        r1, r2, r3 = map(float, radii)
        increase = 0 < r1 < r2 < r3 < math.inf
    except (TypeError, ValueError):
        increase = False
    if not increase:
        raise ValueError(
            "radii must be finite numbers r1, r2, r3 with 0 < r1 < r2 < r3, "
            f"got {radii}"
        )
    draws = generator(seed)
    y = torch.ones(samples, 1)
    y[: samples // 2] = -1
    # Invert the share of the volume within a radius. Radii are relative to the
    # outer one, whose power would overflow in high dimensions.
    outer = torch.where(y < 0, r1, r3)
    hollow = torch.where(y < 0, 0.0, (r2 / r3) ** dim)
    uniform = torch.rand(samples, 1, generator=draws)
    radius = outer * (hollow + (1 - hollow) * uniform) ** (1 / dim)
    direction = torch.randn(samples, dim, generator=draws)
    x = radius * direction / direction.norm(dim=1, keepdim=True)
    x += noise * torch.randn(samples, dim, generator=draws)
    order = torch.randperm(samples, generator=draws)
    return x[order], y[order]


def half_moons(
    samples: int, *, noise: float = 0.1, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Two interleaved half-circles, labelled -1 and +1 (section 3).

    Args:
        samples: points, >= 2, half of them in each moon; if their number is
            odd, the moon labelled +1 gets the extra one.
        noise: standard deviation of the Gaussian noise (0.1 is chosen).
        seed: of the generator that draws them.

    Returns:
        x of shape (samples, 2), y of shape (samples, 1).

    Raises:
        TypeError, ValueError: an argument of the wrong type, or out of range.
        ImportError: scikit-learn is missing (the extra ``data``).
    """
    check_at_least("samples", samples, 2)
    check_nonnegative("noise", noise)
    check_integer("seed", seed)
    if not 0 <= seed < 2**32:  # the range of numpy's generator
        raise ValueError(f"seed must be an integer of 32 bits, got {seed}")
    make_moons = optional("sklearn.datasets", "data").make_moons
    points, labels = make_moons(samples, noise=noise, random_state=seed)
    x = torch.as_tensor(points, dtype=torch.float32)
    y = torch.as_tensor(2 * labels - 1, dtype=torch.float32)[:, None]
    return x, y
