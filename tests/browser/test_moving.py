"""Every widget of the built book, moved as a reader moves it."""

from __future__ import annotations

import pytest
from conftest import HTML, Visit
from playwright.sync_api import Locator

VIEW = "application/vnd.jupyter.widget-view+json"
WIDGETS = [
    (page.relative_to(HTML).as_posix(), index)
    for page in sorted(HTML.glob("book/*.html"))
    for index in range(page.read_text(encoding="utf-8").count(VIEW))
]


# Without a book there is none to move, and the tests are to fail.
@pytest.fixture(
    params=WIDGETS or [("book/background.html", 0)],
    ids=lambda at: f"{at[0]}-{at[1]}",
)
def widget(request: pytest.FixtureRequest, visit: Visit) -> Locator:
    path, index = request.param
    one = visit.open(path).locator(".ode-widget").nth(index)
    one.wait_for()
    one.scroll_into_view_if_needed()
    return one


def readout(widget: Locator) -> str:
    return widget.locator(".ode-readout").inner_text()


def picture(widget: Locator) -> str:
    return widget.locator("canvas").evaluate_all(
        "all => all.map(one => one.toDataURL()).join()"
    )


def test_dragging_the_point_changes_what_is_shown(widget: Locator) -> None:
    before, drawn = readout(widget), picture(widget)
    box = widget.locator(".ode-handle").first.bounding_box()
    assert box
    mouse = widget.page.mouse
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 25, y - 25, steps=5)
    mouse.up()
    widget.page.wait_for_timeout(300)
    assert readout(widget) != before
    assert picture(widget) != drawn


def test_keys_move_the_point(widget: Locator) -> None:
    before = readout(widget)
    widget.locator(".ode-handle").first.focus()
    for _ in range(5):
        widget.page.keyboard.press("ArrowUp")
    widget.page.wait_for_timeout(600)
    assert readout(widget) != before
    assert widget.locator("[role=status]").inner_text()


def test_sliders_change_the_picture(widget: Locator) -> None:
    for slider in widget.locator("input[type=range]").all():
        drawn = picture(widget)
        slider.focus()
        for _ in range(3):
            widget.page.keyboard.press("ArrowLeft")
        widget.page.wait_for_timeout(300)
        if picture(widget) == drawn:  # it stood at its left end
            for _ in range(4):
                widget.page.keyboard.press("ArrowRight")
            widget.page.wait_for_timeout(300)
        assert picture(widget) != drawn


def test_choices_change_the_readout(widget: Locator) -> None:
    for choice in widget.locator("select").all():
        options = choice.locator("option").evaluate_all(
            "all => all.map(one => one.value)"
        )
        now = choice.input_value()
        seen = {readout(widget)}
        for value in options:
            if value != now:
                choice.select_option(value)
                widget.page.wait_for_timeout(300)
                seen.add(readout(widget))
        assert len(seen) > 1
