"""The title page: a point that cannot get out, until one press lets it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conftest import (
    SCREENS,
    SHIFT,
    TIMEOUT,
    drag,
    new_visit,
    press,
    started,
    wait_until,
)
from playwright.sync_api import Browser, Locator, expect

WITHIN = "within the wall\n"


@pytest.fixture(scope="module", params=SCREENS)
def flow(
    request: pytest.FixtureRequest, browser: Browser, server: str
) -> Iterator[Locator]:
    """One visit at each size, for the tests in turn."""
    with new_visit(browser, server, **SCREENS[request.param]) as visit:
        visit.page.add_init_script(SHIFT)
        flow = started(visit.open("book/intro.html"), 0)
        assert visit.page.evaluate("window.shift") < 0.05
        yield flow
        assert not visit.errors
        assert not visit.outside


def within(flow: Locator, answer: str) -> bool:
    return WITHIN + answer in flow.locator(".ode-readout").inner_text()


def start(flow: Locator) -> str:
    return flow.locator(".ode-readout dd").first.inner_text()


def other_models(flow: Locator) -> Locator:
    return flow.get_by_role("group", name="Model").get_by_role("button")


def places(flow: Locator) -> list[list[float]]:
    """Where the pictures and controls of the widget stand in it."""
    found: list[list[float]] = flow.evaluate(
        """one => [...one.querySelectorAll("canvas, button, input")]
            .map(part => part.getBoundingClientRect())
            .map(({ x, y, width }) =>
                [x, y - one.getBoundingClientRect().y, width])"""
    )
    return found


def test_dragged_it_stays_in_and_one_press_lets_it_out(flow: Locator) -> None:
    assert within(flow, "yes")
    handle = flow.locator(".ode-handle").first
    theorem = flow.get_by_role("link", name="That is a theorem.")
    expect(theorem).to_be_hidden()
    for right, down in ((12, 0), (-20, 8), (6, -16), (900, 0), (-900, 700)):
        before = start(flow)
        drag(handle, right, down)  # the last two, out of the figure
        wait_until(flow.page, lambda: start(flow) != before)  # noqa: B023
        assert within(flow, "yes")
    expect(theorem).to_be_visible()
    press(flow.get_by_role("button", name="Reset"))
    before = places(flow)
    for model in other_models(flow).all()[1:]:
        press(model)
        expect(model).to_have_attribute("aria-pressed", "true", timeout=TIMEOUT)
        wait_until(flow.page, lambda: within(flow, "no"))
        assert places(flow) == before  # no control moves


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_the_cloud_flows_once_as_the_page_opens(
    browser: Browser, server: str, motion: str
) -> None:
    with new_visit(browser, server, **SCREENS["desk"]) as visit:
        visit.page.emulate_media(reduced_motion=motion)
        flow = started(visit.open("book/intro.html"), 0)
        depth = flow.get_by_role("slider", name="Depth s")
        if motion == "reduce":
            assert depth.input_value() == "1"
        wait_until(flow.page, lambda: depth.input_value() == "1")


def test_keys_do_the_same(flow: Locator) -> None:
    keys = flow.page.keyboard
    press(flow.get_by_role("button", name="Reset"))
    wait_until(flow.page, lambda: within(flow, "yes"))
    before = start(flow)
    flow.locator(".ode-handle").first.focus()
    for key in ("ArrowUp", "ArrowRight", "ArrowRight", "ArrowDown"):
        keys.press(key)
    wait_until(flow.page, lambda: start(flow) != before)
    assert within(flow, "yes")
    other_models(flow).nth(1).focus()
    keys.press("Enter")
    wait_until(flow.page, lambda: within(flow, "no"))


def test_without_scripts_a_picture_and_the_map_stand_there(
    browser: Browser, server: str
) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{server}/book/intro.html")
        assert page.locator(".widget-still.wide").first.is_visible()
        assert page.locator("article > noscript em").is_visible()
        table = page.locator("table", has_text="what it decides")
        assert table.locator("a").count() >= 4
