"""A widget of layers: a residual network becomes a flow."""

from __future__ import annotations

from collections.abc import Sequence

import traitlets
from torch import Tensor

from neural_odes.ode import NeuralODE
from neural_odes_lab.widgets.base import (
    ModelWidget,
    bundled,
)


class EulerWidget(ModelWidget):
    """A residual network of L layers beside the flow of the same field.

    The reader first predicts what doubling the layers does to the distance
    between the two ends, then sets L = 1, 2, 4, ... 64 and moves a point. One
    picture shows the layers of the network, Euler steps, beside the exact
    paths; the other the distance at the end against L.

    Args:
        model: a NeuralODE with inputs of one or two features, which its lift
            may only pad, and one depth for all.
        x: inputs to follow, shape (N, 1) or (N, 2), N <= 300; 12 read well.
        y: labels -1 and +1, or targets whose sign is the class, N numbers.
        point: where one more point starts; by default at the first of x.
        title: above the figure.

    Raises:
        TypeError: the model cannot be exported, or has depths of its own.
        ValueError: the data do not fit, or an argument is out of range.
    """

    _esm = bundled("euler")
    doublings = traitlets.Int(0).tag(sync=True)
    answer = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        model: NeuralODE,
        x: Tensor,
        y: Tensor,
        *,
        point: Sequence[float] | None = None,
        title: str = "Layers of a residual network become a flow",
    ) -> None:
        super().__init__(model, x, y, title=title, point=point)
