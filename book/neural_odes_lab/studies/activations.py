"""Mind your activation: the field's last layer decides where it can point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

import torch
from torch import Tensor, nn

from neural_odes.nets import mlp
from neural_odes.ode import NeuralODE
from neural_odes_lab.config import Count, NonNegative, option
from neural_odes_lab.judges import Claim, all_of, lowest
from neural_odes_lab.studies.common import Flow, moons, quality, trained
from neural_odes_lab.study import Row, study

Activation = Literal["tanh", "sigmoid", "relu", "softplus", "elu"]
Readout = Literal["linear", "fixed"]
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "relu": nn.ReLU,
    "softplus": nn.Softplus,
    "elu": nn.ELU,
}
TWO_WAYS = ("tanh", "elu")


@dataclass(frozen=True)
class Activations(Flow):
    """Settings of :data:`activations`."""

    last: tuple[Activation, ...] = option(
        ("tanh", "sigmoid", "relu", "softplus", "elu"),
        "activations after the last layer of f (the paper's five)",
    )
    hidden: tuple[Activation, ...] = option(
        ("tanh", "relu"), "activations between its layers (chosen)"
    )
    readouts: tuple[Readout, ...] = option(
        ("linear", "fixed"),
        "linear, a trained layer on z(S); or fixed, the first coordinate of "
        "z(S), which the flow itself has to move to the label (chosen)",
    )
    weight_decay: NonNegative = option(1e-4, "Adam's weight decay (chosen)")
    depths: Count = option(
        11, "depths in [0, 1] at which the field's direction is read"
    )


class First(nn.Module):
    """The fixed readout: the first coordinate of a state, shape (N, 1)."""

    def forward(self, z: Tensor) -> Tensor:
        return z[:, :1]


def claims(config: Activations) -> Sequence[Claim]:
    others = [a for a in config.last if a not in TWO_WAYS]
    return [
        Claim(
            f"two-ways-{hidden}-{readout}",
            "Tanh and ELU after the last layer reach the lowest loss "
            f"({hidden} in the hidden layers, {readout} readout).",
            all_of(
                *(
                    lowest(
                        *("loss", a, others),
                        ratio=True,
                        hidden=hidden,
                        readout=readout,
                    )
                    for a in config.last
                    if a in TWO_WAYS
                )
            ),
            "section 3",
        )
        for hidden, readout in product(config.hidden, config.readouts)
    ]


@study(
    "anatomy.activations",
    paper="section 3, figures 2 and 8",
    config=Activations,
    block=10,
    variants=lambda config: config.last,
    keys=("hidden", "readout"),
    claims=claims,
    label="last activation",
    quick={
        "hidden": ("tanh",),
        "readouts": ("linear",),
        "samples": 128,
        "epochs": 60,
    },
    tiny={"hidden": ("tanh",), "readouts": ("fixed",)},
)
def activations(
    config: Activations, variant: str, seeds: Sequence[int], device: str
) -> list[Row]:
    """Half-moons with five activations after f's last layer.

    For each activation after f's last layer, a flow is trained with each
    combination of hidden activation and readout; weight decay is added to the
    gradient. The fixed readout is the first coordinate of z(1), which the flow
    itself has to move to the label: the lower moon's to +1, the upper one's to
    -1. Losses are compared as ratios. ``up`` and ``down`` are the shares of f's
    components that are > 0 and < 0, along the data's trajectories at ``depths``
    equally spaced depths. Models that differ only in their activations start
    from the same weights.
    """
    rows: list[Row] = []
    for hidden, readout in product(config.hidden, config.readouts):

        def make(hidden: str = hidden, readout: str = readout) -> NeuralODE:
            w = config.width
            field = mlp(
                *(2, w, w, 2),
                activation=ACTIVATIONS[hidden],
                last=ACTIVATIONS[variant],
            )
            linear = readout == "linear"
            return NeuralODE(
                field, readout=nn.Linear(2, 1) if linear else First()
            )

        rows += [
            {
                "seed": seed,
                "hidden": hidden,
                "readout": readout,
                **quality(model, x, y),
                **_directions(model, x, config.depths),
            }
            for seed, model, x, y, _ in trained(
                *(config, make, seeds),
                lambda seed: moons(config, seed, device),
                weight_decay=config.weight_decay,
            )
        ]
    return rows


@torch.no_grad()
def _directions(model: NeuralODE, x: Tensor, depths: int) -> dict[str, float]:
    s = torch.linspace(0, 1, depths, device=x.device)
    z = model.solve(x, s).z
    field = torch.stack(
        [model.field(at, state, x) for at, state in zip(s, z, strict=True)]
    )
    return {
        "up": (field > 0).float().mean().item(),
        "down": (field < 0).float().mean().item(),
    }
