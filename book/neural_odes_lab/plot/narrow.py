"""Each figure a second time, laid out for a phone.

On a screen of 360 px a figure of 7 inches shows its labels at half their size.
A notebook's figures therefore carry another layout in their PNG file, as the
text ``NARROW``: panels below each other. The built book shows it on narrow
screens (tools/finish_pages.py); everything else ignores it.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Callable

import matplotlib.pyplot as plt
from IPython.core.getipython import get_ipython
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from PIL import Image
from PIL.PngImagePlugin import PngInfo

NARROW = "narrow"
"""Name of the text in a PNG file: the other layout, a PNG in base64."""
WIDTH = 3.7
"""Inches; at the book's 100 px per inch, a phone's width."""
TALLEST = 2.7
"""The largest height of a panel, in inches."""


def stack(figure: Figure) -> None:
    """Lay a figure out anew for a phone: at most two panels side by side."""
    width, height = figure.get_size_inches()
    panels = [ax for ax in figure.axes if ax.get_subplotspec() is not None]
    grids = {ax.get_gridspec() for ax in panels} - {None}
    rows, columns = 1, 1
    if len(grids) == 1 and (grid := grids.pop()) is not None:
        rows, columns = grid.nrows, grid.ncols
    shape = _stacked_shape(rows, columns)
    if shape != (rows, columns):
        _move(panels, rows, columns, GridSpec(*shape, figure=figure))
    across = WIDTH / shape[1]
    panel = across * (height / rows) / (width / columns)
    panel = min(max(panel, 0.6 * across), TALLEST)
    figure.set_size_inches(WIDTH, shape[0] * panel + 0.3)
    for legend in list(figure.legends):
        labels = [text.get_text() for text in legend.get_texts()]
        handles = [one for one in legend.legend_handles if one is not None]
        legend.remove()
        figure.legend(handles, labels, loc="outside upper center", ncols=2)


def _stacked_shape(rows: int, columns: int) -> tuple[int, int]:
    """Rows and columns on a phone."""
    if rows == 1:
        return (columns, 1) if columns < 4 else (math.ceil(columns / 2), 2)
    return (columns, rows) if rows == 2 < columns else (rows, columns)


def _move(panels: list[Axes], rows: int, columns: int, grid: GridSpec) -> None:
    """Put panels into another grid; two rows become two columns."""
    for ax in panels:
        spec = ax.get_subplotspec()
        assert spec is not None
        row, column = divmod(spec.num1, columns)
        place = divmod(column, grid.ncols) if rows == 1 else (column, row)
        ax.set_subplotspec(grid[place])
        # Shared axes were labelled only at the edge of the old grid.
        ax.tick_params(labelleft=True, labelbottom=True)
        for peer in panels:
            if not ax.get_ylabel() and ax.get_shared_y_axes().joined(ax, peer):
                ax.set_ylabel(peer.get_ylabel())


def with_narrow(png: str, figure: Figure) -> str:
    """A figure's PNG, in base64, with the layout for a phone inside."""
    wide = Image.open(io.BytesIO(base64.b64decode(png)))
    stack(figure)
    draft = io.BytesIO()
    figure.savefig(draft, format="png")
    info = PngInfo()
    info.add_text(NARROW, base64.b64encode(draft.getvalue()).decode())
    both = io.BytesIO()
    wide.save(both, "png", pnginfo=info)
    return base64.b64encode(both.getvalue()).decode()


def draw_both() -> None:
    """Let a notebook's figures carry both layouts from here on."""
    shell = get_ipython()
    if shell is None or "inline" not in plt.get_backend():
        return
    plt.switch_backend(plt.get_backend())  # adds its formatter first
    assert shell.display_formatter
    formatter = shell.display_formatter.formatters["image/png"]
    print_wide: Callable[[Figure], str] = formatter.lookup_by_type(Figure)
    if getattr(print_wide, "both", False):
        return

    def print_both(figure: Figure) -> str:
        return with_narrow(print_wide(figure), figure)

    print_both.both = True  # type: ignore[attr-defined]
    formatter.for_type(Figure, print_both)
