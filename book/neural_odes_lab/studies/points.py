"""How many points it takes until a flow finds no way between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from neural_odes_lab.config import Count, increasing, option
from neural_odes_lab.judges import Claim, above, outgrows
from neural_odes_lab.studies.common import (
    SLOW,
    Spheres,
    quality,
    trained_spheres,
)
from neural_odes_lab.studies.spheres import invariant_model
from neural_odes_lab.study import Row, study
from neural_odes_lab.verdicts import FIRST_LOOK


@dataclass(frozen=True)
class Points(Spheres):
    """Settings of :data:`points`."""

    dims: tuple[Count, ...] = option(
        (1, 2, 3, 5, 10), "dimensions n, increasing (chosen)"
    )
    numbers: tuple[Count, ...] = option(
        (16, 32, 64, 128, 256, 512, 1024),
        "points of data N, increasing; they take the place of samples (chosen)",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        increasing(self, "dims", "numbers")


def limits(config: Points, rows: pd.DataFrame) -> pd.DataFrame:
    """N*(n) of each seed, the most points up to which something holds.

    ``fitted``: all points are on the right side; ``cheap``: the evaluations are
    less than twice those for the fewest points. Half of the fewest where it
    never holds; where it always does, the most that were tried.
    """
    found = []
    rows = rows.sort_values("N", kind="stable")
    for (n, seed), own in rows.groupby(["variant", "seed"], sort=False):
        holds = {
            "fitted": own["accuracy"] == 1,
            "cheap": own["nfe"] < 2 * own["nfe"].iloc[0],
        }
        most = {
            name: own["N"][yes.cummin()].max() if yes.iloc[0] else None
            for name, yes in holds.items()
        }
        least = own["N"].iloc[0] / 2
        found.append(
            {"variant": n, "seed": seed}
            | {
                name: float(least if m is None else m)
                for name, m in most.items()
            }
        )
    return pd.DataFrame(found)


def claims(config: Points) -> Sequence[Claim]:
    first, *others = config.dims
    found = []
    if others:
        fits = (
            f"In {others[0]} dimensions a flow fits more points than in "
            f"{first}."
        )
        fitted = above("fitted", others[0], first, ratio=True)
        found.append(Claim("plane", fits, fitted))
    if len(others) > 1:
        most = config.numbers[-1]
        grow = (
            (
                "fitted",
                f"From {others[0]} dimensions on, the points that a flow fits",
                outgrows("fitted", others, most),
            ),
            (
                "cheap",
                "The most points at less than twice the evaluations",
                outgrows("cheap", config.dims, most),
            ),
        )
        found += [
            Claim(
                f"growth-{quantity}",
                f"{what} grow faster than the dimension.",
                judge,
                after=FIRST_LOOK,
            )
            for quantity, what, judge in grow
        ]
    return found


@study(
    "dimensionality.points",
    paper="section 5",
    config=Points,
    block=10,
    variants=lambda config: config.dims,
    claims=claims,
    derive=limits,
    label="n",
    settings={"slow": [SLOW]},
    quick={"epochs": 60, "dims": (1, 2, 5), "numbers": (16, 64, 256)},
    tiny={"dims": (1, 3), "numbers": (16, 32)},
    words={
        "fitted": "most points that all fit",
        "cheap": "most points at less than twice the evaluations",
    },
)
def points(
    config: Points, variant: int, seeds: Sequence[int], device: str
) -> list[Row]:
    """How many points a depth-invariant flow fits in n dimensions.

    Flows are trained on nested spheres of ever more points N in a space of
    fixed dimension n: with enough points, no room is left to pass between them.
    ``fitted`` is the largest N up to which all training points are on the right
    side of the boundary, ``cheap`` the largest up to which a solve takes less
    than twice the evaluations that it takes for the fewest points. Where the
    condition never holds, half of the fewest is recorded; where it always does,
    the most that were tried. A claim of growth starts from the first of its
    dimensions, n0 = 2 for ``fitted`` and 1 for ``cheap``: in proportion to n,
    the number would be N(n0) n / n0, or the most that were tried if that is
    less. What is judged is log2 of the number minus log2 of this proportional
    one, averaged over the larger n.
    """
    return [
        {"seed": one.seed, "N": number, **quality(one.model, one.x, one.y)}
        for number in config.numbers
        for one in trained_spheres(
            replace(config, samples=number),
            lambda: invariant_model(config, variant),
            seeds,
            device,
            dim=variant,
        )
    ]
