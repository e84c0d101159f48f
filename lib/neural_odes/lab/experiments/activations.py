"""Mind your activation: the field's last layer decides where it can point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from neural_odes.data import half_moons
from neural_odes.lab.results import compare, spread, verdict
from neural_odes.lab.studies.activations import (
    First,
)
from neural_odes.nets import mlp, seeded
from neural_odes.ode import NeuralODE
from neural_odes.training.fit import accuracy, fit

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "relu": nn.ReLU,
    "softplus": nn.Softplus,
    "elu": nn.ELU,
}
TWO_WAYS = ("tanh", "elu")
READOUTS = ("linear", "fixed")


@dataclass(frozen=True)
class Activations:
    """Settings of :func:`activations`.

    Args:
        last: activations after the last layer of f (the paper's five).
        hidden: activations between its layers; the claim is judged for each
            (chosen).
        readouts: "linear", a trained linear layer on z(S); or "fixed", the
            first coordinate of z(S), which the flow itself has to move to the
            label. The claim is judged for each (chosen).
        samples: points of data, all of them used to train and to evaluate
            (chosen).
        noise: standard deviation of the data's noise (chosen).
        width: of the two hidden layers (the paper's 16).
        epochs: full-batch steps of Adam (chosen).
        lr: its learning rate (chosen).
        weight_decay: its weight decay (chosen).
        depths: depths in [0, 1] at which the field's direction is read.
    """

    last: tuple[str, ...] = ("tanh", "sigmoid", "relu", "softplus", "elu")
    hidden: tuple[str, ...] = ("tanh", "relu")
    readouts: tuple[str, ...] = READOUTS
    samples: int = 256
    noise: float = 0.1
    width: int = 16
    epochs: int = 200
    lr: float = 0.01
    weight_decay: float = 1e-4
    depths: int = 11

    def __post_init__(self) -> None:
        for name, known in (
            ("last", ACTIVATIONS),
            ("hidden", ACTIVATIONS),
            ("readouts", READOUTS),
        ):
            unknown = set(getattr(self, name)) - set(known)
            if unknown:
                raise ValueError(
                    f"{name} holds {', '.join(sorted(unknown))}; it takes "
                    f"some of {', '.join(known)}"
                )


def model(
    config: Activations, last: str, hidden: str, readout: str, seed: int
) -> NeuralODE:
    """One model of the comparison, untrained.

    Args:
        config: gives the width.
        last: key of ``ACTIVATIONS``: after the field's last layer.
        hidden: key of ``ACTIVATIONS``: after its hidden layers.
        readout: "linear" or "fixed".
        seed: of the initial weights; models that differ only in activations
            start from the same weights.
    """
    w = config.width
    return seeded(
        lambda: NeuralODE(
            mlp(
                *(2, w, w, 2),
                activation=ACTIVATIONS[hidden],
                last=ACTIVATIONS[last],
            ),
            readout=nn.Linear(2, 1) if readout == "linear" else First(),
        ),
        seed,
    )


def activations(
    config: Activations,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """Train on half-moons with each last-layer activation (Figures 2 and 8).

    Returns:
        runs: per setting and seed the final loss, accuracy, nfe of a solve,
        and ``up`` and ``down``, the shares of the components of f along the
        data's trajectories that are > 0 and < 0; summary; verdicts, one per
        combination of hidden activation and readout: whether each of tanh
        and ELU ends at a clearly lower (log) loss than each of the others.
    """
    runs = []
    grid = list(product(config.hidden, config.readouts, config.last, seeds))
    for hidden, readout, last, seed in tqdm(
        grid, desc="models", disable=not progress
    ):
        x, y = half_moons(config.samples, noise=config.noise, seed=seed)
        x, y = x.to(device), y.to(device)
        one = model(config, last, hidden, readout, seed).to(device)
        fit(
            one,
            x,
            y,
            epochs=config.epochs,
            lr=config.lr,
            weight_decay=config.weight_decay,
            progress=False,
        )
        with torch.no_grad():
            runs.append(
                {
                    "hidden": hidden,
                    "readout": readout,
                    "last": last,
                    "seed": seed,
                    "loss": (one(x) - y).square().mean().item(),
                    "accuracy": accuracy(one, x, y),
                    "nfe": one.solve(x).nfe,
                    **_directions(one, x, config.depths),
                }
            )
    return {
        "runs": runs,
        "summary": _summary(config, runs),
        "verdicts": [
            _judge(config, runs, hidden, readout)
            for hidden, readout in product(config.hidden, config.readouts)
        ],
    }


def _directions(one: NeuralODE, x: Tensor, depths: int) -> dict[str, float]:
    s = torch.linspace(0, 1, depths, device=x.device)
    z = one.solve(x, s).z
    field = torch.stack(
        [one.field(at, state, x) for at, state in zip(s, z, strict=True)]
    )
    return {
        "up": (field > 0).float().mean().item(),
        "down": (field < 0).float().mean().item(),
    }


def _select(
    runs: Sequence[dict[str, Any]], quantity: str, **where: str
) -> list[float]:
    return [
        run[quantity]
        for run in runs
        if all(run[key] == value for key, value in where.items())
    ]


def _summary(
    config: Activations, runs: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    rows = []
    for hidden, readout, last in product(
        config.hidden, config.readouts, config.last
    ):
        where = {"hidden": hidden, "readout": readout, "last": last}
        measured = {
            quantity: spread(_select(runs, quantity, **where))
            for quantity in ("loss", "accuracy", "nfe", "up", "down")
        }
        rows.append({**where, **measured})
    return rows


def _judge(
    config: Activations,
    runs: Sequence[dict[str, Any]],
    hidden: str,
    readout: str,
) -> dict[str, Any]:
    loss = {
        last: _select(runs, "loss", hidden=hidden, readout=readout, last=last)
        for last in config.last
    }
    pairs = [
        (a, b, compare(*(list(map(math.log, loss[k])) for k in (a, b))))
        for a in TWO_WAYS
        for b in config.last
        if a in config.last and b not in TWO_WAYS
    ]
    against = [f"{a} against {b}" for a, b, sign in pairs if sign > 0]
    open_ = [f"{a} against {b}" for a, b, sign in pairs if sign == 0]
    order = sorted(loss, key=lambda last: spread(loss[last])["mean"])
    why = "mean loss " + ", ".join(
        f"{last} {spread(loss[last])['mean']:.3g}" for last in order
    )
    if against:
        why += f"; clearly the other way: {', '.join(against)}"
    if open_:
        why += f"; no clear difference: {', '.join(open_)}"
    return verdict(
        f"Tanh and ELU reach the lowest loss ({hidden} hidden layers, "
        f"{readout} readout).",
        False if against else None if open_ or not pairs else True,
        why,
    )
