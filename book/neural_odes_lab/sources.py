"""The code behind a study, by a hash that changes when its results may."""

from __future__ import annotations

import ast
import hashlib
import inspect
import site
import sys
import sysconfig
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import Any

import neural_odes

CORE = Path(neural_odes.__file__).parent
LABORATORY = "neural_odes_lab"
"""What runs and judges studies, which does not decide what they measure."""
MEASURED = (f"{LABORATORY}.studies.", f"{LABORATORY}.data")
"""Of it, what does."""


def code(measure: Callable[..., Any]) -> str:
    """A hash of the code behind a function that measures.

    It covers the core, the function's own file, and what that imports, directly
    or through others, wherever it lies outside the environment's packages.
    Comments and docstrings do not count; strings below constants and texts of
    options do.
    """
    measure = inspect.unwrap(measure)
    return _code(measure.__module__, Path(inspect.getfile(measure)))


@cache  # what is loaded stays as it was when it was first asked for
def _code(module: str, file: Path) -> str:
    digest = hashlib.sha256(_core().encode())
    for name, path in sorted(_behind(module, file).items()):
        digest.update(f"{name}\0".encode())
        digest.update(_plain(path))
    return digest.hexdigest()


@cache
def _core() -> str:
    digest = hashlib.sha256()
    for path in sorted(CORE.rglob("*.py")):
        digest.update(f"{path.relative_to(CORE).as_posix()}\0".encode())
        digest.update(_plain(path))
    return digest.hexdigest()


def _behind(module: str, file: Path) -> dict[str, Path]:
    """Files of a module and of all that it imports, by the modules' names."""
    found: dict[str, Path] = {}
    waiting = [(module, file)]
    while waiting:
        name, path = waiting.pop()
        if name in found or not path.is_file():
            continue
        # Run as a script or imported, it is the same file.
        found[path.stem if path == file else name] = path
        if path.suffix == ".py":
            for other in _imported(name, path):
                place = _place(other)
                if place is not None:
                    waiting.append((other, place))
    return found


def _imported(name: str, path: Path) -> Iterator[str]:
    """Names of modules that a module imports, or of what is in them."""
    inside = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            named = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            if node.level and not inside:
                continue
            start = resolve_name(start, inside)
            named = [start, *(f"{start}.{one.name}" for one in node.names)]
        else:
            continue
        for one in named:
            parts = one.split(".")
            yield from (".".join(parts[: i + 1]) for i in range(len(parts)))


def _place(name: str) -> Path | None:
    """Where a module lies; None for the environment's, and for no module."""
    if name.partition(".")[0] == CORE.name:
        return None  # covered as a whole
    ours = name.partition(".")[0] == LABORATORY
    if ours and not name.startswith(MEASURED):
        return None
    if name in sys.modules:
        file = getattr(sys.modules[name], "__file__", None)
    else:
        try:
            spec = find_spec(name)
        except (ImportError, ValueError, AttributeError):
            return None
        file = spec.origin if spec is not None and spec.has_location else None
    if not file:
        return None
    path = Path(file).resolve()
    return path if ours or not _of_environment(path) else None


def _of_environment(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in _environment())


@cache
def _environment() -> list[Path]:
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    known = {sysconfig.get_path(kind) for kind in kinds}
    known |= {*site.getsitepackages(), site.getusersitepackages()}
    return [Path(folder).resolve() for folder in known]


def _plain(path: Path) -> bytes:
    """Code without comments and docstrings; other files as they are."""
    if path.suffix != ".py":
        return path.read_bytes()
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                body[0] = ast.Expr(ast.Constant(""))
    return ast.dump(tree).encode()
