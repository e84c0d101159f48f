"""Trained models as small dictionaries that a page can compute with.

What is exported is exact: weights in the model's own precision, coefficients
of a Galerkin basis, the generator of a hypernetwork. ``fields.js`` reads it.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from neural_odes.bases import (
    Basis,
    Chebyshev,
    Fourier,
    PiecewiseConstant,
    Polynomial,
)
from neural_odes.control import DataControlled
from neural_odes.depth import (
    DepthConcat,
    Galerkin,
    Hypernetwork,
    HypernetworkODE,
)
from neural_odes.ode import DepthInvariant, NeuralODE

VERSION = 1
"""Of the state; ``fields.js`` reads this one alone."""

SAMPLES = 257
"""Depths at which a basis without a name is sampled."""

_ACTIVATIONS = {
    nn.Tanh: "tanh",
    nn.Sigmoid: "sigmoid",
    nn.ReLU: "relu",
    nn.Softplus: "softplus",
    nn.ELU: "elu",
    nn.SiLU: "silu",
}
_BASES = (Fourier, Chebyshev, Polynomial, PiecewiseConstant)
_MOVING = (Galerkin, Hypernetwork, HypernetworkODE)

Layers = list[Any]


@torch.no_grad()
def export(model: NeuralODE) -> dict[str, Any]:
    """The state from which a page computes what the model does.

    Fields may be a network of linear layers and activations (tanh, sigmoid,
    ReLU, softplus, ELU, SiLU) with their default settings, in any nesting of
    DepthConcat, DataControlled and one of Galerkin, Hypernetwork and
    HypernetworkODE. Lift and readout may be such networks, or any affine
    function, such as padding with zeros.

    Args:
        model: a NeuralODE over vectors, state of shape (N, n).

    Returns:
        JSON-able, with the keys version, features (of the input), size (of
        the state), depth, field, lift and readout (None: the identity).

    Raises:
        TypeError: model has a part that cannot be exported; names the part.
        ValueError: a weight is NaN or infinite.
    """
    if not isinstance(model, NeuralODE):
        raise TypeError(
            f"model is a {type(model).__name__}; it takes a NeuralODE"
        )
    if callable(model.depth):
        raise _refusal("depth", model.depth, "a number, the same for all")
    inputs, weights, net = _read_field(model.field, float(model.depth))
    layers, values = _network(net, "field")
    size = _outputs(layers)
    if size is None:
        raise _refusal("field", net, "a network with a linear layer")
    if weights is None:
        weights = {"kind": "constant", "weights": pack(values)}
    lift, features = _lift(model.lift, size, values)
    return {
        "version": VERSION,
        "features": features,
        "size": size,
        "depth": float(model.depth),
        "field": {"inputs": inputs, "net": layers, "weights": weights},
        "lift": lift,
        "readout": _function(model.readout, size, values, "readout"),
    }


def pack(values: Tensor) -> dict[str, str]:
    """A tensor's numbers as base64 of little-endian floats, row by row.

    Raises:
        ValueError: one is NaN or infinite.
    """
    if not bool(torch.isfinite(values).all()):
        raise ValueError("a weight is NaN or infinite; it takes finite ones")
    wide = values.dtype == torch.float64
    array = values.detach().cpu().double().numpy().ravel()
    data = array.astype("<f8" if wide else "<f4").tobytes()
    return {
        "dtype": "float64" if wide else "float32",
        "data": base64.b64encode(data).decode(),
    }


def _refusal(name: str, part: Any, takes: str) -> TypeError:
    return TypeError(
        f"{name} is a {type(part).__name__}, which cannot be exported; it "
        f"takes {takes}"
    )


def _read_field(
    field: Any, depth: float
) -> tuple[list[str], dict[str, Any] | None, Any]:
    """What the network sees of (z, x, s), its moving weights, the network."""
    inputs = ["z"]
    weights = None
    while True:
        if isinstance(field, DataControlled):
            if not isinstance(field.embed, nn.Identity):
                raise _refusal("embed", field.embed, "the input as it is")
            inputs.append("x")
            field = field.field
        elif isinstance(field, DepthConcat):
            inputs.append("s")
            field = field.field
        elif isinstance(field, DepthInvariant):
            field = field.module
        elif isinstance(field, _MOVING):
            if weights is not None:
                raise _refusal("field", field, "one set of moving weights")
            weights = _moving(field, depth)
            field = field.template.field
        else:
            return inputs, weights, field


def _moving(
    field: Galerkin | Hypernetwork | HypernetworkODE, depth: float
) -> dict[str, Any]:
    if isinstance(field, Galerkin):
        return {
            "kind": "basis",
            "basis": _basis(field.basis, depth),
            "coefficients": pack(field.coefficients),
        }
    net, values = _network(field.generator, "generator")
    generator = {"net": net, "weights": pack(values)}
    if isinstance(field, Hypernetwork):
        return {"kind": "net", **generator}
    return {"kind": "ode", "start": pack(field.start), **generator}


def _basis(basis: Basis, depth: float) -> dict[str, Any]:
    if isinstance(basis, _BASES):
        return {
            "name": type(basis).__name__,
            "size": basis.size,
            "domain": list(basis.domain),
        }
    s = torch.linspace(0, depth, SAMPLES, dtype=torch.float64)
    return {
        "name": type(basis).__name__,
        "size": basis.size,
        "domain": [0.0, depth],
        "samples": pack(basis(s)),
    }


def _network(module: Any, name: str) -> tuple[Layers, Tensor]:
    """Layers of a network and all its weights, one after another."""
    layers: Layers = []
    weights: list[Tensor] = []
    for part in _flat(module):
        if isinstance(part, nn.Linear):
            layers.append(
                {
                    "in": part.in_features,
                    "out": part.out_features,
                    "bias": part.bias is not None,
                }
            )
            weights += [part.weight.flatten()]
            weights += [] if part.bias is None else [part.bias]
        elif type(part) in _ACTIVATIONS and _has_defaults(part):
            layers.append(_ACTIVATIONS[type(part)])
        else:
            raise _refusal(
                name,
                part,
                "linear layers and tanh, sigmoid, ReLU, softplus, ELU or "
                "SiLU with their default settings",
            )
    return layers, torch.cat(weights) if weights else torch.zeros(0)


def _outputs(layers: Layers) -> int | None:
    sizes = [layer["out"] for layer in layers if isinstance(layer, dict)]
    return sizes[-1] if sizes else None


def _flat(module: Any) -> list[Any]:
    if isinstance(module, nn.Sequential):
        return [part for child in module for part in _flat(child)]
    return [] if isinstance(module, nn.Identity) else [module]


def _has_defaults(activation: nn.Module) -> bool:
    fresh = type(activation)()
    names = ("alpha", "beta", "threshold")
    return all(
        getattr(activation, name, None) == getattr(fresh, name, None)
        for name in names
    )


def _lift(
    lift: Any, size: int, like: Tensor
) -> tuple[dict[str, Any] | None, int]:
    """The lift, and how many features it takes."""
    if isinstance(lift, nn.Identity):
        return None, size
    linear = [part for part in _flat(lift) if isinstance(part, nn.Linear)]
    sizes = [linear[0].in_features] if linear else range(1, size + 1)
    for features in sizes:
        try:
            state = _function(lift, features, like, "lift")
        except (RuntimeError, TypeError, ValueError, IndexError):
            continue
        if state is not None and _outputs(state["net"]) == size:
            return state, features
    raise _refusal("lift", lift, "a network or an affine function of x")


def _function(
    function: Callable[[Tensor], Tensor], features: int, like: Tensor, name: str
) -> dict[str, Any] | None:
    """A lift or readout as a network: as it is, or as the affine map it is."""
    if isinstance(function, nn.Identity):
        return None
    try:
        layers, values = _network(function, name)
    except TypeError:
        linear = _affine(function, features, like)
        if linear is None:
            raise
        layers, values = _network(linear, name)
    return {"net": layers, "weights": pack(values)}


def _affine(
    function: Callable[[Tensor], Tensor], features: int, like: Tensor
) -> nn.Linear | None:
    """The linear layer that does what the function does, if there is one."""
    generator = torch.Generator().manual_seed(0)
    points = 3 * torch.randn(20, features, generator=generator).to(like)
    zero = torch.zeros(1, features).to(like)
    bias = function(zero)
    weight = (function(torch.eye(features).to(like)) - bias).mT
    output = function(points)
    if output.ndim != 2:
        return None
    if not torch.allclose(output, points @ weight.mT + bias, atol=1e-5):
        return None
    linear = nn.Linear(features, output.shape[1]).to(like)
    linear.weight.copy_(weight)
    linear.bias.copy_(bias[0])
    return linear
