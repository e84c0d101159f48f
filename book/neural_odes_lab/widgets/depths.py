"""A widget of adaptive depth: where each input of a line stops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import traitlets
from torch import Tensor

from neural_odes.ode import NeuralODE
from neural_odes_lab.widgets.base import (
    ModelWidget,
    bundled,
    place,
    within,
)


class DepthsWidget(ModelWidget):
    """Where each input of the line stops: trajectories and the depth g(x).

    One picture shows the states over depth, each ending at its own, the other
    the depth over the input. The reader drags an input, and scrubs or plays all
    of them through the same fraction of their depths.

    Args:
        models: one NeuralODE with an AdaptiveDepth, or several by the labels
            to choose from; of one feature, with a state of one component.
        x: inputs, shape (N, 1), 2 <= N <= 300.
        y: their targets, N numbers; between inputs they are interpolated.
        point: the input where the point starts, one number within the data;
            by default the first of them.
        title: above the figure.

    Raises:
        TypeError: a model cannot be exported, or has one depth for all.
        ValueError: the data do not fit, or an argument is out of range.
    """

    _esm = bundled("depths")
    s = traitlets.Float(1.0).tag(sync=True)

    def __init__(
        self,
        models: NeuralODE | Mapping[str, NeuralODE],
        x: Tensor,
        y: Tensor,
        *,
        point: Sequence[float] | None = None,
        title: str = "Each input stops at its own depth g(x)",
    ) -> None:
        line = isinstance(x, Tensor) and x.ndim == 2 and x.shape[1] == 1
        if not line or x.unique().numel() < 2:
            got = tuple(x.shape) if isinstance(x, Tensor) else repr(x)
            raise ValueError(
                "x must have shape (N, 1) and two different inputs or more, "
                f"got {got}"
            )
        start = place(point, x)
        within("point", start[0], float(x.min()), float(x.max()))
        super().__init__(models, x, y, title=title, point=start)

    def check(self, label: str, state: dict[str, Any]) -> None:
        if isinstance(state["depth"], float):
            raise TypeError(
                f"depth of {label!r} must be an AdaptiveDepth, got a number"
            )
        if state["size"] != 1:
            raise ValueError(
                f"state of {label!r} must have one component, got "
                f"{state['size']}"
            )
