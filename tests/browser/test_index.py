"""The index leads from every term and name to where it is explained."""

from __future__ import annotations

from conftest import Visit, new_visit
from playwright.sync_api import Browser

TARGETS = "links => links.map(link => link.getAttribute('href'))"
IDS = "nodes => nodes.map(node => node.id)"


def ids(visit: Visit, page: str, selector: str = "[id]") -> set[str]:
    return set(visit.open(page).locator(selector).evaluate_all(IDS))


def test_every_entry_leads_somewhere(browser: Browser, server: str) -> None:
    with new_visit(browser, server) as visit:
        page = visit.open("genindex.html")
        links = page.locator(".indextable a").evaluate_all(TARGETS)
        leads: dict[str, set[str]] = {}
        for link in links:
            path, _, anchor = link.partition("#")
            leads.setdefault(path, set()).add(anchor)
        for path, anchors in leads.items():
            assert anchors <= ids(visit, path), path
        terms = ids(visit, "book/glossary.html", "dl.glossary dt[id]")
        assert terms
        assert terms <= leads["book/glossary.html"]


def test_a_link_leads_to_the_index(browser: Browser, server: str) -> None:
    with new_visit(browser, server) as visit:
        page = visit.open("book/glossary.html")
        page.get_by_role("link", name="index", exact=True).first.click()
        page.wait_for_url("**/genindex.html")
