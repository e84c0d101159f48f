"""Trained models as small dictionaries that a page can compute with.

What is exported is exact: weights in the model's own precision, coefficients of
a Galerkin basis, the generator of a hypernetwork. Only a basis that is not the
library's own is sampled. ``shared/fields.js`` reads what is exported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from neural_odes.augment import HigherOrder
from neural_odes.bases import (
    Basis,
    Chebyshev,
    Fourier,
    PiecewiseConstant,
    Polynomial,
)
from neural_odes.control import AdaptiveDepth, DataControlled, LinearControl
from neural_odes.depth import (
    DepthConcat,
    Galerkin,
    Hypernetwork,
    HypernetworkODE,
)
from neural_odes.fields import DepthInvariant
from neural_odes.ode import NeuralODE
from neural_odes_lab.widgets.networks import (
    Layers,
    flat,
    function,
    network,
    outputs,
    pack,
    refusal,
)

VERSION = 2
"""Version of the state; ``shared/fields.js`` reads only this one."""

SAMPLES = 257
"""Depths at which a basis without a name is sampled."""

_BASES = (Fourier, Chebyshev, Polynomial, PiecewiseConstant)
_MOVING = (Galerkin, Hypernetwork, HypernetworkODE)

Inputs = list[str | Callable[[Tensor], Tensor]]


@torch.no_grad()
def export(model: NeuralODE, *, features: int | None = None) -> dict[str, Any]:
    """The state from which a page computes what the model does.

    Fields may be a network of linear layers and activations (tanh, sigmoid,
    ReLU, softplus, ELU, SiLU) with their default settings, in any nesting of
    DepthConcat, DataControlled and one of Galerkin, Hypernetwork and
    HypernetworkODE, with a HigherOrder outside the first two if there is one;
    or LinearControl. Lift, readout and what embeds a control may be such
    networks, or any affine function, such as padding with zeros. So may the
    module of an AdaptiveDepth.

    Args:
        model: a NeuralODE over vectors, state of shape (N, n).
        features: of the input. Needed for a LinearControl, which fits any
            number of them; other models show it themselves.

    Returns:
        A JSON-able dictionary with the keys version, features (of the input),
        size (of the state), depth (a number; or a network u with depths |1 +
        u(x)|), field, lift and readout (None: the identity).

    Raises:
        TypeError: model has a part that cannot be exported; names the part.
        ValueError: a weight is NaN or infinite, or features are needed.
    """
    if not isinstance(model, NeuralODE):
        raise TypeError(
            f"model must be a NeuralODE, got {type(model).__name__}"
        )
    if not isinstance(model.control, nn.Identity):
        raise refusal("control", model.control, "left out")
    adaptive = isinstance(model.depth, AdaptiveDepth)
    if callable(model.depth) and not adaptive:
        raise refusal("depth", model.depth, "a number or an AdaptiveDepth")
    end = None if callable(model.depth) else float(model.depth)
    inputs, weights, net, higher = _read_field(model.field, end)
    if isinstance(net, LinearControl):
        size = _features(model.lift) or features
        if size is None:
            raise ValueError(
                "features must be given for a LinearControl, such as "
                "x.shape[1], got None"
            )
        layers, values = _linear_control(net, inputs, size)
    else:
        layers, values = network(net, "field")
        found = outputs(layers)
        if found is None:
            raise refusal("field", net, "a network with a linear layer")
        size = found
    known = _known(higher, size)
    size += known["count"]
    lift, features = _lift(model.lift, features, size, values)
    return {
        "version": VERSION,
        "features": features,
        "size": size,
        "depth": _depths(model.depth, features, values) if adaptive else end,
        "field": {
            "inputs": [
                part
                if isinstance(part, str)
                else function(part, features, values, "embed")
                for part in inputs
            ],
            "net": layers,
            "weights": weights or {"kind": "constant", "weights": pack(values)},
            "known": known,
        },
        "lift": lift,
        "readout": None
        if isinstance(model.readout, nn.Identity)
        else function(model.readout, size, values, "readout"),
    }


def _read_field(
    field: Any, depth: float | None
) -> tuple[Inputs, dict[str, Any] | None, Any, HigherOrder | None]:
    """What the network sees of (z, x, s), its moving weights, the network.

    Last, the HigherOrder around it, if there is one.
    """
    inputs: Inputs = ["z"]
    weights = higher = None
    while True:
        if isinstance(field, DataControlled):
            if field.dim not in (1, -1):
                raise refusal("dim of DataControlled", str(field.dim), "1")
            same = isinstance(field.embed, nn.Identity)
            if weights is not None and _has_weights(field.embed):
                raise refusal("weights of embed", "moving ones", "constant")
            inputs.append("x" if same else field.embed)
            field = field.field
        elif isinstance(field, DepthConcat):
            inputs.append("s")
            field = field.field
        elif isinstance(field, DepthInvariant):
            field = field.module
        elif isinstance(field, HigherOrder):
            if higher is not None or len(inputs) > 1:
                raise refusal(
                    "HigherOrder",
                    "one inside",
                    "outside DataControlled, DepthConcat and HigherOrder",
                )
            if field.dim not in (1, -1):
                raise refusal("dim of HigherOrder", str(field.dim), "1")
            higher, field = field, field.field
        elif isinstance(field, _MOVING):
            if weights is not None:
                raise refusal("moving weights", "two", "one set of them")
            weights = _moving(field, depth)
            field = field.template.field
        else:
            return inputs, weights, field, higher


def _known(higher: HigherOrder | None, slopes: int) -> dict[str, int]:
    """Which states are slopes of others: ``count`` from ``first`` on."""
    if higher is None:
        return {"first": 0, "count": 0}
    m = slopes if higher.size is None else higher.size
    return {"first": m, "count": m * (higher.order - 1)}


def _has_weights(embed: Any) -> bool:
    # Within moving weights, parameters have become buffers.
    return isinstance(embed, nn.Module) and any(True for _ in embed.buffers())


def _linear_control(
    field: LinearControl, inputs: Inputs, size: int
) -> tuple[Layers, Tensor]:
    if inputs != ["z"]:
        raise refusal("field", "one inside another", "a LinearControl alone")
    inputs.append("x")
    layer = {"control": True, "in": 2 * size, "out": size}
    return [layer], field.theta.reshape(1)


def _moving(
    field: Galerkin | Hypernetwork | HypernetworkODE, depth: float | None
) -> dict[str, Any]:
    if isinstance(field, Galerkin):
        return {
            "kind": "basis",
            "basis": _basis(field.basis, depth),
            "coefficients": pack(field.coefficients),
        }
    net, values = network(field.generator, "generator")
    generator = {"net": net, "weights": pack(values)}
    if isinstance(field, Hypernetwork):
        return {"kind": "net", **generator}
    return {"kind": "ode", "start": pack(field.start), **generator}


def _basis(basis: Basis, depth: float | None) -> dict[str, Any]:
    if isinstance(basis, _BASES) and type(basis) in _BASES:
        return {
            "name": type(basis).__name__,
            "size": basis.size,
            "domain": list(basis.domain),
        }
    if depth is None:
        raise refusal(
            "basis", basis, "one of neural_odes.bases at an adaptive depth"
        )
    s = torch.linspace(0, depth, SAMPLES, dtype=torch.float64)
    return {
        "name": type(basis).__name__,
        "size": basis.size,
        "domain": [0.0, depth],
        "samples": pack(basis(s)),
    }


def _depths(depth: Any, features: int, like: Tensor) -> dict[str, Any]:
    state = function(depth.module, features, like, "depth")
    if (outputs(state["net"]) or features) != 1:
        raise refusal("depth", depth.module, "a network with one output")
    return state


def _features(function: Any) -> int | None:
    """How many features a network takes; None without a linear layer."""
    linear = [part for part in flat(function) if isinstance(part, nn.Linear)]
    return linear[0].in_features if linear else None


def _lift(
    lift: Any, features: int | None, size: int, like: Tensor
) -> tuple[dict[str, Any] | None, int]:
    """The lift, and how many features it takes."""
    if isinstance(lift, nn.Identity):
        return None, size
    known = _features(lift) or features
    for number in [known] if known else range(1, size + 1):
        try:
            state = function(lift, number, like, "lift")
        except TypeError:
            continue
        if (outputs(state["net"]) or number) == size:
            return state, number
    raise refusal("lift", lift, "a network or an affine function of x")
