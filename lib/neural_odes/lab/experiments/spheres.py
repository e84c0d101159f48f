"""Section 5 in the plane and above: nested spheres without augmentation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from neural_odes.bases import Fourier
from neural_odes.control import DataControlled
from neural_odes.data import nested_spheres as draw
from neural_odes.depth import DepthConcat, Galerkin
from neural_odes.lab.experiments.anatomy import Spheres
from neural_odes.lab.experiments.common import held, in_float64, means, of
from neural_odes.lab.results import compare, spread, verdict
from neural_odes.lab.studies.paths import path_crossings
from neural_odes.lab.studies.spheres import (
    gap,
    island,
)
from neural_odes.nets import mlp, seeded
from neural_odes.ode import NeuralODE
from neural_odes.solver import Solver
from neural_odes.training.fit import accuracy, fit


@dataclass(frozen=True)
class NestedSpheres(Spheres):
    """Settings of :func:`nested_spheres`: those of ``Spheres``, and

    Args:
        fresh: points drawn to measure extrapolation, on the rings and in the
            gap between them each (chosen).
        followed: trajectories searched for crossings (chosen).
        depths: depths at which they are read (chosen; with few, the straight
            lines between them cross where the trajectories do not).
        grid: points per side of the grid that islands are sought on (chosen).
        grid: points per side of the grid that islands are sought on (chosen).
    """

    fresh: int = 4000
    followed: int = 32
    depths: int = 401
    grid: int = 401


def invariant(config: Spheres, dim: int = 2) -> nn.Module:
    return mlp(dim, config.width, config.width, dim)


VARIANTS: dict[str, Callable[[Spheres], nn.Module]] = {
    "depth-invariant": invariant,
    "concat": lambda c: DepthConcat(mlp(3, c.width, c.width, 2)),
    "GalNODE": lambda c: Galerkin(invariant(c), Fourier(c.modes)),
    "data-controlled": lambda c: DataControlled(mlp(4, c.width, c.width, 2)),
}
VARYING = ("concat", "GalNODE")


def nested_spheres(
    config: NestedSpheres,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """The qualitative study of Figures 5 and 15 to 17, measured.

    Extrapolation is the accuracy away from the training points: ``rings`` on
    fresh points of the two rings, ``gap`` on points between them, labelled by
    the ring that is nearer. ``crossings`` counts pairs of trajectories that
    cross in the plane, at whatever depths. ``island`` is 1 where the region
    around the disc is closed off (:func:`island`).

    Returns:
        runs: per variant and seed loss, accuracy, rings, gap, nfe, crossings
        and island; summary; verdicts.
    """
    runs: list[dict[str, Any]] = []
    grid = list(product(VARIANTS, seeds))
    for variant, seed in tqdm(grid, desc="models", disable=not progress):
        make = VARIANTS[variant]
        model, x, y = trained(config, make, seed, device)
        ring, label = draw(config.fresh, seed=seed + 10_000)
        between, side = gap(config.fresh, seed=seed + 10_000)
        s = torch.linspace(0, 1, config.depths)
        # At the usual tolerance, errors let paths cross that do not.
        exact = in_float64(model, Solver(rtol=1e-9, atol=1e-9))
        with torch.no_grad():
            paths = exact.solve(x[: config.followed].cpu().double(), s).z
            runs.append(
                {
                    "variant": variant,
                    "seed": seed,
                    "loss": (model(x) - y).square().mean().item(),
                    "accuracy": accuracy(model, x, y),
                    "rings": accuracy(model, ring.to(device), label.to(device)),
                    "gap": accuracy(model, between.to(device), side.to(device)),
                    "nfe": model.solve(x).nfe,
                    "crossings": len(path_crossings(paths)),
                    "island": float(island(model, config.grid)),
                }
            )
    return {
        "runs": runs,
        "summary": [
            {
                "variant": v,
                **{
                    q: spread(of(runs, "variant", v, q))
                    for q in (
                        *("loss", "accuracy", "rings", "gap", "nfe"),
                        *("crossings", "island"),
                    )
                },
            }
            for v in VARIANTS
        ],
        "verdicts": _judge(runs),
    }


def trained(
    config: Spheres,
    make: Callable[[Any], nn.Module],
    seed: int,
    device: str,
    dim: int = 2,
) -> tuple[NeuralODE, Tensor, Tensor]:
    """A model with a linear readout, trained on its seed's own points."""
    x, y = draw(config.samples, dim=dim, noise=config.noise, seed=seed)
    x, y = x.to(device), y.to(device)
    model = seeded(
        lambda: NeuralODE(make(config), readout=nn.Linear(dim, 1)), seed
    ).to(device)
    fit(model, x, y, epochs=config.epochs, lr=config.lr, progress=False)
    return model, x, y


def _judge(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    claims: list[tuple[str, str, list[tuple[str, str, int]]]] = [
        (
            f"Data control extrapolates best ({where}).",
            quantity,
            [("data-controlled", v, 1) for v in VARIANTS if v[:4] != "data"],
        )
        for quantity, where in (("rings", "rings"), ("gap", "gap"))
    ]
    claims += [
        (
            "Data control takes the fewest evaluations.",
            "nfe",
            [("data-controlled", v, -1) for v in VARIANTS if v[:4] != "data"],
        ),
        (
            "Depth-variant models fit the training data best.",
            "loss",
            [
                (a, b, -1)
                for a in VARYING
                for b in ("depth-invariant", "data-controlled")
            ],
        ),
        (
            "Depth-variant models draw less precise boundaries than data "
            "control.",
            "gap",
            [(a, "data-controlled", -1) for a in VARYING],
        ),
        (
            "The depth-invariant model takes the most evaluations.",
            "nfe",
            [
                ("depth-invariant", v, 1)
                for v in VARIANTS
                if v != "depth-invariant"
            ],
        ),
    ]
    judged = []
    for claim, quantity, pairs in claims:
        values = logs if quantity == "loss" else _values(quantity)
        signs = [
            sign * compare(values(runs, a), values(runs, b))
            for a, b, sign in pairs
        ]
        judged.append(
            verdict(
                claim, held(*signs), means(runs, "variant", VARIANTS, quantity)
            )
        )
    crossed = {v: of(runs, "variant", v, "crossings") for v in VARIANTS}
    judged.append(
        verdict(
            "Trajectories of depth-variant models cross in the plane, those "
            "of the depth-invariant model never.",
            min(n for v in VARYING for n in crossed[v]) > 0
            and max(crossed["depth-invariant"]) == 0,
            means(runs, "variant", VARIANTS, "crossings"),
        )
    )
    closed = of(runs, "variant", "data-controlled", "island")
    judged.append(
        verdict(
            "Data control closes the disc's region off, in every seed.",
            all(closed),
            means(runs, "variant", VARIANTS, "island")
            + "; of a flow that all inputs share it is an island only where "
            "its channel is thinner than the grid",
        )
    )
    return judged


def _values(quantity: str) -> Callable[[Any, Any], list[float]]:
    return lambda runs, variant: of(runs, "variant", variant, quantity)


def logs(runs: Sequence[dict[str, Any]], variant: Any) -> list[float]:
    return [math.log(v) for v in of(runs, "variant", variant, "loss")]
