"""Equation (8): a field that reproduces any function it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import pandas as pd
import torch
from torch import Tensor

from neural_odes.nets import mlp, seeded
from neural_odes.ode import NeuralODE
from neural_odes.solver import Solver
from neural_odes_lab.config import Config, Count, Positive, option
from neural_odes_lab.judges import Claim, all_of, every_seed
from neural_odes_lab.study import Row, per_seed, study

PRECISIONS = {"float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True)
class AugmentedField(Config):
    """Settings of :data:`augmented_field`."""

    samples: Count = option(
        1000, "points drawn uniformly from [-2, 2]^2 per seed (chosen)"
    )
    tolerances: tuple[Positive, ...] = option(
        (1e-1, 1e-3, 1e-5, 1e-7), "rtol = atol of dopri5 (chosen)"
    )
    roundings: Positive = option(
        100.0,
        "errors of up to so many units of relative rounding count as rounding "
        "(chosen; some steps of dopri5 make a few)",
    )


def solvers(config: AugmentedField) -> dict[str, Solver]:
    return {"euler, one step": Solver("euler", step_size=1.0)} | {
        f"dopri5 at {tol:g}": Solver(rtol=tol, atol=tol)
        for tol in config.tolerances
    }


def claims(config: AugmentedField) -> Sequence[Claim]:
    everywhere = product(solvers(config), PRECISIONS)
    return [
        Claim(
            "reproduces",
            "The augmented field reproduces f to rounding error, whatever the "
            "tolerance.",
            all_of(
                *(
                    every_seed(
                        "roundings",
                        {"variant": solver, "precision": precision},
                        below=config.roundings,
                    )
                    for solver, precision in everywhere
                )
            ),
            "equation 8",
        )
    ]


def worst(config: AugmentedField, rows: pd.DataFrame) -> pd.DataFrame:
    """The largest errors over the functions."""
    keys = ["variant", "precision", "seed"]
    numbers = ["error", "roundings", "nfe"]
    return rows.groupby(keys, sort=False)[numbers].max().reset_index()


@study(
    "anatomy.augmented_field",
    paper="section 3, equation 8",
    config=AugmentedField,
    variants=lambda config: tuple(solvers(config)),
    keys=("precision", "function"),
    claims=claims,
    derive=worst,
    label="solver",
    quick={"samples": 200},
    words={
        "error": "largest relative error",
        "roundings": "in units of rounding",
    },
)
@per_seed
def augmented_field(
    config: AugmentedField, variant: str, seed: int, device: str
) -> list[Row]:
    """Error of the augmented field that reproduces f.

    dz/ds = 0, da/ds = f(z): the derivative of a is constant along a trajectory,
    so any solver integrates it exactly up to rounding. f is one of four: -x;
    the side of the circle ``|x| = 1``, ±1; sin 20 x1 + sin 20 x2; and a random
    multilayer perceptron 2-16-16-2 with tanh. The field is solved by one Euler
    step of length 1, and by dopri5 at each tolerance, from a(0) = 0. ``error``
    is the largest ``|a(1) - f(x)|`` over the largest ``|f(x)|``, on the CPU in
    float32 and in float64; ``roundings`` is the error over the precision's
    machine epsilon. The largest values of the four functions are shown.
    """
    generator = torch.Generator().manual_seed(seed)
    points = 4 * torch.rand(config.samples, 2, generator=generator) - 2
    solver = solvers(config)[variant]
    rows: list[Row] = []
    for name, precision in product(FUNCTIONS, PRECISIONS):
        dtype = PRECISIONS[precision]
        f, x = FUNCTIONS[name](seed, dtype), points.to(dtype)
        with torch.no_grad():
            truth = f(x)
            solution = reproducing(f, solver).solve(x)
        off = (solution.z[-1][:, 2:] - truth).abs().max() / truth.abs().max()
        rows.append(
            {
                "function": name,
                "precision": precision,
                "error": off.item(),
                "roundings": (off / torch.finfo(dtype).eps).item(),
                "nfe": solution.nfe,
            }
        )
    return rows


def reproducing(
    f: Callable[[Tensor], Tensor], solver: Solver | None = None
) -> NeuralODE:
    """The augmented field of equation (8): z is constant, da/ds = f(z).

    Args:
        f: any function of points, shape (N, n) to (N, k).
        solver: by default the paper's.

    Returns:
        A model whose state is [z; a]; a(1) = f(x) are its last k numbers.
    """

    def lift(x: Tensor) -> Tensor:
        return torch.cat([x, torch.zeros_like(f(x))], 1)

    def field(s: Tensor, state: Tensor, x: Tensor) -> Tensor:
        z = state[:, : x.shape[1]]
        return torch.cat([torch.zeros_like(z), f(z)], 1)

    return NeuralODE(field, lift=lift, solver=solver)


def _network(seed: int, dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    return seeded(lambda: mlp(2, 16, 16, 2), seed).to(dtype)


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
