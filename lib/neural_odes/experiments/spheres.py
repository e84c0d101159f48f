"""Section 5 in the plane and above: nested spheres without augmentation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from neural_odes.bases import Fourier
from neural_odes.control import DataControlled
from neural_odes.data import RADII
from neural_odes.data import nested_spheres as draw
from neural_odes.depth import DepthConcat, Galerkin
from neural_odes.experiments.anatomy import Spheres
from neural_odes.experiments.common import in_float64
from neural_odes.nets import mlp, seeded
from neural_odes.ode import NeuralODE
from neural_odes.results import compare, spread, verdict
from neural_odes.solver import Solver
from neural_odes.train import accuracy, fit


@dataclass(frozen=True)
class NestedSpheres(Spheres):
    """Settings of :func:`nested_spheres`: those of ``Spheres``, and

    Args:
        fresh: points drawn to measure extrapolation, on the rings and in the
            gap between them each (chosen).
        followed: trajectories searched for crossings (chosen).
        depths: depths at which they are read (chosen; with few, the straight
            lines between them cross where the trajectories do not).
    """

    fresh: int = 4000
    followed: int = 32
    depths: int = 201


@dataclass(frozen=True)
class ByDimension(Spheres):
    """Settings of :func:`spheres_by_dimension`: those of ``Spheres``, and

    Args:
        dims: dimensions n; in one, no flow can solve it (chosen).
        fresh: points drawn to measure generalisation (chosen).
    """

    dims: tuple[int, ...] = (1, 2, 3, 5, 10, 20)
    fresh: int = 4000


def _invariant(config: Spheres, dim: int = 2) -> nn.Module:
    return mlp(dim, config.width, config.width, dim)


VARIANTS: dict[str, Callable[[Spheres], nn.Module]] = {
    "depth-invariant": _invariant,
    "concat": lambda c: DepthConcat(mlp(3, c.width, c.width, 2)),
    "GalNODE": lambda c: Galerkin(_invariant(c), Fourier(c.modes)),
    "data-controlled": lambda c: DataControlled(mlp(4, c.width, c.width, 2)),
}
VARYING = ("concat", "GalNODE")


def nested_spheres(
    config: NestedSpheres,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """The qualitative study of Figures 5 and 15 to 17, measured.

    Extrapolation is the accuracy away from the training points: ``rings`` on
    fresh points of the two rings, ``gap`` on points between them, labelled by
    the ring that is nearer. ``crossings`` counts pairs of trajectories that
    cross in the plane, at whatever depths.

    Returns:
        runs: per variant and seed loss, accuracy, rings, gap, nfe, crossings;
        summary; verdicts.
    """
    runs: list[dict[str, Any]] = []
    grid = list(product(VARIANTS, seeds))
    for variant, seed in tqdm(grid, desc="models", disable=not progress):
        make = VARIANTS[variant]
        model, x, y = trained(config, make, seed, device)
        ring, label = draw(config.fresh, seed=seed + 10_000)
        between, side = gap(config.fresh, seed=seed + 10_000)
        s = torch.linspace(0, 1, config.depths)
        # At the usual tolerance, errors let paths cross that do not.
        exact = in_float64(model, Solver(rtol=1e-9, atol=1e-9))
        with torch.no_grad():
            paths = exact.solve(x[: config.followed].cpu().double(), s).z
            runs.append(
                {
                    "variant": variant,
                    "seed": seed,
                    "loss": (model(x) - y).square().mean().item(),
                    "accuracy": accuracy(model, x, y),
                    "rings": accuracy(model, ring.to(device), label.to(device)),
                    "gap": accuracy(model, between.to(device), side.to(device)),
                    "nfe": model.solve(x).nfe,
                    "crossings": len(path_crossings(paths)),
                }
            )
    return {
        "runs": runs,
        "summary": [
            {
                "variant": v,
                **{
                    q: spread(_of(runs, v, q))
                    for q in (
                        *("loss", "accuracy", "rings", "gap", "nfe"),
                        "crossings",
                    )
                },
            }
            for v in VARIANTS
        ],
        "verdicts": _judge(runs),
    }


def spheres_by_dimension(
    config: ByDimension,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """The depth-invariant model on nested n-spheres, with as many points.

    Returns:
        runs: per n and seed the loss, accuracy on the training points (a
        success where it is 1), on fresh points, and nfe; summary; verdicts.
    """
    runs: list[dict[str, Any]] = []
    grid = list(product(config.dims, seeds))
    for n, seed in tqdm(grid, desc="models", disable=not progress):
        model, x, y = trained(
            config,
            partial(_invariant, dim=n),
            seed,
            device,
            dim=n,
        )
        fresh, label = draw(config.fresh, dim=n, seed=seed + 10_000)
        with torch.no_grad():
            right = accuracy(model, x, y)
            runs.append(
                {
                    "variant": n,
                    "seed": seed,
                    "loss": (model(x) - y).square().mean().item(),
                    "accuracy": right,
                    "success": float(right == 1),
                    "fresh": accuracy(
                        model, fresh.to(device), label.to(device)
                    ),
                    "nfe": model.solve(x).nfe,
                }
            )
    quantities = ("loss", "accuracy", "success", "fresh", "nfe")
    losses = {n: _logs(runs, n) for n in config.dims}
    first, last = config.dims[0], config.dims[-1]
    return {
        "runs": runs,
        "summary": [
            {"n": n, **{q: spread(_of(runs, n, q)) for q in quantities}}
            for n in config.dims
        ],
        "verdicts": [
            verdict(
                f"The loss in dimension {last} is below that in {first}.",
                {-1: True, 0: None, 1: False}[
                    compare(losses[last], losses[first])
                ],
                _means(runs, "loss", config.dims),
            )
        ],
    }


def trained(
    config: Spheres,
    make: Callable[[Any], nn.Module],
    seed: int,
    device: str,
    dim: int = 2,
) -> tuple[NeuralODE, Tensor, Tensor]:
    """A model with a linear readout, trained on its seed's own points."""
    x, y = draw(config.samples, dim=dim, noise=config.noise, seed=seed)
    x, y = x.to(device), y.to(device)
    model = seeded(
        lambda: NeuralODE(make(config), readout=nn.Linear(dim, 1)), seed
    ).to(device)
    fit(model, x, y, epochs=config.epochs, lr=config.lr, progress=False)
    return model, x, y


