"""The book's table of contents."""

from pathlib import Path
from typing import Any

import yaml


def contents(root: Path) -> list[str]:
    """The names of the book's pages in their order, such as "book/intro"."""
    toc = yaml.safe_load((root / "_toc.yml").read_text())
    return [toc["root"], *_files(toc["chapters"])]


def _files(entries: list[dict[str, Any]]) -> list[str]:
    found = []
    for entry in entries:
        found += [entry["file"], *_files(entry.get("sections", []))]
    return found
