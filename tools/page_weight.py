"""What a page of the built book weighs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

FILM = re.compile(r'(?:src|poster)="data:[^"]*"')  # and its first picture


def sizes(html: Path, page: str, asked: Iterable[str]) -> dict[str, int]:
    """Bytes of each file that a page loads, by its path, films left out.

    Args:
        html: the folder of the book.
        page: the page, from there.
        asked: the addresses that it asked for.
    """
    paths = {url.path for url in map(urlsplit, asked) if url.scheme == "http"}
    found = {
        path: (html / path.lstrip("/")).stat().st_size
        for path in paths
        if "favicon.ico" not in path  # which browsers ask for by themselves
    }
    films = FILM.findall((html / page).read_text(encoding="utf-8"))
    found[f"/{page}"] -= sum(map(len, films))
    return found
