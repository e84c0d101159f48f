"""Figures in the plane of two state components."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor, nn

from neural_odes.checks import check_nonnegative, check_one_of
from neural_odes.ode import NeuralODE
from neural_odes_lab.plot.marks import (
    draw_field,
    draw_paths,
    draw_regions,
    draw_zero,
    mark,
)
from neural_odes_lab.plot.preimage import shared_boundary
from neural_odes_lab.plot.states import (
    as_batch,
    check_components,
    check_model,
    grid,
    labels,
    slope,
    states,
    to_array,
)
from neural_odes_lab.plot.style import on_axes

Box = Sequence[float]
BOX: Box = (-2.0, 2.0, -2.0, 2.0)


def box_around(points: Tensor, margin: float = 0.1) -> tuple[float, ...]:
    """The smallest square (left, right, low, high) around points, plus a rim.

    Args:
        points: shape (..., 2).
        margin: width of the rim, as a fraction of the square's side.
    """
    flat = points.detach().reshape(-1, 2).cpu()
    low, high = flat.amin(0), flat.amax(0)
    half = float((high - low).max()) * (0.5 + margin) or 1.0
    x, y = ((low + high) / 2).tolist()
    return (x - half, x + half, y - half, y + half)


def vector_field(
    model: NeuralODE,
    ax: Axes | None = None,
    box: Box = BOX,
    s: float = 0.0,
    *,
    control: Tensor | None = None,
    at: Tensor | None = None,
    components: Sequence[int] = (0, 1),
    kind: Literal["quiver", "stream"] = "quiver",
    density: int = 20,
    fastest: float | None = None,
) -> Axes:
    """The field f(s, z, x) at one depth: direction and speed.

    Args:
        model: its state must have two components or more.
        ax: where to draw; by default on a new square figure.
        box: (left, right, low, high) in the plane of the components.
        s: depth at which the field is shown.
        control: the input x, shape (D_x,), whose field is shown. A
            data-controlled model (paper, equation 17) has one field per
            input. By default x is the point where an arrow stands: the field
            at s = 0, where z = x.
        at: a state, shape (D,), that gives the components which are not
            shown; by default what the lift makes of the input (0, 0).
        components: the two that are shown.
        kind: ``"quiver"``, arrows whose lengths are proportional to the
            speed; or ``"stream"``, streamlines.
        density: arrows per side.
        fastest: the speed of the longest and darkest arrow; by default the
            highest there is. Give several figures the same value to compare
            them.

    Raises:
        TypeError: model is not a NeuralODE.
        ValueError: an argument out of range, or the field takes states of
            another size (give ``at``).
    """
    check_model(model)
    check_one_of("kind", kind, ("quiver", "stream"))
    check_nonnegative("s", s)
    plane = grid(box, density)
    points = as_batch(model, plane)
    try:
        z, x = _on_plane(model, points, at, components)
        if control is not None:
            x = control.to(points).reshape(1, -1).expand(len(points), -1)
        slopes = slope(model, s, z, x)[:, list(components)]
    except RuntimeError as error:
        raise ValueError(
            "model.field must take points of the plane as states and inputs; "
            "give at, control or both, or draw one component with slope_field "
            f"({error})"
        ) from error
    ax = on_axes(ax, square=True)
    shown = to_array(slopes).reshape(plane.shape)
    draw_field(ax, plane, shown, kind=kind, top=fastest)
    _frame(ax, box, components)
    return ax


def flow(
    model: NeuralODE,
    x: Tensor,
    y: Tensor,
    ax: Axes | None = None,
    *,
    box: Box | None = None,
    field: float | None = None,
    components: Sequence[int] = (0, 1),
    points: int = 60,
) -> Axes:
    """Data on their way through the plane: z(0) hollow, z(S) filled.

    If the state is two-dimensional and a readout gives one number, a dashed
    line shows where the readout changes sign.

    Args:
        model: its state must have two components or more.
        x: input, shape (N, D_x); 50 to 200 samples read well.
        y: labels -1 and +1, shape (N,) or (N, 1).
        ax: where to draw; by default on a new square figure.
        box: (left, right, low, high); by default around all states.
        field: a depth s; its field is drawn below, as by
            :func:`vector_field`. By default none is.
        components: the two that are shown.
        points: depths per trajectory.

    Raises:
        TypeError: model is not a NeuralODE.
        ValueError: an argument out of range, or other labels.
    """
    classes = labels(y, len(x))
    _, z = states(model, x, points)
    check_components(components, z.shape[2])
    ax = on_axes(ax, square=True)
    shown = z[:, :, list(components)]
    box = box_around(torch.as_tensor(shown)) if box is None else box
    if field is not None:
        vector_field(model, ax, box, field, components=components)
    draw_paths(ax, shown, classes)
    mark(ax, shown[0], classes, hollow=True)
    mark(ax, shown[-1], classes)
    _frame(ax, box, components)
    if z.shape[2] == 2:
        _readout_line(model, ax, box, components)
    return ax


def snapshots(
    model: NeuralODE,
    x: Tensor,
    y: Tensor,
    axes: Sequence[Axes],
    *,
    box: Box | None = None,
    sample: int | None = None,
    density: int = 16,
) -> None:
    """Data at equally spaced depths from 0 to S, each over the field there.

    Args:
        model: of the plane, with one depth for all samples.
        x: input, shape (N, D_x).
        y: labels -1 and +1, shape (N,) or (N, 1).
        axes: where to draw, one for each depth, two or more.
        box: (left, right, low, high); by default around all states.
        sample: index of the input whose field is drawn, and which a ring
            marks: a data-controlled model (paper, equation 17) has one field
            per input.
        density: arrows per side.

    Raises:
        TypeError: model is not a NeuralODE.
        ValueError: an argument out of range, or other labels.
    """
    classes = labels(y, len(x))
    if sample is not None and not 0 <= sample < len(x):
        raise ValueError(
            f"sample must be an index below {len(x)}, got {sample}"
        )
    s, z = states(model, x, len(axes))
    box = box_around(torch.as_tensor(z)) if box is None else box
    control = None if sample is None else x[sample]
    for ax, depth, shown in zip(axes, s[:, 0], z, strict=True):
        vector_field(
            model, ax, box, float(depth), control=control, density=density
        )
        mark(ax, shown, classes)
        if sample is not None:
            ax.scatter(
                shown[sample, 0], shown[sample, 1], s=70, facecolors="none",
                edgecolors="black", linewidths=1.2, zorder=4,
            )  # fmt: skip
        ax.set_title(f"$s = {depth:g}$")


def scatter(x: Tensor, y: Tensor, ax: Axes | None = None) -> Axes:
    """Data in the plane, class by class.

    Args:
        x: shape (N, 2).
        y: labels -1 and +1, shape (N,) or (N, 1).
        ax: where to draw; by default on a new square figure.

    Raises:
        ValueError: other shapes or labels.
    """
    if x.ndim != 2 or x.shape[1] != 2:
        raise ValueError(f"x must have shape (N, 2), got {tuple(x.shape)}")
    classes = labels(y, len(x))
    fresh = ax is None
    ax = on_axes(ax, square=True)
    mark(ax, to_array(x), classes)
    if fresh:
        box = box_around(x)
        ax.set(xlim=box[:2], ylim=box[2:], aspect="equal")
    ax.set_xlabel("$x_1$")
    ax.set_ylabel("$x_2$", rotation=0, labelpad=8)
    return ax


def decision_boundary(
    model: Callable[[Tensor], Tensor],
    ax: Axes | None = None,
    box: Box = BOX,
    *,
    density: int = 150,
) -> Axes:
    """The regions of the plane where a model predicts -1 and +1.

    If all inputs share one flow of the plane, the line between the regions is
    the readout's zero line, solved back to depth 0.

    Args:
        model: maps inputs of shape (N, 2) to one number each, (N,) or (N, 1);
            its sign is the class. Any module or function.
        ax: where to draw; by default on a new square figure.
        box: (left, right, low, high) in the plane of the inputs.
        density: evaluations per side.

    Raises:
        ValueError: the output has another shape, or an argument is out of
            range.
    """
    plane = grid(box, density)
    inputs = as_batch(model, plane)
    with torch.no_grad():
        output = model(inputs)
    if output.numel() != len(inputs):
        raise ValueError(
            "model must return one number per input, got shape "
            f"{tuple(output.shape)} for {len(inputs)} inputs; give it a readout"
        )
    ax = on_axes(ax, square=True)
    curve = shared_boundary(model)
    draw_regions(
        ax,
        plane,
        to_array(output).reshape(plane.shape[:2]),
        None if curve is None else to_array(curve),
    )
    ax.set(xlim=box[:2], ylim=box[2:], aspect="equal", xlabel="$x_1$")
    ax.set_ylabel("$x_2$", rotation=0, labelpad=8)
    return ax


@torch.no_grad()
def _on_plane(
    model: NeuralODE,
    points: Tensor,
    at: Tensor | None,
    components: Sequence[int],
) -> tuple[Tensor, Tensor]:
    """States and inputs that stand at points of the plane, (N, 2)."""
    if at is None:
        origin = model.lift(torch.zeros_like(points[:1]))
    else:
        origin = at.to(points).reshape(1, -1)
    check_components(components, origin.shape[1])
    z = origin.repeat(len(points), 1)
    z[:, list(components)] = points
    return z, points if at is None else z


@torch.no_grad()
def _readout_line(
    model: NeuralODE, ax: Axes, box: Box, components: Sequence[int]
) -> None:
    if isinstance(model.readout, nn.Identity):
        return
    plane = grid(box, 120)
    points = as_batch(model, plane)[:, np.argsort(components)]
    output = to_array(model.readout(points))
    if output.size == len(points):
        draw_zero(ax, plane, output.reshape(plane.shape[:2]), "--")


def _frame(ax: Axes, box: Box, components: Sequence[int]) -> None:
    ax.set(xlim=box[:2], ylim=box[2:], aspect="equal")
    ax.set_xlabel(f"$z_{{{components[0] + 1}}}$")
    ax.set_ylabel(f"$z_{{{components[1] + 1}}}$", rotation=0, labelpad=8)
