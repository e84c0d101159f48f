"""A widget of chaos in a network: a point and its neighbour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


class NeighbourWidget(ModelWidget):
    """How far a point's neighbour gets from it: Algorithm 1, point by point.

    One picture shows both trajectories over the field, the other the error
    |dz(s)| over depth. Displayed are the exponent of Algorithm 1, ln(|dz(s)| /
    r) / s, and those between which it lies while the error is small, ln(sigma)
    / s for the singular values sigma of the flow's Jacobian; the reader scrubs
    s, which is S at first. The widget says where the error saturates: above
    half the typical distance of two data points at S. The neighbour is a
    neighbour of the state; the field sees the same input x.

    Args:
        models: one NeuralODE of the plane, or several by the labels to choose
            from, such as strengths of a regulariser. Their lift may only pad x;
            each has one depth for all inputs.
        x: data, shape (N, 2), N <= 300.
        y: labels -1 and +1, N numbers.
        point: where the point starts; by default at the first of the data.
        distance: r, where its slider starts, in [1e-6, 0.3].
        direction: of the neighbour, in degrees, in [0, 355].
        title: above the figure.

    Raises:
        TypeError: a model cannot be exported, or has depths of its own.
        ValueError: the data do not fit, or an argument is out of range.
    """

    _esm = bundled("neighbour")
    distance = traitlets.Float().tag(sync=True)
    direction = traitlets.Float().tag(sync=True)
    s = traitlets.Float().tag(sync=True)

    def __init__(
        self,
        models: NeuralODE | Mapping[str, NeuralODE],
        x: Tensor,
        y: Tensor,
        *,
        point: Sequence[float] | None = None,
        distance: float = 0.01,
        direction: float = 45.0,
        title: str = "How far does a neighbour get from its point?",
    ) -> None:
        of_plane(x)
        super().__init__(
            *(models, x, y),
            title=title,
            point=point,
            distance=within("distance", distance, 1e-6, 0.3),
            direction=within("direction", direction, 0, 355),
        )
        self.s = fixed_depth(self.models[0][1])
