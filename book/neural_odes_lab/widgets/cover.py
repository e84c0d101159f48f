"""A widget of covers: how many points a sphere needs, over its dimension."""

from __future__ import annotations

import traitlets

from neural_odes.checks import check_at_least
from neural_odes_lab.widgets.base import Widget, bundled, whole, within


class CoverWidget(Widget):
    """How many points cover a sphere, over the dimension of space.

    Shown is a lower bound on the points of any r-cover of the unit sphere in n
    dimensions, its area over that of a cap, computed in the page as by
    :func:`neural_odes_lab.studies.cover.least_cover`. The reader sets n and r,
    the latter also by dragging the edge of a cap on the circle.

    Args:
        points: how many there are to cover it with, >= 2.
        r: distance within which every place has one of them, in [0.1, 1.2].
        n: dimension of space, 2 to 30.
        title: above the figure.

    Raises:
        TypeError, ValueError: an argument of the wrong type, or out of range.
    """

    _esm = bundled("cover")
    points = traitlets.Int().tag(sync=True)
    n = traitlets.Int().tag(sync=True)
    r = traitlets.Float().tag(sync=True)

    def __init__(
        self,
        points: int = 1024,
        *,
        r: float = 0.5,
        n: int = 10,
        title: str = "How many points does it take to cover a sphere?",
    ) -> None:
        check_at_least("points", points, 2)
        super().__init__(
            title=title,
            points=points,
            r=within("r", r, 0.1, 1.2),
            n=whole("n", n, 2, 30),
        )
