"""Measurements as files: what ran, with which settings, where and when.

A result is one JSON file, ``<folder>/<experiment>.json``::

    {"experiment", "config", "seeds", "outcome", "provenance"}

The command line writes them, the book reads them.
"""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import subprocess
import tempfile
import textwrap
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

OWN = (
    Path(__file__).with_name("measured"),
    Path(__file__).parents[3] / "results",
)
"""The project's own results: in an installed package, or in a checkout."""

PACKAGES = {
    "torch": "torch",
    "torchdiffeq": "torchdiffeq",
    "neural_odes": "neural-odes",
}


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
    text = _json(_finite(record)) + "\n"
    path = Path(folder) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(draft, 0o644)  # a temporary file is private to its owner
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
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


def results_folder() -> Path:
    """Where the project keeps its results.

    The environment variable NEURAL_ODES_RESULTS if set; else ``results/`` of
    the nearest folder, from the working directory upwards, that also holds
    this project's ``pyproject.toml``; else the project's own, which are
    installed with the library.

    Raises:
        FileNotFoundError: there is none of them.
    """
    given = os.environ.get("NEURAL_ODES_RESULTS")
    if given:
        if not Path(given).is_dir():
            raise FileNotFoundError(
                f"NEURAL_ODES_RESULTS is {given!r}, which is not a folder"
            )
        return Path(given)
    here = Path.cwd()
    for parent in (here, *here.parents):
        if (parent / "results").is_dir() and _is_this_project(parent):
            return parent / "results"
    for own in OWN:
        if own.is_dir():
            return own
    raise FileNotFoundError(
        f"no results/ folder of this project at or above {here}; set "
        "NEURAL_ODES_RESULTS to the folder that holds the results"
    )


def _is_this_project(folder: Path) -> bool:
    try:
        text = (folder / "pyproject.toml").read_text(encoding="utf-8")
        return bool(tomllib.loads(text)["project"]["name"] == "neural-odes")
    except (OSError, ValueError, KeyError):
        return False


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
    commit, dirty = _commit(Path(__file__).parents[1])
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "device": device,
        "device_name": _device_name(device),
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            **{name: _version(package) for name, package in PACKAGES.items()},
        },
        "commit": commit,
        "dirty": dirty,
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


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        if len({str(k) for k in value}) < len(value):
            raise ValueError(f"keys {list(value)} are not distinct as text")
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _json(value: Any, indent: str = "") -> str:
    """JSON that diffs well: one key a line, lists of numbers on one line."""
    inner = indent + "  "
    if isinstance(value, dict) and value:
        lines = [
            f"{inner}{json.dumps(k)}: {_json(v, inner)}"
            for k, v in value.items()
        ]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and any(
        isinstance(v, dict | list) for v in value
    ):
        lines = [inner + _json(v, inner) for v in value]
        return "[\n" + ",\n".join(lines) + f"\n{indent}]"
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _device_name(device: str) -> str:
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _commit(folder: Path) -> tuple[str | None, bool | None]:
    """The commit of a folder's files, and whether they differ from it."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            check=True,
            text=True,
            timeout=20,
        ).stdout.strip()

    try:
        # Installed inside somebody else's repository, it has no commit here.
        git("ls-files", "--error-unmatch", "__init__.py")
        return git("rev-parse", "HEAD"), bool(git("status", "-s", "--", "."))
    except (OSError, subprocess.SubprocessError):
        return None, None
