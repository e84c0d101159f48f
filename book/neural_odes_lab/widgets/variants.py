"""The models of the playground, made with the library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

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
from neural_odes.control import AdaptiveDepth, DataControlled
from neural_odes.depth import DepthConcat, Galerkin
from neural_odes.nets import mlp, seeded
from neural_odes.ode import NeuralODE
from neural_odes.solver import Solver
from neural_odes_lab.config import Config, Range, option
from neural_odes_lab.widgets.base import MAX_POINTS

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


@dataclass(frozen=True)
class Settings(Config):
    """All that determines a playground's training, and what it shows beside."""

    variant: Variant = option("depth-invariant", "the model")
    data: Data = option("disc in a ring", "the points")
    activation: Literal["tanh", "relu", "softplus", "elu"] = option(
        "tanh", "after hidden layers"
    )
    width: Annotated[int, Range(2, 32)] = option(16, "of hidden layers")
    layers: Annotated[int, Range(1, 3)] = option(2, "that are hidden")
    steps: Annotated[int, Range(1, 20)] = option(8, "of the solver")
    method: Literal["rk4", "euler"] = option("rk4", "of the solver")
    extra: Annotated[int, Range(1, 4)] = option(1, "added states")
    modes: Annotated[int, Range(1, 9)] = option(5, "of a GalNODE")
    lr: Annotated[float, Range(1e-4, 1)] = option(0.01, "Adam's")
    decay: Annotated[float, Range(0, 0.1)] = option(0.0, "of weights")
    penalty: Annotated[float, Range(0, 1)] = option(0.0, "(21)'s strength")
    batch: Annotated[int, Range(0, MAX_POINTS)] = option(0, "points, 0: all")
    seed: Annotated[int, Range(0, 99)] = option(0, "of data and weights")
    points: Annotated[int, Range(20, MAX_POINTS)] = option(120, "of data")
    compare: Literal["no other", Variant] = option(
        "no other", "a model that trains beside it", decides=False
    )


_ACTIVATIONS = {
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "softplus": nn.Softplus,
    "elu": nn.ELU,
}


def make_model(settings: Mapping[str, Any]) -> NeuralODE:
    """The model of some settings, with the weights it starts from.

    Args:
        settings: some of :class:`Settings`.

    Returns:
        in float64, as the page computes; over x of shape (N, 2), or (N, 1)
        for the reflection of a line.

    Raises:
        TypeError, ValueError: one is unknown or out of range; names it.
    """
    full = Settings(**settings)
    return seeded(lambda: _model(full), full.seed).double()


def _model(settings: Settings) -> NeuralODE:
    variant, steps = settings.variant, settings.steps
    features = 1 if settings.data == "reflection of a line" else 2
    hidden = [settings.width] * settings.layers

    def net(inputs: int, outputs: int) -> nn.Sequential:
        activation = _ACTIVATIONS[settings.activation]
        return mlp(inputs, *hidden, outputs, activation=activation)

    added = {
        "augmented": settings.extra,
        "input layer": settings.extra,
        "second order": features,
    }.get(variant, 0)
    states = features + added
    method = "euler" if variant in ("ResNet", "network") else settings.method
    solver = Solver(method, step_size=1 / steps)
    if variant == "network":
        readout = net(features, 1)
        return NeuralODE(_at_rest, readout=readout, solver=solver)
    parts: dict[str, Any] = {}
    field: nn.Module
    if variant == "concat":
        field = DepthConcat(net(states + 1, states))
    elif variant == "GalNODE":
        field = Galerkin(net(states, states), Fourier(settings.modes))
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
