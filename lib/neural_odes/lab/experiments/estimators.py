"""Estimators of Lyapunov exponents, where the exponents are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from neural_odes.chaos import (
    lyapunov_exponent,
    lyapunov_spectrum,
    renormalised_exponent,
)
from neural_odes.data.systems import (
    LORENZ,
    ROSSLER,
    lorenz,
    rossler,
    stable_spiral,
    van_der_pol,
)
from neural_odes.lab.experiments.common import turnover
from neural_odes.lab.results import spread, verdict
from neural_odes.ode import NeuralODE
from neural_odes.solver import Solver


@dataclass(frozen=True)
class Estimators:
    """Settings of :func:`estimators`.

    Args:
        samples: starting points of each seed (chosen).
        step: of the fixed-step RK4 in float64, in units of time (chosen).
        settle: time after which points lie on the attractor (chosen).
        span: time over which exponents are averaged (chosen).
        aligned: part of the span that only turns the perturbation (chosen).
        radius: of Algorithm 1's perturbations (chosen).
        spans: S of Algorithm 1 on Lorenz's system (chosen).
        radii: r of Algorithm 1 there (chosen).
    """

    samples: int = 16
    step: float = 0.02
    settle: float = 30.0
    span: float = 60.0
    aligned: float = 10.0
    radius: float = 1e-3
    spans: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0)
    radii: tuple[float, ...] = (1e-8, 1e-6, 1e-4, 1e-2)


SYSTEMS: dict[str, tuple[Callable[..., Tensor], int, float]] = {
    "Lorenz": (lorenz, 3, LORENZ[0]),
    "Rössler": (rossler, 3, ROSSLER[0]),
    "Van der Pol": (van_der_pol, 2, 0.0),
    "stable spiral": (stable_spiral, 3, -0.5),
}
"""Field, dimension and largest exponent, as published or exact."""


def estimators(
    config: Estimators,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """The largest exponent by three estimators, and where the first fails.

    Everything is solved on the CPU, in float64.

    Returns:
        summary, per system its known exponent and what each estimator gives;
        algorithm1, on Lorenz's system over S and r; verdicts.
    """
    rows = []
    for name in tqdm(SYSTEMS, desc="systems", disable=not progress):
        known = SYSTEMS[name][2]
        found = [_measured(name, config, seed) for seed in seeds]
        rows.append(
            {
                "system": name,
                "known": known,
                **{q: spread([one[q] for one in found]) for q in found[0]},
            }
        )
    grid = [
        {"S": span, "r": radius, "exponent": spread(values)}
        for radius in config.radii
        for span in config.spans
        for values in [
            [_algorithm1("Lorenz", config, s, span, radius) for s in seeds]
        ]
    ]
    return {
        "summary": rows,
        "algorithm1": grid,
        "verdicts": [*_agreements(rows), _saturation(grid)],
    }


def lorenz_per_turnover(config: Estimators | None = None) -> float:
    """Lorenz's exponent over its turnover, of one seed: 0.9056 per time unit
    is little, as the state crosses its attractor several times in one."""
    config = Estimators() if config is None else config
    model = _model(lorenz, config.span, config)
    return LORENZ[0] / turnover(model, on_attractor("Lorenz", config, 0), 1001)


def on_attractor(name: str, config: Estimators, seed: int) -> Tensor:
    """States that have settled, shape (samples, n), float64."""
    field, size, _ = SYSTEMS[name]
    generator = torch.Generator().manual_seed(seed)
    x = 1 + torch.randn(
        config.samples, size, generator=generator, dtype=torch.float64
    )
    with torch.no_grad():
        return _model(field, config.settle, config)(x)


def _model(
    field: Callable[..., Tensor], span: float, config: Estimators
) -> NeuralODE:
    solver = Solver("rk4", step_size=config.step)
    return NeuralODE(field, depth=span, solver=solver)


def _measured(name: str, config: Estimators, seed: int) -> dict[str, float]:
    field, _, known = SYSTEMS[name]
    x = on_attractor(name, config, seed)
    if known < 0:  # where all decays, there is nothing left after settling
        x = x + 1
    model = _model(field, config.span, config)
    pieces = round(2 * config.span)
    align = round(2 * config.aligned)
    direct = lyapunov_exponent(
        model, x, radius=config.radius, perturbations=4, seed=seed
    )
    settings = {"pieces": pieces, "align": align}
    pulled = renormalised_exponent(model, x, seed=seed, **settings)
    spectrum = lyapunov_spectrum(model, x, count=1, **settings)
    return {
        "algorithm 1": direct.mean.mean().item(),
        "renormalised": pulled.mean().item(),
        "spectrum": spectrum.mean().item(),
    }


def _algorithm1(
    name: str, config: Estimators, seed: int, span: float, radius: float
) -> float:
    model = _model(SYSTEMS[name][0], span, config)
    found = lyapunov_exponent(
        model,
        on_attractor(name, config, seed),
        radius=radius,
        perturbations=4,
        seed=seed,
    )
    return found.mean.mean().item()


def _agreements(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    judged = []
    for name in ("renormalised", "spectrum"):
        gaps = {
            row["system"]: abs(row[name]["mean"] - row["known"]) for row in rows
        }
        judged.append(
            verdict(
                f"{name}: within 0.02 of every known exponent.",
                max(gaps.values()) < 0.02,
                "off by "
                + ", ".join(f"{gap:.2g} ({s})" for s, gap in gaps.items()),
            )
        )
    return judged


def _saturation(grid: Sequence[dict[str, Any]]) -> dict[str, Any]:
    known = SYSTEMS["Lorenz"][2]
    longest = max(row["S"] for row in grid)
    last = {
        row["r"]: row["exponent"]["mean"] for row in grid if row["S"] == longest
    }
    return verdict(
        "Algorithm 1 underestimates when S is too large.",
        max(last.values()) < known,
        f"Lorenz, S = {longest:g}: "
        + ", ".join(f"{v:.3g} at r = {r:g}" for r, v in last.items())
        + f"; known {known}",
    )
