"""What pages get after Sphinx: less to load, and pictures of their widgets."""

from __future__ import annotations

import hashlib
import io
import re
from html import escape
from pathlib import Path

import chromium
from PIL import Image
from playwright.sync_api import Browser, Locator, sync_playwright
from serve import serving

VIEW = re.compile(
    r'<script type="application/vnd\.jupyter\.widget-view\+json">.*?</script>',
    re.DOTALL,
)
SLOT = '<div class="widget-slot">'
NO_SCRIPT = (
    '<noscript><p class="widget-no-script">An interactive figure, as it '
    "begins: moving it takes JavaScript.</p></noscript>"
)
WIDTHS = {"wide": 1440, "narrow": 360}
"""Of the window, for the two layouts that widgets have."""
ALONE = """
    #pst-skip-link, .bd-header, .bd-header-article { display: none !important }
"""
"""What would lie over a picture."""


def lighten(text: str) -> str:
    """The page without Font Awesome's script and unused fonts.

    Its style sheet draws the same icons, from the one font they are in.
    """
    text = re.sub(
        r'\s*<script src="[^"]*fontawesome[^"]*all\.min\.js[^"]*"></script>',
        "",
        text,
    )
    return re.sub(
        r'\s*<link rel="preload"[^>]*fa-(brands|regular)[^>]*>', "", text
    )


def finish(html: Path) -> None:
    """Finish all pages in a folder; those that are finished stay as they are."""
    waiting = []
    for path in sorted(html.rglob("*.html")):
        if "_static" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        if (light := lighten(text)) != text:
            path.write_text(light, encoding="utf-8")
        if VIEW.search(text) and SLOT not in text:
            waiting.append(path)
    executable = chromium.find()
    if waiting and executable is None:
        print(f"Widgets get no pictures: {chromium.MISSING}")
    elif waiting:
        with serving(html) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=executable,
                args=["--no-sandbox", "--disable-gpu"],
            )
            for path in waiting:
                add_pictures(path, html, address, browser)


def add_pictures(
    path: Path, html: Path, address: str, browser: Browser
) -> None:
    """Put each widget of a page into a slot with its pictures."""
    page = path.relative_to(html).as_posix()
    text = path.read_text(encoding="utf-8")
    stills = [""] * len(VIEW.findall(text))
    for layout, width in WIDTHS.items():
        with browser.new_context(
            viewport={"width": width, "height": 900},
            device_scale_factor=2,
            color_scheme="light",
        ) as context:
            shown = context.new_page()
            shown.goto(f"{address}/{page}", wait_until="networkidle")
            shown.add_style_tag(content=ALONE)
            slots = shown.locator(".widget-slot")
            for index in range(len(stills)):
                slot = slots.nth(index)
                name = f"widget-{path.stem}-{index + 1}-{layout}.png"
                stills[index] += still(
                    slot, layout, html / "_images" / name, html, path
                )
    parts = iter(stills)
    path.write_text(
        VIEW.sub(
            lambda view: f"{SLOT}{next(parts)}{NO_SCRIPT}{view[0]}</div>", text
        ),
        encoding="utf-8",
    )


def still(
    slot: Locator, layout: str, target: Path, html: Path, page: Path
) -> str:
    """Save the picture of a widget; the image that shows it."""
    slot.scroll_into_view_if_needed()
    widget = slot.locator(".ode-widget")
    slot.page.wait_for_function(
        "slot => 'ready' in slot.dataset", arg=slot.element_handle()
    )
    slot.page.evaluate("document.activeElement.blur()")
    size = widget.bounding_box()
    assert size
    picture = widget.screenshot(animations="disabled")
    # Flat colours: a palette saves two thirds and is not seen.
    draft = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(96).save(
        draft, "png", optimize=True
    )
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(draft.getvalue())
    labels = widget.locator("canvas:visible").evaluate_all(
        "all => all.map(one => one.getAttribute('aria-label'))"
    )
    title = widget.locator(".ode-title").inner_text()
    version = hashlib.sha256(draft.getvalue()).hexdigest()[:8]
    up = "../" * (len(page.relative_to(html).parts) - 1)
    return (
        f'<img class="widget-still {layout}" loading="lazy" '
        f'src="{up}_images/{target.name}?v={version}" '
        f'width="{round(size["width"])}" height="{round(size["height"])}" '
        f'alt="{escape(f"{title}. " + ". ".join(labels))}">'
    )
