"""Small networks and layers, and how to seed them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from neural_odes.checks import check_at_least, check_batch, generator

T = TypeVar("T")


def mlp(
    *sizes: int,
    activation: Callable[[], nn.Module] = nn.Tanh,
    last: Callable[[], nn.Module] | None = None,
) -> nn.Sequential:
    """A multilayer perceptron: linear layers with activations between them.

    Args:
        sizes: features of input, hidden layers and output, e.g. 2, 16, 16, 2.
        activation: makes the activation after each hidden layer.
        last: makes an activation after the output; by default there is none,
            so that a field can point in any direction (paper, section 3).

    Raises:
        ValueError: fewer than two sizes, or one below 1.
    """
    if len(sizes) < 2:
        raise ValueError(
            f"sizes must be two or more integers >= 1, got {sizes}"
        )
    for size in sizes:
        check_at_least("each of sizes", size, 1)
    makes(nn.Module, activation=activation)
    if last is not None:
        makes(nn.Module, last=last)
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), activation()]
    layers.pop()
    if last is not None:
        layers.append(last())
    return nn.Sequential(*layers)


def makes(kind: type, **makers: Any) -> None:
    """Refuse callables that do not return an instance of a class."""
    for name, make in makers.items():
        try:
            made = make()
        except TypeError:
            made = None
        if not isinstance(made, kind):
            raise TypeError(
                f"{name} must make an {kind.__name__} when called, as nn.Tanh "
                f"does, got {make!r}"
            )


class GraphConv(nn.Module):
    """A graph convolution: a linear layer and a mean over neighbours.

    The mean is Kipf and Welling's (2017): with self-loops and the symmetric
    normalisation D^-1/2 (A + I) D^-1/2.

    Args:
        inputs: number of input features of a node.
        outputs: number of its output features.
        adjacency: A, shape (nodes, nodes), symmetric, entries >= 0.

    Raises:
        ValueError: adjacency is not such a matrix.
    """

    mean: Tensor

    def __init__(self, inputs: int, outputs: int, adjacency: Tensor) -> None:
        super().__init__()
        check_at_least("inputs", inputs, 1)
        check_at_least("outputs", outputs, 1)
        check_batch("adjacency", adjacency)
        square = adjacency.ndim == 2 and len(set(adjacency.shape)) == 1
        if not square:
            raise ValueError(
                "adjacency must be a square matrix, got shape "
                f"{tuple(adjacency.shape)}"
            )
        if not bool((adjacency >= 0).all()):
            raise ValueError(
                f"adjacency must have entries >= 0, got {adjacency.min():g}"
            )
        if not torch.equal(adjacency, adjacency.mT):
            raise ValueError("adjacency must be symmetric")
        looped = adjacency + torch.eye(len(adjacency)).to(adjacency)
        scale = looped.sum(dim=1).rsqrt()
        self.register_buffer(
            "mean", scale[:, None] * looped * scale, persistent=False
        )
        self.linear = nn.Linear(inputs, outputs)

    def forward(self, h: Tensor) -> Tensor:
        """Map features (..., nodes, inputs) to (..., nodes, outputs)."""
        features, nodes = self.linear.in_features, len(self.mean)
        if h.shape[-2:] != (nodes, features):
            raise ValueError(
                f"h must have shape (..., {nodes}, {features}), of inputs = "
                f"{features} features for each of {nodes} nodes, got "
                f"{tuple(h.shape)}"
            )
        return self.mean @ self.linear(h)


def seeded(make: Callable[[], T], seed: int) -> T:
    """What ``make()`` returns when torch's random numbers start from ``seed``.

    torch draws initial weights from its global generator. That of the CPU is
    seeded for the call and restored afterwards::

        model = seeded(lambda: NeuralODE(mlp(2, 16, 2)), seed=3)
    """
    if not callable(make):
        raise TypeError(
            f"make must be callable without arguments, got {make!r}"
        )
    state = generator(seed).get_state()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.set_state(state)
        return make()
