"""Figures 10 and 11: how augmented flows solve nested spheres, at what cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from neural_odes.augment import (
    HigherOrder,
    InputLayer,
    PartialReadout,
    ZeroAugment,
)
from neural_odes.nets import mlp
from neural_odes.ode import NeuralODE
from neural_odes.training import accuracy
from neural_odes_lab.config import Count, Natural, option
from neural_odes_lab.judges import Claim, above, below
from neural_odes_lab.studies.common import (
    Spheres,
    count,
    fresh_spheres,
    quality,
    trained_spheres,
)
from neural_odes_lab.study import Row, study
from neural_odes_lab.verdicts import FIRST_LOOK


@dataclass(frozen=True)
class Flows(Spheres):
    """Settings of :data:`flows`."""

    fresh: Count = option(
        2000, "points that generalisation is measured on (chosen)"
    )


@dataclass(frozen=True)
class Widths(Flows):
    """Settings of :data:`widths`."""

    extra: tuple[Natural, ...] = option(
        (0, 1, 2, 4, 8, 16), "how many states are added, increasing (chosen)"
    )


Parts = tuple[Any, nn.Module | None]


def zero_augmented(config: Spheres, extra: int) -> Parts:
    """Field and lift of an ANODE with ``extra`` states added."""
    n, w = 2 + extra, config.width
    return mlp(n, w, w, n), ZeroAugment(extra)


def _second_order(config: Spheres) -> Parts:
    w = config.width
    return HigherOrder(mlp(4, w, w, 2)), ZeroAugment(2)


def _input_layer() -> InputLayer:
    return InputLayer(nn.Linear(2, 2), keep=True)


AUGMENTED: dict[str, Callable[[Spheres], Parts]] = {
    "vanilla": lambda config: zero_augmented(config, 0),
    "ANODE": lambda config: zero_augmented(config, 2),
    "IL": lambda config: (zero_augmented(config, 2)[0], _input_layer()),
    "2nd order": _second_order,
    "2nd order, IL": lambda config: (
        _second_order(config)[0],
        _input_layer(),
    ),
}
HIGHER: dict[str, Callable[[Spheres], Parts]] = {
    "3rd order": lambda config: (
        HigherOrder(mlp(6, config.width, config.width, 2), order=3),
        ZeroAugment(4),
    ),
    "selective": lambda config: (
        HigherOrder(mlp(6, config.width, config.width, 4), size=2),
        ZeroAugment(4),
    ),
}
"""Equations (13) and (14), with two more states than the others."""
WORDS = {
    "length": "path length",
    "bending": "bending, 1 is straight",
}


def model(config: Spheres, make: Callable[[Spheres], Parts]) -> NeuralODE:
    """A model whose linear readout takes only the first two states."""
    field, lift = make(config)
    return NeuralODE(
        field, lift=lift, readout=PartialReadout(nn.Linear(2, 1), 2)
    )


@study(
    "augmentation.flows",
    paper="section 4, figures 10 and 11",
    config=Flows,
    block=10,
    variants={**AUGMENTED, **HIGHER},
    claims=[
        Claim(
            "third-order-loss",
            "Third order (13) ends at a higher loss than second order.",
            above("loss", "3rd order", "2nd order", ratio=True),
            after=FIRST_LOOK,
        ),
        Claim(
            "selective-evaluations",
            "The selective form (14) takes fewer evaluations than second "
            "order.",
            below("nfe", "selective", "2nd order"),
        ),
        *(
            Claim(quantity, sentence, below(quantity, "2nd order", "ANODE"))
            for quantity, sentence in (
                (
                    "parameters",
                    "Second order needs fewer parameters than zeros (ANODE).",
                ),
                (
                    "nfe",
                    "Second order takes fewer evaluations than zeros (ANODE).",
                ),
                (
                    "length",
                    "Second order's paths are shorter than those of zeros "
                    "(ANODE).",
                ),
                (
                    "bending",
                    "Second order's paths bend less than those of zeros "
                    "(ANODE).",
                ),
            )
        ),
    ],
    quick={"samples": 128, "epochs": 60},
    words=WORDS,
)
def flows(
    config: Flows, variant: str, seeds: Sequence[int], device: str
) -> list[Row]:
    """Nested spheres with added states, in seven ways.

    vanilla: no states are added to x. ANODE: two zeros are appended to x, and f
    maps all four states to their derivatives. IL: as ANODE, but the outputs of
    a trained linear layer of x take the place of the zeros; x itself is kept.
    2nd order: the first two states are positions, which start at x, the others
    velocities, which start at zero or (IL) at the outputs of a linear layer of
    x; f maps all four to accelerations. 3rd order: the slope of velocities is
    two more states, and f maps all six to the slopes of those. selective: as
    2nd order, with two more states of first order, whose slopes f returns, too.
    All of these start at zero. The linear readout takes the first two states.
    Evaluations of third order are not compared, as some of its runs fail; its
    loss is, over seeds from 20 on.

    Paths are those of these two states, read at 101 depths, for all training
    points: ``length`` is the mean path length divided by the spread of the data
    (the root mean square distance from their mean), and ``bending`` the mean
    path length divided by the mean distance between a path's ends. ``fresh`` is
    the accuracy on points that training never saw.
    """
    make = {**AUGMENTED, **HIGHER}[variant]
    return _measured(config, make, seeds, device)


@study(
    "augmentation.widths",
    paper="section 4",
    config=Widths,
    block=10,
    variants=lambda config: config.extra,
    claims=lambda config: [
        Claim(
            "evaluations",
            f"With {config.extra[-1]} added states a solve takes fewer "
            f"evaluations than with {config.extra[0]}.",
            below("nfe", config.extra[-1], config.extra[0]),
        )
    ],
    label="added states",
    quick={"samples": 128, "epochs": 60, "extra": (0, 2, 8)},
    tiny={"extra": (0, 2)},
    words=WORDS,
)
def widths(
    config: Widths, variant: int, seeds: Sequence[int], device: str
) -> list[Row]:
    """Cost and fit over the number of added states (0-augmentation).

    Zeros are appended to x, f maps all states to their derivatives, and the
    linear readout takes the first two. ``length`` is the mean path length of
    these two, read at 101 depths, divided by the spread of the data (the root
    mean square distance from their mean), ``bending`` the mean path length
    divided by the mean distance between a path's ends, and ``fresh`` the
    accuracy on points that training never saw.
    """
    make = partial(zero_augmented, extra=variant)
    return _measured(config, make, seeds, device)


def _measured(
    config: Flows,
    make: Callable[[Spheres], Parts],
    seeds: Sequence[int],
    device: str,
) -> list[Row]:
    rows: list[Row] = []
    for seed, one, x, y, _ in trained_spheres(
        config,
        lambda: model(config, make),
        seeds,
        device,
    ):
        fresh, label = fresh_spheres(config.fresh, seed, device)
        with torch.no_grad():
            solution = one.solve(x, torch.linspace(0, 1, 101))
            length, bending = paths(solution.z[..., :2])
        rows.append(
            {
                "seed": seed,
                **quality(one, x, y),
                "fresh": accuracy(one, fresh, label),
                "length": length,
                "bending": bending,
                "parameters": count(one),
            }
        )
    return rows


def paths(z: Tensor) -> tuple[float, float]:
    """Mean path length over the initial spread, and over the ends' distance.

    Args:
        z: states, shape (T, N, n).
    """
    length = z.diff(dim=0).norm(dim=2).sum(dim=0)
    away = z[0] - z[0].mean(dim=0)
    spread = away.square().sum(dim=1).mean().sqrt()
    ends = (z[-1] - z[0]).norm(dim=1).mean()
    return (length.mean() / spread).item(), (length.mean() / ends).item()
