"""Flows that generate images: does what holds in the plane carry over?"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from neural_odes.depth import DepthConcat
from neural_odes.nets import mlp, seeded
from neural_odes_lab import data
from neural_odes_lab.config import Count, Positive, option
from neural_odes_lab.judges import Claim, below, mean_below
from neural_odes_lab.studies.common import FRESH
from neural_odes_lab.studies.generation import (
    LAST,
    Matching,
    bend,
    by_matching,
    energy_distance,
    euler_path,
)
from neural_odes_lab.study import Row, study

PIXELS = 64
STEPS = (1, 4, LAST)
SHOWN = 8
"""Images of the first seed that are kept."""
DIGITS = "digits"


def _of(way: str) -> dict[str, str]:
    return {"variant": DIGITS, "pairs": way}


@dataclass(frozen=True)
class Images(Matching):
    """How flows that generate digits are trained.

    Digits are images of 8 x 8 pixels between -1 and 1. f is a multilayer
    perceptron of the state and the depth, with three hidden layers of ``width``
    and SiLU after each. Each seed draws which 360 of the 1,797 images are
    fresh, initial weights by torch's default initialisation, and noise.
    """

    lr: Positive = option(0.002, "Adam's, which falls to 0 (chosen)")
    pairs: Count = option(4096, "of a flow's own, to rectify it (chosen)")
    width: Count = option(256, "of the field's three hidden layers (chosen)")


@study(
    "generation.digits",
    paper="after the paper",
    config=Images,
    variants=(DIGITS,),
    keys=("pairs",),
    claims=[
        Claim(
            "transport-straighter",
            "Images, too: optimal transport pairs make straighter paths than "
            "independent ones.",
            below("bend", _of("transport"), _of("independent"), ratio=True),
        ),
        Claim(
            "transport-four-steps",
            "Images, too: with four Euler steps, optimal transport pairs come "
            "nearer to the data than independent pairs.",
            below("energy 4", _of("transport"), _of("independent"), ratio=True),
        ),
        Claim(
            "rectified-one-step",
            "Images, too: rectified once, one Euler step is as good as 64.",
            mean_below("excess", _of("rectified once"), 1.25),
        ),
    ],
    block=1,
    label="data",
    quick={"updates": 500},
    tiny={"width": 4, "updates": 2, "batch": 8, "pairs": 16},
    words={
        "pairs": "trained by",
        "energy 1": "energy distance, 1 step",
        "energy 4": "4 steps",
        f"energy {LAST}": f"{LAST} steps",
        "excess": f"1 step over {LAST}",
        "bend": "bend, 0 is straight",
    },
)
def digits(
    config: Images, variant: str, seeds: Sequence[int], device: str
) -> list[Row]:
    """Handwritten digits from noise: do straight paths carry over?

    Flows are trained and measured as in the study of flows in the plane, by
    each way of pairing noise and data but maximum likelihood. ``energy n`` is
    the energy distance of 360 samples to the 360 fresh images after n Euler
    steps, ``excess`` the first at one step over that at 64. ``bend`` is the
    mean squared distance of the slope from that of the line between a path's
    ends, on 64 Euler steps. fresh data: no flow; 360 of the images that flows
    are trained on.
    """
    rows: list[Row] = []
    for seed in seeds:
        x, fresh = (
            2 * data.digits(split, seed=seed)[0].reshape(-1, PIXELS) - 1
            for split in ("train", "test")
        )
        found = by_matching(config, x, _field(config, seed), seed)
        draws = torch.Generator().manual_seed(seed + 3 * FRESH)
        noise = torch.randn(len(fresh), PIXELS, generator=draws)
        rows += [
            {"seed": seed, "pairs": way, **_measured(field, noise, fresh, seed)}
            for way, (field, _) in found.items()
        ]
        near = energy_distance(x[: len(fresh)].double(), fresh.double())
        rows.append(
            {"seed": seed, "pairs": "fresh data", f"energy {LAST}": near}
        )
    return rows


def _field(config: Images, seed: int) -> nn.Module:
    sizes = [PIXELS + 1, *[config.width] * 3, PIXELS]
    return seeded(lambda: DepthConcat(mlp(*sizes, activation=nn.SiLU)), seed)


@torch.no_grad()
def _measured(field: nn.Module, noise: Tensor, fresh: Tensor, seed: int) -> Row:
    field, fresh = copy.deepcopy(field).double(), fresh.double()
    paths = {n: euler_path(field, noise.double(), n) for n in STEPS}
    found: Row = {
        f"energy {n}": energy_distance(path[-1], fresh)
        for n, path in paths.items()
    }
    found["excess"] = found["energy 1"] / found[f"energy {LAST}"]
    found["bend"] = bend(paths[LAST])
    if seed == 0:
        found["picture"] = {
            str(n): [
                [round(value, 2) for value in image]
                for image in paths[n][-1][:SHOWN].tolist()
            ]
            for n in (1, LAST)
        }
    return found
