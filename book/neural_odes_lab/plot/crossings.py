"""Where trajectories in the plane cross, and at which depths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from neural_odes_lab.plot.marks import draw_paths, mark
from neural_odes_lab.plot.plane import Box, box_around
from neural_odes_lab.plot.states import labels, to_array
from neural_odes_lab.plot.style import on_axes


def crossings(
    s: Tensor,
    z: Tensor,
    y: Tensor,
    found: Sequence[Mapping[str, Any]],
    ax: Axes | None = None,
    *,
    named: int = 2,
    box: Box | None = None,
) -> Axes:
    """Trajectories of the plane and the points where two of them cross.

    A few crossings are labelled with the depths at which the two trajectories
    get there: those with the largest difference of depths.

    Args:
        s: depths, shape (T,).
        z: states at these depths, shape (T, N, 2).
        y: labels -1 and +1, shape (N,) or (N, 1).
        found: what
            :func:`neural_odes_lab.studies.paths.path_crossings` finds in z.
        ax: where to draw; by default on a new square figure.
        named: how many crossings are labelled, >= 0; the others are only dots.
        box: (left, right, low, high); by default around all states.

    Raises:
        ValueError: z is no set of trajectories of the plane, or other labels.
    """
    if z.ndim != 3 or z.shape[2] != 2 or len(s) != len(z):
        raise ValueError(
            f"z must have shape ({len(s)}, N, 2), states of the plane at the "
            f"depths s, got {tuple(z.shape)}"
        )
    shown, classes = to_array(z), labels(y, z.shape[1])
    ax = on_axes(ax, square=True)
    draw_paths(ax, shown, classes)
    mark(ax, shown[0], classes, hollow=True)
    mark(ax, shown[-1], classes)
    depths = np.array(
        [np.interp(f["steps"], range(len(s)), to_array(s)) for f in found]
    ).reshape(-1, 2)
    points = np.array([f["point"] for f in found]).reshape(-1, 2)
    across, up = points.T
    ax.scatter(across, up, s=9, color="#222222", zorder=4)
    apart = np.abs(depths[:, 0] - depths[:, 1])
    for n, i in enumerate(np.argsort(-apart)[:named]):
        pair = found[i]["samples"]
        ax.plot(*shown[:, pair].transpose(2, 0, 1), color="#222222", lw=1.3)
        ax.annotate(
            "at s = {:.2f} and {:.2f}".format(*sorted(depths[i])),
            points[i],
            xytext=(0.04, 0.94 - 0.09 * n),
            textcoords="axes fraction",
            fontsize=8,
            arrowprops={"arrowstyle": "-", "color": "#222222", "lw": 0.6},
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            zorder=5,
        )
    box = box_around(torch.as_tensor(shown)) if box is None else box
    ax.set(xlim=box[:2], ylim=box[2:], xlabel="$z_1$")
    ax.set_ylabel("$z_2$", rotation=0, labelpad=8)
    return ax
