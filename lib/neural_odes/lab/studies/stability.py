"""Section 6 on networks: exponents, penalties for them, and robustness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import nn

from neural_odes.attack import accuracy_under_attack, accuracy_under_noise
from neural_odes.chaos import finite_time_exponents, lyapunov_exponent
from neural_odes.data.systems import LORENZ
from neural_odes.depth import DepthConcat
from neural_odes.lab.config import Count, NonNegative, Positive, option
from neural_odes.lab.judges import Claim, exceeds, greater, less
from neural_odes.lab.studies.common import (
    GRID,
    Spheres,
    Trained,
    fresh_spheres,
    in_float64,
    trained_spheres,
    turnover,
)
from neural_odes.lab.studies.estimators import lorenz_over
from neural_odes.lab.study import Row, study
from neural_odes.nets import mlp
from neural_odes.ode import NeuralODE
from neural_odes.regularize import fixed_point, steady_state
from neural_odes.solver import Solver
from neural_odes.training import Penalty, accuracy


@dataclass(frozen=True)
class Stability(Spheres):
    """Settings of :data:`figure7`."""

    dim: Count = option(3, "of the nested spheres (the paper's 3)")
    strength: NonNegative = option(0.1, "of the penalties (chosen)")
    radius: Positive = option(1e-3, "r of Algorithm 1 (chosen)")
    perturbations: Count = option(10, "k of Algorithm 1, per point (chosen)")
    turnovers: Positive = option(
        2.0,
        "over which Lorenz's system is measured beside the networks, about as "
        "many as theirs (chosen)",
    )
    fresh: Count = option(
        500, "points that attacks and noise are tried on (chosen)"
    )
    attack: Positive = option(
        0.2, "radius of the l2 attack (chosen; the classes are 0.5 apart)"
    )
    noise_level: NonNegative = option(
        0.15, "standard deviation of the noise (chosen)"
    )


@dataclass(frozen=True)
class Strength(Stability):
    """Settings of :data:`strength`."""

    strengths: tuple[NonNegative, ...] = option(
        (0.0, 0.01, 0.03, 0.1, 0.3, 1.0),
        "of the penalty (21), increasing from 0 (chosen)",
    )


PLAIN = "depth-invariant"
PENALTIES = {"fixed point": fixed_point, "steady state": steady_state}
MODELS = (PLAIN, "concat", *PENALTIES)
SYSTEM = "Lorenz's system"
CLAIMS = [
    *(
        Claim(
            f"The {name} penalty makes exponents smaller.",
            less("exponent", name, PLAIN),
        )
        for name in PENALTIES
    ),
    *(
        Claim(
            f"With the {name} penalty errors grow for fewer points.",
            less("growing", name, PLAIN),
        )
        for name in PENALTIES
    ),
    *(
        claim
        for name in (PLAIN, "concat")
        for claim in (
            Claim(
                f"{name}: the exponent exceeds Lorenz's, per unit of depth.",
                exceeds("exponent", name, LORENZ[0]),
            ),
            Claim(
                f"{name}: the exponent exceeds Lorenz's, per turnover.",
                greater("per turnover", name, SYSTEM),
            ),
            Claim(
                f"{name}: the largest finite-time exponent exceeds Lorenz's, "
                "per turnover.",
                greater("largest per turnover", name, SYSTEM),
            ),
        )
    ),
    *(
        Claim(
            f"Stability helps against {what} ({name}).",
            greater(quantity, name, PLAIN),
        )
        for what, quantity in (("attacks", "attacked"), ("noise", "noisy"))
        for name in PENALTIES
    ),
]
WORDS = {
    "largest": "largest finite-time exponent",
    "largest per turnover": "largest finite-time exponent, per turnover",
    "growing": "share of points whose error grew",
    "seconds": "seconds of training",
}


def relative(config: Stability, rows: pd.DataFrame) -> pd.DataFrame:
    """Training times over the plain model's, exponents per turnover."""
    plain = rows[rows["variant"] == PLAIN].set_index("seed")["seconds"]
    turnover = rows["exponent"] / rows["per turnover"]
    return rows.assign(
        time=rows["seconds"] / rows["seed"].map(plain),
        **{"largest per turnover": rows["largest"] / turnover},
    )


