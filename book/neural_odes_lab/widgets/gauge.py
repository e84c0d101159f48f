"""A widget of a gauge: the same classifier at any exponent."""

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


class GaugeWidget(ModelWidget):
    """The models of one field f in all gauges c: one boundary, any exponent.

    A gauge turns f into f_c(s, w) = exp(-cs) f(s, exp(cs) w) - c w, and the
    readout r into r(exp(cS) w). The reader first predicts what becomes of
    penalty (21), then moves the point and c. One picture is the plane of inputs
    with the boundary, which no c changes; the other the plane of states, where
    f_c carries data, point and neighbour to S, with the readout's line.

    Args:
        models: one NeuralODE of the plane with a linear readout of one
            output, or several by the labels to choose from. Without a lift;
            each has one depth for all inputs.
        x: data, shape (N, 2), N <= 300.
        y: labels -1 and +1, N numbers.
        point: where the point starts; by default at the first of the data.
        c: where its slider starts, in [-2, 2].
        title: above the figure.

    Raises:
        TypeError: a model cannot be exported, or has depths of its own.
        ValueError: the data do not fit, or an argument is out of range.
    """

    _esm = bundled("gauge")
    c = traitlets.Float().tag(sync=True)
    answer = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        models: NeuralODE | Mapping[str, NeuralODE],
        x: Tensor,
        y: Tensor,
        *,
        point: Sequence[float] | None = None,
        c: float = 0.0,
        title: str = "One boundary, and any exponent",
    ) -> None:
        of_plane(x)
        super().__init__(
            *(models, x, y), title=title, point=point, c=within("c", c, -2, 2)
        )

    def check(self, label: str, state: dict[str, Any]) -> None:
        fixed_depth(state)
        if state["size"] != 2 or not _is_line(state["readout"]):
            raise ValueError(
                "models must have a plane of states and a linear readout of "
                f"one output, got {label!r} without"
            )


def _is_line(readout: dict[str, Any] | None) -> bool:
    """Whether a readout's zeros are a line of the plane of states."""
    if readout is None or len(readout["net"]) != 1:
        return False
    (layer,) = readout["net"]
    return isinstance(layer, dict) and layer["out"] == 1
