"""Training in the page: noise becomes moons, rectified paths are straight."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conftest import SCREENS, new_visit, press, settle, started, wait_until
from playwright.sync_api import Browser, Locator


@pytest.fixture(params=SCREENS)
def widget(
    request: pytest.FixtureRequest, browser: Browser, server: str
) -> Iterator[Locator]:
    with new_visit(browser, server, **SCREENS[request.param]) as visit:
        yield started(visit.open("book/generation.html"), 0)
        assert not visit.errors


def value(widget: Locator, name: str) -> float:
    """A number of the readout, by its name."""
    settle(widget.page)
    names, texts = (
        widget.locator(f".ode-readout {tag}").all_inner_texts()
        for tag in ("dt", "dd")
    )
    return float(dict(zip(names, texts, strict=True))[name])


def test_it_learns_moons_and_straightens_its_paths(widget: Locator) -> None:
    page = widget.page
    quality, bend = "energy distance", "bend, 0 is straight"
    assert widget.get_by_role("button", name="Rectify").is_disabled()
    assert value(widget, quality) > 0.05
    press(widget.get_by_role("button", name="Train"))
    wait_until(page, lambda: value(widget, quality) < 0.03)
    assert value(widget, bend) > 0.4
    press(widget.get_by_role("button", name="Rectify"))
    wait_until(page, lambda: value(widget, bend) < 0.1)
    press(widget.get_by_role("button", name="Pause"))
    before = value(widget, "updates")
    assert value(widget, "updates") == before
    press(widget.get_by_role("button", name="Restart"))
    wait_until(page, lambda: value(widget, "updates") == 0)


def test_what_a_reader_draws_is_learned(widget: Locator) -> None:
    """A short line in place of the heart: all samples end near it."""
    page = widget.page
    widget.get_by_label("Data", exact=True).select_option("your drawing")
    pad = widget.locator(".ode-pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    heart = value(widget, "energy distance")
    page.mouse.move(x, y - 20)
    page.mouse.down()
    page.mouse.move(x, y + 20, steps=4)
    page.mouse.up()
    wait_until(page, lambda: value(widget, "energy distance") > 1.5 * heart)
    press(widget.get_by_role("button", name="Train"))
    wait_until(page, lambda: value(widget, "energy distance") < 0.05)
    press(widget.get_by_role("button", name="Clear"))
    wait_until(page, lambda: value(widget, "energy distance") == heart)


def test_pairs_by_transport_do_not_bend(widget: Locator) -> None:
    press(widget.get_by_role("button", name="by transport"))
    press(widget.get_by_role("button", name="Train"))
    wait_until(widget.page, lambda: value(widget, "updates") > 100)
    assert value(widget, "bend, 0 is straight") < 0.2
