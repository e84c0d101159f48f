"""A widget of solvers: their steps, what they cost, how far they miss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import traitlets

from neural_odes.checks import check_one_of
from neural_odes.ode import NeuralODE
from neural_odes_lab.widgets.base import (
    ModelWidget,
    bundled,
    place,
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

    _esm = bundled("solver")
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
        check_one_of("method", method, ("euler", "midpoint", "rk4", "dopri5"))
        size = len(point) if isinstance(point, list | tuple) else 1
        start = place(point, torch.zeros(1, size))
        super().__init__(
            models, torch.tensor([start]), title=title, method=method
        )
