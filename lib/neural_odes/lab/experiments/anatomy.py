"""Section 3: what theta does with depth, and what that costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import log
from typing import Any

import torch
from torch import nn
from tqdm.auto import tqdm

from neural_odes.bases import Fourier
from neural_odes.data import nested_spheres
from neural_odes.depth import (
    DepthConcat,
    Galerkin,
    Hypernetwork,
    HypernetworkODE,
)
from neural_odes.lab.experiments.common import count, log_slope
from neural_odes.lab.results import compare, spread, verdict
from neural_odes.nets import mlp, seeded
from neural_odes.ode import NeuralODE
from neural_odes.training.fit import accuracy, fit


@dataclass(frozen=True)
class Parameters:
    """Settings of :func:`parameters`.

    Args:
        modes: numbers m of basis functions (chosen).
        widths: of the two hidden layers of f (chosen).
        hidden: widths of the hypernetwork's hidden layer (chosen).
    """

    modes: tuple[int, ...] = (1, 3, 5, 9, 17, 33)
    widths: tuple[int, ...] = (4, 8, 16, 32)
    hidden: tuple[int, ...] = (4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Spheres:
    """Models trained on nested 2-spheres.

    Args:
        samples: points of data (chosen).
        noise: standard deviation of the data's noise (chosen).
        width: of the field's two hidden layers, tanh (chosen).
        modes: Fourier functions m of the GalNODE (chosen).
        epochs: full-batch steps of Adam (chosen).
        lr: its learning rate (chosen).
    """

    samples: int = 256
    noise: float = 0.0
    width: int = 16
    modes: int = 5
    epochs: int = 300
    lr: float = 0.01


@dataclass(frozen=True)
class Weights(Spheres):
    """Settings of :func:`weights`: those of :class:`Spheres`, and

    Args:
        depths: depths in [0, 1] at which theta is read (chosen).
        strongest: how many weights are kept, those that vary most (chosen).
    """

    depths: int = 101
    strongest: int = 6


@dataclass(frozen=True)
class DepthVariants(Spheres):
    """Settings of :func:`depth_variants`: those of :class:`Spheres`, and

    Args:
        hidden: width of the hypernetworks' hidden layer (chosen).
        lr: learning rate of Adam (chosen; at 0.01 the hypernetwork ODE does
            not train).
    """

    hidden: int = 16
    lr: float = 0.003


def parameters(
    config: Parameters,
    *,
    seeds: Sequence[int] = (),
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """Count parameters of GalNODE and hypernetwork (section 3).

    Counted on the modules themselves; nothing is random, so seeds, device and
    progress change nothing.

    Returns:
        galerkin: rows (width, theta, modes, parameters); hypernetwork: rows
        (width, theta, hidden, parameters), hidden as in the config and once
        as wide as theta; summary: fitted exponents; verdicts.
    """
    with torch.random.fork_rng(devices=[]):  # weights are only counted
        sizes = {w: count(mlp(2, w, w, 2)) for w in config.widths}
        galerkin = [
            {
                "width": w,
                "theta": sizes[w],
                "modes": m,
                "parameters": count(Galerkin(mlp(2, w, w, 2), Fourier(m))),
            }
            for w, m in product(config.widths, config.modes)
        ]
        hyper = [
            {
                "width": w,
                "theta": sizes[w],
                "hidden": h,
                "parameters": count(Hypernetwork(mlp(2, w, w, 2), hidden=h)),
            }
            for w in config.widths
            for h in sorted({*config.hidden, sizes[w]})
        ]
    m, h, w = config.modes[-1], config.hidden[-1], config.widths[-1]
    same_h = [row for row in hyper if row["hidden"] == h]
    as_theta = [row for row in hyper if row["hidden"] == row["theta"]]
    slopes = {
        ("GalNODE", "modes"): _exponent(galerkin, "modes", width=w),
        ("GalNODE", "theta"): _exponent(galerkin, "theta", modes=m),
        ("GalNODE", "width"): _exponent(galerkin, "width", modes=m),
        ("hypernetwork", "hidden"): _exponent(
            [row for row in hyper if row["hidden"] in config.hidden],
            "hidden",
            width=w,
        ),
        ("hypernetwork", "theta"): _exponent(same_h, "theta"),
        ("hypernetwork", "width"): _exponent(same_h, "width"),
        ("hypernetwork, hidden = theta", "theta"): _exponent(as_theta, "theta"),
    }
    linear = all(r["parameters"] == r["modes"] * r["theta"] for r in galerkin)
    fixed = slopes["hypernetwork", "theta"]
    grown = slopes["hypernetwork, hidden = theta", "theta"]
    return {
        "galerkin": galerkin,
        "hypernetwork": hyper,
        "summary": [
            {"model": model, "grows with": what, "exponent": slope}
            for (model, what), slope in slopes.items()
        ],
        "verdicts": [
            verdict(
                "GalNODE's parameters are linear in m and in theta's size.",
                linear,
                "counted m times the size of theta in every case"
                if linear
                else "counts differ from m times the size of theta",
            ),
            verdict(
                "A hypernetwork's parameters are polynomial in theta's size, "
                "to a degree that its layers decide.",
                abs(fixed - 1) < 0.1 and abs(grown - 2) < 0.1,
                f"exponent {fixed:.2f}, as for a GalNODE, with a hidden layer "
                f"of {h}; {grown:.2f} with one as wide as theta",
            ),
        ],
    }


def weights(
    config: Weights,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """Train GalNODEs on nested spheres and read theta(s) back.

    At the start theta does not change with depth, so whatever varies was
    learned. ``share`` is the part of theta's mean square over depth that is
    about its mean over depth.

    Returns:
        s; per seed: share, loss, accuracy, nfe and the names and values (one
        list over s each) of the weights that vary most; summary.
    """
    s = torch.linspace(0, 1, config.depths)
    runs = []
    for seed in tqdm(seeds, desc="seeds", disable=not progress):
        one = _fitted(
            config,
            lambda: Galerkin(_plane(config), Fourier(config.modes)),
            seed,
            device,
        )
        with torch.no_grad():
            theta = one["model"].field.theta(s.to(device)).cpu()
            named = one["model"].field.weights(s.to(device))
        flat = {
            f"{name}[{','.join(map(str, at))}]": w[(slice(None), *at)].cpu()
            for name, w in named.items()
            for at in product(*map(range, w.shape[1:]))
        }
        varying = sorted(flat, key=lambda n: -flat[n].var().item())
        around = (theta - theta.mean(0)).square().sum()
        runs.append(
            {
                "seed": seed,
                "share": (around / theta.square().sum()).item(),
                **{k: one[k] for k in ("loss", "accuracy", "nfe")},
                "strongest": {
                    name: [round(v, 5) for v in flat[name].tolist()]
                    for name in varying[: config.strongest]
                },
            }
        )
    return {
        "s": [round(v, 6) for v in s.tolist()],
        "runs": runs,
        "summary": [
            {
                q: spread([run[q] for run in runs])
                for q in ("share", "loss", "accuracy", "nfe")
            }
        ],
    }


def depth_variants(
    config: DepthVariants,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """Train each way that f or theta can change with depth (section 3).

    Returns:
        runs: loss, accuracy, nfe, parameters per variant and seed; summary;
        verdicts: whether each variant ends at a clearly lower (log) loss
        than vanilla.
    """
    runs: list[dict[str, Any]] = []
    grid = list(product(VARIANTS, seeds))
    for variant, seed in tqdm(grid, desc="models", disable=not progress):
        make = VARIANTS[variant]
        one = _fitted(config, partial(make, config), seed, device)
        runs.append(
            {
                "variant": variant,
                "seed": seed,
                "parameters": count(one.pop("model")),
                **one,
            }
        )
    own = {v: [run for run in runs if run["variant"] == v] for v in VARIANTS}
    loss = {v: [run["loss"] for run in own[v]] for v in VARIANTS}
    return {
        "runs": runs,
        "summary": [
            {
                "variant": v,
                "parameters": own[v][0]["parameters"],
                **{
                    q: spread([run[q] for run in own[v]])
                    for q in ("loss", "accuracy", "nfe")
                },
            }
            for v in VARIANTS
        ],
        "verdicts": [
            verdict(
                f"{v} ends at a lower loss than vanilla.",
                {-1: True, 0: None, 1: False}[
                    compare(*(list(map(log, loss[k])) for k in (v, "vanilla")))
                ],
                " against ".join(
                    f"{spread(loss[k])['mean']:.3g} ({k})"
                    for k in (v, "vanilla")
                ),
            )
            for v in VARIANTS
            if v != "vanilla"
        ],
    }


def _plane(config: Spheres) -> nn.Module:
    return mlp(2, config.width, config.width, 2)


VARIANTS: dict[str, Callable[[DepthVariants], nn.Module]] = {
    "vanilla": _plane,
    "concat": lambda c: DepthConcat(mlp(3, c.width, c.width, 2)),
    "GalNODE": lambda c: Galerkin(_plane(c), Fourier(c.modes)),
    "hypernetwork": lambda c: Hypernetwork(_plane(c), hidden=c.hidden),
    "hypernetwork ODE": lambda c: HypernetworkODE(_plane(c), hidden=c.hidden),
}


def _fitted(
    config: Spheres, make: Callable[[], nn.Module], seed: int, device: str
) -> dict[str, Any]:
    x, y = nested_spheres(config.samples, noise=config.noise, seed=seed)
    x, y = x.to(device), y.to(device)
    model = seeded(lambda: NeuralODE(make(), readout=nn.Linear(2, 1)), seed).to(
        device
    )
    fit(model, x, y, epochs=config.epochs, lr=config.lr, progress=False)
    with torch.no_grad():
        return {
            "model": model,
            "loss": (model(x) - y).square().mean().item(),
            "accuracy": accuracy(model, x, y),
            "nfe": model.solve(x).nfe,
        }


def _exponent(rows: Sequence[dict[str, int]], over: str, **where: int) -> float:
    """Slope of log parameters over log of one size, the others held."""
    chosen = [row for row in rows if all(row[k] == v for k, v in where.items())]
    return log_slope(
        [row[over] for row in chosen], [row["parameters"] for row in chosen]
    )
