"""The pictures of widgets: where no widget can be, and until it is drawn."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import HTML, TIMEOUT, new_visit, started, wait_until
from playwright.sync_api import Browser, Page, expect

STATE = re.compile(
    r'(<script type="application/vnd.jupyter.widget-state\+json">)(.*?)'
    r"(</script>)",
    re.DOTALL,
)
PAGES = [
    path.relative_to(HTML).as_posix()
    for path in sorted(HTML.glob("book/*.html"))
    if "widget-view+json" in path.read_text(encoding="utf-8")
]


def pictures(page: Page) -> int:
    """How many slots show one picture that was loaded."""
    slots = page.locator(".widget-slot").all()
    for slot in slots:
        slot.scroll_into_view_if_needed()
        still = slot.locator(".widget-still:visible")
        expect(still).to_have_count(1)
        assert len(still.get_attribute("alt") or "") > 30
        assert still.evaluate("one => one.decode().then(() => true)")
    return len(slots)


@pytest.mark.parametrize("path", PAGES or ["book/intro.html"])
@pytest.mark.parametrize("width", [360, 1440])
def test_without_scripts_a_picture_and_a_line_stand_there(
    path: str, width: int, browser: Browser, server: str
) -> None:
    with browser.new_context(
        java_script_enabled=False, viewport={"width": width, "height": 900}
    ) as context:
        page = context.new_page()
        page.goto(f"{server}/{path}")
        slots = page.locator(".widget-slot")
        assert slots.count() == Path(HTML, path).read_text("utf-8").count(
            "widget-view+json"
        )
        for slot in slots.all():
            slot.scroll_into_view_if_needed()
            expect(slot.locator(".widget-still:visible")).to_have_count(1)
            expect(slot.locator(".widget-no-script")).to_be_visible()


def spoilt(page: Page, path: str, state: str) -> None:
    """Serve the page with this in place of the state of its widgets."""
    text = STATE.sub(
        lambda found: found[1] + state + found[3],
        (HTML / path).read_text(encoding="utf-8"),
    )
    page.route(
        f"**/{path}",
        lambda route: route.fulfill(body=text, content_type="text/html"),
    )


def state_of(path: str) -> dict[str, Any]:
    found = STATE.search((HTML / path).read_text(encoding="utf-8"))
    assert found
    state: dict[str, Any] = json.loads(found[2])
    return state


def test_a_broken_state_leaves_the_picture_and_a_line(
    browser: Browser, server: str
) -> None:
    with new_visit(browser, server) as visit:
        spoilt(visit.page, "book/chaos.html", '{"state": {')
        page = visit.open("book/chaos.html")
        assert pictures(page) == 6
        for alert in page.locator(".widget-slot [role=alert]").all():
            text = alert.inner_text()
            assert "could not start" in text
            assert "JSON" not in text
        assert not visit.errors


def test_a_failing_model_leaves_the_controls(
    browser: Browser, server: str
) -> None:
    path = "book/intro.html"
    state = state_of(path)
    for one in state["state"].values():
        if "models" in one["state"]:
            one["state"]["models"][0][1]["field"]["net"] = ["unheard of"]
    with new_visit(browser, server) as visit:
        spoilt(visit.page, path, json.dumps(state).replace("</", r"<\/"))
        page = visit.open(path)
        widget = started(page, 0)
        alarm = widget.get_by_role("alert")
        expect(alarm).to_contain_text("unknown layer", timeout=TIMEOUT)
        widget.get_by_role("button", name="one more dimension").click()
        expect(alarm).to_be_hidden(timeout=TIMEOUT)
        widget.get_by_role("button", name="Reset").click()
        expect(alarm).to_be_visible(timeout=TIMEOUT)
        assert not visit.errors


def test_a_hostile_model_ends_in_a_sentence(
    browser: Browser, server: str
) -> None:
    path = "book/intro.html"
    state = state_of(path)
    for one in state["state"].values():
        if "models" in one["state"]:
            for _, model in one["state"]["models"]:
                model["depth"] = 1e9
    with new_visit(browser, server) as visit:
        spoilt(visit.page, path, json.dumps(state).replace("</", r"<\/"))
        widget = started(visit.open(path), 0)
        expect(widget.get_by_role("alert")).to_contain_text(
            re.compile(r"^This cannot be drawn: .*\.$"), timeout=TIMEOUT
        )
        assert not visit.errors


def test_widgets_start_as_they_come_near(browser: Browser, server: str) -> None:
    with new_visit(browser, server) as visit:
        page = visit.open("book/chaos.html")
        ready = page.locator(".widget-slot[data-ready]").count()
        assert ready < page.locator(".widget-slot").count()
        for index in range(6):
            started(page, index)


def test_on_paper_pictures_stand_for_widgets(
    browser: Browser, server: str
) -> None:
    with new_visit(browser, server) as visit:
        page = visit.open("book/chaos.html")
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        for index in range(6):
            started(page, index)
        page.emulate_media(media="print")
        expect(page.locator(".ode-widget:visible")).to_have_count(0)
        assert pictures(page) == 6
        folded = page.locator("main details.option:not([open]) > p")
        assert folded.evaluate_all(
            "all => all.length > 0 && all.every(one => one.checkVisibility())"
        )


@pytest.mark.parametrize("width", [360, 1440])
def test_a_deep_link_lands(width: int, browser: Browser, server: str) -> None:
    with new_visit(browser, server) as visit:
        page = visit.page
        page.set_viewport_size({"width": width, "height": 900})
        visit.open("book/dimensionality.html")
        name = page.locator("main section[id]").last.get_attribute("id")
        page.goto("about:blank")
        page.goto(f"{server}/book/dimensionality.html#{name}")
        page.wait_for_load_state("networkidle")
        heading = page.locator(f"[id='{name}']")

        def landed() -> bool:
            top = heading.evaluate("one => one.getBoundingClientRect().top")
            return -10 < top < 900

        # Formulas and pictures above get their heights as they come.
        page.evaluate("window.MathJax.startup.promise")
        wait_until(page, landed)
