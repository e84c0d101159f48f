"""The pages on a phone, 360 px wide."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import new_visit, settle, wait_until
from playwright.sync_api import Browser, Locator, Page
from test_moving import of_each_widget
from test_pages import PAGES

PHONE = {"width": 360, "height": 740}
WITHIN = 560
"""Pixels: of a phone's screen, what its bars leave."""


@pytest.fixture(scope="module")
def screen() -> dict[str, Any]:
    return {"viewport": PHONE}


of_each_page = pytest.mark.parametrize(
    "page", PAGES or ["index.html"], indirect=True, scope="module"
)


@of_each_widget
def test_a_chart_and_its_main_control_are_seen_at_once(
    widget: Locator,
) -> None:
    top = widget.bounding_box()
    control = widget.locator("input[type=range]").first.bounding_box()
    assert top
    assert control
    assert control["y"] + control["height"] - top["y"] <= WITHIN


@of_each_widget
def test_heights_stay_while_sliding(widget: Locator) -> None:
    for slider in widget.locator("input[type=range]").all():
        slider.focus()
        heights = set()
        for part in range(9):
            slider.evaluate(
                """(one, part) => {
                    const [least, most] = [Number(one.min), Number(one.max)];
                    one.value = least + part * (most - least);
                    one.dispatchEvent(new Event("input"));
                }""",
                part / 8,
            )
            settle(widget.page)
            heights.add(widget.evaluate("one => one.offsetHeight"))
        assert len(heights) == 1


@of_each_widget
def test_lists_leave_no_hole(widget: Locator) -> None:
    for part in widget.locator("dl, p").all():
        margin = part.evaluate("one => getComputedStyle(one).marginBottom")
        assert float(margin.removesuffix("px")) <= 16


@of_each_page
def test_formulas_are_seen_whole(page: Page) -> None:
    cut = page.locator("mjx-container[display=true]").evaluate_all(
        """all => all.filter(one => {
            const [formula, box] = [one.querySelector("mjx-math"), one]
                .map(part => part.getBoundingClientRect());
            return formula.width > box.width + 1 || formula.right > innerWidth;
        }).map(one => one.textContent)"""
    )
    assert not cut


def source(picture: Locator) -> str:
    """Of its layouts the one that is shown, as soon as it is loaded."""
    return picture.evaluate("one => one.currentSrc")


def test_figures_are_laid_out_for_it(browser: Browser, server: str) -> None:
    for width in (PHONE["width"], 1440):
        with new_visit(browser, server) as visit:
            page = visit.page
            page.set_viewport_size({"width": width, "height": 740})
            visit.open("book/chaos.html")
            figures = page.locator("main picture img")
            assert figures.count() > 3
            for figure in figures.all():
                figure.scroll_into_view_if_needed()
                wait_until(page, lambda: source(figure) != "")  # noqa: B023
                narrow = "-narrow" in source(figure)
                assert narrow == (width == PHONE["width"])
