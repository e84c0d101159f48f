"""Where trajectories in the plane cross each other."""

from __future__ import annotations

from typing import Any

from torch import Tensor

PARALLEL = 0.05
"""Lines whose angle has a smaller sine are taken to follow each other. Those of
a depth-invariant field would, wherever two trajectories met."""


def path_crossings(z: Tensor) -> list[dict[str, Any]]:
    """Where trajectories in the plane cross each other, at any depths.

    Args:
        z: states of N points at T depths, shape (T, N, 2), joined by straight
            lines.

    Returns:
        the first crossing of each pair that has one: the pair's ``samples``,
        the ``point``, and the ``steps`` (of each, in 0..T-1, with fractions).
    """
    start, run = z[:-1].transpose(0, 1), z.diff(dim=0).transpose(0, 1)
    found = []
    for i in range(z.shape[1] - 1):
        # start_i + a run_i = start_j + b run_j, for all later j and all steps.
        away = start[i + 1 :, None] - start[i][None, :, None]
        mine, other = run[i][None, :, None], run[i + 1 :, None]
        across = _cross(mine, other)
        apart = across.abs() > PARALLEL * mine.norm(dim=-1) * other.norm(dim=-1)
        a = _cross(away, other) / across
        b = _cross(away, mine) / across
        meets = apart & (a >= 0) & (a < 1) & (b >= 0) & (b < 1)
        for j in meets.flatten(1).any(dim=1).nonzero()[:, 0].tolist():
            p, q = meets[j].nonzero()[0].tolist()
            at = a[j, p, q].item()
            found.append(
                {
                    "samples": [i, i + 1 + j],
                    "point": (start[i, p] + at * run[i, p]).tolist(),
                    "steps": [p + at, q + b[j, p, q].item()],
                }
            )
    return found


def _cross(u: Tensor, v: Tensor) -> Tensor:
    return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
