"""The look that all figures share."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from neural_odes_lab.plot.narrow import draw_both

STYLE = "neural_odes_lab.plot.neural_odes"

CLASS_COLORS: Mapping[int, str] = MappingProxyType(
    {-1: "#0072B2", 1: "#D55E00"}
)
CLASS_MARKERS: Mapping[int, str] = MappingProxyType({-1: "o", 1: "^"})
CLASS_FILLS = ("#d9e8f3", "#fae3d3")
"""Backgrounds of the regions where a model predicts -1 and +1."""


def use_style() -> None:
    """Draw in the book's style from here on (changes matplotlib's settings).

    In a notebook, figures get a second layout, for phones; see ``narrow``.
    For a single figure use ``plt.style.context(STYLE)``.
    """
    plt.style.use(STYLE)
    draw_both()


def on_axes(ax: Axes | None, *, square: bool = False) -> Axes:
    """The Axes given, or those of a new figure (4 x 4 inches if square)."""
    if ax is not None:
        return ax
    return plt.subplots(figsize=(4, 4) if square else None)[1]


def legend(ax: Axes) -> None:
    """One legend above the whole figure, covering no data, for what ax shows.

    Args:
        ax: any of the figure's Axes; the others share its labels. The figure
            must have a constrained layout, as in this style.
    """
    handles, labels = ax.get_legend_handles_labels()
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("ax must be on a figure")
    figure.legend(
        handles, labels, loc="outside upper center", ncols=min(4, len(labels))
    )


def class_name(label: int) -> str:
    return f"class {label:+d}".replace("-", "−")
