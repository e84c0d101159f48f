"""How many points it takes to cover a sphere, over its dimension."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

import torch
from torch import Tensor

from neural_odes_lab.config import Config, Count, Range, increasing, option
from neural_odes_lab.judges import Claim, all_of, every_seed
from neural_odes_lab.studies.common import FRESH
from neural_odes_lab.study import Row, per_seed, study


@dataclass(frozen=True)
class Cover(Config):
    """Settings of :data:`cover`."""

    dims: tuple[Annotated[int, Range(2)], ...] = option(
        (2, 3, 5, 10, 20), "dimensions n of space, increasing (chosen)"
    )
    radii: tuple[Annotated[float, Range(0, 1.41, open=True)], ...] = option(
        (0.25, 0.5, 1.0), "distances r on the unit sphere (chosen)"
    )
    points: Count = option(
        1000,
        "random points on each sphere, of which the greedy cover is chosen, "
        "and to which distances are measured (chosen)",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        increasing(self, "dims")


def claims(config: Cover) -> Sequence[Claim]:
    found = []
    for r in config.radii:
        factor = 1 / math.sin(2 * math.asin(r / 2))
        steps = [
            every_seed(
                "needed",
                n,
                above=least_cover(m, r) * factor ** (n - m),
                r=r,
            )
            for m, n in pairwise(config.dims)
        ]
        found.append(
            Claim(
                f"radius-{r:g}",
                f"Covers of radius {r:g} grow exponentially with n: by a "
                f"factor of at least {factor:.3g} for each dimension.",
                all_of(*steps),
            )
        )
    return found


@study(
    "dimensionality.cover",
    paper="section 5",
    config=Cover,
    variants=lambda config: config.dims,
    keys=("r",),
    claims=claims,
    label="n",
    tiny={"points": 100},
    words={
        "r": "radius",
        "needed": "points needed, at least",
        "greedy": "greedy cover",
        "nearest": "mean distance to the nearest",
    },
)
@per_seed
def cover(config: Cover, variant: int, seed: int, device: str) -> list[Row]:
    """How many points cover a sphere in n dimensions.

    ``needed`` is a lower bound on the number of points of any cover of the unit
    sphere in R^n: the area of the sphere over that of a cap. A cap is the
    points within distance r of one point, at an angle of at most 2 arcsin(r /
    2) from it. The bound is the same for all seeds. With each dimension it
    grows by a factor of at least 1 / sin(2 arcsin(r / 2)), and this growth is
    judged. ``greedy`` is how many of ``points`` random points a greedy cover
    takes until none of them is farther than r from it: the first drawn, then
    always the one farthest from those chosen before. Once it nears ``points``,
    the random points are too few to represent the sphere. ``nearest`` is the
    mean distance from another random point, of 200, to the nearest of the
    ``points``.
    """
    cloud = on_sphere(config.points, variant, seed).to(device)
    others = on_sphere(200, variant, seed + FRESH).to(device)
    nearest = torch.cdist(others, cloud).amin(dim=1).mean().item()
    return [
        {
            "r": r,
            "needed": least_cover(variant, r),
            "greedy": greedy_cover(cloud, r),
            "nearest": nearest,
        }
        for r in config.radii
    ]


def least_cover(n: int, r: float) -> float:
    """Fewer points than this cannot r-cover the unit sphere in R^n, n >= 2.

    The area of the sphere over that of a cap, the points within distance r of
    one point, at an angle of at most phi = 2 asin(r / 2) from it. A cap's share
    is the integral of sin(t)^(n - 2) from 0 to phi over that from 0 to pi.
    """

    def area(angle: float) -> float:
        t = torch.linspace(0, angle, 20_001, dtype=torch.float64)
        return torch.trapezoid(t.sin() ** (n - 2), t).item()

    return area(math.pi) / area(2 * math.asin(r / 2))


def greedy_cover(points: Tensor, r: float) -> int:
    """How many of the points, shape (N, n), a greedy cover of radius r takes.

    Each next one is the point farthest from those chosen before, until none is
    farther than r.
    """
    distance = (points - points[0]).norm(dim=1)
    chosen = 1
    while distance.max() > r:
        farthest = points[distance.argmax()]
        distance = torch.minimum(distance, (points - farthest).norm(dim=1))
        chosen += 1
    return chosen


def on_sphere(samples: int, n: int, seed: int) -> Tensor:
    """Points uniform on the unit sphere, shape (samples, n)."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(samples, n, generator=generator)
    return x / x.norm(dim=1, keepdim=True)
