"""The depth-invariant model on nested spheres of more and more dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neural_odes.training import accuracy
from neural_odes_lab.config import Count, option
from neural_odes_lab.judges import Claim, all_of, below, every_seed
from neural_odes_lab.studies.common import (
    SLOW,
    Spheres,
    fresh_spheres,
    quality,
    trained_spheres,
)
from neural_odes_lab.studies.spheres import invariant_model
from neural_odes_lab.study import Row, study


@dataclass(frozen=True)
class ByDimension(Spheres):
    """Settings of :data:`spheres_by_dimension`."""

    dims: tuple[Count, ...] = option(
        (1, 2, 3, 5, 10, 20),
        "dimensions n; in one, no flow can solve it (chosen)",
    )
    fresh: Count = option(
        4000, "points drawn to measure generalisation (chosen)"
    )


def claims(config: ByDimension) -> Sequence[Claim]:
    first, last = config.dims[0], config.dims[-1]
    return [
        Claim(
            "loss",
            f"The loss in {last} dimensions is below that in {first}.",
            below("loss", last, first, ratio=True),
        ),
        Claim(
            "evaluations",
            f"In {last} dimensions a solve takes fewer evaluations than in "
            f"{first}.",
            below("nfe", last, first),
        ),
        Claim(
            "all-fit",
            "From two dimensions on, every seed fits all its points.",
            all_of(
                *(
                    every_seed("success", n, above=1)
                    for n in config.dims
                    if n > 1
                )
            ),
        ),
    ]


@study(
    "dimensionality.spheres_by_dimension",
    paper="section 5",
    config=ByDimension,
    block=10,
    variants=lambda config: config.dims,
    claims=claims,
    settings={
        "slow": [SLOW],
        "wide": [{**SLOW, "width": 64}],
    },
    label="n",
    quick={"samples": 128, "epochs": 60, "dims": (1, 2, 5)},
    tiny={"dims": (1, 3), "fresh": 50},
    words={"success": "share that fits all points"},
)
def spheres_by_dimension(
    config: ByDimension, variant: int, seeds: Sequence[int], device: str
) -> list[Row]:
    """The depth-invariant model in n = 1 to 20 dimensions.

    The depth-invariant flow f(z) is trained on the same number of points in
    each dimension n. ``success`` is 1 if all training points are on the right
    side of the boundary, and ``fresh`` is the accuracy on points that training
    never saw.
    """
    rows: list[Row] = []
    for seed, model, x, y, _ in trained_spheres(
        config,
        lambda: invariant_model(config, variant),
        seeds,
        device,
        dim=variant,
    ):
        found = quality(model, x, y)
        fresh = fresh_spheres(config.fresh, seed, device, dim=variant)
        rows.append(
            {
                "seed": seed,
                **found,
                "success": float(found["accuracy"] == 1),
                "fresh": accuracy(model, *fresh),
            }
        )
    return rows
