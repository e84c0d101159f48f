"""How the cost of a training step grows: points, width, seeds, modes.

One of the four is varied at a time; the others stay as in BASE. All solves are
by rk4 in 8 steps, so that evaluations stay the same.

    python benchmarks/scaling.py
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import torch
from timing import interleaved, keep, quartiles
from torch import nn
from torch.nn.functional import mse_loss

from neural_odes import (
    Fourier,
    Galerkin,
    NeuralODE,
    Solver,
    mlp,
    nested_spheres,
    seeded,
)
from neural_odes.training.ensemble import Ensemble

BASE = {"points": 256, "width": 16, "seeds": 1, "modes": 0}
VARIED = {
    "points": (64, 256, 1024, 4096, 16384),
    "width": (8, 16, 32, 64, 128, 256),
    "seeds": (1, 2, 4, 8, 16, 32),
    "modes": (1, 3, 5, 9, 17, 33),
}
ROUNDS = 15


def step(points: int, width: int, seeds: int, modes: int) -> Callable[[], Any]:
    """Solve, mean squared error, gradient and Adam; 0 modes: fixed weights."""

    def model() -> NeuralODE:
        f = mlp(2, width, width, 2)
        field = Galerkin(f, Fourier(modes)) if modes else f
        solver = Solver("rk4", step_size=1 / 8)
        return NeuralODE(field, readout=nn.Linear(2, 1), solver=solver)

    program = Ensemble([seeded(model, seed) for seed in range(seeds)])
    optimizer = torch.optim.Adam(program.parameters, lr=1e-3)
    x, y = (t.expand(seeds, *t.shape) for t in nested_spheres(points))

    def run() -> None:
        optimizer.zero_grad()
        outputs, _, _ = program(x)
        program.losses(mse_loss, outputs, y).sum().backward()
        optimizer.step()

    return run


def main() -> None:
    rows = []
    for name, values in VARIED.items():
        ways = {str(v): step(**(BASE | {name: v})) for v in values}
        seconds = interleaved(ways, ROUNDS)
        first = seconds[str(values[0])]
        for value in values:
            own = seconds[str(value)]
            cost, spread = quartiles(own, first)
            rows.append(
                {
                    "varied": name,
                    "value": value,
                    "cost": cost,  # over that of the smallest value
                    "quartiles": spread,
                    "ms": 1e3 * statistics.median(own),
                }
            )
    keep("scaling", rows, base=BASE, threads=torch.get_num_threads())


if __name__ == "__main__":
    main()
