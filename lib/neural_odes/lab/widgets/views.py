"""Widgets of trained models and solvers, for data on a line or a plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import traitlets
from torch import Tensor

from neural_odes.checks import one_of, positive
from neural_odes.depth import Galerkin
from neural_odes.lab.widgets.base import (
    ModelWidget,
    bundle,
    export_all,
    export_kept,
    fixed_depth,
    pack_data,
    place,
)
from neural_odes.ode import NeuralODE


class FlowWidget(ModelWidget):
    """Data and a point that the reader drags, flowing through trained fields.

    The reader chooses a model, moves the point, scrubs or plays the depth and
    sets the solver's tolerance; read out are the point's end, its output and
    the function evaluations. States of one component are drawn over depth.
    Where each input has a depth of its own, the scrubber takes all through
    the same part of theirs. A model of two features with one output gets a
    second picture: the class of every input in the plane.

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
        positive("tolerance", tolerance)
        shown = pack_data(x, y)
        exported = export_all(models, x)
        depth = exported[0][1]["depth"]
        super().__init__(
            title=title,
            models=exported,
            data=shown,
            selected=exported[0][0],
            point=place(point, x),
            s=depth if isinstance(depth, float) else 1.0,
            tolerance=float(tolerance),
        )


class ModesWidget(ModelWidget):
    """How many functions theta(s) needs: weights of a GalNODE and their flow.

    The reader sets how many functions of the basis are kept, and sees the
    weights that move most beside the data's flow under what is left.

    Args:
        models: a NeuralODE whose field is a Galerkin, of which the first
            m = 1, 2, ... functions are kept; or several, each trained with
            its own number of functions. Each has one depth for all inputs.
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
        shown = pack_data(x, y)
        exported: list[tuple[int, dict[str, Any]]] = []
        for one in several:
            field = getattr(one, "field", one)
            if not isinstance(field, Galerkin):
                kind = type(field).__name__
                raise TypeError(f"models must have Galerkin fields, got {kind}")
            exported.append((field.basis.size, export_kept(one, x)))
        if not exported:
            raise ValueError("models must be one NeuralODE or more, got none")
        exported.sort(key=lambda pair: pair[0])
        super().__init__(
            title=title,
            models=exported,
            data=shown,
            point=place(point, x),
            modes=exported[-1][0],
            s=max(fixed_depth(state) for _, state in exported),
        )


class SolverWidget(ModelWidget):
    """A solver's steps on one trajectory: what they cost, how far they miss.

    The reader chooses a method and its step size or tolerance, and moves the
    starting point; a second panel shows error against function evaluations of
    every method and setting.

    Args:
        models: one NeuralODE with a state of one or two components and one
            depth for all inputs, or several by the labels to choose from. A
            linear system dz/ds = A z is ``NeuralODE(layer)`` with an
            ``nn.Linear`` of weight A.
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
        one_of("method", method, ("euler", "midpoint", "rk4", "dopri5"))
        x = torch.tensor([[float(v) for v in point]])
        exported = export_all(models, x)
        for _, state in exported:
            fixed_depth(state)
        super().__init__(
            title=title,
            models=exported,
            point=place(point, x),
            selected=exported[0][0],
            method=method,
        )
