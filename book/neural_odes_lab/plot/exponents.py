"""Where in the plane of inputs a model is sensitive."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import nn

from neural_odes.chaos import finite_time_exponents
from neural_odes.checks import check_positive
from neural_odes.ode import NeuralODE
from neural_odes_lab.plot.marks import draw_zero
from neural_odes_lab.plot.plane import BOX, Box
from neural_odes_lab.plot.states import as_batch, check_model, grid, to_array
from neural_odes_lab.plot.style import on_axes


def exponent_map(
    model: NeuralODE,
    ax: Axes | None = None,
    box: Box = BOX,
    *,
    density: int = 60,
    largest: float = 3.0,
) -> Axes:
    """The first finite-time exponent over the plane of inputs.

    Orange: small differences grow on the way to S; violet: all shrink. A solid
    line is the decision boundary, if the readout gives one number.

    Args:
        model: takes inputs of shape (N, 2).
        ax: where to draw; by default on a new square figure.
        box: (left, right, low, high) in the plane of the inputs.
        density: points per side.
        largest: the exponent, > 0, at which colours end on either side. Give
            several figures the same value to compare them.

    Returns:
        The axes; ``ax.collections[0]`` is what a colour bar takes.

    Raises:
        TypeError, ValueError: as
            :func:`neural_odes.chaos.finite_time_exponents`, or largest is not
            > 0.
    """
    check_model(model)
    check_positive("largest", largest)
    plane = grid(box, density)
    inputs = as_batch(model, plane)
    rates = to_array(finite_time_exponents(model, inputs)[:, 0])
    ax = on_axes(ax, square=True)
    ax.pcolormesh(
        *np.moveaxis(plane, -1, 0), rates.reshape(plane.shape[:2]),
        cmap="PuOr_r", vmin=-largest, vmax=largest, shading="gouraud",
        zorder=0, rasterized=True,
    )  # fmt: skip
    if not isinstance(model.readout, nn.Identity):
        with torch.no_grad():
            output = to_array(model(inputs))
        if output.size == len(inputs):
            draw_zero(ax, plane, output.reshape(plane.shape[:2]), "-")
    ax.set(xlim=box[:2], ylim=box[2:], aspect="equal", xlabel="$x_1$")
    ax.set_ylabel("$x_2$", rotation=0, labelpad=8)
    return ax
