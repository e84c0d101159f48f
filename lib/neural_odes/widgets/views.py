"""The widgets: trained models that a reader moves, computed in the page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import torch
import traitlets
from torch import Tensor

from neural_odes.depth import Galerkin
from neural_odes.ode import NeuralODE
from neural_odes.widgets.export import export, pack

_FOLDER = Path(__file__).parent
_IMPORT = re.compile(r'^import [^;]*? from "\./([a-z]+)\.js";\n', re.MULTILINE)
MAX_POINTS = 300


def bundle(name: str) -> str:
    """The front end ``name`` and all it imports, as one ES module."""
    parts: dict[str, str] = {}

    def collect(name: str) -> None:
        if name not in parts:
            text = (_FOLDER / f"{name}.js").read_text(encoding="utf-8")
            for needed in _IMPORT.findall(text):
                collect(needed)
            parts[name] = _IMPORT.sub("", text)

    collect(name)
    return "\n".join(parts.values())


class _Widget(anywidget.AnyWidget):
    _css = (_FOLDER / "widgets.css").read_text(encoding="utf-8")
    title = traitlets.Unicode().tag(sync=True)
    models: Any = traitlets.List().tag(sync=True)
    point = traitlets.List(traitlets.Float()).tag(sync=True)


class FlowWidget(_Widget):
    """Data and a point that the reader drags, flowing through trained fields.

    The reader chooses a model, moves the point, scrubs or plays the depth and
    sets the solver's tolerance; read out are the point's end, its output and
    the function evaluations. States of one component are drawn over depth.

    Args:
        models: one NeuralODE, or several by the labels to choose from. All
            take the same input of one or two features, which their lift may
            only pad.
        x: data, shape (N, 1) or (N, 2), N <= 300; 60 points read well.
        y: labels -1 and +1, or targets whose sign is the class, N numbers.
        point: where the point starts; by default at the first of the data.
        tolerance: rtol and atol of the in-page dopri5, > 0.
        title: above the figure.

    Raises:
        TypeError: a model cannot be exported.
        ValueError: the data do not fit, or an argument is out of range.
    """

    _esm = bundle("flow")
    data = traitlets.Dict().tag(sync=True)
    selected = traitlets.Unicode().tag(sync=True)
    s = traitlets.Float().tag(sync=True)
    tolerance = traitlets.Float(1e-4).tag(sync=True)

    def __init__(
        self,
        models: NeuralODE | Mapping[str, NeuralODE],
        x: Tensor,
        y: Tensor,
        *,
        point: Sequence[float] | None = None,
        tolerance: float = 1e-4,
        title: str = "A point and the data, flowing through a trained field",
    ) -> None:
        if not tolerance > 0:
            raise ValueError(f"tolerance is {tolerance}; it takes a number > 0")
        shown = _data(x, y)
        exported = _export_all(models, x)
        super().__init__(
            title=title,
            models=exported,
            data=shown,
            selected=exported[0][0],
            point=_point(x[0].tolist() if point is None else point, x),
            s=exported[0][1]["depth"],
            tolerance=float(tolerance),
        )


class ModesWidget(_Widget):
    """How many functions theta(s) needs: weights of a GalNODE and their flow.

    The reader sets how many functions of the basis are kept, and sees the
    weights that move most beside the data's flow under what is left.

    Args:
        models: a NeuralODE whose field is a Galerkin, of which the first
            m = 1, 2, ... functions are kept; or several, each trained with
            its own number of functions.
        x: data, shape (N, 1) or (N, 2), N <= 300.
        y: labels -1 and +1, N numbers.
        point: where the movable point starts; by default the first of the
            data.
        title: above the figure.

    Raises:
        TypeError: a field is no Galerkin, or a model cannot be exported.
        ValueError: the data do not fit, or an argument is out of range.
    """

    _esm = bundle("modes")
    data = traitlets.Dict().tag(sync=True)
    modes = traitlets.Int().tag(sync=True)
    s = traitlets.Float().tag(sync=True)

    def __init__(
        self,
        models: NeuralODE | Sequence[NeuralODE],
        x: Tensor,
        y: Tensor,
        *,
        point: Sequence[float] | None = None,
        title: str = "How many functions do the weights need?",
    ) -> None:
        several = [models] if isinstance(models, NeuralODE) else list(models)
        exported: list[tuple[int, dict[str, Any]]] = []
        for one in several:
            field = getattr(one, "field", one)
            if not isinstance(field, Galerkin):
                kind = type(field).__name__
                raise TypeError(f"a field is a {kind}; it takes a Galerkin")
            exported.append((field.basis.size, export(one)))
            _check_lift(one, x)
        if not exported:
            raise ValueError("models is empty; it takes one NeuralODE or more")
        exported.sort(key=lambda pair: pair[0])
        super().__init__(
            title=title,
            models=exported,
            data=_data(x, y),
            point=_point(x[0].tolist() if point is None else point, x),
            modes=exported[-1][0],
            s=exported[-1][1]["depth"],
        )


class SolverWidget(_Widget):
    """A solver's steps on one trajectory: what they cost, how far they miss.

    The reader chooses a method and its step size or tolerance, and moves the
    starting point; a second panel shows error against function evaluations of
    every method and setting.

    Args:
        models: one NeuralODE with a state of one or two components, or
            several by the labels to choose from. A linear system dz/ds = A z
            is ``NeuralODE(layer)`` with an ``nn.Linear`` of weight A.
        point: where the trajectory starts, one or two numbers.
        method: "euler", "midpoint", "rk4" (the 3/8 rule, as in torchdiffeq)
            or "dopri5", shown first.
        title: above the figure.

    Raises:
        TypeError: a model cannot be exported.
        ValueError: an argument out of range.
    """

    _esm = bundle("solver")
    selected = traitlets.Unicode().tag(sync=True)
    method = traitlets.Unicode().tag(sync=True)
    setting = traitlets.Int(2).tag(sync=True)

    def __init__(
        self,
        models: NeuralODE | Mapping[str, NeuralODE],
        point: Sequence[float],
        *,
        method: str = "rk4",
        title: str = "A solver's steps, their cost and their error",
    ) -> None:
        methods = ("euler", "midpoint", "rk4", "dopri5")
        if method not in methods:
            raise ValueError(
                f"method is {method!r}; it takes one of {', '.join(methods)}"
            )
        x = torch.tensor([[float(v) for v in point]])
        exported = _export_all(models, x)
        super().__init__(
            title=title,
            models=exported,
            point=_point(point, x),
            selected=exported[0][0],
            method=method,
        )


def _export_all(models: Any, x: Tensor) -> list[tuple[str, dict[str, Any]]]:
    named = models if isinstance(models, Mapping) else {"model": models}
    if not named:
        raise ValueError("models is empty; it takes one NeuralODE or more")
    exported = [(str(label), export(one)) for label, one in named.items()]
    for one in named.values():
        _check_lift(one, x)
    return exported


def _data(x: Tensor, y: Tensor) -> dict[str, Any]:
    if x.ndim != 2 or not 1 <= x.shape[1] <= 2 or not 1 <= len(x) <= MAX_POINTS:
        raise ValueError(
            f"x has shape {tuple(x.shape)}; it takes (N, 1) or (N, 2) with N "
            f"up to {MAX_POINTS}, such as x[:60]"
        )
    if y.numel() != len(x):
        raise ValueError(
            f"y has shape {tuple(y.shape)}; it takes one number for each of "
            f"the {len(x)} points"
        )
    return {"x": pack(x.float()), "y": pack(y.float())}


def _point(point: Sequence[float], x: Tensor) -> list[float]:
    values = [float(v) for v in point]
    if len(values) != x.shape[1]:
        raise ValueError(
            f"point is {values}; it takes {x.shape[1]} numbers, as x has"
        )
    return values


@torch.no_grad()
def _check_lift(model: NeuralODE, x: Tensor) -> None:
    """Where z(0) does not start with x, the point would not be where it is."""
    given = x.to(next(model.parameters()))
    start = model.solve(given, torch.zeros(1)).z[0]
    if not torch.allclose(start[:, : x.shape[1]], given, atol=1e-6):
        raise ValueError(
            "a model's lift moves x; the widget takes one that keeps x "
            "as the first components of the state"
        )
