"""Section 6 on networks: what is trained, and what is measured of it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from neural_odes.attack import accuracy_under_attack
from neural_odes.chaos import (
    finite_time_exponents,
    lyapunov_exponent,
    sphere,
)
from neural_odes.depth import DepthConcat
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
from neural_odes_lab.config import (
    Count,
    NonNegative,
    Positive,
    Range,
    option,
)
from neural_odes_lab.studies.boundary import distances
from neural_odes_lab.studies.common import (
    Spheres,
    Trained,
    fresh_spheres,
    in_float64,
    trained_spheres,
    turnover,
)
from neural_odes_lab.study import Row


@dataclass(frozen=True)
class Stability(Spheres):
    """Settings of the studies of penalties and figure 7.

    concat: f takes [z; s]. Penalties are means over the training points. Those
    of the paper are multiplied by ``strength``: fixed point (21),
    ``|f(1, z(1))|``; steady state (20), the integral of ``|f|`` from s = 1 to
    2, to which the solve is continued at the same tolerance, and is
    differentiated through. Those of later work are multiplied by
    ``gentle``: kinetic energy, the integral of ``|f|^2`` from 0 to 1; Jacobian
    norm, that of ``|e^T df/dz|^2`` for one standard normal direction e, the
    same for all points, steps and seeds. These two are integrated along with z
    in training, and affect its steps only there.

    Exponents are measured on the training points, in float64 at 1e-8.
    ``exponent`` is Algorithm 1, the mean over points and perturbations of
    ``ln(|z'(1) - z(1)| / r)``, with z'(0) uniform on the sphere of radius r
    about z(0); ``largest`` is the mean of the first finite-time exponent, ln of
    the largest singular value of dz(1)/dz(0); ``growing`` is the share of
    points whose mean exponent is > 0; ``peak`` is the mean of the error's
    largest value along the path, read at 51 depths, over r. "per turnover" is
    the exponent divided by the turnover, the mean over 101 depths of the mean
    of ``|f|`` over the points divided by their spread at that depth (the root
    mean square distance from their mean). ``loss`` is that of the last epoch,
    without the penalty.

    These are measured on ``fresh`` points that training never saw: ``fresh`` is
    the accuracy; in the study of penalties ``distance`` is the median of their
    distances to the decision boundary, at most 1, found on a grid and followed
    to the foot of the perpendicular; ``beyond`` is the share on the right side
    and farther from the boundary than ``attack``, which no attack of that
    radius can lower; ``attacked`` is the share on the right side at the end of
    each of ``starts`` l2 attacks of radius ``attack``; ``exchanged`` is the
    same where rk4 in steps of 0.05 takes the place of dopri5, whose steps could
    hide gradients; ``blind`` needs no gradient, and is the share on the right
    side at all of 100 points uniform on the sphere of radius ``attack``;
    ``noisy`` is the accuracy under Gaussian noise, with 10
    draws per point. An attack starts at a point uniform in the cube of half
    side ``attack``, projected to the ball, and is projected gradient ascent on
    minus the output times the label, in 20 steps of an eighth of the radius
    along the normalised gradient.

    spectral norm: no penalty; each of f's three weight matrices whose largest
    singular value is above ``cap`` is scaled down to it at every evaluation,
    and gradients go through the scaling. So f is Lipschitz in z with constant
    cap³, and differences grow at most by a factor of e to the cap³. Biases and
    the readout are free.
    """

    dim: Annotated[int, Range(1, 3)] = option(
        3, "of the nested spheres (the paper's 3)"
    )
    strength: NonNegative = option(0.1, "of the paper's penalties (chosen)")
    gentle: NonNegative = option(
        0.01,
        "strength of penalties of later work (its value there, on other data)",
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
    cap: Positive = option(
        1.5,
        "largest singular value under spectral norm (the smallest of 1, 1.25, "
        "1.5 and 2 at which four seeds fit their points)",
    )
    starts: Count = option(3, "of each attack, all to be survived (chosen)")
    noise_level: NonNegative = option(
        0.15, "standard deviation of the noise (chosen)"
    )


class Kind(NamedTuple):
    """A model: its field and its penalty."""

    concat: bool = False
    penalty: str = ""
    capped: bool = False


PLAIN, CONCAT = "depth-invariant", "concat"
FIXED, STEADY, CAPPED = "fixed point", "steady state", "spectral norm"
KINDS = {
    PLAIN: Kind(),
    CONCAT: Kind(concat=True),
    FIXED: Kind(penalty=FIXED),
    f"{CONCAT}, {FIXED}": Kind(concat=True, penalty=FIXED),  # the paper's
    STEADY: Kind(penalty=STEADY),
}
COSTS = {"kinetic energy": kinetic_energy, "Jacobian norm": jacobian_norm}
"""Penalties of later work, by their running costs."""
SAID = {
    FIXED: "the fixed-point penalty (21)",
    f"{CONCAT}, {FIXED}": "the fixed-point penalty (21), in a field that sees "
    "depth,",
    STEADY: "the steady-state penalty (20)",
    "kinetic energy": "the kinetic-energy penalty",
    "Jacobian norm": "the Jacobian-norm penalty",
    CAPPED: "a cap on singular values",
}
"""What is done to a model, in a sentence."""


def sentence(name: str, does: str) -> str:
    """A claim about what is done to a model."""
    text = SAID[name]
    return f"{text[0].upper()}{text[1:]} {does}."


QUICK = {"samples": 64, "epochs": 60, "fresh": 100}
WORDS = {
    "largest": "largest finite-time exponent",
    "largest per turnover": "largest finite-time exponent, per turnover",
    "growing": "share of points whose error grew",
    "peak": "largest error along the path, over r",
    "distance": "distance to the boundary",
    "beyond": "right, and farther from the boundary than an attack",
    "exchanged": "attacked, by another solver",
    "blind": "attacked, without gradients",
}


def _model(config: Stability, kind: Kind) -> NeuralODE:
    n, width = config.dim, config.width
    sizes = (n + kind.concat, width, width, n)
    field: nn.Module = (
        capped(*sizes, cap=config.cap) if kind.capped else mlp(*sizes)
    )
    return NeuralODE(
        DepthConcat(field) if kind.concat else field,
        readout=nn.Linear(n, 1),
        running=COSTS.get(kind.penalty),
    )


class CappedLinear(nn.Linear):
    """A linear layer whose weights have no singular value above a cap."""

    def __init__(self, inputs: int, outputs: int, cap: float) -> None:
        super().__init__(inputs, outputs)
        self.cap = cap

    def forward(self, input: Tensor) -> Tensor:
        largest = torch.linalg.matrix_norm(self.weight, 2)
        weight = self.weight / (largest / self.cap).clamp_min(1.0)
        return linear(input, weight, self.bias)


def capped(*sizes: int, cap: float) -> nn.Sequential:
    """As :func:`~neural_odes.mlp`, of layers with capped singular values."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [CappedLinear(inputs, outputs, cap), nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def _penalty(kind: Kind, strength: float) -> Penalty | None:
    def integral(model: NeuralODE, solution: Solution, x: Tensor) -> Tensor:
        assert solution.running is not None
        return strength * solution.running[-1].mean()

    if kind.penalty in COSTS:
        return integral
    made = {FIXED: fixed_point, STEADY: steady_state}
    return made[kind.penalty](strength) if kind.penalty else None


def measured(
    config: Stability,
    kind: Kind,
    strength: float,
    seeds: Sequence[int],
    device: str,
    *,
    robust: bool = False,
) -> list[Row]:
    found = trained_spheres(
        config,
        lambda: _model(config, kind),
        seeds,
        device,
        dim=config.dim,
        penalty=_penalty(kind, strength),
    )
    return [
        {
            "seed": one.seed,
            **_exponents(config, one),
            **(_robustness(config, one) if robust else {}),
        }
        for one in found
    ]


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
        "loss": history.loss[-1].item(),
        "accuracy": accuracy(model, x, y),
        "nfe": model.solve(x).nfe,
        "fresh": accuracy(model, fresh, label),
        "attacked": accuracy_under_attack(
            model, fresh, label, radius=config.attack, restarts=config.starts
        ),
        "noisy": _under_noise(model, fresh, label, config.noise_level, seed),
    }
    if seed == 0:
        levels = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
        row["path"] = {
            "s": found.s.tolist(),
            "error": found.error.flatten(1).quantile(levels, dim=1).tolist(),
            "exponents": found.mean.tolist(),
        }
    return row


