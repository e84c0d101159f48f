"""Models that see their input: data control and adaptive depth (section 5).

Where two inputs must trade places, as x and -x do in the reflection, no flow
on a line can do that. It becomes possible once the field depends on the input
x (equations 16 and 17), or once each input stops at a depth of its own (18).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from neural_odes.checks import (
    check_at_least,
    check_batch,
    check_function,
    check_integer,
    check_positive,
    joined,
)
from neural_odes.fields import as_field, lengths


class DataControlled(nn.Module):
    """f(s, z, x) = module([z; x]): the field sees the input (equation 17).

    Gradients reach x and the embedding, by backpropagation and by the adjoint.

    Args:
        module: any field or module; maps states with the control's features
            appended (channels of images, features of graph nodes) to slopes
            without them.
        embed: maps x to the control, shaped like z except in dimension ``dim``;
            by default the control is x itself. If it is a module, it is
            trained too. It is computed anew at each evaluation of the field.
        dim: the dimension on which z and the control are joined; 1 fits
            vectors (N, n), images (N, channels, height, width) and a graph
            (nodes, features), -1 a batch of graphs (N, nodes, features).

    Raises:
        TypeError: module is not a field, or embed is not callable.
        ValueError: (when called) z and the control cannot be joined.
    """

    def __init__(
        self,
        module: Any,
        *,
        embed: Callable[[Tensor], Tensor] | None = None,
        dim: int = 1,
    ) -> None:
        super().__init__()
        if embed is not None:
            check_function("embed", embed, "x")
        check_integer("dim", dim)
        self.field = as_field(module, "module")
        self.embed = nn.Identity() if embed is None else embed
        self.dim = dim

    def forward(self, s: Tensor, z: Tensor, x: Tensor) -> Tensor:
        both = joined("z", z, "embed(x)", self.embed(x), self.dim)
        return self.field(s, both, x)


class LinearControl(nn.Module):
    """dz/ds = -theta (z + x), the model of Theorem 1 (equation 16).

    Its flow takes every x towards -x: z(s) = x (2 exp(-theta s) - 1).

    Args:
        theta: initial value of the parameter, > 0. Training does not keep it
            positive: the parameter is unconstrained, as in the paper.

    Raises:
        TypeError, ValueError: theta is not a finite number > 0.
    """

    def __init__(self, theta: float = 1.0) -> None:
        super().__init__()
        check_positive("theta", theta)
        self.theta = nn.Parameter(torch.tensor(float(theta)))

    def forward(self, s: Tensor, z: Tensor, x: Tensor) -> Tensor:
        return -self.theta * (z + x)

    def solution(self, s: Tensor | float, x: Tensor) -> Tensor:
        """The exact state z(s) of inputs x, for s that broadcast against x."""
        s = torch.as_tensor(s, dtype=x.dtype, device=x.device)
        return x * (2 * torch.exp(-self.theta * s) - 1)

    @staticmethod
    def bound(x: Tensor, eps: float) -> Tensor:
        """Theorem 1: ``|-x - z(1)| < eps`` exactly if theta is above this.

        Args:
            x: inputs, shape (N, ...).
            eps: the error allowed, > 0.

        Returns:
            ``-ln(eps / (2 |x|))``, shape (N,), with the Euclidean norm of each
            input; -inf where x = 0, for which any theta will do.

        Raises:
            TypeError, ValueError: eps is not a finite number > 0.
        """
        check_positive("eps", eps)
        check_batch("x", x)
        return torch.log(2 * lengths(x)) - math.log(eps)


class AdaptiveDepth(nn.Module):
    """``g(x) = |1 + module(x)|``: each input's own depth (equation 18).

    Use it as ``NeuralODE(field, depth=AdaptiveDepth(2))``. Depths set by hand
    need no class: any callable of x that returns shape (N,) will do.

    Args:
        module: the number of features of x, for the paper's network w_o ·
            relu(w_i x + b_i), with w_o initialised at a tenth of torch's
            default so that training starts near the vanilla model's depth of
            1; or any module that maps x to shape (N, 1) or (N,).
        hidden: hidden units of the paper's network, >= 1.

    Raises:
        TypeError: module is neither.
        ValueError: fewer than one feature or unit; or (when called) the
            module's output has another shape.
    """

    def __init__(self, module: int | nn.Module, *, hidden: int = 8) -> None:
        super().__init__()
        if not isinstance(module, int | nn.Module) or module is True:
            raise TypeError(
                "module must be x's number of features or an nn.Module of x, "
                f"got {type(module).__name__}"
            )
        if isinstance(module, int):
            module = _depth_network(module, hidden)
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        """The depths of inputs of shape (N, ...), shape (N,), each >= 0."""
        change = self.module(x)
        if change.shape not in ((len(x), 1), (len(x),)):
            raise ValueError(
                f"module(x) must have shape ({len(x)}, 1) or ({len(x)},), one "
                f"number per sample, got {tuple(change.shape)}"
            )
        return (1 + change.reshape(-1)).abs()


def _depth_network(features: int, hidden: int) -> nn.Sequential:
    check_at_least("module", features, 1)
    check_at_least("hidden", hidden, 1)
    last = nn.Linear(hidden, 1, bias=False)
    with torch.no_grad():
        last.weight.mul_(0.1)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(features, hidden), nn.ReLU(), last
    )
