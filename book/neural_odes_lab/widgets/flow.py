"""A widget of trained fields: a point and the data flow through them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import traitlets
from torch import Tensor

from neural_odes.checks import check_positive
from neural_odes.ode import NeuralODE
from neural_odes_lab.widgets.base import (
    ModelWidget,
    bundled,
)


class FlowWidget(ModelWidget):
    """Data and a point that the reader drags, flowing through trained fields.

    The reader chooses a model, moves the point, scrubs or plays the depth and
    sets the solver's tolerance; displayed are the point's end, its output and
    the function evaluations. States of one component are drawn over depth. If
    each input has a depth of its own, the scrubber takes all inputs through the
    same fraction of theirs. A model of two features with one output gets a
    second picture: the class of every input in the plane. If all inputs share a
    flow of the plane, its boundary is the readout's line carried back.

    Args:
        models: one NeuralODE, or several by the labels to choose from. All
            take the same input of one or two features, which their lift may
            only pad.
        x: data, shape (N, 1) or (N, 2), N <= 300; 60 points read well.
        y: labels -1 and +1, or targets whose sign is the class, N numbers.
        point: where the point starts; by default at the first of the data.
        tolerance: rtol and atol of the in-page dopri5, > 0.
        together: start with up to four models side by side.
        circle: radius > 0 of a circle of inputs around the origin that is
            carried along, and in which the point stays; a flow of three states
            is then tilted into space. None: no circle.
        opening: let the data flow once from depth 0 as the page opens.
        theorem: an address to which readers are sent who have tried to drag
            the point out of the circle, in which it stays.
        title: above the figure.

    Raises:
        TypeError: a model cannot be exported.
        ValueError: the data do not fit, or an argument is out of range.
    """

    _esm = bundled("flow")
    s = traitlets.Float().tag(sync=True)
    tolerance = traitlets.Float(1e-4).tag(sync=True)
    together = traitlets.Bool(False).tag(sync=True)
    circle = traitlets.Float(0.0).tag(sync=True)
    opening = traitlets.Bool(False).tag(sync=True)
    theorem = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        models: NeuralODE | Mapping[str, NeuralODE],
        x: Tensor,
        y: Tensor,
        *,
        point: Sequence[float] | None = None,
        tolerance: float = 1e-4,
        together: bool = False,
        circle: float | None = None,
        opening: bool = False,
        theorem: str = "",
        title: str = "A point and the data, flowing through a trained field",
    ) -> None:
        check_positive("tolerance", tolerance)
        if circle is not None:
            check_positive("circle", circle)
        super().__init__(
            *(models, x, y),
            title=title,
            point=point,
            tolerance=float(tolerance),
            together=together,
            circle=circle or 0.0,
            opening=opening,
            theorem=theorem,
        )
        depth = self.models[0][1]["depth"]
        self.s = depth if isinstance(depth, float) else 1.0

    def check(self, label: str, state: dict[str, Any]) -> None:
        """Any model that can be exported can be shown."""
