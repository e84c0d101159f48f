"""Checks of arguments that several modules share: type, then range."""

from __future__ import annotations

import importlib
import math
from numbers import Integral, Real
from typing import Any


def at_least(name: str, value: Any, least: int) -> None:
    """Refuse what is no integer, or one below the least.

    Raises:
        TypeError: it is no integer; names the argument and what it got.
        ValueError: it is too small; names the argument and what it got.
    """
    text = f"{name} is {value!r}; it takes an integer >= {least}"
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(text)
    if value < least:
        raise ValueError(text)


def positive(name: str, value: Any) -> None:
    """Refuse what is no finite number > 0.

    Raises:
        TypeError: it is no number; names the argument and what it got.
        ValueError: it is out of range; names the argument and what it got.
    """
    text = f"{name} is {value!r}; it takes a number > 0"
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(text)
    if not (math.isfinite(value) and float(value) > 0):
        raise ValueError(text)


def optional(module: str, extra: str) -> Any:
    """A module that one of the package's extras brings.

    Raises:
        ImportError: it is not installed; names the extra.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{module} cannot be imported; what it needs comes with: "
            f"pip install 'neural-odes[{extra}]'"
        ) from error
