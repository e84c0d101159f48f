"""A widget of augmentation: a line turned over in the plane."""

from __future__ import annotations

import traitlets

from neural_odes_lab.widgets.base import Widget, bundled, within


class LiftWidget(Widget):
    """How far apart x and -x pass when one state is added to the line.

    The reader first predicts how near they come to each other, then moves the
    point, the depth and the room that the added state takes. One picture shows
    z over depth, where all trajectories cross, the other z and the added state
    a, where none do: z = x cos(pi s), a = h x sin(pi s), which solves dz/ds =
    -pi a / h, da/ds = pi h z. The page evaluates the formulas.

    Args:
        height: h, how far the added state goes from 0 per unit of x, in
            [0.05, 1.2].
        point: the input x where the point starts, in [-1, 1].
        s: the depth shown first, in [0, 1].
        title: above the figure.

    Raises:
        ValueError: an argument out of range.
    """

    _esm = bundled("lift")
    height = traitlets.Float().tag(sync=True)
    point = traitlets.List(traitlets.Float()).tag(sync=True)
    s = traitlets.Float().tag(sync=True)
    answer = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        height: float = 1.0,
        *,
        point: float = 0.75,
        s: float = 0.5,
        title: str = "A line is lifted into the plane and turned over",
    ) -> None:
        super().__init__(
            title=title,
            height=within("height", height, 0.05, 1.2),
            point=[within("point", point, -1, 1)],
            s=within("s", s, 0, 1),
        )
