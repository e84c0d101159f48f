"""Theorem 1: one linear data-controlled field learns the reflection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import nn

from neural_odes.control import LinearControl
from neural_odes.data import crossing
from neural_odes.ode import NeuralODE
from neural_odes.solver import Solver
from neural_odes.training import fit
from neural_odes_lab.config import Config, Count, Positive, option
from neural_odes_lab.judges import Claim, all_of, every_seed
from neural_odes_lab.study import Row, study


@dataclass(frozen=True)
class Theorem1(Config):
    """Settings of :data:`theorem1`."""

    samples: Count = option(20, "points of the reflection in [-1, 1] (chosen)")
    eps: tuple[Positive, ...] = option(
        (0.3, 0.1, 0.03, 0.01),
        "errors eps for which the theorem bounds theta (chosen)",
    )
    largest: Positive = option(10.0, "the largest theta tried (chosen)")
    thetas: Count = option(
        100, "how many thetas are tried, equally spaced above 0 (chosen)"
    )
    tolerance: Positive = option(
        1e-4, "rtol = atol of the solver (the paper's 1e-4)"
    )
    start: Positive = option(1.0, "theta before training (chosen)")
    epochs: Count = option(1000, "full-batch steps of Adam (the paper's 1000)")
    lr: Positive = option(0.01, "Adam's learning rate (chosen)")


def bounds(config: Theorem1, rows: pd.DataFrame) -> pd.DataFrame:
    """What is judged, computed from the rows.

    Per eps: the bound, the first theta tried at which the solver's error is
    below eps, and their distance in steps. Then the least second difference of
    the loss, and the loss after training over that before.
    """
    x, _ = crossing(config.samples)
    solved = rows[rows["variant"] == "solver"]
    trained = rows[rows["variant"] == "trained"]
    step = config.largest / config.thetas
    found: list[dict[str, Any]] = []
    for eps in config.eps:
        bound = LinearControl.bound(x, eps).max().item()
        first = solved[solved["error"] < eps]["theta"].min()
        found.append(
            {
                "variant": "bound",
                "eps": eps,
                "bound on theta": bound,
                "first theta below eps": first,
                "steps of theta off": abs(first - bound) / step,
            }
        )
    bend = solved["loss"].diff().diff().min()
    ratio = (trained["loss"] / trained["loss before"]).iloc[0]
    found.append({"variant": "loss", "second difference": bend})
    found.append({"variant": "training", "loss over that before": ratio})
    return pd.DataFrame([{**row, "seed": 0} for row in found])


def claims(config: Theorem1) -> Sequence[Claim]:
    reachable = [
        eps
        for eps in config.eps
        if LinearControl.bound(torch.ones(1, 1), eps).item() < config.largest
    ]
    return [
        Claim(
            "bound",
            "The error falls below eps from theta = -ln(eps / (2|x|)) on.",
            all_of(
                *(
                    every_seed(
                        "steps of theta off",
                        {"variant": "bound", "eps": eps},
                        below=2,
                    )
                    for eps in reachable
                )
            ),
        ),
        Claim(
            "convex",
            "The L1 loss is convex in theta.",
            every_seed("second difference", "loss", above=-config.tolerance),
        ),
        Claim(
            "training",
            "Training works, though it is superfluous.",
            every_seed("loss over that before", "training", below=0.1),
        ),
    ]


@study(
    "dimensionality.theorem1",
    paper="section 5, theorem 1",
    config=Theorem1,
    variants=("formula", "solver", "trained"),
    keys=("eps",),
    random=False,
    derive=bounds,
    claims=claims,
    quick={"thetas": 20, "epochs": 200},
    tiny={"samples": 20, "thetas": 4},
)
def theorem1(
    config: Theorem1, variant: str, seeds: Sequence[int], device: str
) -> list[Row]:
    """Error of the linear model over theta, and its bound.

    The model of equation 16, dz/ds = -theta (z + x) with z(0) = x, by formula,
    by solver and trained: ``error`` is the largest ``|-x - z(1)|`` over the
    data, ``loss`` the mean. The bound is -ln(eps / (2 ``|x|``)) at ``|x|`` = 1.
    Thetas are tried in equal steps, so the first with an error below eps may
    lie up to one step above the bound, and up to another one off because of the
    solver's error; a difference of up to two steps counts as agreement. The
    loss counts as convex if the second differences over theta of the solver's
    losses are at least minus the tolerance. Training, by Adam on the L1 loss
    from theta = ``start``, works if the loss falls to a tenth or less.
    """
    x, y = (part.to(device) for part in crossing(config.samples))
    solver = Solver(rtol=config.tolerance, atol=config.tolerance)
    if variant == "trained":
        field = LinearControl(config.start).to(device)
        history = fit(
            NeuralODE(field, solver=solver),
            x,
            y,
            epochs=config.epochs,
            lr=config.lr,
            loss=nn.functional.l1_loss,
            progress=False,
        )
        before, *_, after = history.loss.tolist()
        loss = {"loss before": before, "loss": after}
        return [{"seed": 0, "theta": field.theta.item(), **loss}]
    rows: list[Row] = []
    step = config.largest / config.thetas
    for i in range(config.thetas):
        field = LinearControl(step * (i + 1)).to(device)
        with torch.no_grad():
            end = (
                field.solution(1.0, x)
                if variant == "formula"
                else NeuralODE(field, solver=solver)(x)
            )
            off = (end - y).abs()
        size = {"error": off.max().item(), "loss": off.mean().item()}
        rows.append({"seed": 0, "theta": step * (i + 1), **size})
    return rows
