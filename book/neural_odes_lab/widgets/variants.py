"""The models of the playground, made with the library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypedDict, get_args, get_type_hints

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from neural_odes.augment import (
    HigherOrder,
    InputLayer,
    PartialReadout,
    ZeroAugment,
)
from neural_odes.bases import Fourier, PiecewiseConstant
from neural_odes.checks import check_at_least, check_one_of
from neural_odes.control import AdaptiveDepth, DataControlled
from neural_odes.depth import DepthConcat, Galerkin
from neural_odes.nets import mlp, seeded
from neural_odes.ode import NeuralODE
from neural_odes.solver import Solver
from neural_odes_lab.widgets.base import MAX_POINTS, within

Variant = Literal[
    "depth-invariant",
    "concat",
    "GalNODE",
    "data-controlled",
    "augmented",
    "input layer",
    "second order",
    "adaptive depth",
    "ResNet",
    "network",
]
Data = Literal[
    "disc in a ring",
    "half-moons",
    "spirals",
    "exclusive or",
    "reflection of a line",
    "your own",
]


class Training(TypedDict, total=False):
    """How a playground's model is made and trained."""

    activation: Literal["tanh", "relu", "softplus", "elu"]
    width: int
    layers: int
    steps: int
    method: Literal["rk4", "euler"]
    extra: int
    modes: int
    lr: float
    decay: float
    penalty: float
    batch: int
    seed: int
    points: int


class Settings(Training, total=False):
    """All that determines a playground's training."""

    variant: Variant
    data: Data


DEFAULTS: Settings = {
    "variant": "depth-invariant",
    "data": "disc in a ring",
    "activation": "tanh",
    "width": 16,
    "layers": 2,
    "steps": 8,
    "method": "rk4",
    "extra": 1,
    "modes": 5,
    "lr": 0.01,
    "decay": 0.0,
    "penalty": 0.0,
    "batch": 0,
    "seed": 0,
    "points": 120,
}
"""``batch`` 0 is all points."""

CHOICES: dict[str, tuple[str, ...]] = {
    name: get_args(kind)
    for name, kind in get_type_hints(Settings).items()
    if get_args(kind)
}
WHOLE = {
    "width": (2, 32),
    "layers": (1, 3),
    "steps": (1, 20),
    "extra": (1, 4),
    "modes": (1, 9),
    "batch": (0, MAX_POINTS),
    "seed": (0, 99),
    "points": (20, MAX_POINTS),
}
REAL = {"lr": (1e-4, 1.0), "decay": (0.0, 0.1), "penalty": (0.0, 1.0)}

_ACTIVATIONS = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "softplus": nn.Softplus,
    "elu": nn.ELU,
}


def checked(settings: Mapping[str, Any]) -> Settings:
    """The settings, with defaults for those that are not given.

    Raises:
        TypeError, ValueError: one is unknown or out of range; names it.
    """
    for name, value in settings.items():
        check_one_of("setting", name, DEFAULTS)
        if name in CHOICES:
            check_one_of(name, value, CHOICES[name])
        elif name in WHOLE:
            low, high = WHOLE[name]
            check_at_least(name, value, low)
            within(name, value, low, high)
        else:
            within(name, value, *REAL[name])
    return DEFAULTS | settings  # type: ignore[operator,no-any-return]


def make_model(settings: Mapping[str, Any]) -> NeuralODE:
    """The model of some settings, with the weights it starts from.

    Args:
        settings: some of :class:`Settings`.

    Returns:
        in float64, as the page computes; over x of shape (N, 2), or (N, 1)
        for the reflection of a line.

    Raises:
        TypeError, ValueError: as :func:`checked`.
    """
    full = checked(settings)
    return seeded(lambda: _model(full), full["seed"]).double()


def _model(settings: Settings) -> NeuralODE:
    variant, steps = settings["variant"], settings["steps"]
    features = 1 if settings["data"] == "reflection of a line" else 2
    hidden = [settings["width"]] * settings["layers"]

    def net(inputs: int, outputs: int) -> nn.Sequential:
        activation = _ACTIVATIONS[settings["activation"]]
        return mlp(inputs, *hidden, outputs, activation=activation)

    added = {
        "augmented": settings["extra"],
        "input layer": settings["extra"],
        "second order": features,
    }.get(variant, 0)
    states = features + added
    method = "euler" if variant in ("ResNet", "network") else settings["method"]
    solver = Solver(method, step_size=1 / steps)
    if variant == "network":
        readout = net(features, 1)
        return NeuralODE(_at_rest, readout=readout, solver=solver)
    parts: dict[str, Any] = {}
    field: nn.Module
    if variant == "concat":
        field = DepthConcat(net(states + 1, states))
    elif variant == "GalNODE":
        field = Galerkin(net(states, states), Fourier(settings["modes"]))
    elif variant == "data-controlled":
        field = DataControlled(net(states + features, states))
    elif variant == "second order":
        field = HigherOrder(net(states, features))
    elif variant == "ResNet":
        field = Galerkin(net(states, states), PiecewiseConstant(steps))
    else:
        field = net(states, states)
    if variant == "input layer":
        parts["lift"] = InputLayer(nn.Linear(features, added), keep=True)
    elif added:
        parts["lift"] = ZeroAugment(added)
    if variant == "adaptive depth":
        parts["depth"] = AdaptiveDepth(features)
    if features == 2:
        parts["readout"] = nn.Linear(states, 1)
    elif added:
        parts["readout"] = PartialReadout(nn.Identity(), 1)
    return NeuralODE(field, solver=solver, **parts)


def _at_rest(s: torch.Tensor, z: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The field of a plain network, whose states stay where they are."""
    return torch.zeros_like(z)


def load_model(path: str | Path) -> NeuralODE:
    """A model that the playground saved.

    Args:
        path: of the ``.safetensors`` file, whose metadata holds the settings.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the file was not saved by a playground.
    """
    try:
        with safe_open(path, "pt") as file:
            settings = json.loads((file.metadata() or {})["settings"])
            names = list(file.keys())  # the file itself is not iterable
            weights = {name: file.get_tensor(name) for name in names}
        if not isinstance(settings, dict):
            raise ValueError("its settings are none")
        if not all(one.isfinite().all() for one in weights.values()):
            raise ValueError("its weights are not finite")
        model = make_model(settings)
        model.load_state_dict(weights)
    except FileNotFoundError:
        raise
    except (
        *(SafetensorError, KeyError, RuntimeError),
        *(TypeError, ValueError),
    ) as error:
        raise ValueError(
            f"path must be a file that a playground saved, got {path}: {error}"
        ) from error
    return model
