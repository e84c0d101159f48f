"""Flows that generate: how they are trained, and what a sample costs."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from neural_odes.data import half_moons, nested_spheres
from neural_odes.depth import DepthConcat
from neural_odes.nets import mlp, seeded
from neural_odes.ode import NeuralODE
from neural_odes.regularize import divergence
from neural_odes.solver import Solution, Solver
from neural_odes.training import fit
from neural_odes_lab.config import Config, Count, Positive, increasing, option
from neural_odes_lab.judges import (
    Claim,
    Judge,
    above,
    all_of,
    below,
    mean_below,
)
from neural_odes_lab.studies.common import FRESH
from neural_odes_lab.study import Row, study

Draw = Callable[[int], tuple[Tensor, Tensor]]
"""Pairs of noise and data, both of shape (N, 2), given how many."""

DATA = ("moons", "spirals", "spheres")
WAYS = (
    *("likelihood", "independent", "longer", "transport"),
    *("rectified once", "rectified twice"),
)
LAST = 64
"""Euler steps at which a sample counts as solved."""


def points(name: str, samples: int, seed: int) -> Tensor:
    """Data to be generated, about as wide as the noise.

    Args:
        name: one of :data:`DATA`.
        samples: how many, >= 2.
        seed: of the generator that draws them.

    Returns:
        Points of the plane, shape (samples, 2).
    """
    if name == "moons":
        # Evenly spaced along the moons, of which a part is as good as random.
        x, _ = half_moons(16 * samples, noise=0.07, seed=seed)
        return (x[:samples] - torch.tensor([0.5, 0.25])) / 0.7
    if name == "spheres":
        return nested_spheres(samples, seed=seed)[0] / 0.7
    draws = torch.Generator().manual_seed(seed)
    turn = 3 * math.pi * torch.rand(samples, 1, generator=draws).sqrt()
    arm = torch.randint(2, (samples, 1), generator=draws) * 2 - 1
    spiral = torch.cat([turn.cos(), turn.sin()], dim=1) * arm * turn / 4.5
    return spiral + 0.07 * torch.randn(samples, 2, generator=draws)


@dataclass(frozen=True)
class Matching(Config):
    """How fields are trained by flow matching."""

    updates: Count = option(1500, "of flow matching (chosen)")
    batch: Count = option(128, "pairs an update sees (chosen)")
    lr: Positive = option(
        0.01, "Adam's, which falls linearly to 0 in flow matching (chosen)"
    )
    pairs: Count = option(8192, "of a flow's own, to rectify it (chosen)")


@dataclass(frozen=True)
class Generation(Matching):
    """How flows that generate are trained.

    f is a multilayer perceptron of the state and the depth, with three hidden
    layers of ``width`` and SiLU after each. At s = 0 states are standard
    normal noise, at s = 1 they are samples. Each seed draws ``samples`` points
    of data, initial weights by torch's default initialisation, and noise. Adam
    trains in float32, on the CPU; what is measured is in float64.

    moons: half-moons with noise of 0.07. spirals: two arms of one and a half
    turns with noise of 0.07. spheres: a disc in a ring. All are scaled to about
    the width of the noise.
    """

    samples: Count = option(2048, "points of data (chosen)")
    width: Count = option(48, "of the field's three hidden layers (chosen)")
    epochs: Count = option(8, "of maximum likelihood (chosen)")
    likely: Count = option(
        128, "points an update of maximum likelihood sees (chosen)"
    )
    fresh: Count = option(1000, "points of each sample compared (chosen)")
    steps: tuple[Count, ...] = option(
        (1, 2, 4, 8, 16, 32, LAST), "of Euler's method (chosen)"
    )
    tolerances: tuple[Positive, ...] = option(
        (1e-6, 1e-4, 1e-2), "rtol = atol of dopri5, tight to loose (chosen)"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        increasing(self, "steps", "tolerances")
        if not {1, 4, LAST} <= set(self.steps):
            raise ValueError(
                f"steps must have 1, 4 and {LAST}, got {self.steps}"
            )
        if len(self.tolerances) != len(NFE):
            raise ValueError(
                f"tolerances must be {len(NFE)}, got {self.tolerances}"
            )


NFE = ("nfe tight", "nfe", "nfe loose")


def _everywhere(
    judge: Callable[..., Judge], quantity: str, a: str, b: str, **how: Any
) -> Judge:
    """A comparison of two ways on each of the data."""
    return all_of(
        *(
            judge(
                quantity,
                {"pairs": a, "variant": data},
                {"pairs": b, "variant": data},
                **how,
            )
            for data in DATA
        )
    )


def _enough(way: str) -> Judge:
    """One Euler step is as good as many: to within a quarter, on average."""
    return all_of(
        *(
            mean_below("excess", {"pairs": way, "variant": data}, 1.25)
            for data in DATA
        )
    )


@study(
    "generation.flows",
    paper="after the paper",
    config=Generation,
    variants=DATA,
    keys=("pairs",),
    claims=[
        Claim(
            "transport-four-steps",
            "With four Euler steps, optimal transport pairs come nearer to the "
            "data than independent pairs.",
            _everywhere(
                below, "energy 4", "transport", "independent", ratio=True
            ),
        ),
        Claim(
            "transport-straighter",
            "Optimal transport pairs make straighter paths than independent "
            "ones.",
            _everywhere(below, "bend", "transport", "independent", ratio=True),
        ),
        Claim(
            "transport-nfe",
            "Optimal transport pairs need fewer evaluations of an adaptive "
            "solver.",
            _everywhere(below, "nfe", "transport", "independent"),
        ),
        Claim(
            "independent-one-step",
            "With independent pairs, one Euler step is as good as 64.",
            _enough("independent"),
        ),
        Claim(
            "transport-one-step",
            "With optimal transport pairs, one Euler step is as good as 64.",
            _enough("transport"),
        ),
        Claim(
            "rectified-one-step",
            "Rectified once, one Euler step is as good as 64.",
            _enough("rectified once"),
        ),
        Claim(
            "rectified-twice-one-step",
            "Rectified twice, one Euler step is as good as 64.",
            _enough("rectified twice"),
        ),
        Claim(
            "rectified-longer",
            "In one step, rectifying comes nearer to the data than as many "
            "more updates on independent pairs.",
            _everywhere(
                below, "energy 1", "rectified once", "longer", ratio=True
            ),
        ),
        Claim(
            "rectified-quality",
            "Solved finely, a flow rectified twice is farther from the data "
            "than one that trained longer.",
            _everywhere(
                above,
                f"energy {LAST}",
                "rectified twice",
                "longer",
                ratio=True,
            ),
        ),
        Claim(
            "likelihood-seconds",
            "Maximum likelihood takes longer to train than flow matching with "
            "independent pairs.",
            _everywhere(
                above, "seconds", "likelihood", "independent", ratio=True
            ),
        ),
        Claim(
            "likelihood-quality",
            "Solved finely, maximum likelihood comes no nearer to the data "
            "than flow matching.",
            _everywhere(
                above,
                f"energy {LAST}",
                "likelihood",
                "independent",
                ratio=True,
            ),
        ),
        Claim(
            "likelihood-higher",
            "Maximum likelihood gives fresh data a higher log likelihood than "
            "flow matching.",
            _everywhere(above, "log likelihood", "likelihood", "independent"),
        ),
        Claim(
            "fresh-nearer",
            "Fresh data are nearer to fresh data than samples of the flow that "
            "trained longer.",
            _everywhere(
                below, f"energy {LAST}", "fresh data", "longer", ratio=True
            ),
        ),
    ],
    matters={**dict.fromkeys(NFE, 3.0), "log likelihood": 0.02},
    block=5,
    label="data",
    quick={"updates": 500, "epochs": 5},
    tiny={
        "width": 4,
        "updates": 2,
        "batch": 8,
        "pairs": 16,
        "steps": (1, 4, LAST),
    },
    words={
        "pairs": "trained by",
        **{f"energy {n}": f"energy distance, {n} steps" for n in (1, 2, 4, 8)},
        **{f"energy {n}": f"{n} steps" for n in (16, 32, LAST)},
        f"sliced {LAST}": f"sliced Wasserstein, {LAST} steps",
        "excess": f"1 step over {LAST}",
        "bend": "bend, 0 is straight",
        "nfe tight": "evaluations, tight",
        "nfe loose": "evaluations, loose",
        "seconds": "processor seconds to train",
    },
)
def flows(
    config: Generation, variant: str, seeds: Sequence[int], device: str
) -> list[Row]:
    """From noise to data: likelihood, flow matching and rectified flows.

    likelihood: the flow from data to noise is solved by dopri5 at 1e-3, with
    the divergence of f as a running cost, and minus the mean log density of the
    data is minimised, in batches of ``likely`` points. The other ways regress f
    at (1 - s) z0 + s z1 on z1 - z0, at uniform s, over pairs (z0, z1).
    independent: noise and data are paired by chance. transport: within each
    batch, pairs have the least sum of squared distances. longer: the flow of
    independent pairs is trained as long again, from its weights, at a rate that
    starts anew. rectified once: so it is on pairs of noise and its own end,
    solved by dopri5 at 1e-4; rectified twice: once more, on pairs of that flow.
    fresh data: no flow; two draws of the data.

    Samples start from noise that training never saw. ``energy n`` is the energy
    distance to as many fresh points of data after n Euler steps, 2 E ``|A -
    B|`` - E ``|A - A'|`` - E ``|B - B'|`` over all pairs, those of a point with
    itself included, so that it is not 0 for fresh data; ``sliced`` is the
    sliced Wasserstein distance by n, ``excess`` the first at one step over that
    at 64. ``bend`` is the mean squared distance of the slope from that of the
    line between a path's ends, summed over coordinates, on 64 Euler steps.
    ``nfe`` counts evaluations of dopri5 for all samples together, at each of
    the tolerances. ``log likelihood`` is the mean over fresh points, in nats,
    solved at 1e-4. ``seconds`` are the processor's, of training alone, with
    what a rectified flow was made of; flows by likelihood are trained side by
    side within a block, and share its time.

    One step counts as good as 64 where ``excess`` is below 1.25 on average.
    Seeds begin at 20: those before were looked at while fields, margins and
    claims were chosen.
    """
    rows: list[Row] = []
    for seed, likely in zip(
        seeds, _by_likelihood(config, variant, seeds), strict=True
    ):
        x = points(variant, config.samples, seed)
        start = seeded(lambda: _field(config), seed)
        found = {
            "likelihood": likely,
            **by_matching(config, x, start, seed),
        }
        fresh = points(variant, config.fresh, seed + FRESH)
        rows += [
            {
                "seed": seed,
                "pairs": way,
                **_measured(config, field, fresh, seed),
                "seconds": seconds,
            }
            for way, (field, seconds) in found.items()
        ]
        other = points(variant, config.fresh, seed + 2 * FRESH)
        rows.append(
            {
                "seed": seed,
                "pairs": "fresh data",
                f"energy {LAST}": energy_distance(other, fresh),
                f"sliced {LAST}": sliced_distance(other, fresh),
            }
        )
    return rows


Found = tuple[nn.Module, float]
"""A trained field, and the processor's seconds that it took."""


