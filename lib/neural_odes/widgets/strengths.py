"""A widget of measured trade-offs: strength against exponent and accuracy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import traitlets

from neural_odes.widgets.base import Widget, bundle

ACCURACIES = {"accuracy": "fresh", "under attack": "attacked"}


class StrengthWidget(Widget):
    """What a regulariser's strength buys, and at which price.

    Two pictures over the strengths measured, equally spaced: the exponent,
    and accuracies. The reader drags a mark along the curve or picks a row;
    between rows, what is read out is interpolated and marked so.

    Args:
        rows: two or more, by increasing strength, such as the summary of the
            experiment "chaos.strength": each has "strength", a number, and
            for every curve a {"mean", "std"} over seeds.
        exponent: the key of the exponents.
        accuracies: keys of one or two accuracies in [0, 1], by the labels to
            show; by default those on fresh points and under attack.
        title: above the figure.

    Raises:
        ValueError: rows or accuracies are not like that; names what is
            missing.
    """

    _esm = bundle("strength")
    strengths = traitlets.List(traitlets.Float()).tag(sync=True)
    curves: Any = traitlets.List().tag(sync=True)
    place = traitlets.Float().tag(sync=True)

    def __init__(
        self,
        rows: Sequence[Mapping[str, Any]],
        *,
        exponent: str = "exponent",
        accuracies: Mapping[str, str] = ACCURACIES,
        title: str = "What does the regulariser's strength buy?",
    ) -> None:
        if not 1 <= len(accuracies) <= 2:
            raise ValueError(
                f"accuracies has {len(accuracies)} keys; it takes one or two"
            )
        if not all("strength" in row for row in rows):
            raise ValueError('rows have no "strength" each; it takes a number')
        strengths = [float(row["strength"]) for row in rows]
        if len(rows) < 2 or strengths != sorted(set(strengths)):
            raise ValueError(
                f"rows have strengths {strengths}; it takes two or more that "
                "increase"
            )
        named = {"exponent": exponent, **accuracies}
        super().__init__(
            title=title,
            strengths=strengths,
            curves=[_curve(rows, name, key) for name, key in named.items()],
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
