"""What several experiments share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from neural_odes.lab.results import spread
from neural_odes.lab.studies.common import (
    count,
    distance,
    gradient,
    in_float64,
    planar,
)
from neural_odes.ode import NeuralODE

__all__ = [
    "count",
    "distance",
    "gradient",
    "held",
    "in_float64",
    "log_slope",
    "means",
    "of",
    "planar",
    "rows",
    "turnover",
]


@torch.no_grad()
def turnover(model: NeuralODE, x: Tensor, depths: int = 101) -> float:
    """How often, per unit of depth, states cross the space they live in.

    The mean speed |f| over the spread of the states (root mean square about
    their mean), averaged over depth. Exponents of two flows compare once each
    is divided by its own turnover: the unit of depth drops out.

    Args:
        model: of one depth S for all, its states vectors.
        x: inputs, shape (N, n), N >= 2.
        depths: how many equally spaced depths are averaged.

    Raises:
        ValueError: samples have depths of their own.
    """
    if callable(model.depth):
        raise ValueError("model's depth differs from sample to sample")
    s = torch.linspace(0, model.depth, depths, dtype=x.dtype)
    z = model.solve(x, s).z
    speed = torch.stack(
        [
            model.field(depth, state, x).norm(dim=1).mean()
            for depth, state in zip(s, z, strict=True)
        ]
    )
    away = z - z.mean(dim=1, keepdim=True)
    spread = away.square().sum(dim=2).mean(dim=1).sqrt()
    return (speed / spread).mean().item()


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


Runs = Sequence[dict[str, Any]]
"""What an experiment measured: a dict of quantities for each model and seed."""


def of(runs: Runs, key: str, value: Any, quantity: str) -> list[float]:
    """A quantity of all runs whose ``key`` has a value, one for each seed."""
    return [run[quantity] for run in runs if run[key] == value]


def rows(
    runs: Runs, key: str, values: Iterable[Any], quantities: Iterable[str]
) -> list[dict[str, Any]]:
    """A summary: for each value of ``key``, the spread of each quantity."""
    names = tuple(quantities)
    return [
        {key: v, **{q: spread(of(runs, key, v, q)) for q in names}}
        for v in values
    ]


def means(runs: Runs, key: str, values: Iterable[Any], quantity: str) -> str:
    """The means of a quantity over seeds, in words for a verdict."""
    return f"mean {quantity} " + ", ".join(
        f"{v} {spread(of(runs, key, v, quantity))['mean']:.3g}" for v in values
    )


def held(*orders: int) -> bool | None:
    """Comparisons that should all be 1, as :func:`results.compare` gives them.

    False where one is -1; None, undecided, where one is 0.
    """
    return False if -1 in orders else None if 0 in orders else True
