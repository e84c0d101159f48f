"""Curves: training, weights over depth, orders of convergence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from neural_odes.checks import check_at_least, check_one_of, check_positive
from neural_odes_lab.plot.states import to_array, to_model
from neural_odes_lab.plot.style import legend, on_axes
from neural_odes_lab.tables import GEOMETRIC

QUANTITIES = {
    "loss": "loss",
    "grad_norm": "gradient norm",
    "nfe": "function evaluations",
}


def training_curves(
    histories: Mapping[str, Any],
    quantity: str = "loss",
    ax: Axes | None = None,
    *,
    spikes: float | None = None,
) -> Axes:
    """What training measured, epoch by epoch: mean and ±1 standard deviation.

    Losses and gradient norms are drawn on a logarithmic axis, with their
    geometric mean and spread, which cannot be negative. A figure of its
    own has a legend; where Axes are given, ``plot.legend(ax)`` adds one.

    Args:
        histories: for each label one history, or one per seed. A history has
            the attributes ``loss``, ``grad_norm`` and ``nfe``, of shape
            (epochs,).
        quantity: which of them to draw.
        ax: where to draw; by default on a new figure.
        spikes: if given, crosses mark the epochs of single runs whose value is
            more than this many times that of the epoch before.

    Raises:
        ValueError: another quantity, no histories, or seeds of one label that
            trained for different numbers of epochs.
    """
    check_one_of("quantity", quantity, QUANTITIES)
    runs = {k: _runs(k, v, quantity) for k, v in histories.items()}
    if not runs:
        raise ValueError("histories must have one label or more, got none")
    fresh = ax is None
    ax = on_axes(ax)
    for label, values in runs.items():
        epochs = np.arange(1, values.shape[1] + 1)
        low, mean, high = _spread(values, factors=quantity != "nfe")
        (line,) = ax.plot(epochs, mean, label=label)
        if len(values) > 1:
            ax.fill_between(
                epochs, low, high, color=line.get_color(), alpha=0.2,
                linewidth=0,
            )  # fmt: skip
        if spikes is not None:
            run, at = np.nonzero(values[:, 1:] > spikes * values[:, :-1])
            ax.plot(
                epochs[at + 1], values[run, at + 1], "x", color=line.get_color()
            )
    if quantity != "nfe":
        ax.set_yscale("log")
    ax.set(xlabel="epoch", ylabel=QUANTITIES[quantity])
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.margins(x=0.01)
    ax.grid(axis="y")
    if fresh and len(runs) > 1:
        legend(ax)
    return ax


def _runs(label: str, histories: Any, quantity: str) -> np.ndarray:
    """The quantity of all seeds, shape (seeds, epochs)."""
    several = histories if isinstance(histories, Sequence) else [histories]
    rows = [to_array(torch.as_tensor(getattr(h, quantity))) for h in several]
    lengths = sorted({len(row) for row in rows})
    if len(lengths) != 1 or lengths == [0]:
        raise ValueError(
            f"histories of {label!r} must have the same number of epochs, >= "
            f"1, for all seeds, got {lengths}"
        )
    return np.stack(rows).astype(float)


def weights(
    field: Any,
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
    *,
    entries: int = 8,
    depth: float = 1.0,
    points: int = 200,
) -> Axes:
    """How the parameters of a depth-variant field change: theta_k(s).

    Args:
        field: has ``weights(s) -> {name: (T, *shape)}`` for depths of shape
            (T,), as Galerkin and hypernetwork fields do.
        names: the tensors to draw, by default all. Each has one colour.
        ax: where to draw; by default on a new figure.
        entries: how many of each tensor's entries to draw at most, evenly
            spaced.
        depth: S, where the depths end, > 0.
        points: depths per curve.

    Raises:
        TypeError: the field has no ``weights``.
        ValueError: an unknown name, or depth is not > 0.
    """
    if not callable(getattr(field, "weights", None)):
        raise TypeError(
            "field must have weights(s), as Galerkin and hypernetwork fields "
            f"do, got {type(field).__name__}"
        )
    check_positive("depth", depth)
    check_at_least("entries", entries, 1)
    s = torch.linspace(0, depth, points)
    with torch.no_grad():
        curves: Mapping[str, Tensor] = field.weights(to_model(field, s))
    chosen = list(curves) if names is None else list(names)
    if unknown := set(chosen) - set(curves):
        raise ValueError(
            f"names must be among {', '.join(curves)}, got "
            f"{', '.join(sorted(unknown))}"
        )
    ax = on_axes(ax)
    for name in chosen:
        values = to_array(curves[name]).reshape(points, -1)
        kept = np.linspace(0, values.shape[1] - 1, entries).round().astype(int)
        values = values[:, np.unique(kept)]
        alpha = max(0.25, min(0.8, 12 / values.shape[1]))
        (first,) = ax.plot(to_array(s), values[:, 0], alpha=alpha, lw=1)
        color = first.get_color()
        ax.plot(to_array(s), values[:, 1:], color=color, alpha=alpha, lw=1)
        ax.plot([], [], color=color, label=name)
    ax.set(xlabel="depth $s$", ylabel="$\\theta(s)$", xlim=(0, depth))
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def convergence(
    x: Sequence[float] | Tensor,
    ys: Mapping[str, Sequence[float] | Tensor],
    slope: float | Mapping[str, float] | None = None,
    ax: Axes | None = None,
    *,
    xlabel: str = "step size",
    ylabel: str = "error",
) -> Axes:
    """Errors on logarithmic axes, where an order of convergence is a slope.

    Args:
        x: step sizes (or numbers of steps: slopes are negative), shape (K,).
        ys: for each label the errors, shape (K,).
        slope: dashed reference lines: one number beside the first curve, or
            ``{label: slope}``, each beside its own.
        ax: where to draw; by default on a new figure.
        xlabel: what x is.
        ylabel: what the curves are.

    Raises:
        ValueError: shapes that disagree, values not > 0, or an unknown label.
    """
    across = np.asarray(x, dtype=float)
    curves = {k: np.asarray(v, dtype=float) for k, v in ys.items()}
    for name, values in {"x": across, **curves}.items():
        if values.shape != across.shape or values.ndim != 1:
            raise ValueError(
                f"{name} must have shape (K,), the same for x and all curves, "
                f"got {values.shape}"
            )
        if not (values > 0).all():
            raise ValueError(
                f"{name} must be numbers > 0 on log axes, got {values.min():g}"
            )
    slopes: Mapping[str, float]
    if isinstance(slope, Mapping):
        slopes = slope
    else:
        slopes = {} if slope is None else {next(iter(curves)): slope}
    if unknown := set(slopes) - set(curves):
        raise ValueError(
            f"slope must be for curves among {', '.join(curves)}, got "
            f"{', '.join(sorted(unknown))}"
        )
    ax = on_axes(ax)
    for label, values in curves.items():
        (line,) = ax.loglog(across, values, marker="o", label=label)
        if label in slopes:
            middle = len(across) // 2
            # Half as high as the curve, so that both can be seen.
            guide = (
                values[middle] / 2 * (across / across[middle]) ** slopes[label]
            )
            ax.loglog(
                across, guide, "--", color=line.get_color(), linewidth=1,
                label=f"slope {slopes[label]:g}",
            )  # fmt: skip
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.grid(which="major")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def _spread(values: np.ndarray, *, factors: bool) -> tuple[np.ndarray, ...]:
    """One deviation below the mean over runs, the mean, one above it.

    Args:
        values: shape (runs, ...).
        factors: of logarithms, for values > 0.
    """
    own = np.log(values) if factors and (values > 0).all() else values
    mean = own.mean(0)
    std = own.std(0, ddof=1) if len(own) > 1 else np.zeros_like(mean)
    found = (mean - std, mean, mean + std)
    return tuple(map(np.exp, found)) if own is not values else found


def means(
    frame: pd.DataFrame,
    x: str,
    quantity: str,
    ax: Axes | None = None,
    *,
    label: str | None = None,
) -> Axes:
    """A quantity over x: mean ±1 standard deviation over seeds.

    Quantities that differ by factors, such as losses, have their geometric
    mean and spread, on a logarithmic axis.

    Args:
        frame: a row per value of x and seed.
        x: a column of numbers.
        quantity: another column, drawn over x.
        ax: where to draw; by default on a new figure.
        label: of the curve; by default the quantity's name.
    """
    ax = on_axes(ax)
    frame = frame.dropna(subset=[quantity])
    factors = quantity in GEOMETRIC and bool((frame[quantity] > 0).all())
    across, ends = [], []
    for value, own in frame.groupby(x)[quantity]:
        across.append(value)
        ends.append(_spread(own.to_numpy()[:, None], factors=factors))
    low, mean, high = np.array(ends)[..., 0].T
    name = quantity if label is None else label
    bars = [mean - low, high - mean]
    ax.errorbar(across, mean, bars, fmt="o-", capsize=3, label=name)
    if factors:
        ax.set_yscale("log")
    ax.set(xlabel=x)
    return ax


def memory(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Peak memory of a gradient over the evaluations of its forward solve.

    Args:
        frame: has the columns "variant", how the gradient is computed, "nfe"
            and "memory", in MiB.
        ax: where to draw; by default on a new figure.
    """
    ax = on_axes(ax)
    for way, own in frame.groupby("variant", sort=False):
        ax.loglog(own["nfe"], own["memory"], "o-", label=way)
    ax.set(xlabel="evaluations", ylabel="peak memory in MiB")
    legend(ax)
    return ax
