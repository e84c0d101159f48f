"""Measurements as files: what ran, with which settings, where and when.

A result is one JSON file, ``<folder>/<experiment>.json``::

    {"experiment", "config", "seeds", "outcome", "provenance"}

The command line writes them, the book reads them.
"""

from __future__ import annotations

import json
import math
import statistics
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neural_odes.lab import records
from neural_odes.lab.records import results_folder, write_json


def save(
    name: str,
    config: Any,
    seeds: Sequence[int],
    outcome: Mapping[str, Any],
    *,
    provenance: Mapping[str, Any],
    folder: str | Path,
) -> Path:
    """Write one result, whole or not at all.

    Args:
        name: the experiment's name; the file is ``<name>.json``.
        config: the dataclass instance it ran with.
        seeds: the seeds it ran over.
        outcome: what it returned: dicts, lists, numbers and strings. NaN and
            infinity, which JSON lacks, become null.
        provenance: see :func:`provenance`.
        folder: where to; made if missing.

    Returns:
        The file's path.

    Raises:
        ValueError: name is not a plain file name.
        TypeError: the outcome holds something that JSON cannot, say a tensor.
    """
    if not name or Path(name).name != name:
        raise ValueError(f"name is {name!r}; it takes a plain file name")
    record = {
        "experiment": name,
        "config": asdict(config),
        "seeds": list(seeds),
        "outcome": outcome,
        "provenance": provenance,
    }
    path = Path(folder) / f"{name}.json"
    write_json(path, record)
    return path


def load(name: str, folder: str | Path | None = None) -> dict[str, Any]:
    """Read one result.

    Args:
        name: the experiment's name.
        folder: where from; by default :func:`results_folder`.

    Returns:
        The dictionary described at the top of this module.

    Raises:
        FileNotFoundError: there is none; says which command makes it.
        ValueError: the file is damaged, or no result.
    """
    path = (results_folder() if folder is None else Path(folder)) / (
        f"{name}.json"
    )
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no result {path}; make it with: python -m neural_odes "
            f"run {name} --out {path.parent}"
        )
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is no result: {error}") from error
    missing = {"config", "seeds", "outcome", "provenance"} - set(record)
    if missing:
        raise ValueError(f"{path} is no result: it lacks {sorted(missing)}")
    return record


def provenance(device: str, seconds: float) -> dict[str, Any]:
    """What a result came from.

    Args:
        device: torch's name of the device it ran on, e.g. "cpu".
        seconds: how long it took, wall time.

    Returns:
        date (UTC, ISO 8601), seconds, device with its name and the number of
        CPU threads, versions, and the git commit of this package with whether
        the package's files differed from it (both None outside a repository).
    """
    return {
        **records.provenance(device),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
    }


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Mean and sample standard deviation of one number per seed.

    Returns:
        mean, std (None for a single value) and n.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("values is empty; it takes at least one number")
    std = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.fmean(values), "std": std, "n": len(values)}


def compare(a: Sequence[float], b: Sequence[float]) -> int:
    """Whether the mean of a is clearly below (-1) or above (1) that of b.

    Clearly: by more than two standard errors of the difference of the two
    means (Welch), each over its own seeds. Otherwise 0, and with fewer than
    two values on a side always 0. Of quantities that span orders of magnitude
    over the seeds, as losses do, compare the logarithms.
    """
    if min(len(a), len(b)) < 2:
        return 0
    error = math.sqrt(
        statistics.variance(a) / len(a) + statistics.variance(b) / len(b)
    )
    difference = statistics.fmean(a) - statistics.fmean(b)
    return (difference > 2 * error) - (difference < -2 * error)


def verdict(claim: str, holds: bool | None, why: str) -> dict[str, Any]:
    """One claim, judged: ``holds`` is None where the numbers cannot tell."""
    return {"claim": claim, "holds": holds, "why": why}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of the same keys as an aligned text table, mean ± std.

    Raises:
        ValueError: a row has other keys than the first.
    """
    if not rows:
        return ""
    names = list(rows[0])
    for row in rows:
        if set(row) != set(names):
            raise ValueError(f"rows have keys {list(row)} and {names}")
    lines = [names, *([_cell(row[name]) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(map(str.ljust, line, widths)).rstrip() for line in lines
    )


def report(
    record: Mapping[str, Any], columns: Sequence[str] | None = None
) -> str:
    """A result in plain text: where it is from, its table, its verdicts.

    Args:
        record: what :func:`load` returns.
        columns: of the table; by default all.
    """
    made, rows = record["provenance"], record["outcome"]["summary"]
    if columns is not None:
        rows = [{name: row[name] for name in columns} for row in rows]
    seeds = len(record["seeds"])
    lines = [
        f"{record['experiment']}: {seeds} seed{'s' * (seeds != 1)}, "
        f"{made['device']}, {made['date'][:10]}, {made['seconds']:.0f} s",
        "",
        table(rows),
    ]
    words = {True: "held", False: "did not hold", None: "undecided"}
    for judged in record["outcome"].get("verdicts", []):
        claim = f"[{words[judged['holds']]}] {judged['claim']}"
        lines += ["", *textwrap.wrap(claim, 76)]
        lines += textwrap.wrap(judged["why"], 76)
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, Mapping) and "mean" in value:
        return _mean(value["mean"], value.get("std"))
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.4g}"
    return "-" if value is None else str(value)


def _mean(mean: float, std: float | None) -> str:
    """As many decimals as show two digits of the deviation."""
    if not std:
        return _cell(mean)
    decimals = max(0, 1 - math.floor(math.log10(std)))
    if decimals > 5:
        return f"{mean:.2g} ± {std:.1g}"
    return f"{mean:.{decimals}f} ± {std:.{decimals}f}"
