"""A widget of measured trade-offs: two pictures over one setting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import traitlets
from pandas.api.types import is_numeric_dtype

from neural_odes_lab.widgets.base import Widget, bundled


class SweepWidget(Widget):
    """What a setting buys, and at what price.

    Two pictures over the values measured, equally spaced. The reader drags a
    mark along the first picture's curve or picks a value; between values, what
    is displayed is interpolated and marked as such.

    Args:
        frame: a row per value of the setting and seed, such as a study's.
        over: the column of the setting, two numbers or more.
        curves: for each of the two pictures, by the name of its axis, the
            columns of its curves by their labels; the first picture has one
            curve, the second one or two.
        name: of the setting, for the axis; by default ``over``.
        title: above the figure.

    Raises:
        ValueError: frame or curves are not as described; names what is missing.
    """

    _esm = bundled("sweep")
    name = traitlets.Unicode().tag(sync=True)
    values = traitlets.List(traitlets.Float()).tag(sync=True)
    panels: Any = traitlets.List().tag(sync=True)
    place = traitlets.Float().tag(sync=True)

    def __init__(
        self,
        frame: pd.DataFrame,
        *,
        over: str,
        curves: Mapping[str, Mapping[str, str]],
        name: str = "",
        title: str = "",
    ) -> None:
        if not isinstance(frame, pd.DataFrame):
            raise TypeError(f"frame must be a DataFrame, got {frame!r}")
        panels = curves.values() if isinstance(curves, Mapping) else ()
        sizes = [len(p) for p in panels if isinstance(p, Mapping)]
        if sizes not in ([1, 1], [1, 2]):
            raise ValueError(
                "curves must be two pictures, the first of one curve, the "
                f"second of one or two, got {curves!r}"
            )
        columns = list(dict.fromkeys(c for p in panels for c in p.values()))
        for column in (over, *columns):
            known = isinstance(column, str) and column in frame
            if not known or not is_numeric_dtype(frame[column]):
                raise ValueError(
                    "frame must have numbers in the columns of over and "
                    f"curves, got {', '.join(map(str, frame))} for {column!r}"
                )
        seeds = frame.groupby(over)[columns]
        mean, std = seeds.mean(), seeds.std()
        if len(mean) < 2:
            raise ValueError(
                f"frame must have two values of {over!r} or more, got "
                f"{len(mean)}"
            )
        for column in columns:
            if not np.isfinite([mean[column], std[column]]).all():
                raise ValueError(
                    f"frame must have finite {column!r} for two seeds or more"
                )
        super().__init__(
            title=title,
            name=name or over,
            values=[float(value) for value in mean.index],
            panels=[
                {
                    "axis": axis,
                    "curves": [
                        {
                            "name": label,
                            "mean": mean[column].tolist(),
                            "std": std[column].tolist(),
                        }
                        for label, column in panel.items()
                    ],
                }
                for axis, panel in curves.items()
            ],
        )
