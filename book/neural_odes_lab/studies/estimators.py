"""Estimators of Lyapunov exponents, on systems whose exponents are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neural_odes.chaos import (
    finite_time_exponents,
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
from neural_odes.ode import NeuralODE
from neural_odes.solver import Solver
from neural_odes_lab.config import (
    Config,
    Count,
    NonNegative,
    Positive,
    option,
)
from neural_odes_lab.judges import Claim, all_of, mean_below, near, slug
from neural_odes_lab.studies.common import turnover
from neural_odes_lab.study import Row, per_seed, study


@dataclass(frozen=True)
class Attractor(Config):
    """States of a classical system that have settled.

    Lorenz: sigma = 10, rho = 28, beta = 8/3. Rössler: a = b = 0.2, c = 5.7. Van
    der Pol: mu = 1. The stable spiral is linear with eigenvalues -0.5 ± 2i and
    -1. Each seed draws ``samples`` standard normal points around (1, ..., 1),
    which are first integrated for the time ``settle``. rk4 is the 3/8 rule.
    """

    samples: Count = option(16, "starting points of each seed (chosen)")
    step: Positive = option(
        0.02, "of the fixed-step RK4 in float64, in units of time (chosen)"
    )
    settle: Positive = option(
        30.0, "time after which points lie on the attractor (chosen)"
    )


@dataclass(frozen=True)
class Estimators(Attractor):
    """Settings of :data:`estimators`."""

    span: Positive = option(
        600.0,
        "time over which exponents are averaged (chosen: over a tenth of it, "
        "Rössler's comes out a tenth too small)",
    )
    aligned: NonNegative = option(
        50.0, "part of the span that only turns the perturbation (chosen)"
    )
    radius: Positive = option(1e-3, "of Algorithm 1's perturbations (chosen)")

    def __post_init__(self) -> None:
        super().__post_init__()
        if round(2 * self.aligned) >= round(2 * self.span):
            raise ValueError(
                f"aligned must be below span, {self.span}, got {self.aligned}"
            )


@dataclass(frozen=True)
class Saturation(Attractor):
    """Settings of :data:`saturation`."""

    spans: tuple[Positive, ...] = option(
        (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0), "S of Algorithm 1 (chosen)"
    )
    radii: tuple[Positive, ...] = option(
        (1e-8, 1e-6, 1e-4, 1e-2), "r of Algorithm 1 (chosen)"
    )


SYSTEMS: dict[str, tuple[Callable[..., Tensor], int, float]] = {
    "Lorenz": (lorenz, 3, LORENZ[0]),
    "Rössler": (rossler, 3, ROSSLER[0]),
    "Van der Pol": (van_der_pol, 2, 0.0),
    "stable spiral": (stable_spiral, 3, -0.5),
}
"""Field, dimension and largest exponent, as published or exact."""


@study(
    "chaos.estimators",
    paper="section 6, algorithm 1",
    config=Estimators,
    block=20,
    variants=SYSTEMS,
    claims=[
        Claim(
            f"{estimator}-{slug(name)}",
            f"{what} finds the known exponent: {name}, {known:g}, to within "
            f"{'10 %' if known else '0.02'}.",
            near(estimator, name, value=known, within=0.1 * abs(known) or 0.02),
        )
        for estimator, what in (
            ("renormalised", "Algorithm 1, renormalised,"),
            ("spectrum", "The variational equation"),
        )
        for name, (_, _, known) in SYSTEMS.items()
    ],
    label="system",
    quick={"samples": 4, "span": 60.0, "aligned": 10.0},
    tiny={"samples": 2, "settle": 5.0, "span": 2.0, "aligned": 0.5},
)
def estimators(
    config: Estimators, variant: str, seeds: Sequence[int], device: str
) -> list[Row]:
    """Lyapunov exponents of systems where they are known.

    The largest exponent by three estimators, beside the ``known`` value, on the
    CPU in float64. Algorithm 1 compares the two ends of the whole span,
    ``ln(|z'(S) - z(S)| / r) / S`` for 4 perturbations per point, uniform on the
    sphere of radius r, and so gives values far too small where errors have
    saturated. "renormalised" resets the neighbour to a distance of 1e-6 twice
    per unit of time, "spectrum" follows one tangent vector by the variational
    equation and rescales it to length 1 as often; both average over the part of
    the span after ``aligned``. All seeds share a solve, and their directions
    are drawn from the first one's seed. The spiral starts from where it has
    settled plus (1, 1, 1), because there nothing is left to shrink. The known
    values are 0.9056 for Lorenz and 0.0714 for Rössler (Sprott, 2003), 0 for
    Van der Pol, and -0.5 for the spiral.
    """
    field, _, known = SYSTEMS[variant]
    x = torch.cat([on_attractor(variant, config, seed) for seed in seeds])
    if known < 0:  # where all decays, there is nothing left after settling
        x = x + 1
    model = _model(field, config.span, config)
    direct = lyapunov_exponent(
        model, x, radius=config.radius, perturbations=4, seed=seeds[0]
    )
    pieces, align = round(2 * config.span), round(2 * config.aligned)
    pulled = renormalised_exponent(
        model, x, seed=seeds[0], pieces=pieces, align=align
    )
    spectrum = lyapunov_spectrum(model, x, count=1, pieces=pieces, align=align)
    found = {
        "algorithm 1": direct.mean,
        "renormalised": pulled,
        "spectrum": spectrum[:, 0],
    }
    return [
        {"seed": seed, "known": known}
        | {
            name: own.reshape(len(seeds), -1)[i].mean().item()
            for name, own in found.items()
        }
        for i, seed in enumerate(seeds)
    ]


def saturates(config: Saturation) -> Sequence[Claim]:
    longest = max(config.spans)
    return [
        Claim(
            "underestimates",
            "Algorithm 1 underestimates Lorenz's exponent when S is too large.",
            all_of(
                *(
                    mean_below("exponent", "Lorenz", LORENZ[0], S=longest, r=r)
                    for r in config.radii
                )
            ),
        )
    ]


@study(
    "chaos.saturation",
    paper="section 6, algorithm 1",
    config=Saturation,
    variants=("Lorenz",),
    keys=("S", "r"),
    claims=saturates,
    quick={"samples": 4, "spans": (1.0, 5.0, 20.0), "radii": (1e-4,)},
    tiny={"samples": 2, "settle": 5.0, "spans": (0.5,), "radii": (1e-4,)},
)
@per_seed
def saturation(
    config: Saturation, variant: str, seed: int, device: str
) -> list[Row]:
    """Where Algorithm 1 fails on Lorenz's system, over S and r.

    Algorithm 1 is run on Lorenz's system for each S and r, with 4 perturbations
    per point, on the CPU in float64: the exponent is the mean over
    perturbations and points of ``ln(|z'(S) - z(S)| / r) / S``, with z'(0)
    uniform on the sphere of radius r about z(0). The longest S is judged, for
    every r, against the published exponent, 0.9056.
    """
    x = on_attractor(variant, config, seed)
    rows: list[Row] = []
    for radius in config.radii:
        for span in config.spans:
            found = lyapunov_exponent(
                _model(SYSTEMS[variant][0], span, config),
                x,
                radius=radius,
                perturbations=4,
                seed=seed,
            )
            exponent = found.mean.mean().item()
            rows.append({"S": span, "r": radius, "exponent": exponent})
    return rows


def lorenz_over(
    turnovers: float, seed: int, *, radius: float, perturbations: int
) -> Row:
    """Lorenz's system, measured as networks are, over a number of turnovers.

    0.9056 per time unit is its exponent over a long time, and in one unit the
    state crosses its attractor several times.
    """
    config = Attractor()
    x = on_attractor("Lorenz", config, seed)
    rate = turnover(_model(lorenz, config.settle, config), x, 501)
    model = _model(lorenz, turnovers / rate, config)
    found = lyapunov_exponent(
        model, x, radius=radius, perturbations=perturbations, seed=seed
    )
    exponent = found.mean.mean().item()
    return {
        "exponent": exponent,
        "largest": finite_time_exponents(model, x)[:, 0].mean().item(),
        "per turnover": exponent / rate,
        "growing": (found.mean > 0).double().mean().item(),
    }


def on_attractor(name: str, config: Attractor, seed: int) -> Tensor:
    """States that have settled, shape (samples, n), float64."""
    field, size, _ = SYSTEMS[name]
    generator = torch.Generator().manual_seed(seed)
    x = 1 + torch.randn(
        config.samples, size, generator=generator, dtype=torch.float64
    )
    with torch.no_grad():
        return _model(field, config.settle, config)(x)


def _model(
    field: Callable[..., Tensor], span: float, config: Attractor
) -> NeuralODE:
    solver = Solver("rk4", step_size=config.step)
    return NeuralODE(field, depth=span, solver=solver)
