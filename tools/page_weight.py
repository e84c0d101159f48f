"""The weight of a page of the built book."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

FILM = re.compile(r'(?:src|poster)="data:[^"]*"')  # and its poster


def sizes(html: Path, page: str, asked: Iterable[str]) -> dict[str, int]:
    """Bytes of each file that a page loads, by its path, without films.

    Args:
        html: the folder of the book.
        page: the path of the page in it.
        asked: the addresses that the page requested.
    """
    paths = {url.path for url in map(urlsplit, asked) if url.scheme == "http"}
    found = {
        path: (html / path.lstrip("/")).stat().st_size
        for path in paths
        if "favicon.ico" not in path  # which browsers request by themselves
    }
    films = FILM.findall((html / page).read_text(encoding="utf-8"))
    found[f"/{page}"] -= sum(map(len, films))
    return found
