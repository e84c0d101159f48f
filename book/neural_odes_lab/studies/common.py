"""What several studies share: their settings, trained models, quantities."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from scipy.stats import linregress
from torch import Tensor, nn

from neural_odes.data import half_moons, nested_spheres
from neural_odes.nets import mlp, seeded
from neural_odes.ode import NeuralODE, common_depth
from neural_odes.solver import Solver
from neural_odes.training import History, accuracy, fit
from neural_odes.training.ensemble import Loss
from neural_odes_lab.config import Config, Count, NonNegative, Positive, option
from neural_odes_lab.study import grid

FRESH = 10_000
"""Points that training never saw are drawn from seeds this much higher."""

SLOW = {"lr": 3e-3, "epochs": 1000}
WIDE = {"width": 32}
"""Settings of nested spheres besides the chosen ones."""
GRID = grid(
    lr=(3e-3, 1e-2), width=(16, 32), samples=(64, 256), noise=(0.0, 0.1)
)
"""Settings that claims about nested spheres are judged under, all 16."""


@dataclass(frozen=True)
class Labelled(Config):
    """How models are trained on points with labels ±1.

    Adam trains all parameters in full batches, in float32, on the mean squared
    error between outputs and labels. dopri5 solves from s = 0 to 1 at rtol =
    atol = 1e-4; its last step ends exactly at 1, and gradients are
    backpropagated through its steps, whose sizes are held fixed. A step's error
    is the root mean square over all points and components, in units of atol +
    rtol ``|z|``. Seeds are trained as one program, in which each takes its own
    steps, as it does alone.

    ``loss`` is the mean squared error after training, ``accuracy`` the share of
    training points whose output has the sign of their label, and ``nfe`` the
    number of evaluations of f in a solve of all of them, including those of
    rejected steps and the two that choose the first step.
    """

    samples: Count = option(256, "points of data (chosen)")
    noise: NonNegative = option(
        0.0, "standard deviation of the data's noise (chosen)"
    )
    width: Count = option(16, "of the field's two hidden layers, tanh (chosen)")
    epochs: Count = option(300, "full-batch steps of Adam (chosen)")
    lr: Positive = option(0.01, "Adam's learning rate (chosen)")


@dataclass(frozen=True)
class Flow(Labelled):
    """A vanilla flow trained on half-moons.

    Each seed draws ``samples`` points of scikit-learn's ``make_moons``, as it
    returns them, half in the upper moon, labelled -1, half in the lower one,
    labelled +1, and initial weights by torch's default initialisation. f is a
    multilayer perceptron 2-``width``-``width``-2 with tanh after its hidden
    layers, the readout a linear layer to one number, unless stated otherwise
    above.
    """

    noise: NonNegative = option(
        0.1, "standard deviation of the data's noise (chosen)"
    )
    width: Count = option(
        16, "of the field's two hidden layers (the paper's 16)"
    )
    epochs: Count = option(200, "full-batch steps of Adam (chosen)")


@dataclass(frozen=True)
class Spheres(Labelled):
    """Models trained on nested spheres.

    Each seed draws ``samples`` points, half of them in the ball ``|x| <= 0.5``
    and labelled -1, half in the shell ``1 <= |x| <= 1.5`` and labelled +1, both
    uniform by volume, and initial weights by torch's default initialisation.
    ``noise`` is Gaussian and is added to each coordinate after labelling;
    points that training never saw are drawn likewise, but without it. f is a
    multilayer perceptron n-``width``-``width``-n with tanh after its hidden
    layers, the readout a linear layer to one number, unless stated otherwise
    above.
    """


def moons(config: Any, seed: int, device: str) -> tuple[Tensor, Tensor]:
    """A seed's half-moons, x (N, 2) and y (N, 1)."""
    x, y = half_moons(config.samples, noise=config.noise, seed=seed)
    return x.to(device), y.to(device)


def spheres(
    config: Spheres, seed: int, device: str, dim: int = 2
) -> tuple[Tensor, Tensor]:
    """A seed's nested spheres, x (N, dim) and y (N, 1)."""
    x, y = nested_spheres(
        config.samples, dim=dim, noise=config.noise, seed=seed
    )
    return x.to(device), y.to(device)


def fresh_spheres(
    samples: int, seed: int, device: str, dim: int = 2
) -> tuple[Tensor, Tensor]:
    """Points of the same spheres that training never saw."""
    x, y = nested_spheres(samples, dim=dim, seed=seed + FRESH)
    return x.to(device), y.to(device)


