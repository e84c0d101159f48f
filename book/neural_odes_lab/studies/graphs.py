"""The karate club: who goes with whom, with and without added features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from neural_odes.augment import PartialReadout, ZeroAugment
from neural_odes.nets import GraphConv
from neural_odes.ode import NeuralODE
from neural_odes_lab.config import Config, Count, Positive, option
from neural_odes_lab.data import karate
from neural_odes_lab.judges import Claim, above
from neural_odes_lab.studies.common import count, trained
from neural_odes_lab.study import Row, study


@dataclass(frozen=True)
class Club(Config):
    """Settings of :data:`club`."""

    features: Count = option(4, "of a member before any are added (chosen)")
    extra: Count = option(2, "features that augmentation adds (chosen)")
    width: Count = option(8, "of the field's hidden layer (chosen)")
    epochs: Count = option(100, "full-batch steps of Adam (chosen)")
    lr: Positive = option(0.01, "Adam's learning rate (chosen)")


KNOWN = (0, 33)
"""The instructor and the officer, whose sides training is told."""


def model(config: Club, extra: int, adjacency: Tensor) -> NeuralODE:
    """A Neural ODE of the members' features, ``extra`` of them added.

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
        readout=PartialReadout(nn.Linear(config.features, 1), config.features),
    )


def _no_flow(config: Club, adjacency: Tensor) -> NeuralODE:
    """The control: embedding and readout alone."""
    still = model(config, 0, adjacency)
    return NeuralODE(
        lambda s, z, x: torch.zeros_like(z),
        lift=still.lift,
        readout=still.readout,
    )


MODELS: dict[str, Callable[[Club, Tensor], NeuralODE]] = {
    "no flow": _no_flow,
    "none added": lambda config, a: model(config, 0, a),
    "zeros added": lambda config, a: model(config, config.extra, a),
}


def told(out: Tensor, y: Tensor) -> Tensor:
    """Mean squared error of the two members whose side is known."""
    known = torch.tensor(KNOWN, device=out.device)
    return nn.functional.mse_loss(out[known], y[known])


@study(
    "augmentation.graph",
    paper="section 4, graphs",
    config=Club,
    block=10,
    variants=MODELS,
    claims=[
        Claim(
            "features",
            "Added features place more members on their side.",
            above("accuracy", "zeros added", "none added"),
        ),
        Claim(
            "flow",
            "A flow places more members on their side than none.",
            above("accuracy", "none added", "no flow"),
        ),
    ],
    quick={"epochs": 60},
)
def club(
    config: Club, variant: str, seeds: Sequence[int], device: str
) -> list[Row]:
    """The karate club with and without added features.

    The sides (±1) of 34 members are learned from those of two, the instructor
    and the officer, and from the friendships. A graph convolution is a linear
    layer, bias included, multiplied by D^-1/2 (A + I) D^-1/2, with unweighted
    friendships A (Kipf and Welling, 2017). One graph convolution embeds the
    members, one-hot vectors, in ``features`` numbers; f consists of two with
    tanh and ``width`` features between them; a linear readout takes the
    embedding's features, not those that are added as zeros. "no flow" is
    embedding and readout alone. Adam trains all parameters in full batches, in
    float32, on the mean squared error over the two known members, which is the
    ``loss``; dopri5 solves from s = 0 to 1 at rtol = atol = 1e-4. ``accuracy``
    is the share of the other 32 members that are placed on their side.
    """
    x, y, adjacency = (part.to(device) for part in karate())
    asked = torch.ones(len(x), dtype=torch.bool, device=device)
    asked[list(KNOWN)] = False
    make = partial(MODELS[variant], config, adjacency)
    rows: list[Row] = []
    for seed, model, *_ in trained(
        config, make, seeds, lambda seed: (x, y), loss=told
    ):
        with torch.no_grad():
            out = model(x)
        rows.append(
            {
                "seed": seed,
                "accuracy": (out.sign() == y)[asked].double().mean().item(),
                "loss": told(out, y).item(),
                "nfe": model.solve(x).nfe,
                "parameters": count(model),
            }
        )
    return rows
