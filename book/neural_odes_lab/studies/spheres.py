"""Section 5 in the plane and above: nested spheres without augmentation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from scipy import ndimage
from torch import Tensor, nn

from neural_odes.bases import Fourier
from neural_odes.control import DataControlled
from neural_odes.data import RADII
from neural_odes.depth import DepthConcat, Galerkin
from neural_odes.nets import mlp
from neural_odes.ode import NeuralODE
from neural_odes.solver import Solver
from neural_odes.training import accuracy
from neural_odes_lab.config import Count, option
from neural_odes_lab.judges import (
    Claim,
    above,
    all_of,
    below,
    every_seed,
    highest,
    lowest,
)
from neural_odes_lab.studies.common import (
    FRESH,
    GRID,
    SLOW,
    WIDE,
    Spheres,
    Trained,
    fresh_spheres,
    in_float64,
    quality,
    trained_spheres,
)
from neural_odes_lab.studies.paths import path_crossings
from neural_odes_lab.study import Row, study


@dataclass(frozen=True)
class Extrapolation(Spheres):
    """Models whose accuracy away from the training points is measured."""

    modes: Count = option(5, "Fourier functions m of the GalNODE (chosen)")
    fresh: Count = option(
        4000,
        "points drawn on the rings, and as many in the gap between them, to "
        "measure extrapolation (chosen)",
    )


@dataclass(frozen=True)
class NestedSpheres(Extrapolation):
    """Settings of :data:`nested_spheres`."""

    followed: Count = option(32, "trajectories searched for crossings (chosen)")
    depths: Count = option(
        401,
        "depths at which they are read (chosen; with few, the straight lines "
        "between them cross where the trajectories do not)",
    )
    grid: Count = option(
        401, "points per side of the grid that islands are sought on (chosen)"
    )


def invariant(config: Spheres, dim: int = 2) -> nn.Module:
    return mlp(dim, config.width, config.width, dim)


def invariant_model(config: Spheres, dim: int) -> NeuralODE:
    """A depth-invariant field of so many dimensions, and a linear readout."""
    return NeuralODE(invariant(config, dim), readout=nn.Linear(dim, 1))


FIELDS: dict[str, Callable[[Extrapolation], nn.Module]] = {
    "depth-invariant": invariant,
    "concat": lambda c: DepthConcat(mlp(3, c.width, c.width, 2)),
    "GalNODE": lambda c: Galerkin(invariant(c), Fourier(c.modes)),
    "data-controlled": lambda c: DataControlled(mlp(4, c.width, c.width, 2)),
}
VARYING = ("concat", "GalNODE")
CLAIMS = [
    *(
        Claim(
            f"{where}-best",
            f"{place}, the data-controlled field is right most often.",
            highest(where, "data-controlled", FIELDS),
        )
        for where, place in (
            ("rings", "On new points of the rings"),
            ("gap", "Between the rings, where no training points lie"),
        )
    ),
    Claim(
        "evaluations-fewest",
        "The data-controlled field takes the fewest evaluations.",
        lowest("nfe", "data-controlled", FIELDS),
    ),
    Claim(
        "fit-best",
        "Fields that change with depth fit the training points best.",
        all_of(
            *(
                below("loss", a, b, ratio=True)
                for a in VARYING
                for b in ("depth-invariant", "data-controlled")
            )
        ),
    ),
    Claim(
        "boundaries",
        "Fields that change with depth draw less precise boundaries than data "
        "control.",
        all_of(*(above("gap", "data-controlled", a) for a in VARYING)),
    ),
    Claim(
        "evaluations-most",
        "The depth-invariant field takes the most evaluations.",
        highest("nfe", "depth-invariant", FIELDS),
    ),
    Claim(
        "crossings",
        "Trajectories cross in the plane where the field changes with depth, "
        "and never where it does not.",
        all_of(
            *(every_seed("crossings", a, above=1) for a in VARYING),
            every_seed("crossings", "depth-invariant", below=0),
        ),
    ),
    Claim(
        "island",
        "As far as a grid shows, data control closes the disc's region off, "
        "in every seed.",
        every_seed("island", "data-controlled", above=1),
    ),
]


@study(
    "dimensionality.nested_spheres",
    paper="section 5, figures 5 and 15 to 17",
    config=NestedSpheres,
    block=20,
    variants=FIELDS,
    claims=CLAIMS,
    settings={"slow": [SLOW], "wide": [WIDE], "multiverse": GRID},
    quick={"samples": 128, "epochs": 60},
    tiny={"fresh": 50, "depths": 11},
    words={"island": "share with an island"},
)
def nested_spheres(
    config: NestedSpheres, variant: str, seeds: Sequence[int], device: str
) -> list[Row]:
    """Fit, extrapolation and crossings on nested 2-spheres.

    depth-invariant: f(z). concat: f takes [z; s]. GalNODE: its weights and
    biases are a sum of ``modes`` functions 1, cos 2 pi s, sin 2 pi s, ... with
    trained coefficients, which start at torch's draw, constant in s; steps are
    at most half of the shortest wavelength. data-controlled: f takes [z; x].

    Extrapolation is the accuracy away from the training points: ``rings`` on
    ``fresh`` other points of the ball and the shell, without noise, ``gap`` on
    as many points uniform in the area ``0.5 < |x| < 1``, labelled -1 up to
    ``|x| = 0.75`` and +1 beyond. ``crossings`` counts the pairs of trajectories
    that cross in the plane, at any depths. They are those of the first
    ``followed`` points, solved in float64 at 1e-9 and joined by straight lines
    between ``depths`` depths; lines at an angle whose sine is below 0.05 do not
    count. ``island`` is 1 if the region of the origin's class, the points
    connected to it on a grid of ``grid`` points per side, does not reach the
    edge of the square [-3, 3]^2. A channel thinner than a cell is missed, so
    this is measured only for data control, where an island is possible.
    """
    found = trained_spheres(
        config,
        lambda: NeuralODE(FIELDS[variant](config), readout=nn.Linear(2, 1)),
        seeds,
        device,
    )
    return [{"seed": one.seed, **_measured(config, one)} for one in found]


def extrapolation(config: Extrapolation, one: Trained) -> Row:
    """Accuracy on fresh points of the rings, and in the gap between them."""
    between, side = gap(config.fresh, seed=one.seed + FRESH)
    fresh = fresh_spheres(config.fresh, one.seed, str(one.x.device))
    return {
        "rings": accuracy(one.model, *fresh),
        "gap": accuracy(one.model, between.to(one.x), side.to(one.x)),
    }


def _measured(config: NestedSpheres, one: Trained) -> Row:
    _, model, x, y, _ = one
    sees_x = isinstance(model.field, DataControlled)
    # At the usual tolerance, errors make paths cross that do not.
    exact = in_float64(model, Solver(rtol=1e-9, atol=1e-9))
    s = torch.linspace(0, 1, config.depths)
    with torch.no_grad():
        paths = exact.solve(x[: config.followed].cpu().double(), s).z
    return {
        **quality(model, x, y),
        **extrapolation(config, one),
        "crossings": len(path_crossings(paths)),
        "island": float(island(model, config.grid)) if sees_x else math.nan,
    }


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


@torch.no_grad()
def island(model: NeuralODE, density: int, extent: float = 3.0) -> bool:
    """Whether the class region around the origin lies within a square.

    With a linear readout, no flow that all inputs share can have such an
    island: the region is the preimage of a half-plane. On a grid it may look
    like one, where the channel to the outside is thinner than a cell.

    Args:
        model: of the plane, with one output.
        density: points per side, >= 2; an odd number has one at the origin.
        extent: half of the square's side.
    """
    side = torch.linspace(-extent, extent, density)
    points = torch.cartesian_prod(side, side)
    points = points.to(next(model.parameters()))
    sign = torch.cat([model(part).sign() for part in points.split(50_000)])
    picture = sign.reshape(density, density).cpu().numpy()
    middle = picture[density // 2, density // 2]
    regions, _ = ndimage.label(picture == middle)
    edge = {*regions[0], *regions[-1], *regions[:, 0], *regions[:, -1]}
    return regions[density // 2, density // 2] not in edge
