"""A widget of the adjoint's way back: how far it misses the start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import traitlets

from neural_odes.ode import NeuralODE
from neural_odes_lab.widgets.base import (
    ModelWidget,
    bundled,
    place,
    whole,
)


class BackwardWidget(ModelWidget):
    """A path solved to the end, and backwards from there: does it return?

    The adjoint method reconstructs the state in this way. The reader first
    predicts how near the way back comes to the start, then sets the tolerance
    of both solves and moves the start. One picture shows both ways, the other
    the remaining distance against the tolerance.

    Args:
        models: one NeuralODE of the plane with one depth for all inputs, or
            several by the labels to choose from. Their lift may only pad x.
        point: where the path starts, two numbers.
        digits: of the tolerance, from 1 to 8: 2 means 0.01, both rtol and atol
            of the in-page dopri5.
        title: above the figure.

    Raises:
        TypeError: a model cannot be exported, or has depths of its own.
        ValueError: an argument out of range.
    """

    _esm = bundled("backward")
    digits = traitlets.Int().tag(sync=True)
    answer = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        models: NeuralODE | Mapping[str, NeuralODE],
        point: Sequence[float],
        *,
        digits: int = 2,
        title: str = "The way back, and where it misses the start",
    ) -> None:
        start = place(point, torch.zeros(1, 2))
        super().__init__(
            *(models, torch.tensor([start])),
            title=title,
            digits=whole("digits", digits, 1, 8),
        )
