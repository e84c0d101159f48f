"""One classifier in all gauges: exponents change their sign, outputs stay."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conftest import (
    SCREENS,
    answered,
    drag,
    new_visit,
    press,
    settle,
    started,
    wait_until,
)
from playwright.sync_api import Browser, Locator

GAUGE, BALL = 3, 5
"""Which widgets of the chapter they are."""


@pytest.fixture(params=SCREENS)
def widget(
    request: pytest.FixtureRequest, browser: Browser, server: str
) -> Iterator[Locator]:
    with new_visit(browser, server, **SCREENS[request.param]) as visit:
        page = visit.open("book/chaos.html")
        yield answered(started(page, GAUGE))
        assert not visit.errors


def values(widget: Locator) -> dict[str, str]:
    """The readout's texts by their names."""
    settle(widget.page)
    names, texts = (
        widget.locator(f".ode-readout {tag}").all_inner_texts()
        for tag in ("dt", "dd")
    )
    return dict(zip(names, texts, strict=True))


def exponent(widget: Locator) -> float:
    return float(values(widget)["λ by Algorithm 1"].replace("−", "-"))


def set_gauge(widget: Locator, key: str, value: str) -> None:
    """By a key at the slider of c."""
    slider = widget.get_by_role("slider", name="Gauge c")
    slider.focus()
    widget.page.keyboard.press(key)
    wait_until(
        widget.page,
        lambda: slider.get_attribute("aria-valuetext") == value,
    )


def test_keys_turn_the_exponent_s_sign_and_leave_the_output(
    widget: Locator,
) -> None:
    found = {}
    for key, value in (("Home", "−2.0"), ("End", "2.0")):
        set_gauge(widget, key, value)
        found[key] = values(widget), exponent(widget)
    (before, grows), (after, shrinks) = found.values()
    assert shrinks < 0 < grows
    assert grows - shrinks == pytest.approx(4, abs=0.002)
    assert before["output y"] == after["output y"]
    assert before["penalty (21)"] != after["penalty (21)"]


def test_a_point_takes_its_output_along(widget: Locator) -> None:
    before = values(widget)
    handle = widget.locator(".ode-handle")
    handle.scroll_into_view_if_needed()
    drag(handle, -30, 20)
    wait_until(widget.page, lambda: values(widget) != before)
    moved = values(widget)
    assert moved["output y"] != before["output y"]
    # Penalty and readout are the model's, whichever point is asked.
    for name in ("penalty (21)", "readout's steepness"):
        assert moved[name] == before[name]
    set_gauge(widget, "End", "2.0")
    assert values(widget)["output y"] == moved["output y"]


def test_reset_brings_back_where_it_began(widget: Locator) -> None:
    before = values(widget)
    set_gauge(widget, "Home", "−2.0")
    assert values(widget) != before
    press(widget.get_by_role("button", name="Reset"))
    wait_until(widget.page, lambda: values(widget) == before)


def test_a_map_is_made_in_the_page_where_workers_are_refused(
    browser: Browser, server: str
) -> None:
    with new_visit(browser, server) as visit:
        visit.page.add_init_script(
            "window.Worker = function () { throw new Error('refused'); }"
        )
        ball = answered(started(visit.open("book/chaos.html"), BALL))
        before = values(ball)
        ball.locator("select").last.select_option(index=1)
        wait_until(visit.page, lambda: values(ball) != before)
        assert not visit.errors
