"""What each solver's accuracy costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from neural_odes.data import half_moons
from neural_odes.lab.experiments.background import EXACT, Flow, over, trained
from neural_odes.lab.experiments.common import distance, in_float64, log_slope
from neural_odes.lab.results import spread
from neural_odes.nets import seeded
from neural_odes.ode import NeuralODE
from neural_odes.solver import METHODS, Solver


@dataclass(frozen=True)
class Solvers(Flow):
    """Settings of :func:`solvers`: those of :class:`Flow`, and

    Args:
        steps: numbers of steps of the fixed-step methods (chosen).
        tolerances: rtol = atol of the adaptive methods (chosen).
        turns: how often the rotation turns from s = 0 to 1 (chosen).
        goal: the error at which the methods' costs are compared (chosen).
    """

    steps: tuple[int, ...] = (2, 4, 8, 16, 32, 64, 128, 256)
    tolerances: tuple[float, ...] = (
        1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7,
    )  # fmt: skip
    turns: float = 1.0
    goal: float = 1e-4


def solvers(
    config: Solvers,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """Error and number of function evaluations of every method.

    Two problems: a rotation, whose exact solution is known, and the trained
    flow of each seed, measured against a solve at 1e-12. In float64.

    Returns:
        curves: per problem, method and seed (None for the rotation) the
        settings (steps or tolerances), nfe and error; summary: the cost of
        the goal, and the order that fixed steps showed.
    """
    curves: list[dict[str, Any]] = []
    angle = 2 * math.pi * config.turns
    turn = torch.tensor([[0.0, angle], [-angle, 0.0]], dtype=torch.float64)
    spin = seeded(lambda: nn.Linear(2, 2, bias=False).double(), 0)
    spin.weight.data.copy_(turn.T)
    z0 = half_moons(config.samples, noise=config.noise, seed=0)[0].double()
    exact = z0 @ torch.linalg.matrix_exp(turn)
    curves += _curves(
        config, NeuralODE(spin), z0, exact, problem="rotation", seed=None
    )
    for seed in over(seeds, progress):
        model, x, _ = trained(config, seed, device)
        model, z0 = in_float64(model, EXACT), x.cpu().double()
        with torch.no_grad():
            exact = model.solve(z0).z[-1]
        curves += _curves(
            config, model, z0, exact, problem="trained flow", seed=seed
        )
    return {"curves": curves, "summary": _costs(config, curves)}


def _curves(
    config: Solvers, model: NeuralODE, z0: Tensor, exact: Tensor, **labels: Any
) -> list[dict[str, Any]]:
    curves = []
    for name, method in METHODS.items():
        if method.adaptive:
            settings: Sequence[float] = config.tolerances
            tried = [
                Solver(name, rtol=t, atol=t, max_steps=10**6) for t in settings
            ]
        else:
            settings = config.steps
            tried = [Solver(name, step_size=1 / n) for n in settings]
        nfe, error = [], []
        for model.solver in tried:
            with torch.no_grad():
                solution = model.solve(z0)
            nfe.append(solution.nfe)
            error.append(distance(solution.z[-1], exact))
        curves.append(
            {
                **labels,
                "method": name,
                "settings": list(settings),
                "nfe": nfe,
                "error": error,
            }
        )
    return curves


def _costs(
    config: Solvers, curves: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    rows = []
    for problem in ("rotation", "trained flow"):
        for name, method in METHODS.items():
            own = [
                c
                for c in curves
                if (c["problem"], c["method"]) == (problem, name)
            ]
            costs = [_cost(c, config.goal) for c in own]
            known = [c for c in costs if c is not None]
            shown = [] if method.adaptive else [_order(c) for c in own]
            orders = [order for order in shown if order is not None]
            rows.append(
                {
                    "problem": problem,
                    "method": name,
                    f"nfe for {config.goal:g}": spread(known)
                    if known and len(known) == len(costs)
                    else None,
                    "order": spread(orders) if orders else None,
                }
            )
    return rows


def _cost(curve: dict[str, Any], goal: float) -> int | None:
    """The fewest evaluations that reached an error of at most the goal."""
    pairs = zip(curve["nfe"], curve["error"], strict=True)
    return min((n for n, e in pairs if e <= goal), default=None)


def _order(curve: dict[str, Any]) -> float | None:
    """Order of convergence, over the finer half above rounding errors.

    None where fewer than two points are left.
    """
    pairs = [
        (n, e)
        for n, e in zip(curve["settings"], curve["error"], strict=True)
        if e > 1e-11
    ]
    if len(pairs) < 2:
        return None
    finer = pairs[-max(2, len(pairs) // 2) :]
    return -log_slope(*zip(*finer, strict=True))
