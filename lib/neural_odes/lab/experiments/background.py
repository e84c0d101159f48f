"""Sections 1 and 2: from layers to flows, and what a solver costs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import mse_loss
from tqdm.auto import tqdm

from neural_odes.data import half_moons
from neural_odes.lab.experiments.common import (
    distance,
    gradient,
    in_float64,
    log_slope,
    planar,
)
from neural_odes.lab.results import compare, spread, verdict
from neural_odes.ode import NeuralODE
from neural_odes.solver import Solver
from neural_odes.training.fit import fit

EXACT = Solver("dopri8", rtol=1e-12, atol=1e-12)


@dataclass(frozen=True)
class Flow:
    """A vanilla flow trained on half-moons.

    Args:
        samples: points of data (chosen).
        noise: standard deviation of the data's noise (chosen).
        width: of the field's two hidden layers, tanh (chosen).
        epochs: full-batch steps of Adam (chosen).
        lr: its learning rate (chosen).
    """

    samples: int = 256
    noise: float = 0.1
    width: int = 16
    epochs: int = 200
    lr: float = 0.01


@dataclass(frozen=True)
class Euler(Flow):
    """Settings of :func:`euler`: those of :class:`Flow`, and

    Args:
        layers: numbers of layers of the Euler network (chosen).
        fit_from: the slope is fitted to networks of at least so many layers,
            as the error's order shows only once the steps are small (chosen).
    """

    layers: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128, 256)
    fit_from: int = 16

    def __post_init__(self) -> None:
        if sum(n >= self.fit_from for n in self.layers) < 2:
            raise ValueError(
                f"layers is {self.layers}; it takes two numbers or more >= "
                f"fit_from, {self.fit_from}, to fit a slope to"
            )


@dataclass(frozen=True)
class Gradients(Flow):
    """Settings of :func:`gradients`: those of :class:`Flow`, and

    Args:
        tolerances: rtol = atol of the solves in float32 (chosen).
        judged_at: the tolerance at which the two ways are compared, one of
            the above (the paper's 1e-4).
    """

    tolerances: tuple[float, ...] = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
    judged_at: float = 1e-4

    def __post_init__(self) -> None:
        if self.judged_at not in self.tolerances:
            raise ValueError(
                f"judged_at is {self.judged_at}; it takes one of the "
                f"tolerances {self.tolerances}"
            )


def euler(
    config: Euler,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """How far a network of L Euler layers is from the flow it discretises.

    The residual network z <- z + f(z) / L (paper, equations 1 and 2) with the
    f of a trained flow, against that flow at the end of depth: root-mean-
    square distance over the data, in float64.

    Returns:
        layers; distance, one list over the layers per seed; slope, one number
        per seed; summary and verdicts.
    """
    distances, slopes = [], []
    for seed in over(seeds, progress):
        model, x, _ = trained(config, seed, device)
        model = in_float64(model, EXACT)
        z0 = x.cpu().double()
        with torch.no_grad():
            end = model.solve(z0).z[-1]
            row = [
                distance(_euler_network(model, z0, n), end)
                for n in config.layers
            ]
        late = [
            (n, d)
            for n, d in zip(config.layers, row, strict=True)
            if n >= config.fit_from
        ]
        distances.append(row)
        slopes.append(log_slope(*zip(*late, strict=True)))
    slope = spread(slopes)
    return {
        "layers": list(config.layers),
        "distance": distances,
        "slope": slopes,
        "summary": [
            {"layers": n, "distance": spread([row[i] for row in distances])}
            for i, n in enumerate(config.layers)
        ]
        + [{"layers": "slope", "distance": slope}],
        "verdicts": [
            verdict(
                "The distance falls as 1 / layers.",
                all(abs(s + 1) < 0.2 for s in slopes),
                f"slopes on log axes from {min(slopes):.3f} to "
                f"{max(slopes):.3f}",
            )
        ],
    }


def gradients(
    config: Gradients,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """How wrong the gradient of the loss is, by either way to compute it.

    Backpropagation through the solver and the adjoint equation, in float32 as
    in training, against backpropagation at 1e-10 in float64: |g - g*| / |g*|
    over all parameters, at the first step of training and after the last.

    Returns:
        tolerances; error[stage][way], one list over the tolerances per seed;
        norm[stage], |g*| per seed; summary and verdicts.
    """
    stages, ways = ("initial", "trained"), ("backprop", "adjoint")
    error: dict[str, dict[str, list[list[float]]]] = {
        stage: {way: [] for way in ways} for stage in stages
    }
    norm: dict[str, list[float]] = {stage: [] for stage in stages}
    for seed in over(seeds, progress):
        x, y = _data(config, seed, device)
        model = planar(seed, config.width, config.width, device=device)
        for stage in stages:
            if stage == "trained":
                _fit(config, model, x, y)
            fine = in_float64(model, Solver(rtol=1e-10, atol=1e-10))
            truth = gradient(fine, x.cpu().double(), y.cpu().double(), mse_loss)
            norm[stage].append(truth.norm().item())
            for way in ways:
                row = []
                for tol in config.tolerances:
                    model.solver = Solver(
                        rtol=tol, atol=tol, adjoint=way == "adjoint"
                    )
                    got = gradient(model, x, y, mse_loss).cpu().double()
                    row.append(((got - truth).norm() / truth.norm()).item())
                error[stage][way].append(row)
            model.solver = Solver()
    at = config.tolerances.index(config.judged_at)
    judged = {w: [row[at] for row in error["trained"][w]] for w in ways}
    return {
        "tolerances": list(config.tolerances),
        "error": error,
        "norm": norm,
        "summary": [
            {
                "stage": stage,
                "tolerance": tol,
                **{w: spread([r[i] for r in error[stage][w]]) for w in ways},
            }
            for stage in stages
            for i, tol in enumerate(config.tolerances)
        ],
        "verdicts": [
            verdict(
                "After training, backpropagation gives a more accurate "
                f"gradient than the adjoint at {config.judged_at:g}.",
                {-1: True, 0: None, 1: False}[
                    compare(
                        [math.log(e) for e in judged["backprop"]],
                        [math.log(e) for e in judged["adjoint"]],
                    )
                ],
                "median relative error "
                + " against ".join(
                    f"{torch.tensor(judged[w]).median():.2g} ({w})"
                    for w in ways
                ),
            )
        ],
    }


def over(seeds: Sequence[int], progress: bool) -> Iterable[int]:
    """The seeds one by one, with a progress bar if wanted."""
    return tqdm(seeds, desc="seeds", disable=not progress)


def _data(config: Flow, seed: int, device: str) -> tuple[Tensor, Tensor]:
    x, y = half_moons(config.samples, noise=config.noise, seed=seed)
    return x.to(device), y.to(device)


def _fit(config: Flow, model: NeuralODE, x: Tensor, y: Tensor) -> None:
    fit(model, x, y, epochs=config.epochs, lr=config.lr, progress=False)


def trained(
    config: Flow, seed: int, device: str
) -> tuple[NeuralODE, Tensor, Tensor]:
    """The trained flow of one seed, with its data x (N, 2) and y (N, 1)."""
    x, y = _data(config, seed, device)
    model = planar(seed, config.width, config.width, device=device)
    _fit(config, model, x, y)
    return model, x, y


def _euler_network(model: NeuralODE, z: Tensor, layers: int) -> Tensor:
    for layer in range(layers):
        s = torch.tensor(layer / layers, dtype=z.dtype)
        z = z + model.field(s, z, z) / layers
    return z
