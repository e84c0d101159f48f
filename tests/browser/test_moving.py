"""Every widget of the built book, moved as a reader moves it."""

from __future__ import annotations

import pytest
from conftest import HTML, drag, settle, wait_until
from playwright.sync_api import Locator

VIEW = "application/vnd.jupyter.widget-view+json"
WIDGETS = [
    (page.relative_to(HTML).as_posix(), index)
    for page in sorted(HTML.glob("book/*.html"))
    if page.stem != "playground"  # test_playground.py
    for index in range(page.read_text(encoding="utf-8").count(VIEW))
]


# Without a book there is none to move, and the tests are to fail.
of_each_widget = pytest.mark.parametrize(
    ("page", "widget"),
    WIDGETS or [("book/background.html", 0)],
    indirect=True,
    scope="module",
)
pytestmark = of_each_widget


def readout(widget: Locator) -> str:
    return widget.locator(".ode-readout").inner_text()


def picture(widget: Locator) -> str:
    return widget.locator("canvas").evaluate_all(
        "all => all.map(one => one.toDataURL()).join()"
    )


def test_dragging_the_point_changes_what_is_shown(widget: Locator) -> None:
    before, drawn = readout(widget), picture(widget)
    drag(widget.locator(".ode-handle").first, 25, -25)
    wait_until(widget.page, lambda: readout(widget) != before)
    wait_until(widget.page, lambda: picture(widget) != drawn)


def test_keys_move_the_point(widget: Locator) -> None:
    before = readout(widget)
    widget.locator(".ode-handle").first.focus()
    for _ in range(5):
        widget.page.keyboard.press("ArrowDown")  # it was dragged up
    wait_until(widget.page, lambda: readout(widget) != before)
    status = widget.locator("[role=status]")
    wait_until(widget.page, lambda: bool(status.inner_text()))


def test_sliders_change_the_picture(widget: Locator) -> None:
    for slider in widget.locator("input[type=range]").all():
        drawn = picture(widget)
        slider.focus()
        at_left_end = slider.evaluate("one => one.value === one.min")
        for _ in range(3):
            widget.page.keyboard.press(
                "ArrowRight" if at_left_end else "ArrowLeft"
            )
        wait_until(widget.page, lambda: picture(widget) != drawn)  # noqa: B023


def test_choices_change_the_readout(widget: Locator) -> None:
    for choice in widget.locator("select:visible").all():
        options = choice.locator("option").evaluate_all(
            "all => all.map(one => one.value)"
        )
        before = readout(widget)

        def one_of_them_differs() -> bool:
            for value in options:  # noqa: B023
                choice.select_option(value)  # noqa: B023
                settle(widget.page)
                if readout(widget) != before:  # noqa: B023
                    return True
            return False

        wait_until(widget.page, one_of_them_differs)
