"""A widget of chaos: Lorenz's system, and a network beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import traitlets

from neural_odes.ode import NeuralODE
from neural_odes_lab.widgets.base import (
    ModelWidget,
    bundled,
    place,
    within,
)


class LorenzWidget(ModelWidget):
    """Lorenz's system and a network: errors that grow, in the same picture.

    The page solves x' = 10 (y - x), y' = x (28 - z) - y, z' = x y - 8 z / 3
    from (x, x, z) and from a neighbour at (x + r, x, z). The reader drags the
    start, sets r and the time span T, and sees the exponent of Algorithm 1
    beside the published 0.9056 (Sprott 2003, Chaos and Time-Series Analysis):
    scattered while T is short, close for a while, and falling as 1 / T once the
    error is as large as the attractor. A network's error starts at the same r,
    in the direction that grows most, and is followed to the network's own S.

    Both solutions are computed to 1e-9, and that error grows like any other:
    after a time of some 20, each is still a solution, but no longer that of
    exactly this start.

    Args:
        models: None, or one NeuralODE of the plane, or several by labels, as
            for :class:`NeighbourWidget`.
        start: the network's input, two numbers.
        point: x and z of where the system starts, in [-26, 26] and [-2, 52].
        distance: r, where its slider starts, in [1e-6, 0.3].
        span: T, where its slider starts, in [0.5, 30].
        title: above the figure.

    Raises:
        TypeError: a model cannot be exported, or has depths of its own.
        ValueError: an argument out of range.
    """

    _esm = bundled("lorenz")
    optional = True
    start = traitlets.List(traitlets.Float()).tag(sync=True)
    distance = traitlets.Float().tag(sync=True)
    span = traitlets.Float().tag(sync=True)

    def __init__(
        self,
        models: NeuralODE | Mapping[str, NeuralODE] | None = None,
        *,
        start: Sequence[float] = (0.5, 0.0),
        point: Sequence[float] = (-3.0, 15.0),
        distance: float = 1e-4,
        span: float = 20.0,
        title: str = "How chaotic is that? Lorenz beside the network",
    ) -> None:
        where = place(start, torch.zeros(1, 2), "start")
        x, z = place(point, torch.zeros(1, 2))
        super().__init__(
            *(models, torch.tensor([where])),
            title=title,
            start=where,
            point=[within("point", x, -26, 26), within("point", z, -2, 52)],
            distance=within("distance", distance, 1e-6, 0.3),
            span=within("span", span, 0.5, 30),
        )
