"""Three-dimensional states, drawn in space."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from mpl_toolkits.mplot3d import Axes3D
from torch import Tensor

from neural_odes_lab.plot.states import labels, to_array
from neural_odes_lab.plot.style import CLASS_COLORS, CLASS_MARKERS


def space(
    z: Tensor,
    y: Tensor,
    ax: Axes3D | None = None,
    *,
    level: float | None = None,
    names: tuple[str, str, str] = ("$z_1$", "$z_2$", "$a$"),
) -> Axes3D:
    """Points of two classes in space, and a level plane between them.

    Args:
        z: states, shape (N, 3).
        y: labels -1 and +1, shape (N,) or (N, 1).
        ax: where to draw, three-dimensional; by default on a new figure.
        level: height of a horizontal plane; by default none is drawn.
        names: of the axes.

    Raises:
        ValueError: z is not of that shape, or other labels.
    """
    if z.ndim != 2 or z.shape[1] != 3:
        raise ValueError(f"z must have shape (N, 3), got {tuple(z.shape)}")
    points, classes = to_array(z), labels(y, len(z))
    if ax is None:
        ax = plt.figure().add_subplot(projection="3d")
    for label, color in CLASS_COLORS.items():
        own = points[classes == label].T
        ax.scatter(*own, color=color, marker=CLASS_MARKERS[label], s=12)
    if level is not None:
        side = np.abs(points[:, :2]).max() * np.array([-1.1, 1.1])
        across, up = np.meshgrid(side, side)
        height = np.full_like(across, level)
        ax.plot_surface(across, up, height, color="#999999", alpha=0.25)
    ax.set(xlabel=names[0], ylabel=names[1], zlabel=names[2])
    ax.set(xticks=[], yticks=[], zticks=[])
    ax.set_box_aspect(None, zoom=0.85)  # room for the labels
    return ax
