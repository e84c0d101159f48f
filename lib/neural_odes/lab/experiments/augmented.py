"""Equation (8): a field that reproduces any function it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from neural_odes.lab.results import verdict
from neural_odes.lab.studies.augmented import (
    _network,
    reproducing,
)
from neural_odes.solver import Solver


@dataclass(frozen=True)
class AugmentedField:
    """Settings of :func:`augmented_field`.

    Args:
        samples: points drawn uniformly from [-2, 2]^2 per seed (chosen).
        tolerances: rtol = atol of dopri5 (chosen).
        roundings: errors of up to so many units of relative rounding count
            as rounding errors (chosen; dopri5 reads its last state off an
            interpolating polynomial, which multiplies them by tens).
    """

    samples: int = 1000
    tolerances: tuple[float, ...] = (1e-1, 1e-3, 1e-5, 1e-7)
    roundings: float = 100.0


def augmented_field(
    config: AugmentedField,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """Reproduce functions by dz = 0, da = f(z) (equation 8).

    The slope of a is constant along a trajectory, so any solver integrates it
    exactly but for rounding. Measured on the CPU in both precisions.

    Returns:
        runs: per function, precision, solver and seed the largest
        |a(1) - f(x)| over the largest |f(x)|, and nfe; summary, the error in
        units of the precision's rounding; verdicts.
    """
    solvers = {"euler, one step": Solver("euler", step_size=1.0)} | {
        f"dopri5 at {tol:g}": Solver(rtol=tol, atol=tol)
        for tol in config.tolerances
    }
    runs = []
    for seed in tqdm(seeds, desc="seeds", disable=not progress):
        generator = torch.Generator().manual_seed(seed)
        points = 4 * torch.rand(config.samples, 2, generator=generator) - 2
        for (name, make), dtype, (label, solver) in product(
            FUNCTIONS.items(),
            (torch.float32, torch.float64),
            solvers.items(),
        ):
            f, x = make(seed, dtype), points.to(dtype)
            with torch.no_grad():
                truth = f(x)
                solution = reproducing(f, solver).solve(x)
            off = (solution.z[-1][:, 2:] - truth).abs().max()
            runs.append(
                {
                    "function": name,
                    "precision": str(dtype).removeprefix("torch."),
                    "solver": label,
                    "seed": seed,
                    "error": (off / truth.abs().max()).item(),
                    "roundings": (
                        off / truth.abs().max() / torch.finfo(dtype).eps
                    ).item(),
                    "nfe": solution.nfe,
                }
            )
    worst = max(run["roundings"] for run in runs)
    return {
        "runs": runs,
        "summary": [
            {
                "solver": label,
                "nfe": max(r["nfe"] for r in runs if r["solver"] == label),
                **{
                    f"largest error, {p}": max(
                        r["error"]
                        for r in runs
                        if (r["solver"], r["precision"]) == (label, p)
                    )
                    for p in ("float32", "float64")
                },
            }
            for label in solvers
        ],
        "verdicts": [
            verdict(
                "The augmented field reproduces f to rounding error, "
                "whatever the tolerance.",
                worst <= config.roundings,
                f"at most {worst:.2g} units of relative rounding",
            )
        ],
    }


FUNCTIONS: dict[
    str, Callable[[int, torch.dtype], Callable[[Tensor], Tensor]]
] = {
    "reflection": lambda seed, dtype: torch.neg,
    "nested spheres": lambda seed, dtype: (
        lambda x: torch.sign(x.norm(dim=1, keepdim=True) - 1)
    ),
    "ripples": lambda seed, dtype: (
        lambda x: torch.sin(20 * x).sum(1, keepdim=True)
    ),
    "random network": _network,
}
