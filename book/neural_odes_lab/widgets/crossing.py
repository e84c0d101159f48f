"""A widget of Theorem 1: trajectories on a line that cross."""

from __future__ import annotations

import traitlets

from neural_odes.checks import check_positive
from neural_odes_lab.widgets.base import Widget, bundled, within


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

    _esm = bundled("crossing")
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
        check_positive("eps", eps)
        super().__init__(
            title=title,
            eps=within("eps", eps, 0, 1),
            theta=within("theta", theta, 0.1, 10),
            point=[within("point", point, -1, 1)],
        )
