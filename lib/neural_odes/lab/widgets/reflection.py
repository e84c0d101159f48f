"""Widgets of section 5 on a line: trajectories that cross, depths of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import traitlets
from torch import Tensor

from neural_odes.lab.widgets.base import (
    ModelWidget,
    Widget,
    bundle,
    export_all,
    pack_data,
    place,
    within,
)
from neural_odes.ode import NeuralODE


class CrossingWidget(Widget):
    """Theorem 1: how large theta must be for a point to reach its mirror.

    One picture shows solutions z(s) = x (2 exp(-theta s) - 1) of equation 16
    and the targets -x within eps, another the error of the dragged point over
    theta and the bound of the theorem. The page evaluates the formulas.

    Args:
        eps: the error allowed, > 0 and <= 1.
        theta: where its slider starts, in [0.1, 10].
        point: the input x where the point starts, in [-1, 1].
        title: above the figure.

    Raises:
        ValueError: an argument out of range.
    """

    _esm = bundle("crossing")
    eps = traitlets.Float().tag(sync=True)
    theta = traitlets.Float().tag(sync=True)
    point = traitlets.List(traitlets.Float()).tag(sync=True)

    def __init__(
        self,
        eps: float = 0.1,
        theta: float = 1.0,
        *,
        point: float = 0.75,
        title: str = "How large must θ be for x to reach −x?",
    ) -> None:
        if not 0 < eps <= 1:
            raise ValueError(f"eps must be a number in (0, 1], got {eps}")
        super().__init__(
            title=title,
            eps=float(eps),
            theta=float(within("theta", theta, 0.1, 10)),
            point=[float(within("point", point, -1, 1))],
        )


class DepthsWidget(ModelWidget):
    """Where each input of the line stops: trajectories and the depth g(x).

    One picture shows the states over depth, each ending at its own, the other
    the depth over the input. The reader drags an input, and scrubs or plays
    all of them through the same part of their depths.

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

    _esm = bundle("depths")
    data = traitlets.Dict().tag(sync=True)
    selected = traitlets.Unicode().tag(sync=True)
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
        shown = pack_data(x, y)
        if x.shape[1] != 1 or x.unique().numel() < 2:
            raise ValueError(
                "x must have shape (N, 1) and two different inputs or more, "
                f"got shape {tuple(x.shape)}"
            )
        exported = export_all(models, x)
        for label, state in exported:
            if isinstance(state["depth"], float):
                raise TypeError(
                    f"depth of {label!r} must be an AdaptiveDepth, got a number"
                )
            if state["size"] != 1:
                raise ValueError(
                    f"state of {label!r} must have one component, got "
                    f"{state['size']}"
                )
        start = place(point, x)
        super().__init__(
            title=title,
            models=exported,
            data=shown,
            selected=exported[0][0],
            point=[within("point", start[0], float(x.min()), float(x.max()))],
        )
