"""A study's verdicts by claim and model, each over its evidence."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest

from neural_odes_lab import results
from neural_odes_lab.ledger import address
from neural_odes_lab.matrix import Matrix, in_common
from neural_odes_lab.study import Study
from neural_odes_lab.tables import MARKS

HOSTILE = "<img src=x onerror=alert(1)>"


def matrix(name: str) -> Matrix:
    found = results.by_setting(name)
    single = {key: one for key, one in found.items() if len(one.configs) == 1}
    return Matrix(single, f"run {name}")


ENTRIES = results.ledger().entries


@pytest.mark.parametrize(
    "study", [one.study for one in ENTRIES], ids=lambda study: study.name
)
def test_every_claim_is_one_cell_with_its_word_and_evidence(
    study: Study,
) -> None:
    shown = matrix(study.name)
    verdicts = shown.found["chosen"].verdicts
    cells = [cell for _, row in shown.rows() for cell in row.values()]
    said = [(cell.claim, cell.word) for cell in cells if cell.whole]
    assert sorted(said) == [(i, one.word) for i, one in enumerate(verdicts)]
    page = shown._repr_html_()
    for i, one in enumerate(verdicts):
        where = address(study.name, one.claim)
        (cell,) = re.findall(rf'<td[^>]* id="{where}".*?</td>', page)
        opens = re.findall(r'popovertarget="([^"]+)"', cell)
        assert opens == [f"{study.name}-{i}"]
        assert f"{MARKS[one.word]} {one.word}" in cell
        (card,) = re.findall(rf'<div[^>]* id="{opens[0]}".*?</div>', page)
        assert f"<code>run {study.name}</code>" in card
        for other in list(shown.found.values())[1:]:
            assert f"; {other.verdicts[i].word}" in card.replace(": ", "; ")
    ids = Counter(re.findall(r' id="([^"]+)"', page))
    assert set(ids.values()) == {1}
    assert len(ids) == 2 * len(verdicts)


def test_claims_that_differ_in_a_model_share_a_row() -> None:
    rows = dict(matrix("chaos.figure7").rows())
    penalties = ["fixed point", "concat, fixed point", "steady state"]
    assert list(rows["The … penalty … makes exponents smaller."]) == penalties
    lorenz = rows["A network's exponent … exceeds Lorenz's, per turnover."]
    assert list(lorenz) == ["depth-invariant", "concat"]
    assert len(rows) == 8
    rows = dict(matrix("chaos.estimators").rows())
    assert list(map(len, rows.values())) == [4, 4]  # of other numbers
    rows = dict(matrix("dimensionality.theorem1").rows())
    assert len(rows) == 3  # which share no word


def test_a_row_is_titled_by_what_its_claims_share() -> None:
    assert in_common(["One claim."]) == "One claim."
    three = [f"The {name} is better." for name in ("a b", "c", "d e f")]
    assert in_common(three) == "The … is better."


def test_a_claim_of_its_own_shows_each_comparison() -> None:
    rows = dict(matrix("augmentation.table1").rows())
    cells = rows["A learned input layer (IL-NODE) is the most accurate."]
    assert list(cells) == ["verdict", "vanilla", "ANODE", "2nd order"]
    assert [cell.whole for cell in cells.values()] == [True] + 3 * [False]
    whole, *parts = (cell.word for cell in cells.values())
    worst = [one for one in ("not held", "undecided", "held") if one in parts]
    assert whole in (worst[0], "undecided")  # runs may have failed


def test_an_id_that_ends_like_another_variant_is_not_its_claim() -> None:
    rows = matrix("dimensionality.input_network").rows()
    assert [list(cells) for _, cells in rows] == [["verdict"]] * 4


def test_the_words_of_claims_and_variants_are_text() -> None:
    shown = matrix("dimensionality.layers")
    chosen = shown.found["chosen"]
    verdicts = [
        replace(
            one,
            claim=replace(one.claim, sentence=f"{HOSTILE} {i}"),
            evidence=tuple(
                replace(each, label=HOSTILE, variants=(HOSTILE, f"{i}"))
                for i, each in enumerate(2 * one.evidence)
            ),
            notes=(HOSTILE,),
        )
        for i, one in enumerate(chosen.verdicts)
    ]
    bad = results.Result(chosen.study, chosen.record)
    bad.__dict__["verdicts"] = verdicts
    page = Matrix({"chosen": bad, HOSTILE: bad}, HOSTILE, [HOSTILE])
    html = page._repr_html_()
    assert "<img" not in html
    assert html.count("&lt;img") > 6 * len(verdicts)
