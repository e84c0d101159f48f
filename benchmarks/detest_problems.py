"""The DETEST problems (Hull, Enright, Fellen and Sedgwick, 1972), A to E.

Initial value problems on [0, 20] by which solvers are compared: single
equations (A), small systems (B), moderate systems (C), orbits (D) and equations
of higher order (E). C5, five planets, is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

END = 20.0

Slope = Callable[[Any, Any], Sequence[Any]]
"""The slope of a state's components y at t, in any arithmetic."""


def _root(y: Any) -> Any:
    return (y[0] ** 2 + y[1] ** 2) ** 0.5


def _chain(first: Callable[[int], float], n: int = 10) -> Slope:
    """A decay chain y_1 -> y_2 -> ... at the rates first(i)."""
    return lambda t, y: [
        -first(0) * y[0],
        *(first(i - 1) * y[i - 1] - first(i) * y[i] for i in range(1, n - 1)),
        first(n - 2) * y[n - 2],
    ]


def _heat(n: int) -> Slope:
    return lambda t, y: [
        (y[i - 1] if i else 0.0) - 2 * y[i] + (y[i + 1] if i < n - 1 else 0.0)
        for i in range(n)
    ]


def _orbit(t: Any, y: Any) -> Sequence[Any]:
    cube = _root(y) ** 3
    return [y[2], y[3], -y[0] / cube, -y[1] / cube]


def _cos(t: Any) -> Any:
    return np.cos(t) if isinstance(t, float) else t.cos()


def _one(n: int) -> list[float]:
    return [1.0] + [0.0] * (n - 1)


PROBLEMS: dict[str, tuple[Slope, list[float]]] = {
    "A1": (lambda t, y: [-y[0]], [1.0]),
    "A2": (lambda t, y: [-(y[0] ** 3) / 2], [1.0]),
    "A3": (lambda t, y: [y[0] * _cos(t)], [1.0]),
    "A4": (lambda t, y: [y[0] / 4 * (1 - y[0] / 20)], [1.0]),
    "A5": (lambda t, y: [(y[0] - t) / (y[0] + t)], [4.0]),
    "B1": (
        lambda t, y: [2 * (y[0] - y[0] * y[1]), y[0] * y[1] - y[1]],
        [1.0, 3.0],
    ),
    "B2": (
        lambda t, y: [y[1] - y[0], y[0] - 2 * y[1] + y[2], y[1] - y[2]],
        [2.0, 0.0, 1.0],
    ),
    "B3": (
        lambda t, y: [-y[0], y[0] - y[1] ** 2, y[1] ** 2],
        [1.0, 0.0, 0.0],
    ),
    "B4": (
        lambda t, y: [
            -y[1] - y[0] * y[2] / _root(y),
            y[0] - y[1] * y[2] / _root(y),
            y[0] / _root(y),
        ],
        [3.0, 0.0, 0.0],
    ),
    "B5": (
        lambda t, y: [y[1] * y[2], -y[0] * y[2], -0.51 * y[0] * y[1]],
        [0.0, 1.0, 1.0],
    ),
    "C1": (_chain(lambda i: 1.0), _one(10)),
    "C2": (_chain(lambda i: i + 1.0), _one(10)),
    "C3": (_heat(10), _one(10)),
    "C4": (_heat(51), _one(51)),
    **{
        f"D{i}": (_orbit, [1 - e, 0.0, 0.0, math.sqrt((1 + e) / (1 - e))])
        for i, e in enumerate((0.1, 0.3, 0.5, 0.7, 0.9), 1)
    },
    "E1": (
        lambda t, y: [
            y[1],
            -(y[1] / (t + 1) + (1 - 0.25 / (t + 1) ** 2) * y[0]),
        ],
        [0.6713967071418030, 0.09540051444747446],
    ),
    "E2": (lambda t, y: [y[1], (1 - y[0] ** 2) * y[1] - y[0]], [2.0, 0.0]),
    "E3": (
        lambda t, y: [
            y[1],
            y[0] ** 3 / 6 - y[0] + 2 * _cos(2.78535 * t - math.pi / 2),
        ],
        [0.0, 0.0],
    ),
    "E4": (lambda t, y: [y[1], 0.032 - 0.4 * y[1] ** 2], [30.0, 0.0]),
    "E5": (
        lambda t, y: [y[1], (1 + y[1] ** 2) ** 0.5 / (25 - t)],
        [0.0, 0.0],
    ),
}


def problem(name: str) -> tuple[Callable[[Tensor, Tensor], Tensor], Tensor]:
    """A problem's field and start, for ``integrate``, in float64."""
    slope, start = PROBLEMS[name]

    def field(s: Tensor, z: Tensor) -> Tensor:
        return torch.stack([*slope(s, z)])

    return field, torch.tensor(start, dtype=torch.float64)


def exact(name: str) -> np.ndarray:
    """The state at the end, by scipy's DOP853 at a tolerance of 1e-13."""
    slope, start = PROBLEMS[name]
    found = solve_ivp(
        lambda t, y: slope(float(t), y),
        *((0.0, END), start),
        method="DOP853",
        rtol=1e-13,
        atol=1e-13,
    )
    return found.y[:, -1]
