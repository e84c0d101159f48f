"""Print all pages of the built book to one file: ``make pdf``."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import chromium
from contents import contents
from playwright.sync_api import Browser, Page
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import Link
from pypdf.generic import Fit
from serve import serving

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
MARGINS = dict.fromkeys(("top", "bottom", "left", "right"), "18mm")


def pages(root: Path) -> list[str]:
    """The book's pages in their order."""
    return [f"{name}.html" for name in contents(root)]


def printed(page: Page, address: str) -> bytes:
    """Print a page once its formulas are set and its pictures loaded."""
    page.goto(address, wait_until="networkidle")
    page.evaluate("window.MathJax?.startup?.promise")
    page.evaluate(
        """() => Promise.all([...document.images].map(image => {
            image.loading = "eager";
            return image.complete ? 0 : image.decode().catch(() => 0);
        }))"""
    )
    return page.pdf(format="A4", margin=MARGINS, print_background=True)


def print_book(
    browser: Browser, html: Path, names: list[str], target: Path
) -> None:
    """Write the pages to a PDF with a bookmark for each."""
    writer = PdfWriter()
    starts = {}
    with serving(html) as address:
        page = browser.new_page(color_scheme="light")
        for name in names:
            data = printed(page, f"{address}/{name}")
            starts[name] = len(writer.pages)
            writer.append(PdfReader(io.BytesIO(data)), import_outline=False)
            title = page.locator("h1").first.evaluate(
                "one => one.firstChild.textContent"
            )
            writer.add_outline_item(
                title=title.strip(), page_number=starts[name]
            )
        point_inside(writer, address, starts)
    writer.write(target)


def point_inside(
    writer: PdfWriter, address: str, starts: dict[str, int]
) -> None:
    """Point links between pages to their first sheets, not to a server."""
    for number, sheet in enumerate(writer.pages):
        kept, links = [], []
        for reference in sheet.get("/Annots") or []:
            link = reference.get_object()
            uri = str(link.get("/A", {}).get("/URI", ""))
            if not uri.startswith(address):
                kept.append(reference)
                continue
            name = uri.removeprefix(f"{address}/").partition("#")[0]
            if name in starts:
                links.append((link["/Rect"], starts[name]))
        if "/Annots" in sheet:
            sheet["/Annots"].get_object().clear()
            sheet["/Annots"].get_object().extend(kept)
        for place, start in links:
            box = tuple(float(side) for side in place)
            link = Link(rect=box, target_page_index=start, fit=Fit.fit())
            writer.add_annotation(number, link)


def main() -> None:
    book = ROOT / "_build" / "book.pdf"
    with chromium.launched() as browser:
        if browser is None:
            sys.exit(chromium.MISSING)
        print_book(browser, HTML, pages(ROOT), book)
    print(f"The book is in {book}")


if __name__ == "__main__":
    main()
