"""What the outputs of a chapter depend on, besides its own cells."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib.metadata import Distribution, distributions
from pathlib import Path

PACKAGES = {"neural_odes": "lib", "neural_odes_lab": "book"}
"""The project's packages, and the folders that hold them."""


def chapter_key(notebook: Path, root: Path, results: Path) -> str:
    """A hash that changes when the outputs of a chapter may change.

    It covers the modules of this project that the chapter imports, directly or
    through others, with the other files of their folders and the bundles of
    JavaScript; the results that it reads; Python; and the versions of all
    installed packages. Comments do not count.

    Args:
        notebook: the chapter.
        root: the project.
        results: the folder that the chapter reads results from.
    """
    tree = ast.parse(_code(notebook))
    digest = hashlib.sha256(sys.version.encode())
    for package in _packages(distributions):
        digest.update(f"{package}\0".encode())
    for path in used_modules(tree, root):
        digest.update(f"{path.relative_to(root)}\0".encode())
        digest.update(_content(path))
    for path in read_results(tree, results):
        digest.update(f"{path.name}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def used_modules(tree: ast.AST, root: Path) -> list[Path]:
    """The project's files behind the imports of some code."""
    waiting, found = list(_imports(tree)), set()
    while waiting:
        module = _module(waiting.pop(), root)
        if module is not None and module not in found:
            found.add(module)
            waiting += _imported(module.read_text("utf-8"))
    folders = {module.parent for module in found}
    return sorted(found.union(*map(_beside, folders)))


def read_results(tree: ast.AST, results: Path) -> list[Path]:
    """The results that some code names, in full or by a prefix.

    If it reads the ledger, evidence or files of the folder, all results.
    """
    used = {
        getattr(node, "id", getattr(node, "attr", None))
        for node in ast.walk(tree)
    }
    if used & {"evidence", "ledger", "results_folder"}:
        return sorted(results.rglob("*.json"))
    named = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return [
        path
        for path in sorted(results.glob("*.json"))
        if any("." in name and path.stem.startswith(name) for name in named)
    ]


def _beside(folder: Path) -> set[Path]:
    """The files that modules of a folder may read, besides each other.

    For bundled JavaScript, these are the bundles and not the sources.
    """
    bundles = set(folder.glob("bundled/*"))
    sources = {folder / bundle.name for bundle in bundles}
    files = set(folder.iterdir()) - sources | bundles
    return {
        path
        for path in files
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }


def _code(notebook: Path) -> str:
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    code = "\n".join(
        "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"
    )
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", code, flags=re.MULTILINE)


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module(name: str, root: Path) -> Path | None:
    """The file that defines a dotted name; None outside the project."""
    package = name.partition(".")[0]
    if package not in PACKAGES:
        return None
    path = root.joinpath(PACKAGES[package], *name.split("."))
    if path.with_suffix(".py").is_file():
        return path.with_suffix(".py")
    if (path / "__init__.py").is_file():
        return path / "__init__.py"
    parent, _, last = name.rpartition(".")
    home = _module(parent, root)
    if home is not None and home.name == "__init__.py":
        # A package re-exports what its modules define.
        for one in _imported(home.read_text("utf-8")):
            if one.endswith(f".{last}") and one != name:
                return _module(one, root)
    return home


def _content(path: Path) -> bytes:
    if path.suffix != ".py":
        return path.read_bytes()
    return _plain(path.read_text("utf-8"))


# Cached, as chapters share most modules and all packages.
@cache
def _imported(code: str) -> list[str]:
    return list(_imports(ast.parse(code)))


@cache
def _plain(code: str) -> bytes:
    return ast.dump(ast.parse(code)).encode()


@cache
def _packages(found: Callable[[], Iterable[Distribution]]) -> list[str]:
    return sorted(f"{d.name} {d.version}" for d in found())
