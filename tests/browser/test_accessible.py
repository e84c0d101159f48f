"""What axe finds in the pages, and how widgets take the keyboard."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conftest import ROOT, new_visit, settle, started, wait_until
from playwright.sync_api import Browser, Locator, Page
from test_pages import PAGES

AXE = ROOT / "book/vendor/node_modules/axe-core/axe.min.js"
SCHEMES: dict[str, dict[str, object]] = {
    "light": {},
    # What else axe looks at does not change with the scheme.
    "dark": {"runOnly": {"type": "rule", "values": ["color-contrast"]}},
}


def violations(page: Page, options: dict[str, object]) -> list[str]:
    found = page.evaluate(
        "options => axe.run({...options, resultTypes: ['violations']})",
        options,
    )["violations"]
    return [
        f"{rule['id']}: {node['html'][:120]}"
        for rule in found
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("path", PAGES or ["index.html"])
def test_axe_finds_nothing_in_either_scheme(
    path: str, browser: Browser, server: str
) -> None:
    with new_visit(browser, server) as visit:
        # Colours fade from one scheme to the other, unless motion is reduced.
        visit.page.emulate_media(reduced_motion="reduce")
        page = visit.open(path)
        for index in range(page.locator(".widget-slot").count()):
            started(page, index)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        for scheme, options in SCHEMES.items():
            page.evaluate(
                "scheme => document.documentElement.dataset.theme = scheme",
                scheme,
            )
            settle(page)
            assert not violations(page, options), scheme


@pytest.fixture(scope="module")
def flow(browser: Browser, server: str) -> Iterator[Locator]:
    with new_visit(browser, server) as visit:
        yield started(visit.open("book/intro.html"), 0)


def test_keys_do_not_leave_a_widget(flow: Locator) -> None:
    page = flow.page
    page.evaluate(
        """() => {
            window.left = [];
            document.addEventListener("keydown", e => left.push(e.key));
        }"""
    )
    for part in (".ode-handle", "input[type=range]", "button", "select"):
        flow.locator(part).first.focus()
        page.keyboard.press("d")
        page.keyboard.press("d")
    assert page.evaluate("left") == []
    page.keyboard.press("Control+b")  # a browser's and JupyterLab's own
    assert page.evaluate("left") == ["Control", "b"]


def test_the_handle_takes_all_keys_of_a_slider(flow: Locator) -> None:
    handle = flow.locator(".ode-handle").first

    def value(name: str) -> float:
        return float(handle.get_attribute(f"aria-value{name}") or "nan")

    assert value("min") <= value("now") <= value("max")
    handle.focus()
    for key, name in (("End", "max"), ("Home", "min")):
        flow.page.keyboard.press(key)
        wait_until(flow.page, lambda: value("now") == value(name))  # noqa: B023
    before = handle.get_attribute("aria-valuetext")
    flow.page.keyboard.press("PageUp")
    wait_until(
        flow.page, lambda: handle.get_attribute("aria-valuetext") != before
    )
