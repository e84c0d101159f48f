"""Where trajectories in the plane cross each other."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

PARALLEL = 0.05
"""Lines at an angle with a smaller sine are taken to run along each other, as
those of a depth-invariant field would wherever two trajectories met."""

PIECE = 20
"""Steps to a piece. Only pieces whose boxes overlap are searched."""


def path_crossings(z: Tensor) -> list[dict[str, Any]]:
    """Where trajectories in the plane cross each other, at any depths.

    Args:
        z: states of N points at T depths, shape (T, N, 2), joined by straight
            lines.

    Returns:
        the first crossing of each pair that has one: the pair's ``samples``,
        the ``point``, and the ``steps`` (of each, in 0..T-1, with fractions).
    """
    rest = z[-1:].expand(-(len(z) - 1) % PIECE, -1, -1)
    paths = torch.cat([z, rest]).transpose(0, 1)
    ends = paths.unfold(1, PIECE + 1, PIECE)  # (N, pieces, 2, PIECE + 1)
    low, high = ends.amin(-1), ends.amax(-1)
    start, run = ends[..., :-1], ends.diff(dim=-1)
    found: list[dict[str, Any]] = []
    for i in range(z.shape[1] - 1):
        overlap = (low[i, None, :, None] <= high[i + 1 :, None]) & (
            high[i, None, :, None] >= low[i + 1 :, None]
        )
        j, p, q = overlap.all(dim=-1).nonzero(as_tuple=True)
        # start_i + a run_i = start_j + b run_j, for all steps of both pieces.
        mine, other = run[i, p, :, :, None], run[i + 1 + j, q, :, None]
        away = start[i + 1 + j, q, :, None] - start[i, p, :, :, None]
        across = _cross(mine, other)
        apart = across.abs() > PARALLEL * mine.norm(dim=1) * other.norm(dim=1)
        a = _cross(away, other) / across
        b = _cross(away, mine) / across
        meets = apart & (a >= 0) & (a < 1) & (b >= 0) & (b < 1)
        one, m, n = meets.nonzero(as_tuple=True)
        steps = torch.stack([p[one] * PIECE + m, q[one] * PIECE + n], dim=1)
        at = torch.stack([a[one, m, n], b[one, m, n]], dim=1)
        point = start[i, p[one], :, m] + at[:, :1] * run[i, p[one], :, m]
        crossings = zip(
            j[one].tolist(),
            steps.tolist(),
            (steps + at).tolist(),
            point.tolist(),
            strict=True,
        )
        first: dict[int, dict[str, Any]] = {}
        for other_, _, depths, where in sorted(crossings):
            first.setdefault(
                other_,
                {
                    "samples": [i, i + 1 + other_],
                    "point": where,
                    "steps": depths,
                },
            )
        found += first.values()
    return found


def _cross(u: Tensor, v: Tensor) -> Tensor:
    return u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
