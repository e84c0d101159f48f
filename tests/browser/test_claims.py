"""Claims are filtered, sorted, followed and opened without a kernel."""

from __future__ import annotations

import re
from typing import Any

import pytest
from conftest import SCREENS, Visit, new_visit
from playwright.sync_api import Browser, Locator, expect
from test_index import TARGETS, ids

PAGE = "book/ledger.html"
CLAIM = "claim-chaos-penalties-attacks-steady-state"


def rows(visit: Visit) -> Locator:
    return visit.page.locator("tr[data-verdict]:visible")


def test_claims_of_the_paper_lead_to_their_headings(
    browser: Browser, server: str
) -> None:
    with new_visit(browser, server) as visit:
        page = visit.open(PAGE)
        links = page.locator(".ledger th > a").evaluate_all(TARGETS)
        assert len(links) > 20
        leads: dict[str, set[str]] = {}
        for link in links:
            path, _, anchor = link.partition("#")
            leads.setdefault(path, set()).add(anchor)
        for path, anchors in leads.items():
            assert anchors <= ids(visit, f"book/{path}"), path


def test_claims_are_filtered(browser: Browser, server: str) -> None:
    with new_visit(browser, server) as visit:
        page = visit.open(PAGE)
        bar = page.locator(".ledger-filter")
        every = rows(visit).count()
        expect(bar.locator("output")).to_have_text(f"{every} of {every} claims")
        counts = {}
        for word in ("held", "not held", "undecided"):
            bar.get_by_label("Verdict").select_option(word)
            counts[word] = rows(visit).count()
            for row in rows(visit).all():
                assert row.get_attribute("data-verdict") == word
        assert sum(counts.values()) == every
        bar.get_by_label("Verdict").select_option("all")
        bar.get_by_label("Chapter").select_option("chaos")
        chaos = rows(visit).count()
        assert 0 < chaos < every
        bar.get_by_label("Search").fill("Lorenz")
        assert 0 < rows(visit).count() < chaos
        expect(bar.locator("output")).to_have_text(
            f"{rows(visit).count()} of {every} claims"
        )
        assert not visit.errors


def test_claims_are_sorted_by_a_column_and_back(
    browser: Browser, server: str
) -> None:
    with new_visit(browser, server) as visit:
        page = visit.open(PAGE)
        column = rows(visit).locator("td:nth-child(2)")
        before = column.all_inner_texts()
        head = page.locator(".ledger-filter + .ledger thead th").nth(1)
        press = head.get_by_role("button")
        press.focus()
        page.keyboard.press("Enter")
        assert column.all_inner_texts() == sorted(before)
        expect(head).to_have_attribute("aria-sort", "ascending")
        press.click()
        assert column.all_inner_texts() == sorted(before, reverse=True)
        press.click()
        assert column.all_inner_texts() == before


def test_verdicts_of_a_lesson_are_filtered(
    browser: Browser, server: str
) -> None:
    with new_visit(browser, server) as visit:
        page = visit.open("book/evidence_chaos.html")
        bar = page.locator(".ledger-filter")
        claims = page.locator(".matrix td[id]")
        studies = page.locator(".evidence section:visible")
        every, all_studies = claims.count(), studies.count()
        expect(bar.locator("output")).to_have_text(f"{every} of {every} claims")
        counts = {}
        for word in ("held", "not held", "undecided"):
            bar.get_by_label("Verdict").select_option(word)
            own = page.locator(f".matrix td[id].{word.replace(' ', '-')}")
            counts[word] = own.count()
            assert all(one.is_visible() for one in own.all())
            for row in page.locator(".matrix tbody tr:visible").all():
                assert word in row.inner_text()
        assert sum(counts.values()) == every
        bar.get_by_label("Verdict").select_option("all")
        bar.get_by_label("Search").fill("saturation")
        assert studies.count() == 1 < all_studies
        expect(studies).to_contain_text("chaos.saturation")
        bar.get_by_label("Search").fill("")
        assert studies.count() == all_studies
        assert not visit.errors


@pytest.mark.parametrize("script", [True, False], ids=["script", "none"])
@pytest.mark.parametrize("screen", SCREENS.values(), ids=SCREENS)
def test_a_verdict_opens_its_evidence(
    browser: Browser, server: str, screen: dict[str, Any], script: bool
) -> None:
    with new_visit(
        browser, server, java_script_enabled=script, **screen
    ) as visit:
        page = visit.page
        page.goto(f"{server}/book/evidence_chaos.html#{CLAIM}")
        cell = page.locator(f"#{CLAIM}")
        card = page.locator(":popover-open")
        if script:  # a link to a verdict opens it
            expect(card).to_be_visible()
            page.keyboard.press("Escape")
        expect(card).to_have_count(0)
        button = cell.get_by_role("button")
        button.focus()
        page.keyboard.press("Enter")
        expect(card).to_contain_text("raises accuracy under attack")
        expect(card.get_by_role("link")).to_have_text(button.inner_text())
        expect(card.locator("svg").first).to_be_visible()
        expect(card.locator("code")).to_have_text(
            re.compile("neural_odes_lab run chaos.penalties")
        )
        box = card.bounding_box()
        size = page.viewport_size
        assert box
        assert size
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size["width"]
        page.keyboard.press("Escape")
        expect(card).to_have_count(0)
        expect(button).to_be_focused()
        page.emulate_media(media="print")
        cards = page.locator(".verdict[popover]")
        assert all(one.is_visible() for one in cards.all())
        assert not visit.errors
