"""What pages load, without the films in them."""

from __future__ import annotations

import pytest
from conftest import HTML, new_visit
from page_weight import sizes
from playwright.sync_api import Browser
from test_pages import PAGES


def weight(page: str, browser: Browser, server: str) -> dict[str, int]:
    """Bytes of each file that a page loads, by its name."""
    with new_visit(browser, server) as visit:
        visit.open(page)
    return sizes(HTML, page, visit.requests)


@pytest.mark.parametrize("page", PAGES or ["index.html"])
def test_a_page_loads_less_than_2_5_megabytes(
    page: str, browser: Browser, server: str
) -> None:
    found = weight(page, browser, server)
    assert sum(found.values()) < 2.5e6, found


def test_the_playground_weighs_little(browser: Browser, server: str) -> None:
    found = weight("book/playground.html", browser, server)
    own = {path: n for path, n in found.items() if "mathjax" not in path}
    assert sum(own.values()) < 150e3, own
