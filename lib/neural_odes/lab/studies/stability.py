"""Section 6 on networks: exponents, penalties for them, and robustness."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn

from neural_odes.attack import accuracy_under_attack, accuracy_under_noise
from neural_odes.chaos import finite_time_exponents, lyapunov_exponent
from neural_odes.data.systems import LORENZ
from neural_odes.depth import DepthConcat
from neural_odes.lab.config import Count, NonNegative, Positive, option
from neural_odes.lab.judges import (
    FIRST_LOOK,
    FITTED,
    Claim,
    exceeds,
    greater,
    less,
)
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
from neural_odes.regularize import (
    fixed_point,
    jacobian_norm,
    kinetic_energy,
    steady_state,
)
from neural_odes.solver import Solution, Solver
from neural_odes.training import Penalty, accuracy


@dataclass(frozen=True)
class Stability(Spheres):
    """Settings of :data:`figure7`."""

    dim: Count = option(3, "of the nested spheres (the paper's 3)")
    strength: NonNegative = option(0.1, "of the paper's penalties (chosen)")
    gentle: NonNegative = option(
        0.01, "strength of penalties of later work (theirs, of other data)"
    )
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
    starts: Count = option(3, "of each attack, all to be survived (chosen)")
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


class Kind(NamedTuple):
    """A model: its field and what it is penalised by."""

    concat: bool = False
    penalty: str = ""


PLAIN, CONCAT = "depth-invariant", "concat"
FIXED, STEADY = "fixed point", "steady state"
KINDS = {
    PLAIN: Kind(),
    CONCAT: Kind(concat=True),
    FIXED: Kind(penalty=FIXED),
    f"{CONCAT}, {FIXED}": Kind(concat=True, penalty=FIXED),  # the paper's
    STEADY: Kind(penalty=STEADY),
}
COSTS = {"kinetic energy": kinetic_energy, "Jacobian norm": jacobian_norm}
"""Penalties of later work, by their running costs."""
SYSTEM = "Lorenz's system"
HELPS = {
    "Stability helps against attacks": ("attacked", False),
    "Stability helps against noise": ("noisy", False),
    "Stability moves the boundary away from points": ("reach", True),
}
"""By sentence, the quantity that would be greater, and whether by a factor."""


def _claims() -> Iterator[Claim]:
    for name, kind in KINDS.items():
        plain = CONCAT if kind.concat else PLAIN
        if kind.penalty:
            yield Claim(
                f"The penalty makes exponents smaller ({name}).",
                less("exponent", name, plain),
            )
            yield Claim(
                f"With the penalty errors grow for fewer points ({name}).",
                less("growing", name, plain),
            )
            yield Claim(
                f"With the penalty errors peak lower along the path ({name}).",
                less("peak", name, plain, ratio=True),
            )
            for sentence, (quantity, ratio) in HELPS.items():
                yield Claim(
                    f"{sentence} ({name}).",
                    greater(quantity, name, plain, ratio=ratio),
                )
        else:
            yield Claim(
                f"{name}: the exponent exceeds Lorenz's, per unit of depth.",
                exceeds("exponent", name, LORENZ[0]),
            )
            yield Claim(
                f"{name}: the exponent exceeds Lorenz's, per turnover.",
                greater("per turnover", name, SYSTEM),
            )
            yield Claim(
                f"{name}: the largest finite-time exponent exceeds Lorenz's, "
                "per turnover.",
                greater("largest per turnover", name, SYSTEM),
            )


WORDS = {
    "largest": "largest finite-time exponent",
    "largest per turnover": "largest finite-time exponent, per turnover",
    "growing": "share of points whose error grew",
    "peak": "largest error along the path, over r",
    "reach": "distance to the boundary, first order",
}


def relative(config: Stability, rows: pd.DataFrame) -> pd.DataFrame:
    """With the largest finite-time exponents per turnover."""
    turnover = rows["exponent"] / rows["per turnover"]
    return rows.assign(**{"largest per turnover": rows["largest"] / turnover})


@study(
    "chaos.figure7",
    paper="section 6, equations 20 and 21, figure 7",
    config=Stability,
    block=20,
    variants=(*KINDS, SYSTEM),
    claims=tuple(_claims()),
    converged=FITTED,
    settings={"slow": {"lr": 3e-3, "epochs": 1000}, "wide": {"width": 32}},
    grid=GRID,
    derive=relative,
    quick={"samples": 64, "epochs": 60, "fresh": 100},
    words=WORDS,
)
def figure7(
    config: Stability, variant: str, seeds: Sequence[int], device: str
) -> list[Row]:
    """Exponents, penalties and attacks on nested 3-spheres.

    ``exponent`` is the mean of Algorithm 1 over points and perturbations,
    ``largest`` the mean of the first finite-time exponent, ``growing`` the
    share of points whose error grew, ``peak`` the mean of the error's largest
    value along the path, over r. ``per turnover`` is the exponent in units that
    other flows share (:func:`turnover`). ``reach`` is how far points are from
    the boundary (:func:`reach`), which no rescaling of states changes. Of seed
    0, ``path`` keeps the depths, quantiles of the error over points, and each
    point's exponent. Lorenz's system is measured the same way over as many
    turnovers.
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
    return _measured(config, KINDS[variant], config.strength, seeds, device)


