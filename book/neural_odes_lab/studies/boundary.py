"""How far inputs are from where a classifier changes its mind."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from scipy.spatial import cKDTree
from torch import Tensor

Score = Callable[[Tensor], Tensor]
"""Outputs (N, 1) of inputs (N, n), whose sign is the class."""

SPACING = {1: 0.001, 2: 0.02, 3: 0.08}
"""Of the grid on which a boundary is looked for, by n."""
HALVINGS, ROUNDS, CHUNK = 14, 3, 50_000


@torch.no_grad()
def distances(
    score: Score, x: Tensor, *, most: float = math.inf, margin: float = 0.5
) -> Tensor:
    """The distance of each input to the nearest point of the boundary.

    Points of the boundary are found on the edges of a grid whose ends differ in
    class, by halving. From the nearest of them, the boundary is followed to
    the foot of the perpendicular: the direction to it is corrected, and the
    boundary is found again along the ray. A component of the boundary that
    lies between points of the grid would be missed, so that what is returned
    is never below the distance, and above it only then.

    Args:
        score: the classifier.
        x: inputs, shape (N, n), n at most 3.
        most: the largest that is returned, also where no boundary is found.
        margin: how far around the inputs the boundary is looked for.

    Returns:
        shape (N,), float64.

    Raises:
        ValueError: n > 3, where a grid has too many points.
    """
    n = x.shape[1]
    if n not in SPACING:
        raise ValueError(f"x must have at most 3 features, got {n}")
    known = _on_grid(score, x, margin)
    if not len(known):
        return torch.full((len(x),), most, dtype=torch.float64)
    own = x.double()
    nearest, found = cKDTree(known.numpy()).query(own.numpy(), k=4)
    best = torch.from_numpy(nearest).reshape(len(x), -1)[:, 0]
    side = _sign(score, own, x)
    for k in range(4):
        foot = known[
            torch.from_numpy(found.reshape(len(x), -1)[:, k] % len(known))
        ]
        for _ in range(ROUNDS):
            ahead = _normal(score, foot, x)
            ahead = ahead * ((foot - own) * ahead).sum(1, keepdim=True).sign()
            reach = 1.5 * (foot - own).norm(dim=1, keepdim=True)
            crosses = _sign(score, own + reach * ahead, x) != side
            there = _halve(score, own, own + reach * ahead, side, x)
            length = (there - own).norm(dim=1)
            better = crosses & (length < best)
            best = torch.where(better, length, best)
            foot = torch.where(crosses[:, None], there, foot)
    return best.clamp(max=most)


def _on_grid(score: Score, x: Tensor, margin: float) -> Tensor:
    """Points of the boundary, shape (B, n), float64."""
    n = x.shape[1]
    low, high = x.double().min(0).values, x.double().max(0).values
    sides = [
        torch.arange(float(a) - margin, float(b) + margin, SPACING[n])
        for a, b in zip(low, high, strict=True)
    ]
    grid = torch.stack(torch.meshgrid(*sides, indexing="ij"), -1).double()
    signs = _sign(score, grid.reshape(-1, n), x).reshape(grid.shape[:-1])
    ends = []
    for dim, side in enumerate(sides):
        first = signs.narrow(dim, 0, len(side) - 1)
        crosses = first != signs.narrow(dim, 1, len(side) - 1)
        a = grid.narrow(dim, 0, len(side) - 1)[crosses]
        b = grid.narrow(dim, 1, len(side) - 1)[crosses]
        ends.append((a, b, first[crosses]))
    a, b, side = (torch.cat(parts) for parts in zip(*ends, strict=True))
    return _halve(score, a, b, side, x) if len(a) else a


def _halve(
    score: Score, a: Tensor, b: Tensor, side: Tensor, like: Tensor
) -> Tensor:
    """Where the class changes between a, of class side, and b."""
    low, high = torch.zeros(len(a), 1).double(), torch.ones(len(a), 1).double()
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        same = (_sign(score, a + middle * (b - a), like) == side)[:, None]
        low, high = (
            torch.where(same, middle, low),
            torch.where(same, high, middle),
        )
    return a + high * (b - a)


def _normal(score: Score, x: Tensor, like: Tensor) -> Tensor:
    """Unit gradients of the score."""
    with torch.enable_grad():
        at = x.to(like).requires_grad_()
        (slope,) = torch.autograd.grad(score(at).sum(), at)
    slope = slope.double().cpu()
    return slope / slope.norm(dim=1, keepdim=True).clamp_min(1e-30)


def _sign(score: Score, x: Tensor, like: Tensor) -> Tensor:
    """The class of points, shape (N,), True where the score is above 0."""
    parts = [(score(part.to(like)) > 0)[:, 0].cpu() for part in x.split(CHUNK)]
    return torch.cat(parts)
