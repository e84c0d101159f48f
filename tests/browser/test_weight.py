"""What pages load, without the films in them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from conftest import HTML, new_visit
from playwright.sync_api import Browser
from test_pages import PAGES

FILM = re.compile(r'(?:src|poster)="data:[^"]*"')  # and its first picture


def weight(page: str, browser: Browser, server: str) -> dict[str, int]:
    """Bytes of each file that a page loads, by its name."""
    with new_visit(browser, server) as visit:
        visit.open(page)
        asked = {urlsplit(url) for url in visit.requests}
    sizes = {
        url.path: (HTML / url.path.lstrip("/")).stat().st_size
        for url in asked
        if url.scheme == "http"
    }
    films = FILM.findall((HTML / page).read_text(encoding="utf-8"))
    sizes[f"/{page}"] -= sum(map(len, films))
    return sizes


@pytest.mark.parametrize("page", PAGES or ["index.html"])
def test_a_page_loads_less_than_2_5_megabytes(
    page: str, browser: Browser, server: str
) -> None:
    sizes = weight(page, browser, server)
    assert sum(sizes.values()) < 2.5e6, sizes


def test_the_playground_weighs_little(browser: Browser, server: str) -> None:
    sizes = weight("book/playground.html", browser, server)
    own = {path: n for path, n in sizes.items() if "mathjax" not in path}
    assert sum(own.values()) < 150e3, own
