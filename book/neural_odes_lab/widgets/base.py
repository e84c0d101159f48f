"""What widgets share: reading front ends, checking what they show."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from numbers import Real
from pathlib import Path
from typing import Any

import anywidget
import torch
import traitlets
from IPython.display import HTML, display
from torch import Tensor

from neural_odes.checks import check_batch, check_integer
from neural_odes.ode import NeuralODE
from neural_odes_lab.widgets.export import export
from neural_odes_lab.widgets.networks import pack

SAVED = "Interactive figure; run this cell to see it."
"""What a saved notebook says where the widget cannot be shown."""
STYLE = """<style>
.jp-OutputArea-child:has(.ode-saved):has(+ * .ode-widget),
.jp-OutputArea-child:has(.ode-saved) + *:not(:has(.ode-widget)) {
  visibility: hidden;
  height: 0;
}
</style>"""
"""JupyterLab shows either the line or the widget, whichever it can."""
PICTURE = re.compile(r"data:image/jpeg;base64,[A-Za-z0-9+/=]{,400000}")
_FOLDER = Path(__file__).parent
MAX_POINTS = 300


def bundled(name: str) -> str:
    """The front end ``name`` and all it imports, as one ES module.

    ``make widgets`` makes it of ``name.js`` and its imports from ``shared``.
    """
    return (_FOLDER / "bundled" / f"{name}.js").read_text(encoding="utf-8")


def style(name: str) -> str:
    """The style sheet ``name``."""
    return (_FOLDER / f"{name}.css").read_text(encoding="utf-8")


class Widget(anywidget.AnyWidget):
    """A figure with a title; subclasses set ``_esm``."""

    _css = style("widgets")
    title = traitlets.Unicode().tag(sync=True)
    still = traitlets.Unicode().tag(sync=True)
    """What it shows, as a data URL, once a notebook has drawn it."""

    def __repr__(self) -> str:
        return SAVED

    def _ipython_display_(self) -> None:
        """Show the widget below the line that stands for it in saved files."""
        line = display(HTML(self._line()), display_id=True)
        view = self._repr_mimebundle_()
        assert view
        display(view[0], raw=True)
        self.observe(lambda _: line.update(HTML(self._line())), "still")

    def _line(self) -> str:
        picture = ""
        if PICTURE.fullmatch(self.still):
            picture = f'<br><img src="{self.still}" alt="{escape(self.title)}">'
        return f'<div class="ode-saved">{STYLE}{SAVED}{picture}</div>'


class ModelWidget(Widget):
    """Models by their labels, data, and a point to drag.

    Args:
        models: one NeuralODE, or several by their labels.
        x: data, shape (N, 1) or (N, 2), N <= 300.
        y: a number for each; None where the page is given no data.
        point: where the point starts; by default at the first of x.
        traits: further ones of the subclass.
    """

    optional = False
    """Whether the figure shows something without a model."""

    models: Any = traitlets.List().tag(sync=True)
    data = traitlets.Dict().tag(sync=True)
    selected = traitlets.Unicode().tag(sync=True)
    point = traitlets.List(traitlets.Float()).tag(sync=True)

    def __init__(
        self,
        models: NeuralODE | Mapping[str, NeuralODE] | None,
        x: Tensor,
        y: Tensor | None = None,
        *,
        point: Sequence[float] | None = None,
        **traits: Any,
    ) -> None:
        shown = {} if y is None else pack_data(x, y)
        start = place(point, x)
        none = models is None and self.optional
        exported = [] if none else export_all(models, x)
        for label, state in exported:
            self.check(label, state)
        super().__init__(
            models=exported,
            data=shown,
            selected=exported[0][0] if exported else "",
            point=start,
            **traits,
        )

    def check(self, label: str, state: dict[str, Any]) -> None:
        """Refuse a model that the figure cannot show; here, of many depths."""
        fixed_depth(state)


def export_all(
    models: NeuralODE | Mapping[str, NeuralODE] | None, x: Tensor
) -> list[tuple[str, dict[str, Any]]]:
    """Labels and states of models whose state starts with their input x."""
    named: Mapping[str, Any] = (
        models if isinstance(models, Mapping) else {"model": models}
    )
    if not named:
        raise ValueError("models must be one NeuralODE or more, got none")
    return [
        (str(label), export_kept(model, x)) for label, model in named.items()
    ]


@torch.no_grad()
def export_kept(model: NeuralODE, x: Tensor) -> dict[str, Any]:
    """The state of a model whose state starts with its input x.

    Otherwise a point would be drawn in the wrong place.
    """
    state = export(model, features=x.shape[1])
    if state["features"] != x.shape[1]:
        raise ValueError(
            f"models must take {x.shape[1]} features, got one that takes "
            f"{state['features']}"
        )
    given = x.to(next(model.parameters()))
    start = model.solve(given, torch.zeros(1)).z[0]
    if not torch.allclose(start[:, : x.shape[1]], given, atol=1e-6):
        raise ValueError(
            "models must keep x as the first components of the state, got one "
            "whose lift changes x"
        )
    return state


def fixed_depth(state: dict[str, Any]) -> float:
    """The depth of a model that has one for all inputs."""
    if not isinstance(state["depth"], float):
        raise TypeError(
            "depth must be a number, the same for all inputs, got an "
            "AdaptiveDepth"
        )
    return state["depth"]


def pack_data(x: Tensor, y: Tensor) -> dict[str, Any]:
    """Points of one or two features and a number for each, for the page."""
    check_batch("x", x)
    if x.ndim != 2 or not 1 <= x.shape[1] <= 2 or not 1 <= len(x) <= MAX_POINTS:
        raise ValueError(
            f"x must have shape (N, 1) or (N, 2) with N from 1 to "
            f"{MAX_POINTS}, got {tuple(x.shape)}"
        )
    check_batch("y", y.float() if isinstance(y, Tensor) else y)
    if y.numel() != len(x):
        raise ValueError(
            f"y must have one number for each of the {len(x)} points, got "
            f"shape {tuple(y.shape)}"
        )
    return {"x": pack(x.float()), "y": pack(y.float())}


def place(
    point: Sequence[float] | None, x: Tensor, name: str = "point"
) -> list[float]:
    """Where the point starts; by default at the first of the data."""
    try:
        values = [float(v) for v in (x[0].tolist() if point is None else point)]
    except (TypeError, ValueError):
        values = []
    if len(values) != x.shape[1] or not all(map(math.isfinite, values)):
        raise ValueError(
            f"{name} must be {x.shape[1]} finite numbers, got {point}"
        )
    return values


def of_plane(x: Any) -> None:
    """Refuse data that are not points of the plane."""
    if not isinstance(x, Tensor) or x.ndim != 2 or x.shape[1] != 2:
        got = tuple(x.shape) if isinstance(x, Tensor) else repr(x)
        raise ValueError(f"x must have shape (N, 2), got {got}")


def within(name: str, value: Any, low: float, high: float) -> float:
    """The value, if it is a number in [low, high]."""
    text = f"{name} must be a number from {low:g} to {high:g}, got {value!r}"
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number:
        raise TypeError(text)
    if not low <= value <= high:
        raise ValueError(text)
    return float(value)


def whole(name: str, value: Any, low: int, high: int) -> int:
    """The value, if it is an integer in [low, high]."""
    check_integer(name, value)
    return int(within(name, value, low, high))
