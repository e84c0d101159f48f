"""Where a training step's time goes, by kind of operation.

The step of training_step.py over 20 seeds, by torch's profiler: each
operation's own time, and what is left of the wall time: Python, and allocating
and freeing memory. Medians over rounds that do both.

    python benchmarks/where_time_goes.py
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable
from typing import Any

import pandas as pd
import torch
from timing import interleaved, keep
from torch.profiler import ProfilerActivity, profile
from training_step import library

from neural_odes import nested_spheres

SEEDS, POINTS, STEPS, ROUNDS = 20, (64, 256, 1024, 4096), 10, 5
KINDS = {
    "products": ("mm", "bmm", "addmm", "baddbmm"),
    "tanh": ("tanh", "tanh_backward"),
    "sums": ("add", "add_", "sub", "mul", "sum"),
}
REST, OUTSIDE = "other operations", "outside of them"


def kind(name: str) -> str:
    """Which of KINDS an operation of torch belongs to."""
    short = name.removeprefix("aten::")
    return next((k for k, names in KINDS.items() if short in names), REST)


def spent_on(step: Callable[[], Any]) -> dict[str, float]:
    """Milliseconds of a step by kind of operation, in one round."""
    (seconds,) = interleaved({"step": step}, STEPS).values()
    whole = statistics.mean(seconds)
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(STEPS):
            step()
    spent: Counter[str] = Counter()
    for event in found.key_averages():
        if event.key.startswith("aten::"):
            spent[kind(event.key)] += event.self_cpu_time_total / 1e3 / STEPS
    inside = {name: spent[name] for name in (*KINDS, REST)}
    return {**inside, OUTSIDE: max(0.0, 1e3 * whole - sum(inside.values()))}


def main() -> None:
    rows: list[dict[str, Any]] = []
    for points in POINTS:
        x, y = nested_spheres(points)
        step = library(SEEDS, x, y)
        rounds = pd.DataFrame([spent_on(step) for _ in range(ROUNDS)])
        found = rounds.median().to_dict()
        whole = sum(found.values())
        rows += [
            {"points": points, "what": what, "ms": ms, "share": ms / whole}
            for what, ms in found.items()
        ]
    keep("where_time_goes", rows, seeds=SEEDS, threads=torch.get_num_threads())


if __name__ == "__main__":
    main()
