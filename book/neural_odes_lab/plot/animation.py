"""Animations: small muted videos that the reader starts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from IPython.display import HTML
from matplotlib.axes import Axes
from torch import Tensor

from neural_odes.checks import check_at_least
from neural_odes.ode import NeuralODE
from neural_odes_lab.plot.film import film
from neural_odes_lab.plot.marks import (
    draw_field,
    draw_paths,
    draw_regions,
    mark,
)
from neural_odes_lab.plot.plane import Box, box_around
from neural_odes_lab.plot.preimage import shared_boundary
from neural_odes_lab.plot.states import (
    as_batch,
    check_components,
    grid,
    labels,
    slope,
    states,
    to_array,
    to_model,
)


def animate_flow(
    model: NeuralODE,
    x: Tensor,
    y: Tensor,
    *,
    box: Box | None = None,
    frames: int = 40,
    components: Sequence[int] = (0, 1),
    label: str | None = None,
) -> HTML:
    """Data flowing through the plane, over the field at each depth.

    The field is drawn if all samples share it. They do not if it depends on the
    input (paper, equation 17), if the state has more than two components, or if
    samples have their own depths.

    Args:
        model: its state must have two components or more.
        x: input, shape (N, D_x).
        y: labels -1 and +1, shape (N,) or (N, 1).
        box: (left, right, low, high); by default around all states.
        frames: depths shown, >= 2; the last one stays for a second.
        components: the two that are shown.
        label: what the video shows, for those who do not see it.

    Returns:
        The video, as HTML that a notebook displays; a GIF where ffmpeg is
        missing. The reader starts it.

    Raises:
        TypeError: model is not a NeuralODE.
        ValueError: an argument out of range, or other labels.
    """
    classes = labels(y, len(x))
    s, z = _states(model, x, frames)
    check_components(components, z.shape[2])
    shown = z[:, :, list(components)]
    box = box_around(torch.as_tensor(shown)) if box is None else box
    plane = grid(box, 14)
    with torch.no_grad():
        slopes = _field(
            model, x, z, s[:, 0], plane[..., np.argsort(components)]
        )
    slopes = slopes[..., list(components)]
    top = np.linalg.norm(slopes, axis=-1).max(initial=0.0)

    def draw(ax: Axes, i: int) -> None:
        if len(slopes):
            draw_field(ax, plane, slopes[i], top=top)
        draw_paths(ax, shown[: i + 1], classes)
        mark(ax, shown[i], classes)

    return film(
        draw,
        _captions(model, frames),
        box,
        (f"$z_{{{components[0] + 1}}}$", f"$z_{{{components[1] + 1}}}$"),
        label
        or f"{len(x)} samples of two classes flow through the plane of "
        "two state components, from their inputs to their final states.",
    )


def animate_boundary(
    model: NeuralODE,
    x: Tensor,
    y: Tensor,
    *,
    box: Box | None = None,
    frames: int = 40,
    density: int = 100,
    label: str | None = None,
) -> HTML:
    """How the decision regions form: the readout of z(s) instead of z(S).

    Every frame shows, over the plane of inputs, the class that the model
    would give if the flow ended at that depth.

    Args:
        model: takes inputs of shape (N, 2); its readout gives one number.
        x: data shown on top, shape (N, 2).
        y: labels -1 and +1, shape (N,) or (N, 1).
        box: (left, right, low, high); by default around x.
        frames: depths shown, >= 2; the last one stays for a second.
        density: evaluations per side.
        label: what the video shows, for those who do not see it.

    Returns:
        As :func:`animate_flow`.

    Raises:
        TypeError: model is not a NeuralODE.
        ValueError: an argument out of range, other labels, or the readout
            gives more than one number.
    """
    classes = labels(y, len(x))
    box = box_around(x, 0.2) if box is None else box
    plane = grid(box, density)
    _, z = _states(model, as_batch(model, plane), frames)
    with torch.no_grad():
        output = model.readout(as_batch(model, z))
    if output.numel() != frames * density**2:
        raise ValueError(
            "model.readout must return one number per sample, got shape "
            f"{tuple(output.shape[1:])}"
        )
    values = to_array(output).reshape(frames, density, density)

    curves = _boundaries(model, frames)

    def draw(ax: Axes, i: int) -> None:
        draw_regions(ax, plane, values[i], curves[i])
        mark(ax, to_array(x), classes)

    return film(
        draw,
        _captions(model, frames),
        box,
        ("$x_1$", "$x_2$"),
        label
        or "The regions of the input plane that the model assigns to "
        "each of two classes, from depth 0 to the final depth.",
    )


def _states(
    model: NeuralODE, x: Tensor, frames: int
) -> tuple[np.ndarray, np.ndarray]:
    check_at_least("frames", frames, 2)
    return states(model, x, frames)


def _field(
    model: NeuralODE,
    x: Tensor,
    z: np.ndarray,
    depths: np.ndarray,
    plane: np.ndarray,
) -> np.ndarray:
    """Slopes on the plane at each depth, (T, K, K, 2); none if not shared."""
    if callable(model.depth) or z.shape[2] != 2:
        return np.zeros((0, *plane.shape))
    x, start = to_model(model, x), as_batch(model, z[0])
    ours = slope(model, 0.0, start, x)
    if not torch.allclose(ours, slope(model, 0.0, start, x.roll(1, 0))):
        return np.zeros((0, *plane.shape))
    points = as_batch(model, plane)
    control = x[:1].expand(len(points), -1)  # any input will do
    slopes = [slope(model, float(s), points, control) for s in depths]
    return to_array(torch.stack(slopes)).reshape(-1, *plane.shape)


def _boundaries(model: NeuralODE, frames: int) -> list[np.ndarray | None]:
    """The boundary at each frame's depth; None where only a grid shows it."""
    if callable(model.depth) or shared_boundary(model, 0.0) is None:
        return [None] * frames
    depths = np.linspace(0, model.depth, frames)
    found = [shared_boundary(model, float(s)) for s in depths]
    return [None if curve is None else to_array(curve) for curve in found]


def _captions(model: NeuralODE, frames: int) -> list[str]:
    if callable(model.depth):
        return [f"$s / S(x)$ = {f:.2f}" for f in np.linspace(0, 1, frames)]
    return [f"$s$ = {f:.2f}" for f in np.linspace(0, model.depth, frames)]
