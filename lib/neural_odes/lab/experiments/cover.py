"""How many points it takes to cover a sphere, over its dimension."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import torch
from tqdm.auto import tqdm

from neural_odes.lab.results import spread, verdict
from neural_odes.lab.studies.cover import (
    greedy_cover,
    least_cover,
    on_sphere,
)


@dataclass(frozen=True)
class Cover:
    """Settings of :func:`cover`.

    Args:
        dims: dimensions n of space, increasing, >= 2 (chosen).
        radii: distances r on the unit sphere, 0 < r < sqrt(2) (chosen).
        points: random points on each sphere, of which the greedy cover is
            chosen, and to which distances are measured (chosen).
    """

    dims: tuple[int, ...] = (2, 3, 5, 10, 20)
    radii: tuple[float, ...] = (0.25, 0.5, 1.0)
    points: int = 1000

    def __post_init__(self) -> None:
        for r in self.radii:
            if not 0 < r < math.sqrt(2):
                raise ValueError(f"radii holds {r}; it takes 0 < r < sqrt(2)")
        if self.dims[0] < 2 or any(a >= b for a, b in pairwise(self.dims)):
            raise ValueError(
                f"dims is {self.dims}; it takes increasing integers >= 2"
            )


def cover(
    config: Cover,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """Sizes of r-covers of the sphere |x| = 1 in n dimensions.

    ``needed`` is the least any cover takes (:func:`least_cover`). ``greedy``
    is how many of ``points`` random points reach all of them; once it nears
    their number, they are too few to stand for the sphere. ``nearest`` is the
    mean distance from another random point to the nearest of them.

    Returns:
        summary, rows of n, r, needed, greedy, nearest; verdicts.
    """
    rows = []
    grid = list(product(config.dims, config.radii))
    for n, r in tqdm(grid, desc="spheres", disable=not progress):
        clouds = [on_sphere(config.points, n, s).to(device) for s in seeds]
        others = [on_sphere(200, n, s + 10_000).to(device) for s in seeds]
        rows.append(
            {
                "n": n,
                "r": r,
                "needed": least_cover(n, r),
                "greedy": spread([greedy_cover(c, r) for c in clouds]),
                "nearest": spread(
                    [
                        torch.cdist(other, cloud).amin(dim=1).mean().item()
                        for other, cloud in zip(others, clouds, strict=True)
                    ]
                ),
            }
        )
    judged = []
    for r in config.radii:
        factor = 1 / math.sin(2 * math.asin(r / 2))
        growth = [
            (least_cover(m, r) / least_cover(n, r)) ** (1 / (m - n))
            for n, m in pairwise(config.dims)
        ]
        judged.append(
            verdict(
                f"Covers of radius {r:g} grow exponentially with n.",
                min(growth) >= factor if growth else None,
                f"each dimension multiplies the least cover by at least "
                f"{factor:.3g}; computed: "
                + ", ".join(f"{g:.3g}" for g in growth),
            )
        )
    return {"summary": rows, "verdicts": judged}