@study(
    "chaos.figure7",
    paper="section 6, equations 20 and 21, figure 7",
    config=Stability,
    block=20,
    variants=(*MODELS, SYSTEM),
    claims=CLAIMS,
    settings={"slow": {"lr": 3e-3, "epochs": 1000}, "wide": {"width": 32}},
    grid=GRID,
    derive=relative,
    quick={"samples": 64, "epochs": 60, "fresh": 100},
    words={**WORDS, "time": "training time, relative"},
)
def figure7(
    config: Stability, variant: str, seeds: Sequence[int], device: str
) -> list[Row]:
    """Exponents, penalties and attacks on nested 3-spheres.

    ``exponent`` is the mean of Algorithm 1 over points and perturbations,
    ``largest`` the mean of the first finite-time exponent, ``growing`` the
    share of points whose error grew. ``per turnover`` is the exponent in units
    that other flows share (:func:`turnover`). Of seed 0, ``path`` keeps the
    depths, quantiles of the error over points, and each point's exponent.
    Lorenz's system is measured the same way over as many turnovers.
    """
    if variant == SYSTEM:
        return [
            {
                "seed": seed,
                **lorenz_over(
                    config.turnovers,
                    seed,
                    radius=config.radius,
                    perturbations=config.perturbations,
                ),
            }
            for seed in seeds
        ]
    make = PENALTIES.get(variant)
    penalty = None if make is None else make(config.strength)
    return _measured(config, variant == "concat", penalty, seeds, device)


def _strongest(config: Strength) -> Sequence[Claim]:
    first, last = config.strengths[0], config.strengths[-1]
    return [
        Claim(
            "The strongest penalty lowers the exponent.",
            less("exponent", last, first),
        ),
        *(
            Claim(
                f"A penalty of strength {strength:g} raises accuracy under "
                "attack.",
                greater("attacked", strength, first),
            )
            for strength in config.strengths[1:]
        ),
        Claim(
            "The strongest penalty costs accuracy on fresh points.",
            less("fresh", last, first),
        ),
    ]


@study(
    "chaos.strength",
    paper="section 6, equation 21",
    config=Strength,
    block=10,
    variants=lambda config: config.strengths,
    claims=_strongest,
    label="strength",
    quick={
        "samples": 64,
        "epochs": 60,
        "fresh": 100,
        "strengths": (0.0, 0.1, 1.0),
    },
    tiny={"strengths": (0.0, 1.0)},
    words=WORDS,
)
def strength(
    config: Strength, variant: float, seeds: Sequence[int], device: str
) -> list[Row]:
    """What the penalty (21) costs and buys over its strength.

    Quantities as in :data:`figure7`.
    """
    penalty = fixed_point(variant) if variant else None
    return _measured(config, False, penalty, seeds, device)


def _model(config: Stability, concat: bool) -> NeuralODE:
    n, width = config.dim, config.width
    field: nn.Module = mlp(n + concat, width, width, n)
    return NeuralODE(
        DepthConcat(field) if concat else field, readout=nn.Linear(n, 1)
    )


def _measured(
    config: Stability,
    concat: bool,
    penalty: Penalty | None,
    seeds: Sequence[int],
    device: str,
) -> list[Row]:
    found = trained_spheres(
        config,
        lambda: _model(config, concat),
        seeds,
        device,
        dim=config.dim,
        penalty=penalty,
    )
    return [{"seed": one.seed, **_exponents(config, one)} for one in found]


def _exponents(config: Stability, one: Trained) -> Row:
    seed, model, x, y, history = one
    device = str(x.device)
    exact = in_float64(model, Solver(rtol=1e-8, atol=1e-8))
    inputs = x.cpu().double()
    found = lyapunov_exponent(
        exact,
        inputs,
        radius=config.radius,
        perturbations=config.perturbations,
        seed=seed,
    )
    exponent = found.mean.mean().item()
    fresh, label = fresh_spheres(config.fresh, seed, device, dim=config.dim)
    row: dict[str, Any] = {
        "exponent": exponent,
        "largest": finite_time_exponents(exact, inputs)[:, 0].mean().item(),
        "per turnover": exponent / turnover(exact, inputs),
        "growing": (found.mean > 0).double().mean().item(),
        "loss": history.loss[-1].item(),
        "accuracy": accuracy(model, x, y),
        "nfe": model.solve(x).nfe,
        "seconds": history.seconds,
        "fresh": accuracy(model, fresh, label),
        "attacked": accuracy_under_attack(
            model, fresh, label, radius=config.attack
        ),
        "noisy": accuracy_under_noise(
            model, fresh, label, std=config.noise_level, seed=seed
        ),
    }
    if seed == 0:
        levels = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
        row["path"] = {
            "s": found.s.tolist(),
            "error": found.error.flatten(1).quantile(levels, dim=1).tolist(),
            "exponents": found.mean.tolist(),
        }
    return row
