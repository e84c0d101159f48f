"""What figures and animations put on the plane."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize

from neural_odes_lab.plot.style import (
    CLASS_COLORS,
    CLASS_FILLS,
    CLASS_MARKERS,
    class_name,
)


def mark(
    ax: Axes, points: np.ndarray, classes: np.ndarray, hollow: bool = False
) -> None:
    """Points of shape (N, 2) with the colours and markers of their classes."""
    size = float(np.clip(3000 / max(len(points), 1), 8, 26))
    for label, color in CLASS_COLORS.items():
        ours = points[classes == label]
        ax.scatter(
            ours[:, 0], ours[:, 1], s=size * (0.6 if hollow else 1),
            marker=CLASS_MARKERS[label], linewidths=0.6 if hollow else 0.4,
            facecolors="white" if hollow else color,
            edgecolors=color if hollow else "white",
            zorder=2.5 if hollow else 3,
            label=None if hollow else class_name(label),
        )  # fmt: skip


def draw_paths(ax: Axes, paths: np.ndarray, classes: np.ndarray) -> None:
    """Trajectories, shape (T, N, 2), in the colours of their classes."""
    for label, color in CLASS_COLORS.items():
        ours = paths[:, classes == label].transpose(1, 0, 2)
        ax.add_collection(
            LineCollection(
                list(ours), colors=color, linewidths=0.7, alpha=0.35, zorder=2
            )
        )


def draw_field(
    ax: Axes,
    plane: np.ndarray,
    slopes: np.ndarray,
    *,
    kind: str = "quiver",
    top: float | None = None,
) -> None:
    """Arrows or streamlines, the darker the faster.

    ``plane`` and ``slopes`` have shape (K, K, 2); ``top`` is the speed of the
    longest arrow, by default the highest there is.
    """
    across, up, u, v = *np.moveaxis(plane, -1, 0), *np.moveaxis(slopes, -1, 0)
    speed = np.hypot(u, v)
    top = top or float(speed.max()) or 1.0
    if kind == "stream":
        lines = ax.streamplot(
            across, up, u, v, density=1.1, arrowsize=0.8, zorder=1,
            color=speed, cmap="Greys", norm=shades(top),
            linewidth=0.5 + 1.2 * speed / top,
        ).lines  # fmt: skip
        lines.set_capstyle("round")  # else there are gaps between colours
        return
    cell = across[0, 1] - across[0, 0]
    ax.quiver(
        across, up, u, v, speed, cmap="Greys", norm=shades(top), zorder=1,
        angles="xy", scale_units="xy", scale=top / (1.5 * cell),
        width=0.005, pivot="mid",
    )  # fmt: skip


def shades(top: float) -> Normalize:
    """Maps speeds from 0 to top to greys, neither white nor black."""
    return Normalize(-0.4 * top, 1.7 * top)


def draw_regions(
    ax: Axes,
    plane: np.ndarray,
    output: np.ndarray,
    boundary: np.ndarray | None = None,
) -> None:
    """Two filled regions by the output's sign, and the line between them.

    The line is the boundary, shape (K, 2), if it is known: one drawn from the
    grid misses thin channels.
    """
    edge = max(float(np.abs(output).max()), 1e-12) * 1.01
    ax.contourf(
        *np.moveaxis(plane, -1, 0),
        output,
        [-edge, 0, edge],
        colors=CLASS_FILLS,
        zorder=0,
    )
    if boundary is None:
        draw_zero(ax, plane, output, "-")
    else:
        ax.plot(*boundary.T, color="#222222", linewidth=1.2, zorder=1.5)


def draw_zero(
    ax: Axes, plane: np.ndarray, output: np.ndarray, style: str
) -> None:
    if output.min() < 0 < output.max():  # else matplotlib warns
        ax.contour(
            *np.moveaxis(plane, -1, 0), output, [0.0], colors="#222222",
            linewidths=1.2, linestyles=style, zorder=1.5,
        )  # fmt: skip
