"""What each solver's accuracy costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import nn

from neural_odes.data import half_moons
from neural_odes.nets import seeded
from neural_odes.ode import NeuralODE
from neural_odes.solver import METHODS, Solver
from neural_odes_lab.config import Count, Positive, option
from neural_odes_lab.studies.background import EXACT, trained_flow
from neural_odes_lab.studies.common import (
    Flow,
    distance,
    finer_slope,
    in_float64,
)
from neural_odes_lab.study import Row, per_seed, study

TRIED = (
    *("euler", "midpoint", "heun3", "rk4"),
    *("adaptive_heun", "bosh3", "dopri5", "dopri8"),
)
"""The methods that are compared, in the order of the tables."""


@dataclass(frozen=True)
class Solvers(Flow):
    """Settings of :data:`solvers`."""

    steps: tuple[Count, ...] = option(
        (2, 4, 8, 16, 32, 64, 128, 256),
        "numbers of steps of the fixed-step methods (chosen)",
    )
    tolerances: tuple[Positive, ...] = option(
        (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7),
        "rtol = atol of the adaptive methods (chosen)",
    )
    turns: Positive = option(
        1.0, "how often the rotation turns from s = 0 to 1 (chosen)"
    )
    goal: Positive = option(
        1e-4, "the error at which the methods' costs are compared (chosen)"
    )


def costs(config: Solvers, rows: pd.DataFrame) -> pd.DataFrame:
    """Per problem, method and seed: the cost of the goal, and the order.

    The cost is that of the fewest evaluations with an error of at most the
    goal; the order is what fixed steps showed.
    """
    found = []
    for (problem, method, seed), own in rows.groupby(
        ["variant", "method", "seed"], sort=False
    ):
        enough = own[own["error"] <= config.goal]["nfe"]
        order = math.nan
        if not METHODS[method].adaptive:
            order = -finer_slope(list(own["setting"]), list(own["error"]))
        found.append(
            {
                "variant": problem,
                "method": method,
                "seed": seed,
                f"evaluations for {config.goal:g}": enough.min(),
                "order": order,
            }
        )
    return pd.DataFrame(found)


@study(
    "background.solvers",
    paper="section 2",
    config=Solvers,
    variants=("rotation", "trained flow"),
    keys=("method", "setting"),
    derive=costs,
    label="problem",
    quick={
        "samples": 128,
        "epochs": 100,
        "steps": (4, 8, 16, 32, 64),
        "tolerances": (1e-2, 1e-4, 1e-6),
    },
    tiny={"steps": (16, 32, 64), "tolerances": (1e-2, 1e-5)},
)
@per_seed
def solvers(config: Solvers, variant: str, seed: int, device: str) -> list[Row]:
    """Error against function evaluations, for every method.

    Two problems are solved in float64: a rotation by ``turns`` full turns,
    whose exact solution is known and which is the same for all seeds, and each
    seed's trained flow, compared with a solve by dopri8 at 1e-12. Both start at
    all points of the data; the error is the root mean square distance at s = 1.
    ``setting`` is a number of steps or a tolerance; the cost is the fewest
    evaluations of any setting with an error of at most ``goal`` (–: none
    reached it). For fixed steps, the order is the negative slope of log error
    over log steps, by least squares over the finer half of those settings whose
    error is above 1e-11. rk4 is the 3/8 rule.
    """
    if variant == "rotation":
        angle = 2 * math.pi * config.turns
        turn = torch.tensor([[0.0, angle], [-angle, 0.0]], dtype=torch.float64)
        spin = seeded(lambda: nn.Linear(2, 2, bias=False).double(), 0)
        spin.weight.data.copy_(turn.T)
        model = NeuralODE(spin)
        z0 = half_moons(config.samples, noise=config.noise, seed=0)[0].double()
        exact = z0 @ torch.linalg.matrix_exp(turn)
    else:
        model, x, _ = trained_flow(config, seed, device)
        model, z0 = in_float64(model, EXACT), x.cpu().double()
        with torch.no_grad():
            exact = model.solve(z0).z[-1]
    rows: list[Row] = []
    for name, setting, model.solver in _tried(config):
        with torch.no_grad():
            solution = model.solve(z0)
        error = distance(solution.z[-1], exact)
        row: dict[str, Any] = {"method": name, "setting": setting}
        rows.append({**row, "nfe": solution.nfe, "error": error})
    return rows


def _tried(config: Solvers) -> list[tuple[str, float, Solver]]:
    tried = []
    for name in TRIED:
        method = METHODS[name]
        for at in config.tolerances if method.adaptive else config.steps:
            solver = (
                Solver(name, rtol=at, atol=at, max_steps=10**6)
                if method.adaptive
                else Solver(name, step_size=1 / at)
            )
            tried.append((name, at, solver))
    return tried
