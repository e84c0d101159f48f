"""The book on paper, printed from the built pages."""

from __future__ import annotations

from pathlib import Path

from conftest import HTML, ROOT
from playwright.sync_api import Browser
from print_book import pages, print_book
from pypdf import PdfReader


def test_all_pages_are_printed() -> None:
    names = pages(ROOT)
    assert names[0] == "book/intro.html"
    assert all((HTML / name).exists() for name in names)


def test_links_lead_from_sheet_to_sheet(
    browser: Browser, tmp_path: Path
) -> None:
    names = ["book/ledger.html", "book/references.html"]
    target = tmp_path / "book.pdf"
    print_book(browser, HTML, names, target)
    book = PdfReader(target)
    assert [item.title for item in book.outline] == [
        "The ledger of claims",
        "References",
    ]
    links = [
        note.get_object()
        for sheet in book.pages
        for note in sheet.get("/Annots", [])
    ]
    addresses = [str(link.get("/A", {}).get("/URI", "")) for link in links]
    assert any(address.startswith("https://") for address in addresses)
    assert not any("localhost" in address for address in addresses)
    assert any("Massaroli" in sheet.extract_text() for sheet in book.pages[1:])
