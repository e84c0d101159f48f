"""Theorem 1: one linear data-controlled field learns the reflection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from tqdm.auto import tqdm

from neural_odes.control import LinearControl
from neural_odes.data import crossing as reflection
from neural_odes.lab.results import verdict
from neural_odes.ode import NeuralODE
from neural_odes.solver import Solver
from neural_odes.training.fit import fit


@dataclass(frozen=True)
class Theorem1:
    """Settings of :func:`theorem1`.

    Args:
        samples: points of the reflection in [-1, 1] (chosen).
        eps: errors that the theorem is asked to stay below (chosen).
        largest: the largest theta tried (chosen).
        thetas: how many thetas are tried, equally spaced above 0 (chosen).
        tolerance: rtol = atol of the solver (the paper's 1e-4).
        start: theta before training (chosen).
        epochs: full-batch steps of Adam (the paper's 1000).
        lr: its learning rate (chosen).
    """

    samples: int = 20
    eps: tuple[float, ...] = (0.3, 0.1, 0.03, 0.01)
    largest: float = 10.0
    thetas: int = 100
    tolerance: float = 1e-4
    start: float = 1.0
    epochs: int = 1000
    lr: float = 0.01


def theorem1(
    config: Theorem1,
    *,
    seeds: Sequence[int] = (),
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """The linear model of equation 16, in theory, solved and trained.

    Nothing is random: seeds change nothing.

    Returns:
        theta; error, the largest |-x - z(1)| over the data, by the formula
        and by the solver; loss, the mean of these errors by the solver;
        trained, theta and loss after training; summary, per eps the bound and
        the first theta tried at which the solver stays below eps; verdicts.
    """
    x, y = (part.to(device) for part in reflection(config.samples))
    step = config.largest / config.thetas
    theta = [step * (i + 1) for i in range(config.thetas)]
    formula, solved, loss = [], [], []
    solver = Solver(rtol=config.tolerance, atol=config.tolerance)
    with torch.no_grad():
        for t in tqdm(theta, desc="thetas", disable=not progress):
            field = LinearControl(t).to(device)
            error = (NeuralODE(field, solver=solver)(x) - y).abs()
            formula.append((field.solution(1.0, x) - y).abs().max().item())
            solved.append(error.max().item())
            loss.append(error.mean().item())
    rows: list[dict[str, Any]] = []
    for eps in config.eps:
        below = [t for t, e in zip(theta, solved, strict=True) if e < eps]
        rows.append(
            {
                "eps": eps,
                "bound on theta": LinearControl.bound(x, eps).max().item(),
                "first theta below eps": min(below, default=None),
            }
        )
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
    gap = max(abs(a - b) for a, b in zip(formula, solved, strict=True))
    bend = torch.tensor(loss).diff(n=2).min().item()
    reached = [
        abs(first - row["bound on theta"]) <= 2 * step
        for row in rows
        if (first := row["first theta below eps"]) is not None
    ]
    trained = field.theta.item()
    return {
        "theta": theta,
        "error": {"formula": formula, "solver": solved},
        "loss": loss,
        "trained": {"theta": trained, "loss": history.loss[-1].item()},
        "summary": rows,
        "verdicts": [
            verdict(
                "The error falls below eps from theta = -ln(eps / (2|x|)) on.",
                all(reached) if reached else None,
                f"solver and formula differ by at most {gap:.2g}",
            ),
            verdict(
                "The L1 loss is convex in theta.",
                bend > -config.tolerance,
                f"smallest second difference {bend:.2g}, solved at a "
                f"tolerance of {config.tolerance:g}",
            ),
            verdict(
                "Training works, though it is superfluous.",
                history.loss[-1].item() < history.loss[0].item() / 10,
                f"theta from {config.start:g} to {trained:.3g}, loss from "
                f"{history.loss[0].item():.3g} to "
                f"{history.loss[-1].item():.3g}",
            ),
        ],
    }
