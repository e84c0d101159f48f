"""Figures 10 and 11: how augmented flows solve nested spheres, and what for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import torch
from torch import nn
from tqdm.auto import tqdm

from neural_odes.augment import HigherOrder, InputLayer, Visible, ZeroAugment
from neural_odes.data import nested_spheres
from neural_odes.lab.experiments.anatomy import Spheres
from neural_odes.lab.experiments.common import count, held, means, of, rows
from neural_odes.lab.results import compare, verdict
from neural_odes.lab.studies.augmented_flows import (
    paths,
)
from neural_odes.nets import mlp, seeded
from neural_odes.ode import NeuralODE
from neural_odes.training.fit import accuracy, fit


@dataclass(frozen=True)
class Flows(Spheres):
    """Settings of :func:`flows`: those of ``Spheres``, and

    Args:
        fresh: points that generalisation is measured on (chosen).
    """

    fresh: int = 2000


@dataclass(frozen=True)
class Widths(Flows):
    """Settings of :func:`widths`: those of :class:`Flows`, and

    Args:
        extra: how many states are added, increasing from 0 (chosen).
    """

    extra: tuple[int, ...] = (0, 1, 2, 4, 8, 16)


Parts = tuple[Any, nn.Module | None]


def zero_augmented(config: Spheres, extra: int) -> Parts:
    """Field and lift of an ANODE with so many states added."""
    n, w = 2 + extra, config.width
    return mlp(n, w, w, n), ZeroAugment(extra)


def _second_order(config: Spheres) -> Parts:
    w = config.width
    return HigherOrder(mlp(4, w, w, 2)), ZeroAugment(2)


VARIANTS: dict[str, Callable[[Spheres], Parts]] = {
    "vanilla": lambda config: zero_augmented(config, 0),
    "ANODE": lambda config: zero_augmented(config, 2),
    "IL": lambda config: (
        zero_augmented(config, 2)[0],
        InputLayer(nn.Linear(2, 2), keep=True),
    ),
    "2nd order": _second_order,
    "2nd order, IL": lambda config: (
        _second_order(config)[0],
        InputLayer(nn.Linear(2, 2), keep=True),
    ),
}
QUANTITIES = ("loss", "fresh", "nfe", "length", "bending", "parameters")


def model(
    config: Spheres, make: Callable[[Spheres], Parts], seed: int
) -> NeuralODE:
    """A model whose linear readout sees the first two states alone."""

    def build() -> NeuralODE:
        field, lift = make(config)
        readout = Visible(nn.Linear(2, 1), 2)
        return NeuralODE(field, lift=lift, readout=readout)

    return seeded(build, seed)


def flows(
    config: Flows,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """Nested 2-spheres with each augmentation by two states.

    Of the trajectories of the two visible states, ``length`` is the mean path
    over the spread of the data, and ``bending`` the mean path over the
    distance between its ends: 1 is straight.

    Returns:
        runs per variant and seed; summary; verdicts.
    """
    runs = []
    grid = list(product(VARIANTS, seeds))
    for name, seed in tqdm(grid, desc="models", disable=not progress):
        run = _run(config, VARIANTS[name], seed, device)
        runs.append({"variant": name, "seed": seed, **run})
    return {
        "runs": runs,
        "summary": rows(runs, "variant", VARIANTS, QUANTITIES),
        "verdicts": _judge(runs),
    }


def widths(
    config: Widths,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """What more and more added states cost and buy (0-augmentation).

    Returns:
        runs per number of added states and seed, with the quantities of
        :func:`flows`; summary; verdicts.
    """
    runs = []
    grid = list(product(config.extra, seeds))
    for extra, seed in tqdm(grid, desc="models", disable=not progress):
        make = partial(zero_augmented, extra=extra)
        run = _run(config, make, seed, device)
        runs.append({"extra": extra, "seed": seed, **run})
    first, last = (
        of(runs, "extra", extra, "nfe")
        for extra in (config.extra[0], config.extra[-1])
    )
    return {
        "runs": runs,
        "summary": rows(runs, "extra", config.extra, QUANTITIES),
        "verdicts": [
            verdict(
                f"{config.extra[-1]} added states take fewer evaluations than "
                f"{config.extra[0]}.",
                held(-compare(last, first)),
                means(runs, "extra", config.extra, "nfe"),
            )
        ],
    }


def _run(
    config: Flows, make: Callable[[Spheres], Parts], seed: int, device: str
) -> dict[str, float]:
    x, y = nested_spheres(config.samples, noise=config.noise, seed=seed)
    x, y = x.to(device), y.to(device)
    one = model(config, make, seed).to(device)
    fit(one, x, y, epochs=config.epochs, lr=config.lr, progress=False)
    fresh, label = nested_spheres(config.fresh, seed=seed + 10_000)
    with torch.no_grad():
        solution = one.solve(x, torch.linspace(0, 1, 101))
        length, bending = paths(solution.z[..., :2])
        return {
            "loss": (one(x) - y).square().mean().item(),
            "accuracy": accuracy(one, x, y),
            "fresh": accuracy(one, fresh.to(device), label.to(device)),
            "nfe": one.solve(x).nfe,
            "length": length,
            "bending": bending,
            "parameters": count(one),
        }


def _judge(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    def own(variant: str, quantity: str) -> list[float]:
        return of(runs, "variant", variant, quantity)

    claims = (
        ("2nd order needs fewer parameters than ANODE.", "parameters"),
        ("2nd order takes fewer evaluations than ANODE.", "nfe"),
        ("2nd order's paths are shorter than ANODE's.", "length"),
        ("2nd order's paths bend less than ANODE's.", "bending"),
    )
    return [
        verdict(
            claim,
            held(-compare(own("2nd order", quantity), own("ANODE", quantity))),
            means(runs, "variant", VARIANTS, quantity),
        )
        for claim, quantity in claims
    ]
