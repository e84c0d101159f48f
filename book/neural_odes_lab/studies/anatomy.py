"""Section 3: what theta does with depth, and what that costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from statistics import median
from typing import Any

import pandas as pd
import torch
from scipy.stats import linregress
from torch import nn

from neural_odes.bases import Fourier
from neural_odes.depth import (
    DepthConcat,
    Galerkin,
    Hypernetwork,
    HypernetworkODE,
)
from neural_odes.nets import mlp
from neural_odes.ode import NeuralODE
from neural_odes.solver import SolverError
from neural_odes.training import TrainingError
from neural_odes_lab.config import Count, Natural, Positive, option
from neural_odes_lab.judges import Claim, all_of, below, every_seed, slug
from neural_odes_lab.studies.common import (
    GRID,
    Config,
    Spheres,
    Trained,
    count,
    quality,
    trained_spheres,
)
from neural_odes_lab.study import Row, study


@dataclass(frozen=True)
class Parameters(Config):
    """Settings of :data:`parameters`."""

    modes: tuple[Count, ...] = option(
        (1, 3, 5, 9, 17, 33), "numbers m of basis functions (chosen)"
    )
    widths: tuple[Count, ...] = option(
        (4, 8, 16, 32), "of the two hidden layers of f (chosen)"
    )
    hidden: tuple[Count, ...] = option(
        (4, 8, 16, 32, 64), "widths of the hypernetwork's hidden layer (chosen)"
    )


AS_THETA = "hypernetwork, hidden = theta"


def exponents(config: Parameters, rows: pd.DataFrame) -> pd.DataFrame:
    """Slopes of log parameters over log of one size, the others held fixed."""
    galerkin = rows[rows["variant"] == "GalNODE"]
    hyper = rows[rows["variant"] == "hypernetwork"]
    width = config.widths[-1]
    modes = galerkin[galerkin["modes"] == config.modes[-1]]
    same = hyper[hyper["hidden"] == config.hidden[-1]]
    listed = hyper[hyper["hidden"].isin(config.hidden)]
    grown = hyper[hyper["hidden"] == hyper["theta"]]
    cases = [
        ("GalNODE", "modes", galerkin[galerkin["width"] == width]),
        ("GalNODE", "theta", modes),
        ("GalNODE", "width", modes),
        ("hypernetwork", "hidden", listed[listed["width"] == width]),
        ("hypernetwork", "theta", same),
        ("hypernetwork", "width", same),
        (AS_THETA, "theta", grown),
    ]
    return pd.DataFrame(
        [
            {
                "variant": variant,
                "grows with": size,
                "seed": 0,
                "exponent": _slope(own[size], own["parameters"]),
            }
            for variant, size, own in cases
        ]
    )


def _slope(x: pd.Series, y: pd.Series) -> float:
    logs = (torch.tensor(v.to_numpy(float)).log().numpy() for v in (x, y))
    return float(linregress(*logs).slope)


def _exponent(variant: str, size: str, degree: float, off: float) -> Any:
    return every_seed(
        *("exponent", variant),
        above=degree - off,
        below=degree + off,
        **{"grows with": size},
    )


@study(
    "anatomy.parameters",
    paper="section 3, equations 5-7",
    config=Parameters,
    variants=("GalNODE", "hypernetwork"),
    keys=("width", "modes", "hidden", "grows with"),
    derive=exponents,
    random=False,
    claims=[
        Claim(
            "galnode-linear",
            "A GalNODE's parameters are linear in the number of modes and in "
            "the size of theta.",
            all_of(
                _exponent("GalNODE", "modes", 1, 1e-9),
                _exponent("GalNODE", "theta", 1, 1e-9),
            ),
        ),
        Claim(
            "hypernetwork-polynomial",
            "A hypernetwork's parameters are polynomial in the size of theta, "
            "to a degree that its layers decide.",
            all_of(
                _exponent("hypernetwork", "theta", 1, 0.1),
                _exponent(AS_THETA, "theta", 2, 0.1),
            ),
        ),
    ],
)
def parameters(
    config: Parameters, variant: str, seeds: Any, device: str
) -> list[Row]:
    """Parameters of GalNODE and hypernetwork over their sizes.

    Parameters are counted on the modules; nothing is random. f is a multilayer
    perceptron 2-w-w-2, and theta are its parameters; a readout is not counted.
    The hypernetwork maps s to all of theta through one hidden layer, of each
    width in the settings and, in addition, of as many units as theta has
    numbers. The exponent is the slope of log parameters over log size, by least
    squares, with the other sizes held at their largest.
    """
    rows: list[Row] = []
    with torch.random.fork_rng(devices=[]):  # weights are only counted
        for width in config.widths:
            f = mlp(2, width, width, 2)
            size = count(f)
            base = {"seed": 0, "width": width, "theta": size}
            if variant == "GalNODE":
                rows += [
                    {
                        **base,
                        "modes": m,
                        "parameters": count(Galerkin(f, Fourier(m))),
                    }
                    for m in config.modes
                ]
            else:
                rows += [
                    {
                        **base,
                        "hidden": h,
                        "parameters": count(Hypernetwork(f, hidden=h)),
                    }
                    for h in sorted({*config.hidden, size})
                ]
    return rows


@dataclass(frozen=True)
class Weights(Spheres):
    """Settings of :data:`weights`."""

    modes: Count = option(5, "Fourier functions m of the GalNODE (chosen)")
    depths: Count = option(
        101, "depths in [0, 1] at which theta is read (chosen)"
    )
    strongest: Count = option(
        6, "how many weights are kept, those that vary most (chosen)"
    )


@study(
    "anatomy.weights",
    paper="section 3, equations 6-7",
    config=Weights,
    block=10,
    variants=("GalNODE",),
    quick={"samples": 128, "epochs": 100},
    tiny={"depths": 9},
    words={"share": "share of theta that varies"},
)
def weights(
    config: Weights, variant: str, seeds: Sequence[int], device: str
) -> list[Row]:
    """The theta(s) that a trained GalNODE has learned.

    The weights and biases of f are theta(s), a sum of ``modes`` functions 1,
    cos 2 pi s, sin 2 pi s, cos 4 pi s, ..., whose coefficients are trained.
    Before training, theta does not change with depth, so any variation was
    learned. ``share`` is theta's variance over ``depths`` equally spaced depths
    as a share of its mean square; ``strongest`` are the names and values over
    depth of the weights with the largest variance.
    """
    found = trained_spheres(
        config,
        lambda: _model(Galerkin(_plane(config), Fourier(config.modes))),
        seeds,
        device,
    )
    return [{"seed": one.seed, **_read(config, one)} for one in found]


def _read(config: Weights, one: Trained) -> Row:
    model, s = one.model, torch.linspace(0, 1, config.depths)
    with torch.no_grad():
        field: Any = model.field
        theta = field.theta(s.to(one.x.device)).cpu()
        named = field.weights(s.to(one.x.device))
    flat = {
        f"{name}[{','.join(map(str, at))}]": w[(slice(None), *at)].cpu()
        for name, w in named.items()
        for at in product(*map(range, w.shape[1:]))
    }
    varying = sorted(flat, key=lambda n: -flat[n].var().item())
    around = (theta - theta.mean(0)).square().sum()
    return {
        "share": (around / theta.square().sum()).item(),
        **quality(model, one.x, one.y),
        "strongest": {
            name: [round(v, 5) for v in flat[name].tolist()]
            for name in varying[: config.strongest]
        },
    }


@dataclass(frozen=True)
class DepthVariants(Spheres):
    """Settings of :data:`depth_variants`."""

    modes: Count = option(5, "Fourier functions m of the GalNODE (chosen)")
    hidden: Count = option(
        16, "width of the hypernetworks' hidden layer (chosen)"
    )
    wide: Count = option(
        40,
        "width of a vanilla field with about as many parameters as the "
        "GalNODE, its control (chosen)",
    )
    lr: Positive = option(
        0.003,
        "Adam's learning rate (chosen; at 0.01 the hypernetwork ODE does not "
        "train)",
    )
    tuned: Natural = option(
        0,
        "seeds, none of them judged, over which each model's learning rate is "
        "chosen from RATES by the lowest median loss; 0: all take lr (chosen)",
    )


RATES = (1e-3, 3e-3, 1e-2, 3e-2)
UNJUDGED = 1_000_000
"""Seeds from here on choose a learning rate and are not judged."""


def _plane(config: Spheres) -> nn.Module:
    return mlp(2, config.width, config.width, 2)


def _model(field: Any) -> NeuralODE:
    return NeuralODE(field, readout=nn.Linear(2, 1))


WIDE = "vanilla, wide"
FIELDS: dict[str, Callable[[DepthVariants], nn.Module]] = {
    "vanilla": _plane,
    "concat": lambda c: DepthConcat(mlp(3, c.width, c.width, 2)),
    "GalNODE": lambda c: Galerkin(_plane(c), Fourier(c.modes)),
    "hypernetwork": lambda c: Hypernetwork(_plane(c), hidden=c.hidden),
    "hypernetwork ODE": lambda c: HypernetworkODE(_plane(c), hidden=c.hidden),
    WIDE: lambda c: mlp(2, c.wide, c.wide, 2),
}


@study(
    "anatomy.depth_variants",
    paper="section 3, equations 4-7",
    config=DepthVariants,
    block=20,
    variants=FIELDS,
    claims=[
        Claim(
            f"loss-{slug(name)}",
            f"With depth in the field ({name}), the loss ends lower than "
            "without it (vanilla).",
            below("loss", name, "vanilla", ratio=True),
        )
        for name in FIELDS
        if name not in ("vanilla", WIDE)
    ]
    + [
        Claim(
            "loss-as-many-parameters",
            "GalNODE's loss ends lower than that of a field without depth and "
            "with as many parameters.",
            below("loss", "GalNODE", WIDE, ratio=True),
        )
    ],
    settings={
        "fast": [{"lr": 0.01}],
        "long": [{"epochs": 1000}],
        "tuned": [{"tuned": 5}],
        "multiverse": GRID,
    },
    quick={"samples": 128, "epochs": 60, "lr": 0.01},
)
def depth_variants(
    config: DepthVariants, variant: str, seeds: Sequence[int], device: str
) -> list[Row]:
    """Nested spheres with each way that depth can enter.

    vanilla: f(z). concat: f takes [z; s]. GalNODE: its weights and biases are a
    sum of ``modes`` functions 1, cos 2 pi s, sin 2 pi s, cos 4 pi s, ... with
    trained coefficients, which start at torch's draw, constant in s; steps are
    at most half of the shortest wavelength. hypernetwork: one hidden layer of
    ``hidden`` tanh units maps s to all weights of f. hypernetwork ODE: such a
    layer maps s and the weights to the weights' derivative, which is solved
    along with z; the initial weights theta(0) are trained, too. Both start
    close to constant weights, torch's draw for f. It is the bias of the
    hypernetwork's last layer, whose weights start at a tenth of torch's draw,
    and it is theta(0) of the hypernetwork ODE, whose last layer, weights and
    biases, starts at a tenth. Vanilla and GalNODE of one seed start as the same
    function. "vanilla, wide" is f(z) with hidden layers of ``wide`` units: with
    40 it has about as many parameters as the GalNODE at ``width`` 16; at
    ``width`` 32 the GalNODE has far more, and the control is too small. Losses
    are compared as ratios. ``rate`` is the learning rate used: with ``tuned``
    above 0, each variant takes, of 0.001, 0.003, 0.01 and 0.03, the one with
    the lowest median loss over ``tuned`` seeds from 1,000,000 on; a rate at
    which any of these seeds fails is not taken.
    """

    def at(rate: float, seeds: Sequence[int]) -> list[Trained]:
        return trained_spheres(
            replace(config, lr=rate),
            lambda: _model(FIELDS[variant](config)),
            seeds,
            device,
        )

    others = range(UNJUDGED, UNJUDGED + config.tuned)

    def loss(rate: float) -> float:
        try:
            found = at(rate, others)
        except (SolverError, TrainingError):
            return math.inf
        return median(one.history.loss[-1].item() for one in found)

    rate = min(RATES, key=loss) if others else config.lr
    return [
        {
            "seed": seed,
            **quality(model, x, y),
            "parameters": count(model),
            "rate": rate,
        }
        for seed, model, x, y, _ in at(rate, seeds)
    ]