def gap(samples: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """Points uniform in r1 < |x| < r2, labelled as the nearer ring is.

    Returns:
        x of shape (samples, 2) and y = ±1 of shape (samples, 1).
    """
    r1, r2, _ = RADII
    generator = torch.Generator().manual_seed(seed)
    u, turn = torch.rand(2, samples, 1, generator=generator)
    radius = (r1**2 + (r2**2 - r1**2) * u).sqrt()
    angle = 2 * math.pi * turn
    x = radius * torch.cat([angle.cos(), angle.sin()], dim=1)
    return x, torch.where(radius < (r1 + r2) / 2, -1.0, 1.0)


def path_crossings(z: Tensor) -> list[dict[str, Any]]:
    """Where trajectories in the plane cross each other, at any depths.

    Args:
        z: states of N points at T depths, shape (T, N, 2), joined by straight
            lines.

    Returns:
        the first crossing of each pair that has one: the pair's ``samples``,
        the ``point``, and the ``steps`` (of each, in 0..T-1, with fractions).
    """
    start, run = z[:-1].transpose(0, 1), z.diff(dim=0).transpose(0, 1)
    found = []
    for i in range(z.shape[1] - 1):
        # start_i + a run_i = start_j + b run_j, for all later j and all steps.
        away = start[i + 1 :, None] - start[i][None, :, None]
        mine, other = run[i][None, :, None], run[i + 1 :, None]
        across = _cross(mine, other)
        a = _cross(away, other) / across
        b = _cross(away, mine) / across
        meets = (a >= 0) & (a < 1) & (b >= 0) & (b < 1)
        for j in meets.flatten(1).any(dim=1).nonzero()[:, 0].tolist():
            p, q = meets[j].nonzero()[0].tolist()
            at = a[j, p, q].item()
            found.append(
                {
                    "samples": [i, i + 1 + j],
                    "point": (start[i, p] + at * run[i, p]).tolist(),
                    "steps": [p + at, q + b[j, p, q].item()],
                }
            )
    return found


def _cross(u: Tensor, v: Tensor) -> Tensor:
    return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]


def _judge(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    claims: list[tuple[str, str, list[tuple[str, str, int]]]] = [
        (
            f"Data control extrapolates best ({where}).",
            quantity,
            [("data-controlled", v, 1) for v in VARIANTS if v[:4] != "data"],
        )
        for quantity, where in (("rings", "rings"), ("gap", "gap"))
    ]
    claims += [
        (
            "Data control takes the fewest evaluations.",
            "nfe",
            [("data-controlled", v, -1) for v in VARIANTS if v[:4] != "data"],
        ),
        (
            "Depth-variant models fit the training data best.",
            "loss",
            [
                (a, b, -1)
                for a in VARYING
                for b in ("depth-invariant", "data-controlled")
            ],
        ),
        (
            "Depth-variant models draw less precise boundaries than data "
            "control.",
            "gap",
            [(a, "data-controlled", -1) for a in VARYING],
        ),
        (
            "The depth-invariant model takes the most evaluations.",
            "nfe",
            [
                ("depth-invariant", v, 1)
                for v in VARIANTS
                if v != "depth-invariant"
            ],
        ),
    ]
    judged = []
    for claim, quantity, pairs in claims:
        values = _logs if quantity == "loss" else _values(quantity)
        signs = [
            sign * compare(values(runs, a), values(runs, b))
            for a, b, sign in pairs
        ]
        holds = False if -1 in signs else None if 0 in signs else True
        judged.append(verdict(claim, holds, _means(runs, quantity, VARIANTS)))
    return judged


def _values(quantity: str) -> Callable[[Any, Any], list[float]]:
    return lambda runs, variant: _of(runs, variant, quantity)


def _of(
    runs: Sequence[dict[str, Any]], variant: Any, quantity: str
) -> list[float]:
    return [run[quantity] for run in runs if run["variant"] == variant]


def _logs(runs: Sequence[dict[str, Any]], variant: Any) -> list[float]:
    return [math.log(v) for v in _of(runs, variant, "loss")]


def _means(runs: Sequence[dict[str, Any]], quantity: str, variants: Any) -> str:
    return f"mean {quantity} " + ", ".join(
        f"{v} {spread(_of(runs, v, quantity))['mean']:.3g}" for v in variants
    )
