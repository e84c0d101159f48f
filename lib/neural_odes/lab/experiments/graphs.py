"""The karate club: who goes with whom, with and without added features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from neural_odes.augment import Visible, ZeroAugment
from neural_odes.data import karate
from neural_odes.lab.experiments.common import count, held, means, of, rows
from neural_odes.lab.results import compare, verdict
from neural_odes.lab.studies.graphs import (
    told,
)
from neural_odes.nets import GraphConv, seeded
from neural_odes.ode import NeuralODE
from neural_odes.training.fit import fit


@dataclass(frozen=True)
class Club:
    """Settings of :func:`club`.

    Args:
        features: of a member before any are added (chosen).
        extra: features that augmentation adds (chosen).
        width: of the field's hidden layer (chosen).
        epochs: full-batch steps of Adam (chosen).
        lr: its learning rate (chosen).
    """

    features: int = 4
    extra: int = 2
    width: int = 8
    epochs: int = 100
    lr: float = 0.01


KNOWN = (0, 33)
"""The instructor and the officer, whose sides training is told."""


def model(config: Club, extra: int, adjacency: Tensor) -> NeuralODE:
    """A Neural ODE of the members' features, `extra` of them added.

    Args:
        config: its features and width.
        extra: how many features start at zero; the readout does not see them.
        adjacency: of the graph, shape (nodes, nodes).
    """
    n = config.features + extra
    field = nn.Sequential(
        GraphConv(n, config.width, adjacency),
        nn.Tanh(),
        GraphConv(config.width, n, adjacency),
    )
    embed = GraphConv(len(adjacency), config.features, adjacency)
    return NeuralODE(
        field,
        lift=nn.Sequential(embed, ZeroAugment(extra)),
        readout=Visible(nn.Linear(config.features, 1), config.features),
    )


def _no_flow(config: Club, adjacency: Tensor) -> NeuralODE:
    """The control: embedding and readout alone."""
    still = model(config, 0, adjacency)
    return NeuralODE(
        lambda s, z, x: torch.zeros_like(z),
        lift=still.lift,
        readout=still.readout,
    )


VARIANTS: dict[str, Callable[[Club, Tensor], NeuralODE]] = {
    "no flow": _no_flow,
    "none added": lambda config, a: model(config, 0, a),
    "zeros added": lambda config, a: model(config, config.extra, a),
}


def club(
    config: Club,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """Sides of 34 members, learned from two of them and the friendships.

    ``accuracy`` is that on the 32 members whose sides training is not told.

    Returns:
        runs per variant and seed; summary; verdicts.
    """
    x, y, adjacency = (part.to(device) for part in karate())
    asked = torch.ones(len(x), dtype=torch.bool, device=device)
    asked[list(KNOWN)] = False
    runs = []
    grid = list(product(VARIANTS.items(), seeds))
    for (name, make), seed in tqdm(grid, desc="models", disable=not progress):
        one = seeded(partial(make, config, adjacency), seed).to(device)
        fit(
            one,
            x,
            y,
            epochs=config.epochs,
            lr=config.lr,
            loss=told,
            progress=False,
        )
        with torch.no_grad():
            out = one(x)
        right = (out.sign() == y)[asked].double().mean().item()
        runs.append(
            {
                "variant": name,
                "seed": seed,
                "accuracy": right,
                "loss": told(out, y).item(),
                "nfe": one.solve(x).nfe,
                "parameters": count(one),
            }
        )
    own = {v: of(runs, "variant", v, "accuracy") for v in VARIANTS}
    return {
        "runs": runs,
        "summary": rows(
            runs, "variant", VARIANTS, ("accuracy", "loss", "nfe", "parameters")
        ),
        "verdicts": [
            verdict(
                "Added features place more members on their side.",
                held(compare(own["zeros added"], own["none added"])),
                means(runs, "variant", VARIANTS, "accuracy"),
            ),
            verdict(
                "A flow places more members on their side than none.",
                held(compare(own["none added"], own["no flow"])),
                means(runs, "variant", VARIANTS, "accuracy"),
            ),
        ],
    }
