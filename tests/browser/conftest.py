"""A browser, a server of the built book, and nothing else to reach."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import chromium
import pytest
from playwright.sync_api import (
    Browser,
    Locator,
    Page,
    Route,
)
from serve import serving

ROOT = Path(__file__).parents[2]
HTML = ROOT / "_build" / "html"
TIMEOUT = 180_000
"""Milliseconds until a page counts as hung, on a machine however busy."""


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of the built book."""
    if not (HTML / "index.html").exists():
        pytest.fail(f"{HTML} holds no book: run `make book` first")
    with serving(HTML) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium.launched("--disable-background-networking") as browser:
        if browser is None:
            if os.environ.get("CI") == "true":
                pytest.fail(chromium.MISSING)
            pytest.skip(chromium.MISSING)
        yield browser


@dataclass
class Visit:
    """A page of the book and all that went wrong while it was shown."""

    page: Page
    server: str
    outside: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    path: str = ""
    html: str = ""

    def __post_init__(self) -> None:
        page = self.page
        page.route("**/*", self._route)
        page.on("requestfailed", lambda request: self._fail(request.url))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "console",
            lambda message: (
                self.errors.append(message.text)
                if message.type == "error"
                else None
            ),
        )
        page.on(
            "response",
            lambda response: (
                self._fail(f"{response.status} {response.url}")
                if response.status >= 400
                else None
            ),
        )

    def _fail(self, what: str) -> None:
        self.failed.append(what)

    def _route(self, route: Route) -> None:
        url = route.request.url
        if url.startswith((self.server, "data:", "blob:")):
            route.continue_()
        else:
            self.outside.append(url)
            route.abort()

    def open(self, path: str) -> Page:
        """Open a page and wait until its formulas and widgets are drawn."""
        self.path = path
        self.page.goto(f"{self.server}/{path}", wait_until="networkidle")
        self.html = (HTML / path).read_text(encoding="utf-8")
        self.page.evaluate("window.MathJax?.startup?.promise")
        self.page.wait_for_load_state("networkidle")
        return self.page


SHIFT = """window.shift = 0;
new PerformanceObserver((list) => list.getEntries().forEach((one) => {
    if (!one.hadRecentInput) window.shift += one.value;
})).observe({ type: "layout-shift", buffered: true });"""
"""Sums up in window.shift how far the page's parts move by themselves."""


def started(page: Page, index: int) -> Locator:
    """The widget of that number, which starts as it comes near the screen."""
    slot = page.locator(".widget-slot").nth(index)
    slot.scroll_into_view_if_needed()
    page.wait_for_function(
        "slot => 'ready' in slot.dataset", arg=slot.element_handle()
    )
    return slot.locator(".ode-widget")


def answered(widget: Locator) -> Locator:
    """The widget, with the question answered that it may ask first."""
    choices = widget.locator(".ode-choices button")
    if choices.count():
        choices.first.click()
        settle(widget.page)
    return widget


def press(button: Locator) -> None:
    """By finger where there is one."""
    touch = button.page.evaluate("navigator.maxTouchPoints > 0")
    button.scroll_into_view_if_needed()
    button.tap() if touch else button.click()


def drag(handle: Locator, right: float, down: float) -> None:
    """Drag a handle by so many pixels, as soon as it stands still."""
    handle.hover()
    box = handle.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse = handle.page.mouse
    mouse.down()
    mouse.move(x + right, y + down, steps=5)
    mouse.up()


def settle(page: Page) -> None:
    """Wait until the page has drawn what it has to draw."""
    page.evaluate(
        """() => new Promise(drawn => requestAnimationFrame(
            () => requestAnimationFrame(drawn)))"""
    )


def wait_until(page: Page, holds: Callable[[], bool]) -> None:
    """Wait until something holds of the page; fail if it never does."""
    end = time.monotonic() + TIMEOUT / 1000
    while not holds():
        assert time.monotonic() < end, "nothing changed"
        settle(page)


@pytest.fixture(scope="module")
def screen() -> dict[str, Any]:
    """What new_visit takes for :func:`page`; a file may have its own."""
    return {}


# Opening a page takes seconds: the tests of a file share one visit to it.
@pytest.fixture(scope="module")
def page(
    request: pytest.FixtureRequest,
    browser: Browser,
    server: str,
    screen: dict[str, Any],
) -> Iterator[Page]:
    """The page of the parameter's path."""
    with new_visit(browser, server, **screen) as visit:
        yield visit.open(request.param)


@pytest.fixture(scope="module")
def widget(request: pytest.FixtureRequest, page: Page) -> Locator:
    """The page's widget of the parameter's number, its question answered."""
    return answered(started(page, request.param))


SCREENS: dict[str, dict[str, Any]] = {
    "desk": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 360, "height": 740}, "has_touch": True},
}
"""What new_visit takes for them."""


@contextmanager
def new_visit(browser: Browser, server: str, **options: Any) -> Iterator[Visit]:
    """A visitor who was never here before; options are the context's."""
    with browser.new_context(**options) as context:
        context.set_default_timeout(TIMEOUT)
        yield Visit(context.new_page(), server)
