"""Whether the built book matches the present files.

``python tools/up_to_date.py`` tells by its exit status. It imports little:
`make book` runs it first, and when nothing has changed, a build spends most of
its time on loading Sphinx and the library.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import chromium

STAMP = Path("_build", "built.json")
"""The file with hashes of what the book was built from and of its pages."""
READ = ("book", "lib", "results", "_config.yml", "_toc.yml", "pyproject.toml")
TOOLS = Path(__file__).parent
UNREAD = {"__pycache__", "node_modules", "tasks", ".ipynb_checkpoints"}
"""Folders that no page depends on; LIST stands for that of npm."""
LIST = Path("book", "vendor", "node_modules", ".package-lock.json")
VARIABLES = (
    "BOOK_REPOSITORY",
    "GITHUB_REPOSITORY",
    "GITHUB_SHA",
    "NEURAL_ODES_RESULTS",
)


def inputs(root: Path) -> str:
    """A hash of all that a build reads: files, settings, packages, browser."""
    digest = hashlib.sha256(sys.version.encode())
    packages = Path(sysconfig.get_path("purelib")).glob("*.dist-info")
    settings = {name: os.environ.get(name) or None for name in VARIABLES}
    known = [sorted(p.name for p in packages), settings, chromium.find()]
    digest.update(json.dumps(known).encode())
    roots = [root / name for name in (*READ, LIST)] + [TOOLS]
    if settings["NEURAL_ODES_RESULTS"]:
        roots.append(Path(settings["NEURAL_ODES_RESULTS"]))
    for start in roots:
        for path in _files(start):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{path}\0{content}\0".encode())
    return digest.hexdigest()


def outputs(root: Path) -> str:
    """A hash of the names, sizes and times of the built pages."""
    digest = hashlib.sha256()
    for path in _files(root / "_build" / "html"):
        found = path.stat()
        digest.update(f"{path}\0{found.st_size} {found.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def note(root: Path, made_from: str) -> None:
    """Record what the book was built from: its inputs before the build."""
    stamp = {"inputs": made_from, "outputs": outputs(root)}
    (root / STAMP).write_text(json.dumps(stamp))


def forget(root: Path) -> None:
    """Make the next `make book` build."""
    (root / STAMP).unlink(missing_ok=True)


def up_to_date(root: Path) -> bool:
    """Whether a build would produce the pages that are there."""
    try:
        stamp = json.loads((root / STAMP).read_text())
    except (OSError, ValueError):
        return False
    return stamp == {"inputs": inputs(root), "outputs": outputs(root)}


def _files(start: Path) -> Iterator[Path]:
    if start.is_file():
        yield start
    elif start.is_dir() and start.name not in UNREAD:
        for path in sorted(start.iterdir()):
            yield from _files(path)


if __name__ == "__main__":
    if not up_to_date(TOOLS.parent):
        sys.exit(1)
    print("The book is up to date: nothing that it is made of has changed.")
