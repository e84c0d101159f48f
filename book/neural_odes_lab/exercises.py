"""Exercises that check their own answers."""

from __future__ import annotations

import math
from collections.abc import Callable


def check(
    answer: float | None,
    truth: float | Callable[[], float],
    *,
    rtol: float = 1e-3,
) -> None:
    """Print whether an answer is right.

    Args:
        answer: the reader's number; None means not answered yet.
        truth: the right number, or a function that computes it, called only
            once there is an answer.
        rtol: how far off, relative to the truth, still counts as right.

    Raises:
        TypeError: answer is neither a number nor None.
    """
    if answer is None:
        print("Not answered yet: set a number and run the cell again.")
        return
    if isinstance(answer, bool) or not isinstance(answer, int | float):
        raise TypeError(f"answer must be a number, got {answer!r}")
    value = truth() if callable(truth) else truth
    right = math.isclose(answer, value, rel_tol=rtol, abs_tol=1e-12)
    print("Right." if right else "Not yet: the computation says otherwise.")
