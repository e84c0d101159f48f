"""Results as files: what ran, with which settings, where and when.

A result is one JSON file, ``<folder>/<study>.json``, or ``<study>.<setting>
.json`` of a setting other than the chosen one::

    {"study", "setting", "config", "seeds", "rows", "tasks", "provenance",
     "checksum"}

``rows`` has one row per variant, seed and other keys; ``tasks`` says which
variant and seeds were measured together, by which entry of ``provenance``.
Settings that vary are lists in ``config``; rows and tasks have each its value.
The checksum is that of all else, so that a damaged file is not read as another.
The runner writes them, the book reads them.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import neural_odes
from neural_odes.files import replacing

HERE = Path(__file__).parent
OWN = (HERE / "measured", HERE.parents[1] / "results")
"""The project's own results: in an installed package, or in a checkout."""

PACKAGES = {
    "torchdiffeq": "torchdiffeq",
    "neural_odes": "neural-odes",
}
KEYS = {
    "study": str,
    "setting": str,
    "config": dict,
    "seeds": list,
    "rows": list,
    "tasks": list,
    "provenance": list,
}
"""A result's keys, and their types."""
INSIDE = {
    "rows": {"variant", "seed"},
    "tasks": {"seconds", "provenance"},
    "provenance": {"date", "device"},
}
"""Keys of each part of these lists, none of which is empty."""


@dataclass(frozen=True)
class Record:
    """What a result file holds; see the top of this module.

    ``source`` is the file that declares a study that is none of the book's; in
    the result's file it is relative to that.
    """

    study: str
    setting: str
    config: Mapping[str, Any]
    seeds: Sequence[int]
    rows: Sequence[Mapping[str, Any]]
    tasks: Sequence[Mapping[str, Any]]
    provenance: Sequence[Mapping[str, Any]]
    source: str = ""

    @property
    def cells(self) -> list[dict[str, Any]]:
        """Of each config, the values of the settings that vary."""
        names = [name for name in self.config if name in self.tasks[0]]
        found: list[dict[str, Any]] = []
        for task in self.tasks:
            cell = {name: task[name] for name in task if name in names}
            if cell not in found:
                found.append(cell)
        return found

    def of(self, cell: Mapping[str, Any]) -> Record:
        """What was measured under one of its cells."""

        def own(parts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
            return [
                {key: value for key, value in one.items() if key not in cell}
                for one in parts
                if all(one[key] == value for key, value in cell.items())
            ]

        return replace(
            self,
            config={**self.config, **cell},
            rows=own(self.rows),
            tasks=own(self.tasks),
        )


def file_name(study: str, setting: str = "chosen") -> str:
    """A result's file, without its folder."""
    return f"{study}{'' if setting == 'chosen' else f'.{setting}'}.json"


def write(record: Record, folder: str | Path) -> Path:
    """Write one result, whole or not at all.

    Args:
        record: NaN and infinity, which JSON lacks, become null.
        folder: where to; made if missing.

    Returns:
        The file's path.

    Raises:
        ValueError: the study's name is not a plain file name, or two keys are
            equal as text.
        TypeError: it holds something that JSON cannot, say a tensor.
    """
    path = Path(folder) / file_name(record.study, record.setting)
    if not record.study or path.parent != Path(folder):
        raise ValueError(
            f"study must be a plain file name, got {record.study!r}"
        )
    kept = asdict(record)
    source = kept.pop("source")
    if source:
        kept["source"] = Path(os.path.relpath(source, folder)).as_posix()
    write_json(path, kept)
    return path


def read(path: Path) -> Record:
    """Read one result.

    Raises:
        ValueError: the file is damaged, or no result.
    """
    try:
        found = read_json(path)
    except ValueError as error:
        raise ValueError(f"{path} is not a result: {error}") from error
    wrong = [
        k for k, kind in KEYS.items() if not isinstance(found.get(k), kind)
    ]
    wrong = wrong or [
        key
        for key, names in INSIDE.items()
        if not found[key]
        or not all(isinstance(p, dict) and names <= set(p) for p in found[key])
    ]
    if wrong:
        raise ValueError(f"{path} is not a result: it lacks a whole {wrong[0]}")
    source = found.get("source", "")
    if not isinstance(source, str):
        raise ValueError(f"{path} is not a result: its source is no path")
    return Record(
        **{key: found[key] for key in KEYS},
        source=source and os.path.normpath(path.parent / source),
    )


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file with its checksum, whole or not at all."""
    kept = _finite(value)
    kept["checksum"] = _checksum(kept)
    with replacing(path) as draft:
        draft.write_text(_json(kept) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a file that :func:`write_json` wrote.

    Raises:
        ValueError: the file is damaged, or another.
    """
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError("it holds no JSON object")
    if "checksum" not in found:
        raise ValueError(
            "it has no checksum, as those of earlier versions; "
            "neural_odes_lab.records.seal gives it one"
        )
    if found.pop("checksum") != _checksum(found):
        raise ValueError("it is damaged: its checksum is another")
    return found


def seal(path: Path) -> None:
    """Give a file that was written or changed otherwise its checksum."""
    found = json.loads(path.read_text(encoding="utf-8"))
    found.pop("checksum", None)
    write_json(path, found)


def _checksum(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


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


def provenance(device: str) -> dict[str, Any]:
    """Where measurements come from.

    Args:
        device: torch's name of the device they ran on, e.g. "cpu".

    Returns:
        date (UTC, ISO 8601), device with its name and the number of CPU
        threads, versions, and the git commit of the packages with whether
        their files differed from it (both None outside a repository).
    """
    commit, dirty = _commit(HERE, Path(neural_odes.__file__).parent)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "device": device,
        "device_name": _device_name(device),
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,  # with the build, such as +cu130
            **{name: _version(package) for name, package in PACKAGES.items()},
        },
        "commit": commit,
        "dirty": dirty,
    }


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
    """JSON with one key per line, but rows and lists of numbers on one line."""
    inner = indent + "  "
    if isinstance(value, dict) and any(
        isinstance(v, dict | list) for v in value.values()
    ):
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


def _commit(*folders: Path) -> tuple[str | None, bool | None]:
    """The commit of packages' files, and whether they differ from it."""
    places = [str(folder) for folder in folders]

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", places[0], *arguments],
            capture_output=True,
            check=True,
            text=True,
            timeout=20,
        ).stdout.strip()

    try:
        # Installed inside somebody else's repository, it has no commit here.
        git("ls-files", "--error-unmatch", *places)
        return git("rev-parse", "HEAD"), bool(git("status", "-s", *places))
    except (OSError, subprocess.SubprocessError):
        return None, None