def _under_noise(
    model: NeuralODE, x: Tensor, y: Tensor, std: float, seed: int
) -> float:
    """The accuracy over ten noisy copies of each point."""
    draws = torch.Generator().manual_seed(seed)
    noise = torch.randn(10, *x.shape, generator=draws).to(x)
    return accuracy(model, (x + std * noise).flatten(0, 1), y.repeat(10, 1))


def _robustness(config: Stability, one: Trained) -> Row:
    """How far fresh points are from the boundary, and two more attacks."""
    seed, model, x, _, _ = one
    fresh, label = fresh_spheres(
        config.fresh, seed, str(x.device), dim=config.dim
    )
    far = distances(model, fresh, most=1.0)
    with torch.no_grad():
        right = (model(fresh).sign() == label)[:, 0].cpu()
    fixed = copy.deepcopy(model)
    fixed.solver = Solver("rk4", step_size=0.05)
    return {
        "distance": far.median().item(),
        "beyond": ((far > config.attack) & right).double().mean().item(),
        "exchanged": accuracy_under_attack(
            fixed, fresh, label, radius=config.attack, restarts=config.starts
        ),
        "blind": _around(model, fresh, label, config.attack, seed),
    }


@torch.no_grad()
def _around(
    model: NeuralODE, x: Tensor, y: Tensor, radius: float, seed: int
) -> float:
    """The share of points that are right at 100 points around them."""
    away = sphere((100, len(x)), x.shape[1], radius=radius, seed=seed).to(x)
    right = torch.ones_like(y, dtype=torch.bool)
    for part in (x + away).split(20):
        output = model(part.flatten(0, 1)).unflatten(0, part.shape[:2])
        right &= (output.sign() == y).all(0)
    return right.double().mean().item()
