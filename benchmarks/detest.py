"""The library's dopri5 beside torchdiffeq's, on the DETEST problems.

The worst error of each class's problems in units of the tolerance, and what
they took together: evaluations of the field, and rejected steps, which
torchdiffeq does not count.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from detest_problems import END, PROBLEMS, exact, problem
from timing import keep, versions
from torch import Tensor

from neural_odes import Solver, integrate
from neural_odes.runge_kutta import (
    TABLEAUS,
    Cost,
    adaptive_steps,
    root_mean_square,
)

TOLERANCES = (1e-3, 1e-6, 1e-9)


def solved(name: str, backend: Any, tolerance: float) -> tuple[Tensor, int]:
    """The state at the end and the evaluations it took."""
    z, nfe = integrate(
        *problem(name),
        torch.tensor([0.0, END], dtype=torch.float64),
        solver=Solver(rtol=tolerance, atol=tolerance, backend=backend),
    )
    return z[-1], nfe


def rejected(name: str, tolerance: float) -> int:
    """How many steps the library's solver rejected."""
    cost = Cost(0.0)
    steps = adaptive_steps(
        *problem(name),
        [0.0, END],
        TABLEAUS["dopri5"],
        cost,
        rtol=tolerance,
        atol=tolerance,
        norm=root_mean_square,
        max_steps=100_000,
    )
    for _ in steps:
        pass
    return cost.rejected


def main() -> None:
    truth = {name: exact(name) for name in PROBLEMS}
    rows = []
    for tolerance in TOLERANCES:
        for kind in "ABCDE":
            names = [name for name in PROBLEMS if name[0] == kind]
            row: dict[str, Any] = {"tolerance": tolerance, "class": kind}
            for backend in ("own", "torchdiffeq"):
                found = {n: solved(n, backend, tolerance) for n in names}
                worst = max(
                    np.abs(z.numpy() - truth[n]).max()
                    for n, (z, _) in found.items()
                )
                row[f"error, {backend}"] = float(worst / tolerance)
                row[f"nfe, {backend}"] = sum(n for _, n in found.values())
            row["rejected"] = sum(rejected(name, tolerance) for name in names)
            rows.append(row)
    keep("detest", rows, versions=versions("torchdiffeq", "scipy"))


if __name__ == "__main__":
    main()
