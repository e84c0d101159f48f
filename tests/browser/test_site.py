"""What a reader may ask of the site: its search, its menus, a lost page."""

from __future__ import annotations

import json

import pytest
from conftest import HTML, ROOT, TIMEOUT, new_visit, wait_until
from playwright.sync_api import Browser, expect
from serve import POLICY
from test_pages import MATH

PAGE = "book/background.html"


@pytest.mark.parametrize(
    "settings",
    [
        {"renderer": "SVG"},
        {"explorer": True, "collapsible": True},
        {"assistiveMml": True, "inTabOrder": False},
    ],
    ids="-".join,
)
def test_formulas_stay_whatever_their_menu_is_set_to(
    settings: dict[str, object], browser: Browser, server: str
) -> None:
    formulas = (HTML / PAGE).read_text(encoding="utf-8").count(MATH)
    with new_visit(browser, server) as visit:
        page = visit.open(PAGE)
        page.evaluate(
            "kept => localStorage.setItem('MathJax-Menu-Settings', kept)",
            json.dumps(settings),
        )
        visit.open(PAGE)
        assert page.locator("mjx-container").count() >= formulas
        assert not visit.failed
        assert not visit.outside


def test_search_leads_to_the_chapter_in_words(
    browser: Browser, server: str
) -> None:
    with new_visit(browser, server) as visit:
        page = visit.page
        page.goto(f"{server}/search.html?q=lyapunov")
        found = page.locator("#search-results li")
        excerpts = page.locator("#search-results .context")
        wait_until(page, lambda: found.count() > 4 and excerpts.count() > 2)
        expect(found.first).to_contain_text("Chaos")
        for text in excerpts.all_inner_texts():
            for code in ("\\", "import", ".ipynb"):
                assert code not in text
        typed = page.locator("main #search-input")
        start = typed.evaluate("""one => one.getBoundingClientRect().x +
            parseFloat(getComputedStyle(one).paddingLeft)""")
        icon = page.locator("main .bd-search i").bounding_box()
        assert icon
        assert icon["x"] + icon["width"] < start
        found.first.get_by_role("link").click()
        page.wait_for_url("**/chaos.html*")
        expect(page.get_by_text("Hide Search Matches")).to_be_hidden()


def test_a_lost_page_leads_back(browser: Browser, server: str) -> None:
    with new_visit(browser, server) as visit:
        page = visit.open("404.html")
        expect(page.get_by_role("heading", level=1)).to_contain_text(
            "not in the book"
        )
        page.get_by_role("link", name="search").last.click(timeout=TIMEOUT)
        page.wait_for_url("**/search.html")
        assert not visit.failed


def test_what_cells_print_has_no_copy_button(
    browser: Browser, server: str
) -> None:
    with new_visit(browser, server) as visit:
        page = visit.open(PAGE)
        assert page.locator(".cell_input .copybtn").count() > 3
        assert page.locator(".output .copybtn").count() == 0


def test_the_policy_under_which_all_this_works_is_told() -> None:
    assert POLICY in (ROOT / "SECURITY.md").read_text(encoding="utf-8")