def _field(config: Generation) -> nn.Module:
    widths = [config.width] * 3
    return DepthConcat(mlp(3, *widths, 2, activation=nn.SiLU))


def _by_likelihood(
    config: Generation, data: str, seeds: Sequence[int]
) -> list[Found]:
    """Flows of several seeds, by maximum likelihood."""
    solver = Solver(rtol=1e-3, atol=1e-3)
    models = [
        seeded(lambda: density_model(_field(config), solver), seed)
        for seed in seeds
    ]
    xs = [points(data, config.samples, seed) for seed in seeds]
    began = time.process_time()
    fit(
        models,
        xs,
        xs,
        epochs=config.epochs,
        batch_size=config.likely,
        lr=config.lr,
        loss=lambda z, _: -normal_log_density(z).mean(),
        penalty=_lost_volume,
        progress=False,
    )
    share = (time.process_time() - began) / len(seeds)
    return [(model.get_submodule("field.field"), share) for model in models]


def _lost_volume(model: NeuralODE, solution: Solution, x: Tensor) -> Tensor:
    assert solution.running is not None
    return -solution.running[-1].mean()


def by_matching(
    config: Matching, x: Tensor, start: nn.Module, seed: int
) -> dict[str, Found]:
    """Flows from noise to data by flow matching, by how pairs are made.

    Args:
        config: of the training.
        x: data, shape (N, n).
        start: an untrained field of states (N, n).
        seed: of all pairs and depths.
    """
    draws = torch.Generator().manual_seed(seed + 4 * FRESH)

    def independent(n: int) -> tuple[Tensor, Tensor]:
        rows = torch.randint(len(x), (n,), generator=draws)
        return torch.randn(n, x.shape[1], generator=draws), x[rows]

    def transport(n: int) -> tuple[Tensor, Tensor]:
        return matched(*independent(n))

    def trained(start: nn.Module, draw: Draw) -> Found:
        began, field = time.process_time(), copy.deepcopy(start)
        match(
            field,
            draw,
            draws,
            updates=config.updates,
            batch=config.batch,
            lr=config.lr,
        )
        return field, time.process_time() - began

    def rectified(start: Found) -> Found:
        began = time.process_time()
        z0 = torch.randn(config.pairs, x.shape[1], generator=draws)
        with torch.no_grad():
            z1 = NeuralODE(start[0]).solve(z0).z[-1]
        solved = time.process_time() - began

        def own(n: int) -> tuple[Tensor, Tensor]:
            rows = torch.randint(len(z0), (n,), generator=draws)
            return z0[rows], z1[rows]

        field, more = trained(start[0], own)
        return field, start[1] + solved + more

    first = trained(start, independent)
    field, more = trained(first[0], independent)
    once = rectified(first)
    return {
        "independent": first,
        "longer": (field, first[1] + more),
        "transport": trained(start, transport),
        "rectified once": once,
        "rectified twice": rectified(once),
    }


