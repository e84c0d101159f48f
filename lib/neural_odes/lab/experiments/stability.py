"""Section 6 on networks: exponents, penalties for them, and robustness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import nn
from tqdm.auto import tqdm

from neural_odes.attack import accuracy_under_attack, accuracy_under_noise
from neural_odes.chaos import finite_time_exponents, lyapunov_exponent
from neural_odes.data import nested_spheres
from neural_odes.data.systems import LORENZ
from neural_odes.depth import DepthConcat
from neural_odes.lab.experiments.anatomy import Spheres
from neural_odes.lab.experiments.common import (
    held,
    in_float64,
    means,
    of,
    rows,
    turnover,
)
from neural_odes.lab.experiments.estimators import lorenz_per_turnover
from neural_odes.lab.results import compare, spread, verdict
from neural_odes.nets import mlp, seeded
from neural_odes.ode import NeuralODE
from neural_odes.regularize import fixed_point, steady_state
from neural_odes.solver import Solver
from neural_odes.training.fit import Penalty, accuracy, fit


@dataclass(frozen=True)
class Stability(Spheres):
    """Settings of :func:`figure7`: those of ``Spheres``, and

    Args:
        dim: of the nested spheres (the paper's 3).
        strength: of the penalties (chosen).
        radius: r of Algorithm 1 (chosen).
        perturbations: k of Algorithm 1, per point (chosen).
        fresh: points that attacks and noise are tried on (chosen).
        attack: radius of the l2 attack (chosen; the classes are 0.5 apart).
        noise_level: standard deviation of the noise (chosen).
    """

    dim: int = 3
    strength: float = 0.1
    radius: float = 1e-3
    perturbations: int = 10
    fresh: int = 500
    attack: float = 0.2
    noise_level: float = 0.15


@dataclass(frozen=True)
class Strength(Stability):
    """Settings of :func:`strength`: those of :class:`Stability`, and

    Args:
        strengths: of the penalty (21), increasing from 0 (chosen).
    """

    strengths: tuple[float, ...] = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)


VARIANTS = ("depth-invariant", "concat", "fixed point", "steady state")
QUANTITIES = (
    *("exponent", "largest", "per turnover", "growing", "loss", "nfe"),
    *("time", "fresh", "attacked", "noisy"),
)


def figure7(
    config: Stability,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """Error paths and exponents of four models on nested spheres.

    ``exponent`` is the mean of Algorithm 1 over points and perturbations,
    ``largest`` the mean of the first finite-time exponent, ``growing`` the
    share of points whose error grew. ``per turnover`` is the exponent in units
    that other flows share (:func:`common.turnover`). ``time`` is the training
    time relative to the depth-invariant model of the same seed.

    Returns:
        runs with these per variant and seed; lorenz per turnover, the same
        of Lorenz's system; paths, of the first seed: depths, quantiles of the
        error over points, the exponent of each point; summary; verdicts.
    """
    runs, paths = [], {}
    for seed in tqdm(seeds, desc="seeds", disable=not progress):
        base = 0.0
        for name in VARIANTS:
            field, penalty = _variant(name, config)
            run, path = _run(config, field, penalty, seed, device)
            base = base or run["time"]
            run["time"] /= base
            runs.append({"variant": name, "seed": seed, **run})
            if seed == seeds[0]:
                paths[name] = path
    lorenz = lorenz_per_turnover()
    return {
        "runs": runs,
        "paths": paths,
        "summary": rows(runs, "variant", VARIANTS, QUANTITIES),
        "lorenz per turnover": lorenz,
        "verdicts": _judge(runs, lorenz),
    }


def strength(
    config: Strength,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """What the penalty (21) costs and buys, over its strength.

    Returns:
        runs as of :func:`figure7`, per strength and seed; summary; verdicts.
    """
    runs = []
    grid = list(product(config.strengths, seeds))
    for weight, seed in tqdm(grid, desc="models", disable=not progress):
        penalty = fixed_point(weight) if weight else None
        field = _field(config)
        run, _ = _run(config, field, penalty, seed, device)
        runs.append({"strength": weight, "seed": seed, **run})
    first, last = config.strengths[0], config.strengths[-1]

    def own(weight: float, quantity: str) -> list[float]:
        return of(runs, "strength", weight, quantity)

    judged = []
    for claim, quantity, sign in (
        ("The strongest penalty lowers the exponent.", "exponent", -1),
        ("The strongest penalty raises accuracy under attack.", "attacked", 1),
        ("The strongest penalty costs accuracy on fresh points.", "fresh", -1),
    ):
        listed = ", ".join(
            f"{weight:g}: {spread(own(weight, quantity))['mean']:.3g}"
            for weight in config.strengths
        )
        order = compare(own(last, quantity), own(first, quantity))
        judged.append(
            verdict(claim, held(sign * order), f"mean {quantity} {listed}")
        )
    return {
        "runs": runs,
        "summary": rows(runs, "strength", config.strengths, QUANTITIES),
        "verdicts": judged,
    }


def _field(config: Stability) -> Callable[[], nn.Module]:
    return lambda: mlp(config.dim, config.width, config.width, config.dim)


def _variant(
    name: str, config: Stability
) -> tuple[Callable[[], nn.Module], Penalty | None]:
    penalties = {
        "fixed point": fixed_point(config.strength),
        "steady state": steady_state(config.strength),
    }
    if name != "concat":
        return _field(config), penalties.get(name)
    n, width = config.dim, config.width
    return lambda: DepthConcat(mlp(n + 1, width, width, n)), None


def _run(
    config: Stability,
    field: Callable[[], nn.Module],
    penalty: Penalty | None,
    seed: int,
    device: str,
) -> tuple[dict[str, Any], dict[str, Any]]:
    x, y = nested_spheres(
        config.samples, dim=config.dim, noise=config.noise, seed=seed
    )
    x, y = x.to(device), y.to(device)
    model = seeded(
        lambda: NeuralODE(field(), readout=nn.Linear(config.dim, 1)), seed
    ).to(device)
    history = fit(
        model,
        x,
        y,
        epochs=config.epochs,
        lr=config.lr,
        penalty=penalty,
        progress=False,
    )
    exact = in_float64(model, Solver(rtol=1e-8, atol=1e-8))
    inputs = x.cpu().double()
    found = lyapunov_exponent(
        exact,
        inputs,
        radius=config.radius,
        perturbations=config.perturbations,
        seed=seed,
    )
    first = finite_time_exponents(exact, inputs)[:, 0]
    fresh, label = nested_spheres(
        config.fresh, dim=config.dim, seed=seed + 10_000
    )
    fresh, label = fresh.to(device), label.to(device)
    with torch.no_grad():
        nfe = model.solve(x).nfe
    run = {
        "exponent": found.mean.mean().item(),
        "largest": first.mean().item(),
        "per turnover": found.mean.mean().item() / turnover(exact, inputs),
        "growing": (found.mean > 0).double().mean().item(),
        "loss": history.loss[-1].item(),
        "accuracy": accuracy(model, x, y),
        "nfe": nfe,
        "time": history.seconds,
        "fresh": accuracy(model, fresh, label),
        "attacked": accuracy_under_attack(
            model, fresh, label, radius=config.attack
        ),
        "noisy": accuracy_under_noise(
            model, fresh, label, std=config.noise_level, seed=seed
        ),
    }
    levels = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    path = {
        "s": found.s.tolist(),
        "error": found.error.flatten(1).quantile(levels, dim=1).tolist(),
        "exponents": found.mean.tolist(),
    }
    return run, path


def _judge(
    runs: Sequence[dict[str, Any]], lorenz: float
) -> list[dict[str, Any]]:
    def own(variant: str, quantity: str) -> list[float]:
        return of(runs, "variant", variant, quantity)

    def told(quantity: str) -> str:
        return means(runs, "variant", VARIANTS, quantity)

    plain = "depth-invariant"
    judged = [
        verdict(
            f"The {name} penalty makes exponents smaller.",
            held(-compare(own(name, "exponent"), own(plain, "exponent"))),
            told("exponent"),
        )
        for name in ("fixed point", "steady state")
    ]
    judged += [
        verdict(
            f"With the {name} penalty errors do not diverge.",
            max(own(name, "growing")) < 0.5,
            told("growing") + " (share of points whose error grew)",
        )
        for name in ("fixed point", "steady state")
    ]
    for name, (quantity, known, unit) in product(
        (plain, "concat"),
        (
            ("exponent", LORENZ[0], "per unit of depth"),
            ("per turnover", lorenz, "per turnover"),
        ),
    ):
        values = own(name, quantity)
        judged.append(
            verdict(
                f"{name}: the exponent exceeds Lorenz's, {unit}.",
                held(compare(values, [known] * len(values))),
                f"mean {spread(values)['mean']:.3g} ({min(values):.3g} to "
                f"{max(values):.3g} over {len(values)} seed(s)) against "
                f"{known:.3g}",
            )
        )
    judged += [
        verdict(
            f"Stability helps against {what} ({name}).",
            held(compare(own(name, quantity), own(plain, quantity))),
            told(quantity),
        )
        for what, quantity in (("attacks", "attacked"), ("noise", "noisy"))
        for name in ("fixed point", "steady state")
    ]
    return judged
