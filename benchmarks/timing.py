"""Ways of doing the same, timed side by side."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from neural_odes_lab.records import provenance, write_json

FOLDER = Path(__file__).parents[1] / "results" / "benchmarks"


Name = TypeVar("Name")


def interleaved(
    ways: Mapping[Name, Callable[[], Any]], rounds: int
) -> dict[Name, list[float]]:
    """Seconds of each way in each round, after one that warms up.

    A round runs every way once, so that other load on the machine falls on all
    of them.
    """
    for way in ways.values():
        way()
    seconds: dict[Name, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def quartiles(
    over: Sequence[float], under: Sequence[float]
) -> tuple[float, list[float]]:
    """The median of ratios, round by round, and the quartiles around it."""
    ratios = [a / b for a, b in zip(over, under, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return middle, [low, high]


def compared(
    ways: Mapping[str, Callable[[], Any]], baseline: str, rounds: int
) -> list[dict[str, Any]]:
    """A row per way: how many times faster than the baseline, and its time.

    The speed-up is the median of the rounds' ratios, with their quartiles.
    """
    seconds = interleaved(ways, rounds)
    rows = []
    for name, own in seconds.items():
        middle, spread = quartiles(seconds[baseline], own)
        rows.append(
            {
                "way": name,
                "speed-up": middle,
                "quartiles": spread,
                "ms": 1e3 * statistics.median(own),
            }
        )
    return rows


def keep(name: str, rows: list[dict[str, Any]], **more: Any) -> None:
    """Print a benchmark's rows and write them with their provenance."""
    shown = pd.DataFrame(rows).drop(columns="quartiles", errors="ignore")
    print(shown.to_string(index=False, float_format="%.3g"))
    path = FOLDER / f"{name}.json"
    write_json(path, {"rows": rows, **more, "provenance": provenance("cpu")})
    print(f"\nwritten to {path}")


def mlp_in_jax(w: Sequence[Any], z: Any) -> Any:
    """``mlp(2, 16, 16, 2)`` of weights and biases as jax's arrays."""
    from jax.numpy import tanh  # noqa: PLC0415

    z = tanh(z @ w[0].T + w[1])
    return tanh(z @ w[2].T + w[3]) @ w[4].T + w[5]


def versions(*packages: str) -> dict[str, str]:
    """The versions of peers, or that they are not installed."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