def match(
    field: nn.Module,
    draw: Draw,
    draws: torch.Generator,
    *,
    updates: int,
    batch: int,
    lr: float,
) -> None:
    """Train a field by flow matching, in place.

    Args:
        field: of (s, z, x), where s has shape (N, 1).
        draw: pairs of noise and data.
        draws: the generator of depths.
        updates: of Adam.
        batch: pairs in each.
        lr: learning rate, which falls to 0 linearly.
    """
    optimizer = torch.optim.Adam(field.parameters(), lr=lr)
    for update in range(updates):
        optimizer.param_groups[0]["lr"] = lr * (1 - update / updates)
        z0, z1 = draw(batch)
        s = torch.rand(batch, 1, generator=draws)
        slope = field(s, (1 - s) * z0 + s * z1, z0)
        loss = (slope - (z1 - z0)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def matched(z0: Tensor, z1: Tensor) -> tuple[Tensor, Tensor]:
    """Pairs of the least sum of squared distances; both of shape (N, n)."""
    cost = torch.cdist(z0, z1).square()
    rows, columns = linear_sum_assignment(cost.numpy())
    return z0[torch.as_tensor(rows)], z1[torch.as_tensor(columns)]


class Reversed(nn.Module):
    """The field of the way back: -f(1 - s, z, x), from s = 0 to 1."""

    def __init__(self, field: nn.Module) -> None:
        super().__init__()
        self.field = field

    def forward(self, s: Tensor, z: Tensor, x: Tensor) -> Tensor:
        slope: Tensor = -self.field(1 - s, z, x)
        return slope


def density_model(field: nn.Module, solver: Solver) -> NeuralODE:
    """From data back to noise, with the divergence as a running cost."""
    return NeuralODE(Reversed(field), running=divergence, solver=solver)


def normal_log_density(z: Tensor) -> Tensor:
    """Of standard normal noise at points (..., n), shape (...)."""
    return -(z.square() + math.log(2 * math.pi)).sum(dim=-1) / 2


@torch.no_grad()
def log_density(field: nn.Module, x: Tensor, solver: Solver) -> Tensor:
    """Of a flow's samples at points x (N, n), in nats, shape (N,).

    Args:
        field: takes standard normal noise at s = 0 to samples at s = 1.
        x: points, shape (N, n).
        solver: of the way back.
    """
    solution = density_model(field, solver).solve(x)
    assert solution.running is not None
    return normal_log_density(solution.z[-1]) + solution.running[-1]


@torch.no_grad()
def _measured(
    config: Generation, field: nn.Module, fresh: Tensor, seed: int
) -> Row:
    field, fresh = copy.deepcopy(field).double(), fresh.double()
    draws = torch.Generator().manual_seed(seed + 3 * FRESH)
    noise = torch.randn(config.fresh, 2, generator=draws).double()
    found: Row = {}
    sliced = []
    for n in config.steps:
        z = euler_path(field, noise, n)
        found[f"energy {n}"] = energy_distance(z[-1], fresh)
        sliced.append(sliced_distance(z[-1], fresh))
    found["excess"] = found["energy 1"] / found[f"energy {LAST}"]
    found[f"sliced {LAST}"] = sliced[-1]
    found["sliced"] = sliced
    found["bend"] = bend(euler_path(field, noise, LAST))
    for name, tolerance in zip(NFE, config.tolerances, strict=True):
        solver = Solver(rtol=tolerance, atol=tolerance)
        found[name] = NeuralODE(field, solver=solver).solve(noise).nfe
    found["log likelihood"] = log_density(field, fresh, Solver()).mean().item()
    return found


def euler_path(field: nn.Module, z: Tensor, steps: int) -> Tensor:
    """States of Euler's method, shape (steps + 1, N, n)."""
    solver = Solver("euler", step_size=1 / steps)
    depths = torch.linspace(0, 1, steps + 1, dtype=z.dtype)
    return NeuralODE(field, solver=solver).solve(z, depths).z


def energy_distance(a: Tensor, b: Tensor) -> float:
    """``2 E|A - B| - E|A - A'| - E|B - B'|`` of two samples.

    0 for equal samples and else greater (Székely and Rizzo, 2013). Means are
    over all pairs, those of a point with itself included.

    Args:
        a: shape (N, n).
        b: shape (M, n).
    """
    between, own, other = (
        torch.cdist(one, two).mean() for one, two in ((a, b), (a, a), (b, b))
    )
    return (2 * between - own - other).item()


def sliced_distance(a: Tensor, b: Tensor, directions: int = 64) -> float:
    """The Wasserstein distance of order one, averaged over directions.

    Args:
        a: points of the plane, shape (N, 2).
        b: likewise, as many.
        directions: of the lines that points are projected to, evenly spaced.
    """
    angle = math.pi * torch.arange(directions, dtype=a.dtype) / directions
    lines = torch.stack([angle.cos(), angle.sin()])
    first, second = ((one @ lines).sort(dim=0).values for one in (a, b))
    return (first - second).abs().mean().item()


def bend(z: Tensor) -> float:
    """How far paths are from straight lines at constant speed.

    The mean of ``|dz/ds - (z(1) - z(0))|^2`` over paths and depths: what Liu et
    al. (2023) call straightness.

    Args:
        z: states at equally spaced depths from 0 to 1, shape (T, N, n).
    """
    chord = z[-1] - z[0]
    off = z.diff(dim=0) * (len(z) - 1) - chord
    return off.square().sum(dim=-1).mean().item()
