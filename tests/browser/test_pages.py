"""Every page of the built book, as a reader's browser shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import HTML, Visit, new_visit, settle, started
from fontTools.ttLib import TTFont
from page_weight import sizes
from playwright.sync_api import Browser

from neural_odes_lab.evidence import lesson_of
from neural_odes_lab.studies import STUDIES

PAGES = sorted(
    path.relative_to(HTML).as_posix()
    for path in HTML.rglob("*.html")
    if "_static" not in path.parts
)
MATH = 'class="math notranslate'
WIDGET = "application/vnd.jupyter.widget-view+json"
LESSONS = set(map(lesson_of, STUDIES))
PARTS = """() => {
    const lesson = document.querySelector("article section");
    const { top, height } = lesson.getBoundingClientRect();
    const share = (parts) => [...lesson.querySelectorAll(parts)]
        .filter(one => one.checkVisibility())
        .filter(one => !one.parentElement.closest(parts))
        .reduce((sum, one) => sum + one.offsetHeight, 0) / height;
    const moving = lesson.querySelector(".widget-slot, video");
    return {
        code: share(".cell_input, div[class*=highlight-]:not(.output)"),
        tables: share("table, .verdict, .measured"),
        first: moving.getBoundingClientRect().top + scrollY,
    };
}"""
"""Of a lesson as it is loaded, with what is folded left folded."""


# An empty list would skip the tests: without a book they are to fail.
@pytest.fixture(scope="module", params=PAGES or ["index.html"])
def shown(
    request: pytest.FixtureRequest, browser: Browser, server: str
) -> Iterator[Visit]:
    """A page of the book, opened once for the tests of this file."""
    with new_visit(browser, server) as visit:
        visit.open(request.param)
        yield visit


def test_page_loads_from_itself_alone(shown: Visit) -> None:
    assert not shown.outside
    assert not shown.failed
    assert not shown.errors


def test_page_loads_less_than_2_5_megabytes(shown: Visit) -> None:
    """Without the films in it."""
    found = sizes(HTML, shown.path, shown.requests)
    assert sum(found.values()) < 2.5e6, found


def test_formulas_are_rendered(shown: Visit) -> None:
    page = shown.page
    assert page.locator("mjx-container").count() >= shown.html.count(MATH)
    assert page.locator("mjx-merror").count() == 0
    if page.locator("main").count():
        assert not re.search(r"\\[(\[]", page.locator("main").inner_text())


def test_pictures_have_a_text_alternative(shown: Visit) -> None:
    for picture in shown.page.locator(
        "main img, main video, main canvas"
    ).all():
        name = picture.get_attribute("alt")
        name = name or picture.get_attribute("aria-label")
        assert name, picture.evaluate("node => node.outerHTML.slice(0, 200)")
        # Sphinx falls back on the file's name: no reader is served by it.
        assert not re.search(r"\.(png|svg|jpe?g|gif)$", name), name


def test_icons_have_their_glyphs(shown: Visit) -> None:
    """The fonts are reduced to the icons that a page is found to show."""
    drawn = shown.page.evaluate(
        """() => [...document.querySelectorAll("body *")].flatMap(node =>
            ["::before", "::after"].map(part => getComputedStyle(node, part)))
            .filter(style => style.fontFamily.includes("Font Awesome"))
            .flatMap(style => [...style.content])"""
    )
    fonts = HTML.glob("_static/vendor/fontawesome/*/webfonts/*.ttf")
    glyphs = {code for font in fonts for code in TTFont(font).getBestCmap()}
    icons = {ord(c) for c in drawn if "\ue000" <= c <= "\uf8ff"}
    assert icons <= glyphs, [f"{code:x}" for code in icons - glyphs]


def test_numbers_in_tables_stand_apart(shown: Visit) -> None:
    assert shown.page.locator("table.dataframe td").evaluate_all(
        """all => all.map(one => getComputedStyle(one))
            .every(style => parseFloat(style.paddingLeft) > 6)"""
    )


def test_no_sideways_scroll(shown: Visit) -> None:
    for width in (360, 768, 1440):
        shown.page.set_viewport_size({"width": width, "height": 900})
        settle(shown.page)
        excess = shown.page.evaluate(
            "() => document.documentElement.scrollWidth - window.innerWidth"
        )
        assert excess <= 0, f"{excess} px too wide at {width} px"


def test_a_lesson_moves_early_and_is_mostly_text_and_pictures(
    shown: Visit,
) -> None:
    if Path(shown.path).stem not in LESSONS:
        return
    shown.page.set_viewport_size({"width": 1440, "height": 900})
    settle(shown.page)
    parts = shown.page.evaluate(PARTS)
    assert parts["code"] <= 0.2, parts
    assert parts["tables"] <= 0.1, parts
    assert parts["first"] <= 1500, parts


def test_widgets_are_drawn_and_their_code_loaded_only_for_them(
    shown: Visit,
) -> None:
    if 'http-equiv="Refresh"' in shown.html:  # leads to the title page
        return
    views = shown.html.count(WIDGET)
    assert not shown.page.locator(".ode-saved").count()  # a notebook's
    loaded = any("/widgets.js" in url for url in shown.requests)
    assert loaded == (views > 0)
    for index in range(views):
        assert started(shown.page, index).locator("canvas").count()


def test_text_of_twice_the_size_fits(shown: Visit) -> None:
    page = shown.page
    page.set_viewport_size({"width": 1280, "height": 900})
    style = page.add_style_tag(content="html { font-size: 200% !important }")
    settle(page)
    excess = page.evaluate(
        "() => document.documentElement.scrollWidth - window.innerWidth"
    )
    cut = page.locator(
        "main :is(button, .ode-widget label, .ode-widget dd)"
    ).evaluate_all(
        """all => all.filter(one => one.clientWidth && one.scrollWidth >
            one.clientWidth + 1).map(one => one.textContent.slice(0, 40))"""
    )
    style.evaluate("one => one.remove()")
    assert excess <= 0
    assert not cut
