"""Whole trainings: a plain loop with torchdiffeq, one model, and twenty.

Over a training the demands of seeds part: what counts is the time of all its
steps, not of the first ones. Fields of 2-16-16-2 tanh on nested 2-spheres, by
dopri5 at 1e-4, Adam at 0.01. A round trains each way once, in turns.

    python benchmarks/training.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from timing import interleaved, keep, quartiles, versions
from torch import nn
from torch.nn.functional import mse_loss
from torchdiffeq import odeint

from neural_odes import NeuralODE, fit, mlp, nested_spheres, seeded

CASES = {64: 60, 256: 300, 1024: 60}
"""Epochs, by points."""
SEEDS, ROUNDS = 20, 3
TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}
LOOP = "torchdiffeq, plain loop"


def model(seed: int) -> NeuralODE:
    return seeded(
        lambda: NeuralODE(mlp(2, 16, 16, 2), readout=nn.Linear(2, 1)), seed
    )


def plain(x: Any, y: Any, epochs: int) -> None:
    """One seed by a loop of one's own."""
    own = model(0)
    field, readout = own.field.module, own.readout
    optimizer = torch.optim.Adam(own.parameters(), lr=0.01)
    s = torch.tensor([0.0, 1.0])
    for _ in range(epochs):
        optimizer.zero_grad()
        z = odeint(lambda s, z: field(z), x, s, **TOLERANCE)[-1]
        mse_loss(readout(z), y).backward()
        optimizer.step()


def main() -> None:
    rows = []
    for points, epochs in CASES.items():
        x, y = nested_spheres(points)
        settings: dict[str, Any] = {
            "epochs": epochs,
            "lr": 0.01,
            "progress": False,
        }
        ways: dict[str, Callable[[], Any]] = {
            LOOP: lambda x=x, y=y, n=epochs: plain(x, y, n),
            "fit, one model": lambda x=x, y=y, s=settings: fit(
                model(0), x, y, **s
            ),
            f"fit, {SEEDS} models": lambda x=x, y=y, s=settings: fit(
                [model(seed) for seed in range(SEEDS)], x, y, **s
            ),
        }
        seconds = interleaved(ways, ROUNDS)
        for way, own in seconds.items():
            seeds = SEEDS if str(SEEDS) in way else 1
            each = [one / seeds for one in own]
            middle, spread = quartiles(seconds[LOOP], each)
            rows.append(
                {
                    "points": points,
                    "epochs": epochs,
                    "way": way,
                    "speed-up": middle,
                    "quartiles": spread,
                    "seconds per seed": sorted(each)[len(each) // 2],
                }
            )
    keep(
        "training",
        rows,
        versions=versions("torchdiffeq"),
        threads=torch.get_num_threads(),
    )


if __name__ == "__main__":
    main()
