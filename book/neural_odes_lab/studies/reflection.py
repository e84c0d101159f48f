"""Section 5 on a line: the reflection, and what it takes to learn it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from neural_odes.bases import Fourier
from neural_odes.control import AdaptiveDepth, DataControlled, LinearControl
from neural_odes.data import crossing as draw
from neural_odes.depth import DepthConcat, Galerkin
from neural_odes.nets import mlp, seeded
from neural_odes.ode import NeuralODE
from neural_odes.training import fit
from neural_odes_lab.config import (
    Config,
    Count,
    NonNegative,
    Positive,
    option,
)
from neural_odes_lab.judges import Claim, every_seed, slug
from neural_odes_lab.study import Row, study

Model = Literal[
    "depth-invariant 16",
    "depth-invariant 32",
    "concat 16",
    "concat 32",
    "GalNODE",
    "linear",
    "data-controlled",
]


@dataclass(frozen=True)
class Reflection(Config):
    """How models learn the reflection, by the L1 loss in full batches.

    Models are trained on the L1 loss, the mean of ``|output - y|``. The data
    are ``samples`` points x equally spaced in [-1, 1] with y = -x, the same for
    all seeds; seeds draw only the initial weights. There is neither lift nor
    readout: the output is z(S). Adam, with weight decay added to the gradient,
    trains in float32; dopri5 solves from s = 0 to 1 at rtol = atol = 1e-4, its
    last step ends exactly at 1, and gradients are backpropagated through its
    steps, whose sizes are held fixed. A model fails if its mean error stays at
    99 % of the mean of ``|x|`` or more after training: no map that keeps the
    order of points can go below that mean, and the 1 % allows for the solver's
    error. It learns if the mean error is a tenth of that mean or less. Either
    is required of every seed.
    """

    samples: Count = option(20, "points of the reflection in [-1, 1] (chosen)")
    epochs: Count = option(1000, "steps of Adam (the paper's 1000)")
    lr: Positive = option(0.01, "Adam's learning rate (chosen)")
    weight_decay: NonNegative = option(1e-5, "Adam's weight decay (chosen)")
    kept: Count = option(
        100, "points of each training curve that are kept (chosen)"
    )

    def floor(self) -> float:
        """The mean of |x|, the least L1 loss of maps that keep points' order.

        Such a map cannot do better than to send all points to 0.
        """
        return draw(self.samples)[0].abs().mean().item()


@dataclass(frozen=True)
class Crossing(Reflection):
    """Settings of :data:`crossing`."""

    models: tuple[Model, ...] = option(get_args(Model), "what is compared")


@dataclass(frozen=True)
class Adaptive(Reflection):
    """Settings of :data:`adaptive_depth`."""

    width: Count = option(
        8, "of the concat field's two hidden layers (the paper's 8)"
    )
    hidden: Count = option(
        8, "of the depth network's hidden layer (the paper's 8)"
    )
    right: Positive = option(
        1.0, "depth of x = 1 where depths are set by hand (the paper's 1)"
    )
    left: Positive = option(3.0, "depth of x = -1 there (the paper's 3)")


FIELDS: dict[str, Callable[[], nn.Module]] = {
    "depth-invariant 16": lambda: mlp(1, 16, 16, 1),
    "depth-invariant 32": lambda: mlp(1, 32, 32, 1),
    "concat 16": lambda: DepthConcat(mlp(2, 16, 16, 1)),
    "concat 32": lambda: DepthConcat(mlp(2, 32, 32, 1)),
    "GalNODE": lambda: Galerkin(mlp(1, 32, 1), Fourier(5)),
    "linear": LinearControl,
    "data-controlled": lambda: DataControlled(mlp(2, 32, 32, 1)),
}
CONTROLLED = ("linear", "data-controlled")
"""The models whose field sees x; the others must fail (Figure 12)."""


def learns(name: str, floor: float) -> Claim:
    """In every seed, the loss is at most a tenth of the floor."""
    return Claim(
        slug(name),
        f"{name}: every seed learns the reflection.",
        every_seed("loss", name, below=floor / 10),
    )


def fails(name: str, floor: float) -> Claim:
    """In every seed, the loss stays at the floor.

    The solver's error can take it a little below.
    """
    return Claim(
        slug(name),
        f"{name}: no seed learns the reflection.",
        every_seed("loss", name, above=0.99 * floor),
    )


WORDS = {"reversed": "share of neighbours reversed"}


@study(
    "dimensionality.crossing",
    paper="section 5, figures 3, 12 and 13",
    config=Crossing,
    variants=lambda config: config.models,
    claims=lambda config: [
        (learns if name in CONTROLLED else fails)(name, config.floor())
        for name in config.models
    ],
    block=5,
    label="model",
    quick={
        "epochs": 100,
        "models": ("depth-invariant 16", "linear", "data-controlled"),
    },
    tiny={"samples": 20},
    words=WORDS,
)
def crossing(
    config: Crossing, variant: str, seeds: Sequence[int], device: str
) -> list[Row]:
    """Which models learn the reflection of a line.

    All hidden layers have tanh. depth-invariant: f(z), with two hidden layers
    of 16 or 32. concat: f takes [z; s]. GalNODE: one hidden layer of 32; its
    weights and biases are a sum of 5 functions 1, cos 2 pi s, sin 2 pi s, ...
    with trained coefficients, which start at torch's draw, constant in s; steps
    are at most a quarter. linear: -theta (z + x), with one parameter, which
    starts at 1. data-controlled: f takes [z; x], with two hidden layers of 32.
    ``loss`` is that after training, ``reversed`` the share of neighbouring
    points whose order changed, ``curve`` the loss of every ``every``-th epoch.
    """
    models = [_made(FIELDS[variant], seed, device) for seed in seeds]
    x, y = draw(config.samples)
    return _learned(config, models, seeds, (x.to(device), y.to(device)))


CLOCK, COMMON = "learned, z(0) = 0", "one trained depth"
AUTONOMOUS = "learned, f(z)"


class Common(nn.Module):
    """The same number for every input, trained."""

    def __init__(self) -> None:
        super().__init__()
        self.change = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.change.expand(len(x))


@study(
    "dimensionality.adaptive_depth",
    paper="section 5, equation 18, figures 4 and 14",
    config=Adaptive,
    variants=("fixed", "by hand", "learned", CLOCK, COMMON, AUTONOMOUS),
    claims=lambda config: [
        fails("fixed", config.floor()),
        learns("by hand", 1.0),
        learns("learned", config.floor()),
        learns(CLOCK, config.floor()),
        fails(COMMON, config.floor()),
        fails(AUTONOMOUS, config.floor()),
    ],
    block=5,
    label="depths",
    quick={"epochs": 150},
    tiny={"samples": 20},
    words=WORDS,
)
def adaptive_depth(
    config: Adaptive, variant: str, seeds: Sequence[int], device: str
) -> list[Row]:
    """The reflection with a depth for each input.

    Each input has a depth g(x) of its own, set by hand (Figure 4) or learned
    (Figure 14); by hand, only x = ±1 are learned, two points in place of
    ``samples``, and the depths stay as they are. All points are solved together
    over tau from 0 to 1, dz/dtau = g(x) f(tau g(x), z), where f is a concat
    field, which takes [z; s], with tanh in its hidden layers; "fixed" is the
    same field with depth 1 for all. By hand, the mean of ``|x|`` is 1, so the
    threshold is 0.1. The learned depth is ``|1 + w_o relu(w_i x + b_i)|`` with
    ``hidden`` units, w_o starting at a tenth of torch's draw. ``depths`` are
    the g(x) of a model.

    Three controls. "learned, z(0) = 0" forgets the input but for its depth: the
    flow is one curve, and g reads the answer off it. "one trained depth" has g
    = ``|1 + b|`` for all inputs, b = 0 at first. "learned, f(z)" has a field
    that does not see s. A zero c of f between -x and x keeps the end of x at or
    above c and that of -x at or below it; without one both move the same way.
    Either way the errors of the two add up to ``2 |x|`` at least, so that no
    depths bring the loss below the mean of ``|x|``.
    """
    depth: Callable[[], Any] = {
        "fixed": lambda: 1.0,
        "by hand": lambda: partial(_by_hand, config),
        COMMON: lambda: AdaptiveDepth(Common()),
    }.get(variant, lambda: AdaptiveDepth(1, hidden=config.hidden))
    lift = torch.zeros_like if variant == CLOCK else None
    x, y = draw(2 if variant == "by hand" else config.samples)
    x, y = x.to(device), y.to(device)
    width = config.width

    def field() -> nn.Module:
        if variant == AUTONOMOUS:
            return mlp(1, width, width, 1)
        return DepthConcat(mlp(2, width, width, 1))

    models = [_made(field, seed, device, depth, lift) for seed in seeds]
    rows = _learned(config, models, seeds, (x, y))
    for row, model in zip(rows, models, strict=True):
        with torch.no_grad():
            if callable(model.depth):
                row["depths"] = model.depth(x).tolist()
    return rows


def _by_hand(config: Adaptive, x: Tensor) -> Tensor:
    return torch.where(x[:, 0] > 0, config.right, config.left)


def _made(
    make: Callable[[], nn.Module],
    seed: int,
    device: str,
    depth: Callable[[], Any] = lambda: 1.0,
    lift: Callable[[Tensor], Tensor] | None = None,
) -> NeuralODE:
    return seeded(lambda: NeuralODE(make(), depth=depth(), lift=lift), seed).to(
        device
    )


def _learned(
    config: Reflection,
    models: Sequence[NeuralODE],
    seeds: Sequence[int],
    data: tuple[Tensor, Tensor],
) -> list[Row]:
    x, y = data
    histories = fit(
        models,
        x,
        y,
        epochs=config.epochs,
        lr=config.lr,
        weight_decay=config.weight_decay,
        loss=nn.functional.l1_loss,
        progress=False,
    )
    every = max(1, -(-config.epochs // config.kept))
    rows: list[Row] = []
    for seed, model, history in zip(seeds, models, histories, strict=True):
        with torch.no_grad():
            solution = model.solve(x)
        end = solution.z[-1]
        off = (end - y).abs()
        rows.append(
            {
                "seed": seed,
                "loss": off.mean().item(),
                "largest error": off.max().item(),
                "reversed": (end.diff(dim=0) < 0).float().mean().item(),
                "nfe": solution.nfe,
                "every": every,
                "curve": history.loss[::every].tolist(),
            }
        )
    return rows
