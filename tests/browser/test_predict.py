"""Figures that ask first: out of reach until the reader has answered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conftest import answered, new_visit, started
from playwright.sync_api import Browser, Locator, expect

ASKING = [
    ("background", 1),
    ("gradients", 0),
    ("chaos", 3),
    ("chaos", 5),
    ("augmentation", 0),
]


@pytest.fixture(params=ASKING, ids=lambda at: f"{at[0]}-{at[1]}")
def widget(
    request: pytest.FixtureRequest, browser: Browser, server: str
) -> Iterator[Locator]:
    page, index = request.param
    with new_visit(browser, server) as visit:
        yield started(visit.open(f"book/{page}.html"), index)
        assert not visit.errors


def test_keys_reach_the_answers_first_and_then_what_moves(
    widget: Locator,
) -> None:
    keys = widget.page.keyboard
    answers = widget.get_by_role("group").get_by_role("button")
    verdict = widget.locator(".ode-verdict")
    expect(verdict).to_be_hidden()
    expect(widget.get_by_role("slider")).to_have_count(0)
    answers.first.focus()
    for choice in answers.all():
        expect(choice).to_be_focused()
        keys.press("Tab")
    answers.last.focus()
    keys.press("Enter")
    expect(verdict).to_be_focused()
    said = verdict.inner_text()
    assert said.startswith(("Right. ", "Not so; you said “"))
    assert any(letter.isdigit() for letter in said)
    expect(answers).to_have_count(0)
    expect(widget.locator(".ode-handle")).to_be_visible()
    expect(widget.locator("input[type=range]").first).to_be_visible()


def test_a_phone_shows_question_answers_and_verdict(widget: Locator) -> None:
    page = widget.page
    page.set_viewport_size({"width": 360, "height": 740})
    for free in (False, True):
        if free:
            answered(widget)
        box = widget.locator(".ode-predict").bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        for choice in widget.locator(".ode-choices button:visible").all():
            size = choice.bounding_box()
            assert size
            assert size["height"] >= 36
            assert size["x"] + size["width"] <= 360
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
