"""The playground of the built book: a reader trains a model."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from conftest import new_visit, wait_until
from playwright.sync_api import Browser, Locator


@pytest.fixture
def playground(browser: Browser, server: str) -> Iterator[Locator]:
    with new_visit(browser, server) as visit:
        one = visit.open("book/playground.html").locator(".ode-widget")
        one.wait_for()
        yield one


def shown(playground: Locator, name: str) -> float:
    text = playground.locator(".ode-readout").inner_text()
    found = re.search(rf"{name}\n([\d.]+)", text)
    return float(found[1]) if found else -1.0


def test_training_lowers_the_loss(playground: Locator) -> None:
    page = playground.page
    wait_until(page, lambda: shown(playground, "loss") > 0)
    before = shown(playground, "loss")
    playground.get_by_role("button", name="Train").click()
    wait_until(page, lambda: shown(playground, "steps") > 20)
    playground.get_by_role("button", name="Pause").click()
    assert shown(playground, "loss") < before
    playground.get_by_role("button", name="Restart").click()
    wait_until(page, lambda: shown(playground, "steps") == 0)


def test_the_address_keeps_the_settings(playground: Locator) -> None:
    page = playground.page
    playground.get_by_label("Model").select_option("concat")
    wait_until(page, lambda: "variant=concat" in page.url)
    page.reload()
    wait_until(page, lambda: playground.locator("canvas").count() == 3)
    assert playground.get_by_label("Model").input_value() == "concat"


def test_a_tap_adds_a_point(playground: Locator) -> None:
    page = playground.page
    playground.locator("summary").click()
    playground.get_by_label("A tap adds").select_option("1")
    canvas = playground.locator("canvas").first
    drawn = canvas.evaluate("one => one.toDataURL()")
    canvas.click(position={"x": 120, "y": 120})
    wait_until(page, lambda: canvas.evaluate("one => one.toDataURL()") != drawn)
