"""Seeds as one program against one after another: ``make bench``.

One training step (solve, mean squared error, gradient, Adam) of M models with
a field of 2-16-16-2 on nested 2-spheres. Rounds of both ways alternate; the
speed-up is the ratio of a round's two times. Written to
results/benchmarks/ensemble.json.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from neural_odes import NeuralODE, Solver, mlp, seeded
from neural_odes.data import nested_spheres
from neural_odes.lab.records import provenance, write_json
from neural_odes.training.ensemble import Ensemble

FOLDER = Path(__file__).parents[1] / "results" / "benchmarks"


@dataclass(frozen=True)
class Settings:
    """members and points: the cases; rounds: of both ways, per case."""

    members: tuple[int, ...] = (2, 5, 20)
    points: tuple[int, ...] = (64, 256, 1024)
    rounds: int = 15


def models(count: int, solver: Solver) -> list[NeuralODE]:
    return [
        seeded(
            lambda: NeuralODE(
                mlp(2, 16, 16, 2), readout=nn.Linear(2, 1), solver=solver
            ),
            seed,
        )
        for seed in range(count)
    ]


def step_alone(model: NeuralODE, x: Any, y: Any) -> Callable[[], None]:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()

    return step


def step_together(several: list[NeuralODE], x: Any, y: Any) -> Callable:
    ensemble = Ensemble(several)
    optimizer = torch.optim.Adam(ensemble.parameters, lr=1e-3)
    inputs = x.expand(len(several), *x.shape)
    targets = y.expand(len(several), *y.shape)

    def step() -> None:
        optimizer.zero_grad()
        output, _ = ensemble(inputs)
        (output - targets).square().mean(dim=(1, 2)).sum().backward()
        optimizer.step()

    return step


def seconds(step: Callable[[], None]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def compare(solver: Solver, members: int, points: int, rounds: int) -> dict:
    x, y = nested_spheres(points)
    alone = [step_alone(m, x, y) for m in models(members, solver)]
    together = step_together(models(members, solver), x, y)
    seconds(together), [seconds(step) for step in alone]  # warm up
    pairs = [
        (sum(seconds(step) for step in alone), seconds(together))
        for _ in range(rounds)
    ]
    ratios = statistics.quantiles([a / b for a, b in pairs], n=4)
    return {
        "method": solver.method,
        "members": members,
        "points": points,
        "speed-up": ratios[1],
        "quartiles": [ratios[0], ratios[2]],
        "ms, one after another": 1e3 * statistics.median(a for a, _ in pairs),
        "ms, one program": 1e3 * statistics.median(b for _, b in pairs),
    }


def main() -> None:
    settings, start = Settings(), time.perf_counter()
    solvers = (Solver(), Solver("rk4", step_size=0.125))
    rows = [
        compare(solver, members, points, settings.rounds)
        for solver, members, points in product(
            solvers, settings.members, settings.points
        )
    ]
    print(pd.DataFrame(rows).drop(columns="quartiles").to_string(index=False))
    path = FOLDER / "ensemble.json"
    made = provenance("cpu") | {"seconds": time.perf_counter() - start}
    write_json(
        path,
        {"settings": asdict(settings), "rows": rows, "provenance": made},
    )
    print(f"\nwritten to {path}")


if __name__ == "__main__":
    main()
