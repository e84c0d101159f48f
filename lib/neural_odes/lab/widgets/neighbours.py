"""Widgets of chaos: a point's neighbour, in a network and in Lorenz's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import traitlets
from torch import Tensor

from neural_odes.lab.widgets.base import (
    ModelWidget,
    bundle,
    export_all,
    fixed_depth,
    pack_data,
    place,
    within,
)
from neural_odes.ode import NeuralODE


class NeighbourWidget(ModelWidget):
    """How far a point's neighbour gets from it: Algorithm 1, point by point.

    One picture shows both trajectories over the field, the other the error
    |dz(s)| over depth. Read out are the exponent of Algorithm 1, ln(|dz(s)| /
    r) / s, and those between which it lies while the error is small, ln(sigma)
    / s of the singular values of the flow's Jacobian; s is what the reader
    scrubs to, at first all of S. It is said where the error saturates: above
    half the distance that two of the data typically have at S. The neighbour
    is one of the state; the field sees the same input x.

    Args:
        models: one NeuralODE of the plane, or several by the labels to choose
            from, such as strengths of a regulariser. Their lift may only pad;
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

    _esm = bundle("neighbour")
    data = traitlets.Dict().tag(sync=True)
    selected = traitlets.Unicode().tag(sync=True)
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
        shown = pack_data(x, y)
        if x.shape[1] != 2:
            raise ValueError(f"x must have shape (N, 2), got {tuple(x.shape)}")
        exported = export_all(models, x)
        depths = [fixed_depth(state) for _, state in exported]
        super().__init__(
            title=title,
            models=exported,
            data=shown,
            selected=exported[0][0],
            point=place(point, x),
            distance=float(within("distance", distance, 1e-6, 0.3)),
            direction=float(within("direction", direction, 0, 355)),
            s=depths[0],
        )


class LorenzWidget(ModelWidget):
    """Lorenz's system and a network: errors that grow, in the same picture.

    The page solves x' = 10 (y - x), y' = x (28 - z) - y, z' = x y - 8 z / 3
    from (x, x, z) and from a neighbour at (x + r, x, z). The reader drags the
    start, sets r and the time span T, and sees the exponent of Algorithm 1
    beside the published 0.9056 (Sprott 2003, Chaos and Time-Series Analysis):
    scattered while T is short, close for a while, and falling as 1 / T once
    the error is as large as the attractor. A network's error starts at the
    same r, in the direction that grows most, and lasts for its own S.

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

    _esm = bundle("lorenz")
    selected = traitlets.Unicode().tag(sync=True)
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
        plane = torch.zeros(1, 2)
        where = place(start, plane, "start")
        exported = []
        if models is not None:
            exported = export_all(models, torch.tensor([where]))
        for _, state in exported:
            fixed_depth(state)
        x, z = place(point, plane)
        super().__init__(
            title=title,
            models=exported,
            selected=exported[0][0] if exported else "",
            start=where,
            point=[within("point", x, -26, 26), within("point", z, -2, 52)],
            distance=float(within("distance", distance, 1e-6, 0.3)),
            span=float(within("span", span, 0.5, 30)),
        )
