"""What pages get after Sphinx: less to load, and pictures of their widgets."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from html import escape
from pathlib import Path

import chromium
from PIL import Image
from playwright.sync_api import Browser, Locator
from serve import serving
from subset_icons import subset_icons

VIEW = re.compile(
    r'<script type="application/vnd\.jupyter\.widget-view\+json">.*?</script>',
    re.DOTALL,
)
NARROW = "narrow"
"""As in neural_odes_lab/plot/narrow.py, whose import would load torch."""
SLOT = '<div class="widget-slot">'
NO_SCRIPT = (
    '<noscript><p class="widget-no-script">An interactive figure, as it '
    "begins: moving it takes JavaScript.</p></noscript>"
)
WIDTHS = {"wide": 1440, "narrow": 360}
"""Widths of the window for the two layouts of widgets."""
ALONE = """
    #pst-skip-link, .bd-header, .bd-header-article { display: none !important }
"""
"""Hides what would cover a picture."""


CHANGES = [
    # Font Awesome's style sheet draws the same icons as its script does.
    (r'\s*<script src="[^"]*/fontawesome/[^"]*"></script>', ""),
    (r'\s*<link rel="preload"[^>]*/fontawesome/[^>]*>', ""),
    # What a saved notebook shows in place of a widget.
    (
        r'<div class="output text_html"><div class="ode-saved">'
        r"(?s:.*?)</div>\s*</div>",
        "",
    ),
    # Formulas are set by JavaScript.
    (
        r'(<article class="bd-article">)(?!\s*<noscript>)'
        r'(?=(?s:.*?)class="math )',
        r"\1<noscript><p><em>Formulas stand here as LaTeX: setting them takes "
        r"JavaScript.</em></p></noscript>",
    ),
    # Roles and names that are of no help to users of screen readers.
    (r' role="doc-biblioentry"', ""),
    (r'<div role="list" class="citation-list">', '<div class="citation-list">'),
    (r'<th(| class="head")>(<p></p>)?</th>', r"<td\1></td>"),
    # What opens the pages below one in the contents has no words.
    (
        r"<summary>(<span class=\"toctree-toggle\")",
        r'<summary aria-label="Pages below">\1',
    ),
    (r'(<summary) aria-label="Toggle hidden content"', r"\1"),
    (r'( search-button__button" title="Search") aria-label="Search"', r"\1"),
    (
        r'<div class="bd-sidebar-primary bd-sidebar">',
        '<div class="bd-sidebar-primary bd-sidebar" role="region" '
        'aria-label="The book">',
    ),
    (
        r'(<script src="_static/searchtools\.js[^"]*"></script>)(?!\s*<script'
        r' src="_static/search-excerpts)',
        r'\1<script src="_static/search-excerpts.js"></script>',
    ),
]
"""The corrections made to pages, as patterns and replacements."""

IMAGE = re.compile(
    r'<img (?![^>]*loading=)([^>]*src="([^"]*_images/[^"?]+)"[^>]*>)'
)
PHONE = "(max-width: 600px)"
MISSING = """<article class="bd-article">
<h1>This page is not in the book</h1>
<p>It may have moved. The contents are beside this text, or behind the menu
button; <a href="search.html">search</a> looks through all pages.</p>
</article>"""


def finish(html: Path, base: str = "/") -> None:
    """Finish the pages in a folder; finished ones stay as they are.

    Args:
        html: the folder.
        base: path of its files on the server, for the page that is shown in
            place of missing ones at any depth.
    """
    lone = (html / "genindex.html").read_text(encoding="utf-8")
    lone = lone.replace("<head>", f'<head>\n    <base href="{base}">', 1)
    lone = re.sub("<title>.*?</title>", "<title>Not found</title>", lone)
    lone = re.sub(
        "<article.*</article>", lambda _: MISSING, lone, flags=re.DOTALL
    )
    (html / "404.html").write_text(lone, encoding="utf-8")
    waiting = []
    for path in sorted(html.rglob("*.html")):
        if "_static" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        done = mend(text, path.parent)
        if done != text:
            path.write_text(done, encoding="utf-8")
        if VIEW.search(text) and SLOT not in text:
            waiting.append(path)
    subset_icons(html)
    if waiting:
        show_widgets(waiting, html)


def mend(text: str, folder: Path) -> str:
    """The text of a page in a folder, with all the changes."""
    for pattern, replacement in CHANGES:
        text = re.sub(pattern, replacement, text)

    def reserved(image: re.Match[str]) -> str:
        path = folder / image[2]
        if path.suffix != ".png" or "width=" in image[0]:
            return image[0]
        small = narrow(path)
        width, height = shrink(path)
        wide = (
            f'<img loading="lazy" width="{width}" height="{height}" {image[1]}'
        )
        if small is None:
            return wide
        source = image[2].replace(path.name, small.name)
        width, height = shrink(small)
        return (
            f'<picture><source media="{PHONE}" srcset="{source}" '
            f'width="{width}" height="{height}">{wide}</picture>'
        )

    return IMAGE.sub(reserved, text)


def narrow(path: Path) -> Path | None:
    """Write the phone's layout of a figure to a file, if it has one."""
    with Image.open(path) as picture:
        text = getattr(picture, "text", {}).get(NARROW)
    target = path.with_stem(f"{path.stem}-narrow")
    if text is not None:
        target.write_bytes(base64.b64decode(text))
    return target if target.exists() else None


def shrink(path: Path) -> tuple[int, int]:
    """Reduce a figure to 256 colours and return its width and height."""
    with Image.open(path) as picture:
        size = picture.size
        if picture.mode != "P":
            layers = picture.convert("RGBA")
            flat = Image.new("RGB", size, "white")
            flat.paste(layers, mask=layers.getchannel("A"))
            small = flat.quantize(256, dither=Image.Dither.NONE)
            path.write_bytes(png(small))
    return size


def png(picture: Image.Image) -> bytes:
    draft = io.BytesIO()
    picture.save(draft, "png", optimize=True)
    return draft.getvalue()


def show_widgets(pages: list[Path], html: Path) -> None:
    """Put pictures of their widgets into pages."""
    with serving(html) as address, chromium.launched() as browser:
        if browser is None:
            print(f"Widgets get no pictures: {chromium.MISSING}")
            return
        for path in pages:
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
    """Save a picture of a widget and return the element that shows it."""
    slot.scroll_into_view_if_needed()
    widget = slot.locator(".ode-widget")
    slot.page.wait_for_function(
        "slot => 'ready' in slot.dataset", arg=slot.element_handle()
    )
    slot.page.evaluate("document.activeElement.blur()")
    size = widget.bounding_box()
    assert size
    picture = widget.screenshot(animations="disabled")
    # Colours are flat: a palette saves two thirds without visible loss.
    small = png(Image.open(io.BytesIO(picture)).convert("RGB").quantize(96))
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(small)
    labels = widget.locator("canvas:visible").evaluate_all(
        "all => all.map(one => one.getAttribute('aria-label'))"
    )
    title = widget.locator(".ode-title").inner_text()
    version = hashlib.sha256(small).hexdigest()[:8]
    up = "../" * (len(page.relative_to(html).parts) - 1)
    return (
        f'<img class="widget-still {layout}" loading="lazy" '
        f'src="{up}_images/{target.name}?v={version}" '
        f'width="{round(size["width"])}" height="{round(size["height"])}" '
        f'alt="{escape(f"{title}. " + ". ".join(labels))}">'
    )
