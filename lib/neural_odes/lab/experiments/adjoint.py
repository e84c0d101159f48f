"""Backpropagation and the adjoint on images: gradients, cost, memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm

from neural_odes.lab.experiments import images
from neural_odes.lab.experiments.common import (
    gradient,
    in_float64,
    log_slope,
    rows,
)
from neural_odes.lab.results import compare, verdict
from neural_odes.lab.studies.adjoint import (
    PeakMemory,
)
from neural_odes.ode import NeuralODE
from neural_odes.solver import Solver


@dataclass(frozen=True)
class Adjoint(images.Table1):
    """Settings of :func:`adjoint`: those of ``Table1``, which train, and

    Args:
        tolerances: at which gradients are computed (chosen).
        judged_at: the one that decides (the paper's 0.001 for images).
        images: of the batch whose gradient is taken (chosen).
        steps: of rk4, with which memory is measured (chosen).
    """

    models: tuple[str, ...] = ("IL-NODE",)
    epochs: int = 5
    batch_size: int = 64
    tolerances: tuple[float, ...] = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
    judged_at: float = 1e-3
    images: int = 16
    steps: tuple[int, ...] = (2, 4, 8, 16, 32, 64)


WAYS = ("backpropagation", "adjoint")
EXACT = Solver("rk4", step_size=1 / 200)
ROUGH = Solver("rk4", step_size=1 / 100)
"""Fixed steps: across the kinks of ReLU, tight tolerances take thousands."""


def adjoint(
    config: Adjoint,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """Two ways to the gradient of a trained image model.

    Each way's gradient, in float32 at each tolerance, against backpropagation
    in float64 through 200 steps of rk4: |g - g*| / |g*| over all parameters,
    for one batch of test images. ``reference`` is that distance for 100 steps:
    how far g* itself may be off. ``nfe`` and ``backward`` count the evaluations
    of the forward solve and of the adjoint's. Memory is the most that tensors
    take at a time during one gradient, in MiB, with rk4 of so many steps.

    Returns:
        runs per model, seed and tolerance; memory per number of steps;
        summary; verdicts.
    """
    train, test = (
        images.load(config, split, device) for split in images.SPLITS
    )
    x, y = (part[: config.images] for part in test)
    runs, memory = [], []
    grid = [(name, seed) for name in config.models for seed in seeds]
    for name, seed in tqdm(grid, desc="models", disable=not progress):
        model, _ = images.trained(config, name, seed, train, progress=False)
        runs += [
            {"model": name, "seed": seed, **run}
            for run in _gradients(config, model, x, y)
        ]
        if seed == seeds[0]:
            memory += [
                {"model": name, **row} for row in _memory(config, model, x, y)
            ]
    quantities = ("nfe", "backward", *WAYS, "reference")
    return {
        "runs": runs,
        "memory": memory,
        "summary": [
            {"model": name, **row}
            for name in config.models
            for row in rows(
                [run for run in runs if run["model"] == name],
                "tolerance",
                config.tolerances,
                quantities,
            )
        ],
        "verdicts": _judge(config, runs, memory),
    }


def _gradients(
    config: Adjoint, model: NeuralODE, x: Tensor, y: Tensor
) -> list[dict[str, Any]]:
    given = x.cpu().double(), y.cpu()
    truth = gradient(in_float64(model, EXACT), *given, cross_entropy)
    rough = gradient(in_float64(model, ROUGH), *given, cross_entropy)
    found = []
    for tol in config.tolerances:
        model.solver = Solver(rtol=tol, atol=tol)
        forward, backward = images.evaluations(model, x, y)
        run: dict[str, Any] = {"tolerance": tol}
        run |= {"nfe": forward, "backward": backward}
        for way in WAYS:
            model.solver = replace(model.solver, adjoint=way == "adjoint")
            away = gradient(model, x, y, cross_entropy).cpu().double() - truth
            run[way] = (away.norm() / truth.norm()).item()
        run["reference"] = ((rough - truth).norm() / truth.norm()).item()
        found.append(run)
    return found


def _memory(
    config: Adjoint, model: NeuralODE, x: Tensor, y: Tensor
) -> list[dict[str, Any]]:
    found = []
    for steps in config.steps:
        row: dict[str, Any] = {"steps": steps}
        for way in WAYS:
            model.solver = Solver(
                "rk4", step_size=1 / steps, adjoint=way == "adjoint"
            )
            with PeakMemory() as peak:
                gradient(model, x, y, cross_entropy)
            row[way] = peak.most / 2**20
        row["nfe"] = model.solve(x).nfe
        found.append(row)
    return found


def _judge(
    config: Adjoint,
    runs: Sequence[dict[str, Any]],
    memory: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:
    errors = {
        way: [r[way] for r in runs if r["tolerance"] == config.judged_at]
        for way in WAYS
    }
    order = compare(*([math.log(e) for e in errors[way]] for way in WAYS))
    slopes = {
        way: log_slope([r["nfe"] for r in memory], [r[way] for r in memory])
        for way in WAYS
    }
    said = ", ".join(f"{way} {slope:.2f}" for way, slope in slopes.items())
    return [
        verdict(
            "Backpropagation gives a more accurate gradient than the adjoint "
            f"at {config.judged_at:g}.",
            {-1: True, 0: None, 1: False}[order],
            "median relative error "
            + ", ".join(
                f"{way} {torch.tensor(e).median():.2g}"
                for way, e in errors.items()
            ),
        ),
        verdict(
            "The adjoint's memory does not grow with the evaluations, "
            "backpropagation's does.",
            slopes["adjoint"] < 0.1 and slopes["backpropagation"] > 0.5,
            f"slope of memory over evaluations, on log axes: {said}",
        ),
    ]
