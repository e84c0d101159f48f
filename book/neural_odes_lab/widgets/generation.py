"""A widget of flows that generate, trained in the page."""

from __future__ import annotations

from typing import Literal, get_args

import traitlets

from neural_odes.checks import check_one_of
from neural_odes_lab.widgets.base import Widget, bundled

Data = Literal["half-moons", "spirals", "disc in a ring", "your drawing"]
Pairs = Literal["independent", "transport"]
STEPS = (1, 2, 4, 8, 16, 32, 64)


class GenerationWidget(Widget):
    """Noise on the left, data on the right, and a field that learns between.

    The page trains a field of 48 and 48 hidden units (ReLU) by flow matching,
    with Adam at 0.01, on 128 pairs of noise and data an update, or 64 by
    transport, and shows a running mean of its weights. Grey lines are pairs,
    coloured ones the paths of the learned field, in as many Euler steps as the
    reader sets. "Rectify" goes on with pairs of noise and of where the field
    takes it. A point of noise can be dragged. No kernel is needed.

    Args:
        data: what is generated at first; "your drawing" is a heart until a
            reader draws.
        pairs: "independent", by chance, or "transport", those of the least sum
            of squared distances within each update.
        steps: of Euler's method at first, 1, 2, 4, ... or 64.
        title: above the figure.

    Raises:
        ValueError: an argument out of range.
    """

    _esm = bundled("generation")
    data = traitlets.Unicode().tag(sync=True)
    pairs = traitlets.Unicode().tag(sync=True)
    doublings = traitlets.Int().tag(sync=True)
    point = traitlets.List(traitlets.Float(), [1.2, 1.6]).tag(sync=True)

    def __init__(
        self,
        data: Data = "half-moons",
        *,
        pairs: Pairs = "independent",
        steps: int = 16,
        title: str = "From noise to data",
    ) -> None:
        check_one_of("data", data, get_args(Data))
        check_one_of("pairs", pairs, get_args(Pairs))
        check_one_of("steps", steps, STEPS)
        super().__init__(
            title=title,
            data=data,
            pairs=pairs,
            doublings=STEPS.index(steps),
        )