@study(
    "chaos.penalties",
    paper="section 6, equations 20 and 21, and penalties of later work",
    config=Stability,
    block=20,
    variants=(PLAIN, FIXED, STEADY, *COSTS),
    claims=[
        *(
            Claim(f"{text} ({name}).", judge)
            for name in (FIXED, STEADY, *COSTS)
            for text, judge in (
                (
                    "The penalty makes exponents smaller",
                    less("exponent", name, PLAIN),
                ),
                (
                    "The penalty moves the boundary away from points",
                    greater("reach", name, PLAIN, ratio=True),
                ),
                (
                    "The penalty saves evaluations",
                    less("nfe", name, PLAIN),
                ),
            )
        ),
        *(
            Claim(
                f"The penalty helps against attacks ({name}).",
                greater("attacked", name, PLAIN),
                after=FIRST_LOOK,
            )
            for name in COSTS
        ),
    ],
    converged=FITTED,
    quick={"samples": 64, "epochs": 60, "fresh": 100},
    words=WORDS,
)
def penalties(
    config: Stability, variant: str, seeds: Sequence[int], device: str
) -> list[Row]:
    """Four penalties: what they do to exponents, boundaries and cost.

    Quantities as in :data:`figure7`.
    """
    kind = Kind(penalty="" if variant == PLAIN else variant)
    strength = config.gentle if variant in COSTS else config.strength
    return _measured(config, kind, strength, seeds, device)


def _by_strength(config: Strength) -> Sequence[Claim]:
    first, last = config.strengths[0], config.strengths[-1]
    return [
        *(
            Claim(
                f"Exponents fall with a penalty of strength {strength:g}.",
                less("exponent", strength, first),
                after=FIRST_LOOK,
            )
            for strength in config.strengths[1:]
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
    claims=_by_strength,
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
    kind = Kind(penalty=FIXED if variant else "")
    return _measured(config, kind, variant, seeds, device)


def _model(config: Stability, kind: Kind) -> NeuralODE:
    n, width = config.dim, config.width
    field: nn.Module = mlp(n + kind.concat, width, width, n)
    return NeuralODE(
        DepthConcat(field) if kind.concat else field,
        readout=nn.Linear(n, 1),
        running=COSTS.get(kind.penalty),
    )


def _penalty(kind: Kind, strength: float) -> Penalty | None:
    def integral(model: NeuralODE, solution: Solution, x: Tensor) -> Tensor:
        assert solution.running is not None
        return strength * solution.running[-1].mean()

    if kind.penalty in COSTS:
        return integral
    made = {FIXED: fixed_point, STEADY: steady_state}
    return made[kind.penalty](strength) if kind.penalty else None


def _measured(
    config: Stability,
    kind: Kind,
    strength: float,
    seeds: Sequence[int],
    device: str,
) -> list[Row]:
    found = trained_spheres(
        config,
        lambda: _model(config, kind),
        seeds,
        device,
        dim=config.dim,
        penalty=_penalty(kind, strength),
    )
    return [{"seed": one.seed, **_exponents(config, one)} for one in found]


def reach(model: NeuralODE, x: Tensor) -> float:
    """The median of ``|y| / |dy/dx|`` over points: how far the boundary is.

    To first order, and of the classifier: the same for every rescaling of
    states that leaves outputs as they are.

    Args:
        model: with one output.
        x: inputs, shape (N, n).
    """
    x = x.clone().requires_grad_()
    y = model(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    return (y.detach().abs()[:, 0] / slope.norm(dim=1)).median().item()


def _exponents(config: Stability, one: Trained) -> Row:
    seed, model, x, y, history = one
    device = str(x.device)
    model.running = None  # for training alone
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
        "peak": found.error.amax(dim=0).mean().item() / config.radius,
        "reach": reach(exact, fresh.cpu().double()),
        "loss": history.loss[-1].item(),
        "accuracy": accuracy(model, x, y),
        "nfe": model.solve(x).nfe,
        "fresh": accuracy(model, fresh, label),
        "attacked": accuracy_under_attack(
            model, fresh, label, radius=config.attack, restarts=config.starts
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
