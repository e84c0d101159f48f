"""The built book in a browser: weight of pages, speed of pages and widgets.

make book && python benchmarks/pages.py
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page
from timing import keep

from neural_odes_lab.studies import STUDIES

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import chromium  # noqa: E402
from page_weight import sizes  # noqa: E402
from serve import HTML, serving  # noqa: E402

CHAPTERS = sorted({name.partition(".")[0] for name in STUDIES})
VISITS, MOVES, WATCHED = 5, 25, 5000
# Runs first in each page and records long tasks, how long each frame draws,
# when the first picture is painted, and when the first widget, scrolled to as
# soon as the page is parsed, is drawn. A later query would wait for the page's
# other scripts.
NOTES = """
window.notes = { long: [], drawn: [], picture: 0, widget: 0 };
new PerformanceObserver((list) => list.getEntries().forEach((one) =>
  (notes.picture ||= one.renderTime)
)).observe({ type: "element", buffered: true });
new MutationObserver(() => {
  document.querySelector("main img:not([elementtiming])")
    ?.setAttribute("elementtiming", "picture");
  const slot = document.querySelector(".widget-slot");
  if (slot && "ready" in slot.dataset) notes.widget ||= performance.now();
}).observe(document, { subtree: true, childList: true, attributes: true });
document.addEventListener("readystatechange", () =>
  document.querySelector(".widget-slot")
    ?.scrollIntoView({ behavior: "instant" }), { once: true });
new PerformanceObserver((list) => list.getEntries().forEach((one) =>
  notes.long.push(one.duration))).observe({ type: "longtask", buffered: true });
const next = window.requestAnimationFrame;
window.requestAnimationFrame = (draw) => next((at) => {
  const start = performance.now();
  draw(at);
  notes.drawn.push(performance.now() - start);
});
"""
SEEN = """slot => new Promise(seen => {
  slot.scrollIntoView({ behavior: "instant" });
  const look = () => "ready" in slot.dataset ? seen() : setTimeout(look, 5);
  look();
})"""
MOVED = """async (handle, moves) => {
  const drawn = [];
  for (let i = 0; i < moves; i++) {
    notes.drawn.length = 0;
    const key = i % 2 ? "ArrowDown" : "ArrowUp";
    handle.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    await new Promise((done) => setTimeout(done, 50));
    drawn.push(notes.drawn.reduce((sum, one) => sum + one, 0));
  }
  return drawn;
}"""
FRAMES = """milliseconds => new Promise(done => {
  const at = [];
  const look = (now) => {
    at.push(now);
    if (now - at[0] < milliseconds) requestAnimationFrame(look);
    else done(at.slice(1).map((one, i) => one - at[i]));
  };
  requestAnimationFrame(look);
})"""


@contextmanager
def visit(browser: Browser, address: str) -> Iterator[Page]:
    """A page at an address, seen for the first time."""
    with browser.new_context(
        viewport={"width": 1440, "height": 900}
    ) as context:
        page = context.new_page()
        page.add_init_script(NOTES)
        page.goto(address, wait_until="commit")
        yield page


def weight(page: str, browser: Browser, server: str) -> float:
    """Megabytes that a page loads, its films aside."""
    asked: set[str] = set()
    with browser.new_context() as context:
        one = context.new_page()
        one.on("request", lambda request: asked.add(request.url))
        one.goto(f"{server}/{page}", wait_until="networkidle")
    return sum(sizes(HTML, page, asked).values()) / 1e6


def first_picture(page: Page) -> float:
    """Milliseconds until the page's first picture is painted."""
    return page.wait_for_function("notes.picture").json_value()


def first_widget(page: Page) -> float:
    """Milliseconds until the first widget is drawn, scrolled to at once."""
    return page.wait_for_function("notes.widget").json_value()


def long_tasks(page: Page) -> float:
    page.wait_for_load_state("networkidle")
    return page.evaluate("Math.max(0, ...notes.long)")


def redraws(page: Page) -> dict[str, float]:
    """Median milliseconds of a redraw, by the widget's title."""
    found = {}
    page.wait_for_load_state("networkidle")
    for slot in page.locator(".widget-slot").all():
        slot.evaluate(SEEN)
        choices = slot.locator(".ode-choices button")
        if choices.count():
            choices.first.click()
        page.wait_for_timeout(500)
        handle = slot.locator(".ode-handle").first
        title = slot.locator(".ode-title").inner_text()
        found[title] = statistics.median(handle.evaluate(MOVED, MOVES))
    return found


def frames(page: Page) -> tuple[float, float, float]:
    """Milliseconds of the playground while it trains.

    The median time between pictures, its 95th percentile, and when the ring was
    learned.
    """
    page.wait_for_load_state("networkidle")
    start = page.evaluate("performance.now()")
    page.get_by_role("button", name="Train").click()
    between = page.evaluate(FRAMES, WATCHED)
    page.wait_for_function(
        "document.querySelector('.ode-readout').innerText"
        ".match(/points classified right\\s+100 %/)"
    )
    learned = page.evaluate("performance.now()") - start
    return (
        statistics.median(between),
        statistics.quantiles(between, n=20)[-1],
        learned,
    )


def main() -> None:
    if not (HTML / "index.html").exists():
        sys.exit("there is no book to look at: `make book` builds it")
    rows: list[dict[str, Any]] = []

    def add(page: str, what: str, value: float, unit: str) -> None:
        rows.append({"page": page, "what": what, "value": value, "unit": unit})

    def repeated(page: str, what: str, measure: Any) -> None:
        found = []
        for _ in range(VISITS):
            with visit(browser, f"{server}/{page}") as one:
                found.append(measure(one))
        add(page, what, statistics.median(found), "ms")

    with serving(HTML) as server, chromium.launched() as browser:
        if browser is None:
            sys.exit(chromium.MISSING)
        chapters = [f"book/{name}.html" for name in CHAPTERS]
        for page in ("index.html", "book/playground.html", *chapters):
            add(page, "weight", weight(page, browser, server), "MB")
        repeated("index.html", "first picture", first_picture)
        for page in chapters:
            repeated(page, "first widget", first_widget)
            repeated(page, "longest task", long_tasks)
            with visit(browser, f"{server}/{page}") as one:
                for title, value in redraws(one).items():
                    add(page, f"redraw: {title}", value, "ms")
        with visit(browser, f"{server}/book/playground.html") as one:
            middle, slow, learned = frames(one)
        for what, value in {
            "between pictures, median": middle,
            "between pictures, 95 %": slow,
            "ring learned": learned,
        }.items():
            add("book/playground.html", what, value, "ms")
    keep("pages", rows, browser=browser.version)


if __name__ == "__main__":
    main()
