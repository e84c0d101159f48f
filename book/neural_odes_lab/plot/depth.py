"""Figures over depth: one state component against s."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import CenteredNorm
from torch import Tensor, nn

from neural_odes.ode import NeuralODE
from neural_odes_lab.plot.marks import shades
from neural_odes_lab.plot.states import (
    as_batch,
    check_model,
    grid,
    labels,
    slope,
    states,
    to_array,
)
from neural_odes_lab.plot.style import CLASS_COLORS, class_name, on_axes


def depth_evolution(
    model: NeuralODE,
    x: Tensor,
    y: Tensor,
    ax: Axes | None = None,
    *,
    component: int = 0,
    points: int = 100,
) -> Axes:
    """One state component z_i(s) against depth, a line per sample.

    If the final state itself is the output (no readout, y shaped like it),
    lines are coloured by the input and rings mark the targets y at the end.
    Otherwise, lines are coloured by class.

    Args:
        model: its state must be a vector.
        x: input, shape (N, D_x).
        y: targets shaped like z(S); or labels -1 and +1, (N,) or (N, 1).
        ax: where to draw; by default on a new figure.
        component: index i of the state.
        points: depths per line.

    Raises:
        TypeError: model is not a NeuralODE.
        ValueError: an argument out of range, or other targets.
    """
    s, z = states(model, x, points)
    if not 0 <= component < z.shape[2]:
        raise ValueError(
            f"component must be an index from 0 to {z.shape[2] - 1}, got "
            f"{component}"
        )
    lines = LineCollection(
        list(np.stack([s, z[:, :, component]], axis=2).transpose(1, 0, 2)),
        linewidths=1.2,
        alpha=max(0.35, min(0.9, 20 / len(x))),
    )
    plain = isinstance(model.readout, nn.Identity)
    targets = to_array(y)
    if plain and targets.shape == z.shape[1:]:
        start = z[0, :, component]
        lines.set(array=start, cmap="coolwarm", norm=CenteredNorm())
        ax = on_axes(ax)
        ax.scatter(
            s[-1], targets[:, component], s=28, facecolors="none",
            edgecolors="#222222", linewidths=1, zorder=3, clip_on=False,
            label="target",
        )  # fmt: skip
    else:
        classes = labels(y, len(x))
        lines.set_color([CLASS_COLORS[c] for c in classes])
        ax = on_axes(ax)
        for label, color in CLASS_COLORS.items():
            ax.plot([], [], color=color, label=class_name(label))
    ax.add_collection(lines)
    ax.autoscale_view()
    ax.set_xlim(0, s.max())
    ax.set_xlabel("depth $s$")
    ax.set_ylabel(f"$z_{{{component + 1}}}(s)$" if z.shape[2] > 1 else "$z(s)$")
    return ax


def slope_field(
    model: NeuralODE,
    ax: Axes | None = None,
    box: Sequence[float] = (0.0, 1.0, -1.5, 1.5),
    *,
    control: Tensor | None = None,
    density: int = 20,
) -> Axes:
    """The slopes dz/ds of a one-dimensional model over the (s, z) plane.

    Args:
        model: its state must have one component.
        ax: where to draw; by default on a new figure.
        box: (first s, last s, lowest z, highest z).
        control: the input x, shape (D_x,), whose field is shown; by default
            x = z at each point. A data-controlled model (paper, equation 17)
            has one field per input.
        density: arrows per side.

    Raises:
        TypeError: model is not a NeuralODE.
        ValueError: an argument out of range, or another size of state.
    """
    check_model(model)
    plane = grid(box, density)
    z = as_batch(model, plane[..., 1].T[..., None]).reshape(density, density, 1)
    rise = []
    for s, column in zip(plane[0, :, 0], z, strict=True):
        x = column
        if control is not None:
            x = control.to(column).reshape(1, -1).expand(density, -1)
        try:
            rise.append(slope(model, float(s), column, x))
        except RuntimeError as error:
            raise ValueError(
                "model.field must take states of one number per sample, and "
                f"the given control ({error})"
            ) from error
    v = to_array(torch.cat(rise, dim=1))
    speed, length = np.abs(v), np.hypot(1, v)
    ax = on_axes(ax)
    ax.quiver(
        *np.moveaxis(plane, -1, 0), 1 / length, v / length, speed,
        cmap="Greys", norm=shades(float(speed.max()) or 1.0), angles="xy",
        scale=1.3 * density, width=0.002, pivot="mid", zorder=1,
    )  # fmt: skip
    ax.set(xlim=box[:2], ylim=box[2:], xlabel="depth $s$", ylabel="$z(s)$")
    return ax
