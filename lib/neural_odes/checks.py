"""Checks of arguments that several modules share."""

from __future__ import annotations

import math


def at_least(name: str, value: int, least: int) -> None:
    """Refuse an integer below the least one.

    Raises:
        ValueError: names the argument, what it got and what it takes.
    """
    if value < least:
        raise ValueError(f"{name} is {value}; it takes an integer >= {least}")


def positive(name: str, value: float) -> None:
    """Refuse a number that is not finite and > 0.

    Raises:
        ValueError: names the argument, what it got and what it takes.
    """
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} is {value}; it takes a number > 0")
