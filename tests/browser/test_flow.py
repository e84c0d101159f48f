"""The flow widget: models side by side under one point and one depth."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conftest import new_visit, settle, started, wait_until
from playwright.sync_api import Browser, Locator, expect


@pytest.fixture(scope="module")
def flows(browser: Browser, server: str) -> Iterator[Locator]:
    with new_visit(browser, server) as visit:
        page = visit.open("book/dimensionality.html")
        alts = page.locator(".widget-still.wide").evaluate_all(
            "all => all.map(one => one.alt)"
        )
        (index,) = (
            i for i, alt in enumerate(alts) if alt.startswith("Four learned")
        )
        yield started(page, index)


def drawn(flows: Locator) -> list[str]:
    settle(flows.page)
    pictures: list[str] = flows.locator(
        ".ode-plane canvas:visible"
    ).evaluate_all("all => all.map(one => one.toDataURL())")
    return pictures


def test_one_depth_and_one_point_move_all(flows: Locator) -> None:
    before = drawn(flows)
    assert len(before) == 4
    depth = flows.get_by_role("slider", name="Depth s")
    depth.focus()
    flows.page.keyboard.press("Home")
    wait_until(
        flows.page,
        lambda: all(
            one != other
            for one, other in zip(drawn(flows), before, strict=True)
        ),
    )
    before = drawn(flows)
    flows.locator(".ode-handle:visible").nth(2).focus()
    flows.page.keyboard.press("PageUp")
    wait_until(
        flows.page,
        lambda: all(
            one != other
            for one, other in zip(drawn(flows), before, strict=True)
        ),
    )


def test_one_model_alone_shows_the_classes_of_inputs(flows: Locator) -> None:
    beside = flows.get_by_role("button", name="Side by side")
    beside.click()
    expect(flows.locator(".ode-plane:visible")).to_have_count(1)
    expect(flows.locator(".ode-flow > .ode-canvas:visible")).to_have_count(1)
    beside.click()
    expect(flows.locator(".ode-plane:visible")).to_have_count(4)


def test_at_its_end_a_film_is_played_again(flows: Locator) -> None:
    depth = flows.get_by_role("slider", name="Depth s")
    depth.focus()
    for key, name in (("End", "Replay"), ("Home", "Play")):
        flows.page.keyboard.press(key)
        expect(flows.locator(".ode-buttons button").first).to_contain_text(name)
