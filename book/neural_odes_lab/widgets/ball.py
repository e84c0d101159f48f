"""A widget of attacks: a ball of inputs, and its image beside the readout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import traitlets
from torch import Tensor

from neural_odes.ode import NeuralODE
from neural_odes_lab.widgets.base import (
    ModelWidget,
    bundled,
    fixed_depth,
    of_plane,
    within,
)


class BallWidget(ModelWidget):
    """The ball of an attack on the map of exponents, and its image at the end.

    The reader first predicts whether the image of the ball crosses the
    readout's line, then moves the ball and sets its radius. One picture is the
    plane of inputs with the first finite-time exponent of the flow's Jacobian,
    the other the plane of states at S. A flow takes the inside of the ball to
    the inside of its image: where the ring stays on one side, no attack within
    the ball succeeds.

    Args:
        models: one NeuralODE of the plane with a linear readout of one
            output, or several by the labels to choose from. Without a lift;
            each has one depth for all inputs.
        x: data, shape (N, 2), N <= 300.
        y: labels -1 and +1, N numbers.
        point: the middle of the ball; by default at the first of the data.
        radius: of the ball, in [0.01, 1].
        title: above the figure.

    Raises:
        TypeError: a model cannot be exported, or has depths of its own.
        ValueError: the data do not fit, or an argument is out of range.
    """

    _esm = bundled("ball")
    radius = traitlets.Float().tag(sync=True)
    answer = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        models: NeuralODE | Mapping[str, NeuralODE],
        x: Tensor,
        y: Tensor,
        *,
        point: Sequence[float] | None = None,
        radius: float = 0.2,
        title: str = "A ball of inputs, and where the flow puts it",
    ) -> None:
        of_plane(x)
        super().__init__(
            *(models, x, y),
            title=title,
            point=point,
            radius=within("radius", radius, 0.01, 1),
        )

    def check(self, label: str, state: dict[str, Any]) -> None:
        fixed_depth(state)
        if state["size"] != 2 or state["readout"] is None:
            raise ValueError(
                "models must have a plane of states and a readout, got "
                f"{label!r} without"
            )