def planar(
    seed: int, *sizes: int, device: str = "cpu", solver: Solver | None = None
) -> NeuralODE:
    """A vanilla model of the plane with a linear readout to one number.

    Args:
        seed: of the initial weights.
        sizes: of the field's hidden layers.
        device: where its parameters live.
        solver: by default the paper's.
    """
    return seeded(
        lambda: NeuralODE(
            mlp(2, *sizes, 2), readout=nn.Linear(2, 1), solver=solver
        ),
        seed,
    ).to(device)


class Trained(NamedTuple):
    """A seed's model, the data it was trained on, and how that went."""

    seed: int
    model: NeuralODE
    x: Tensor
    y: Tensor
    history: History


def trained(
    config: Any,
    make: Callable[[], NeuralODE],
    seeds: Sequence[int],
    data: Callable[[int], tuple[Tensor, Tensor]],
    **settings: Any,
) -> list[Trained]:
    """Models of several seeds, trained in full batches as one program.

    Args:
        config: its epochs and lr.
        make: an untrained model.
        seeds: of the initial weights and the data.
        data: inputs and targets of a seed.
        settings: further arguments of :func:`~neural_odes.training.fit.fit`.
    """
    xs, ys = zip(*map(data, seeds), strict=True)
    models = [
        seeded(make, seed).to(x.device)
        for seed, x in zip(seeds, xs, strict=True)
    ]
    settings = {"epochs": config.epochs, "lr": config.lr, **settings}
    histories = fit(models, xs, ys, progress=False, **settings)
    return [
        Trained(*one)
        for one in zip(seeds, models, xs, ys, histories, strict=True)
    ]


def trained_spheres(
    config: Spheres,
    make: Callable[[], NeuralODE],
    seeds: Sequence[int],
    device: str,
    *,
    dim: int = 2,
    **settings: Any,
) -> list[Trained]:
    """As :func:`trained`, on nested spheres."""
    return trained(
        config,
        make,
        seeds,
        lambda seed: spheres(config, seed, device, dim),
        **settings,
    )


@torch.no_grad()
def quality(model: NeuralODE, x: Tensor, y: Tensor) -> dict[str, float]:
    """Loss, accuracy and evaluations of a solve, on labels ±1."""
    return {
        "loss": (model(x) - y).square().mean().item(),
        "accuracy": accuracy(model, x, y),
        "nfe": model.solve(x).nfe,
    }


def in_float64(model: NeuralODE, solver: Solver) -> NeuralODE:
    """A copy of a model, on the CPU in float64, with another solver.

    Training runs on the caller's device; what is measured to many digits is
    measured here, because not every device has float64.
    """
    copied = copy.deepcopy(model).cpu().double()
    copied.solver = solver
    return copied


def distance(a: Tensor, b: Tensor) -> float:
    """Root-mean-square distance of paired points, both of shape (N, n)."""
    return (a - b).square().sum(1).mean().sqrt().item()


def gradient(model: NeuralODE, x: Tensor, y: Tensor, loss: Loss) -> Tensor:
    """A loss's gradient by all parameters of a model, as one vector."""
    value = loss(model(x), y)
    found = torch.autograd.grad(value, list(model.parameters()))
    return torch.cat([g.flatten() for g in found])


@torch.no_grad()
def turnover(model: NeuralODE, x: Tensor, depths: int = 101) -> float:
    """How often, per unit of depth, states cross the space they live in.

    The mean speed |f| over the spread of the states (root mean square about
    their mean), averaged over depth. Exponents of two flows are comparable once
    each is divided by its own turnover: the unit of depth drops out.

    Args:
        model: has one depth S for all samples, and vectors as states.
        x: inputs, shape (N, n), N >= 2.
        depths: how many equally spaced depths are averaged.

    Raises:
        ValueError: samples have depths of their own.
    """
    s = torch.linspace(0, common_depth(model), depths, dtype=x.dtype)
    z, control = model.solve(x, s).z, model.control(x)
    speed = torch.stack(
        [
            model.field(depth, state, control).norm(dim=1).mean()
            for depth, state in zip(s, z, strict=True)
        ]
    )
    away = z - z.mean(dim=1, keepdim=True)
    spread = away.square().sum(dim=2).mean(dim=1).sqrt()
    return (speed / spread).mean().item()


def count(module: nn.Module) -> int:
    """The number of trainable parameters of a module."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def finer_slope(x: list[float], error: list[float]) -> float:
    """Slope of log error over log x, over the finer half of the points.

    Errors of at most 1e-11 count as rounding and are left out. NaN if fewer
    than two points remain.
    """
    kept = [(a, e) for a, e in zip(x, error, strict=True) if e > 1e-11]
    kept = kept[-max(2, len(kept) // 2) :]
    if len(kept) < 2:
        return math.nan
    a, e = zip(*kept, strict=True)
    return float(
        linregress([math.log(v) for v in a], [math.log(v) for v in e]).slope
    )
