"""A widget of measured trade-offs: two pictures over one setting."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import traitlets

from neural_odes.lab.widgets.base import Widget, bundle


class SweepWidget(Widget):
    """What a setting buys, and at which price.

    Two pictures over the values measured, equally spaced. The reader drags a
    mark along the first picture's curve or picks a value; between values, what
    is read out is interpolated and marked so.

    Args:
        rows: two or more, by increasing value of the setting, such as an
            experiment's summary: each has the setting, a number, and for
            every curve a {"mean", "std"} over seeds.
        over: the key of the setting.
        curves: for each of the two pictures, by the name of its axis, the keys
            of its curves by their labels; the first picture has one curve, the
            second one or two.
        name: of the setting, for the axis; by default ``over``.
        title: above the figure.

    Raises:
        ValueError: rows or curves are not like that; names what is missing.
    """

    _esm = bundle("sweep")
    name = traitlets.Unicode().tag(sync=True)
    values = traitlets.List(traitlets.Float()).tag(sync=True)
    panels: Any = traitlets.List().tag(sync=True)
    place = traitlets.Float().tag(sync=True)

    def __init__(
        self,
        rows: Sequence[Mapping[str, Any]],
        *,
        over: str,
        curves: Mapping[str, Mapping[str, str]],
        name: str = "",
        title: str = "",
    ) -> None:
        sizes = [len(panel) for panel in curves.values()]
        if sizes not in ([1, 1], [1, 2]):
            raise ValueError(
                f"curves has pictures of {sizes} curves; it takes two "
                "pictures, the first of one curve, the second of one or two"
            )
        if not all(over in row for row in rows):
            raise ValueError(f"rows have no {over!r} each; it takes a number")
        values = [float(row[over]) for row in rows]
        if len(rows) < 2 or values != sorted(set(values)):
            raise ValueError(
                f"rows have {over} {values}; it takes two or more that increase"
            )
        super().__init__(
            title=title,
            name=name or over,
            values=values,
            panels=[
                {
                    "axis": axis,
                    "curves": [
                        _curve(rows, label, key) for label, key in panel.items()
                    ],
                }
                for axis, panel in curves.items()
            ],
        )


def _curve(
    rows: Sequence[Mapping[str, Any]], name: str, key: str
) -> dict[str, Any]:
    curve: dict[str, Any] = {"name": name}
    for part in ("mean", "std"):
        try:
            values = [float(row[key][part]) for row in rows]
        except (KeyError, TypeError):
            values = [math.nan]
        if not all(map(math.isfinite, values)):
            raise ValueError(
                f"rows have no finite {part} of {key!r} each; it takes "
                '{"mean", "std"}, both numbers'
            )
        curve[part] = values
    return curve
