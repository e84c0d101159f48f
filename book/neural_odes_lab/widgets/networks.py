"""Networks and affine functions as layers and weights that a page can read."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

_ACTIVATIONS = {
    nn.Tanh: "tanh",
    nn.Sigmoid: "sigmoid",
    nn.ReLU: "relu",
    nn.Softplus: "softplus",
    nn.ELU: "elu",
    nn.SiLU: "silu",
}

Layers = list[Any]
"""Names of activations, and of linear layers {in, out, bias}."""


def pack(values: Tensor) -> dict[str, str]:
    """A tensor's numbers as base64 of little-endian floats, row by row.

    Raises:
        ValueError: one is NaN or infinite.
    """
    if not bool(torch.isfinite(values).all()):
        raise ValueError(
            "weights and data must be finite, got NaN or infinite values"
        )
    wide = values.dtype == torch.float64
    array = values.detach().cpu().double().numpy().ravel()
    data = array.astype("<f8" if wide else "<f4").tobytes()
    return {
        "dtype": "float64" if wide else "float32",
        "data": base64.b64encode(data).decode(),
    }


def refusal(name: str, got: Any, wanted: str) -> TypeError:
    """The error for a part, or its description, that no page can compute."""
    kind = got if isinstance(got, str) else type(got).__name__
    return TypeError(f"{name} must be {wanted} to be exported, got {kind}")


def network(module: Any, name: str) -> tuple[Layers, Tensor]:
    """Layers of a network of vectors and all its weights, one after another.

    Args:
        module: a network, possibly nested, of linear layers and activations.
        name: what errors call it.

    Raises:
        TypeError: it holds another layer.
    """
    layers: Layers = []
    weights: list[Tensor] = []
    for part in flat(module):
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
            raise refusal(
                name,
                part,
                "a network of linear layers and tanh, sigmoid, ReLU, softplus, "
                "ELU or SiLU with their default settings",
            )
    return layers, torch.cat(weights) if weights else torch.zeros(0)


def outputs(layers: Layers) -> int | None:
    """How many numbers come out; None without a linear layer."""
    sizes = [layer["out"] for layer in layers if isinstance(layer, dict)]
    return sizes[-1] if sizes else None


def flat(module: Any) -> list[Any]:
    """Layers of nested networks, without those that leave vectors unchanged."""
    if isinstance(module, nn.Sequential):
        return [part for child in module for part in flat(child)]
    same = isinstance(module, nn.Identity) or (
        isinstance(module, nn.Flatten) and module.start_dim == 1
    )
    return [] if same else [module]


def _has_defaults(activation: nn.Module) -> bool:
    fresh = type(activation)()
    names = ("alpha", "beta", "threshold")
    return all(
        getattr(activation, name, None) == getattr(fresh, name, None)
        for name in names
    )


def function(
    function: Callable[[Tensor], Tensor], features: int, like: Tensor, name: str
) -> dict[str, Any]:
    """A function as a network: as it is, or as the affine map it computes.

    Args:
        function: of vectors, from shape (N, features) to shape (N, any).
        like: a tensor of its type and device.
        name: what errors call it.

    Returns:
        net and weights, both empty for the identity.

    Raises:
        TypeError: it is neither.
    """
    try:
        layers, values = network(function, name)
    except TypeError:
        try:
            linear = _affine(function, features, like)
        except (RuntimeError, TypeError, ValueError, IndexError):
            linear = None  # it takes other inputs
        if linear is None:
            raise
        layers, values = network(linear, name)
    return {"net": layers, "weights": pack(values)}


def _affine(
    function: Callable[[Tensor], Tensor], features: int, like: Tensor
) -> nn.Linear | None:
    """The linear layer that does what the function does, if there is one."""
    generator = torch.Generator().manual_seed(0)
    points = 3 * torch.randn(20, features, generator=generator).to(like)
    zero = torch.zeros(1, features).to(like)
    bias = function(zero)
    if bias.ndim != 2:
        return None
    weight = (function(torch.eye(features).to(like)) - bias).mT
    output = function(points)
    if not torch.allclose(output, points @ weight.mT + bias, atol=1e-5):
        return None
    linear = nn.Linear(features, output.shape[1]).to(like)
    linear.weight.copy_(weight)
    linear.bias.copy_(bias[0])
    return linear
