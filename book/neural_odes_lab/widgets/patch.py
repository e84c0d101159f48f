"""A widget of sensitivity: inputs are painted, then pulled by the flow."""

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
    of_plane,
    within,
)


class PatchWidget(ModelWidget):
    """Inputs that the reader paints, carried through depth.

    Each painted point is coloured by how much the flow has stretched its small
    neighbourhood so far. The other picture shows the largest and the median
    stretch over depth.

    Args:
        model: a NeuralODE of the plane, without a lift and with one depth.
        x: data, shape (N, 2), N <= 300.
        y: labels -1 and +1, N numbers.
        point: where the brush starts, with a patch around it; by default at
            the first of x.
        radius: of the brush, in [0.02, 1].
        title: above the figure.

    Raises:
        TypeError: the model cannot be exported, or has depths of its own.
        ValueError: the data do not fit, or an argument is out of range.
    """

    _esm = bundled("patch")
    radius = traitlets.Float().tag(sync=True)
    s = traitlets.Float(0.0).tag(sync=True)

    def __init__(
        self,
        model: NeuralODE,
        x: Tensor,
        y: Tensor,
        *,
        point: Sequence[float] | None = None,
        radius: float = 0.2,
        title: str = "A patch of inputs becomes a filament",
    ) -> None:
        of_plane(x)
        super().__init__(
            *(model, x, y),
            title=title,
            point=point,
            radius=within("radius", radius, 0.02, 1),
        )

    def check(self, label: str, state: dict[str, Any]) -> None:
        fixed_depth(state)
        if state["size"] != 2:
            raise ValueError(f"model must have two states, got {state['size']}")
