"""A widget of layers that melt into a flow, one of them bent by the reader."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import traitlets
from torch import Tensor

from neural_odes.ode import NeuralODE
from neural_odes_lab.widgets.base import (
    ModelWidget,
    bundled,
    fixed_depth,
    within,
)


class MeltWidget(ModelWidget):
    """A residual network of L = 1 to 64 layers, with one arrow to bend.

    One picture shows the layers of the network, Euler steps of the model's
    field, sample by sample. The reader sets L and drags the tip of one arrow,
    which changes what that layer adds to every state. The other picture shows
    how far that moves the ends, against L.

    Args:
        model: a NeuralODE with inputs of two features and one depth for all.
        x: inputs to follow, shape (N, 2), N <= 300; 12 read well.
        y: labels -1 and +1, N numbers.
        point: where the path starts whose arrow is bent; by default at the
            first of x.
        at: the depth of the layer that is bent, as a part of all, in [0, 1].
        title: above the figure.

    Raises:
        TypeError: the model cannot be exported, or has depths of its own.
        ValueError: the data do not fit, or an argument is out of range.
    """

    _esm = bundled("melt")
    doublings = traitlets.Int(2).tag(sync=True)
    at = traitlets.Float(0.0).tag(sync=True)
    bend = traitlets.List(traitlets.Float(), [1.5, 1.5]).tag(sync=True)

    def __init__(
        self,
        model: NeuralODE,
        x: Tensor,
        y: Tensor,
        *,
        point: Sequence[float] | None = None,
        at: float = 0.0,
        title: str = "Layers melt into a flow",
    ) -> None:
        super().__init__(
            *(model, x, y),
            title=title,
            point=point,
            at=within("at", at, 0, 1),
        )

    def check(self, label: str, state: dict[str, Any]) -> None:
        fixed_depth(state)
        if state["size"] != 2:
            raise ValueError(f"model must have two states, got {state['size']}")
