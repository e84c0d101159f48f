"""What lessons rest on: evidence pages, lines, and a verdict seed by seed."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
from contents import contents
from test_widgets_js import HERE, NODE, node

from neural_odes_lab import results
from neural_odes_lab.evidence import evidence, lesson_of, verdict
from neural_odes_lab.judges import Comparison
from neural_odes_lab.records import read
from neural_odes_lab.studies import STUDIES
from neural_odes_lab.widgets import SeedsWidget
from neural_odes_lab.widgets.seeds import evidence_by_seed

ROOT = Path(__file__).parents[1]
LESSONS = sorted(set(map(lesson_of, STUDIES)))
NAME = "dimensionality.layers"
MEASURED = [
    name for name in STUDIES if (ROOT / "results" / f"{name}.json").exists()
]


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {lesson: evidence(lesson)._repr_html_() for lesson in LESSONS}


def test_every_result_is_on_one_page_with_its_command(
    pages: dict[str, str],
) -> None:
    for path in sorted((ROOT / "results").glob("*.json")):
        record = read(path)
        (page,) = [
            page
            for page in pages.values()
            if f'href="../results/{path.name}"' in page
        ]
        chosen = record.setting == "chosen"
        command = f"neural_odes_lab run {record.study}"
        command += "" if chosen else f" --setting {record.setting}"
        first = list(range(len(record.seeds)))
        if list(record.seeds) != first:  # those before were looked at
            command += f" --seeds {','.join(map(str, record.seeds))}"
        elif STUDIES[record.study].random and len(first) != 20:
            command += f" --seeds {len(first)}"
        assert re.search(rf"{re.escape(command)}(\n|<)", page), path.name


def test_every_claim_has_an_address(pages: dict[str, str]) -> None:
    for page in pages.values():
        addresses = re.findall(r' id="([^"]+)"', page)
        assert len(set(addresses)) == len(addresses)
    every = " ".join(pages.values())
    for name in MEASURED:
        found = results.load(name).verdicts
        if not found:
            continue
        shown = verdict(name, *(one.claim.id for one in found))
        text = shown._repr_html_()
        targets = re.findall(r'href="evidence_(\w+)\.html#([^"]+)"', text)
        assert len(targets) == len(found)
        for one, (page, address) in zip(found, targets, strict=True):
            assert f'id="{address}"' in pages[page]
            assert f"{one.word}: {one.claim.sentence}" in repr(shown)
        assert text.count('href="doubt.html"') == len(found)
    assert "not run for this book" in every


def test_each_lesson_has_its_evidence_below_it() -> None:
    pages = contents(ROOT)
    for lesson in LESSONS:
        at = pages.index(f"book/{lesson}")
        assert pages[at + 1] == f"book/evidence_{lesson}"


def test_what_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match=r"lesson must be one of .*, got 'x'"):
        evidence("x")
    with pytest.raises(ValueError, match=r"claims must .*, got 'x'"):
        verdict(NAME, "x")


def test_a_study_that_was_not_run_is_named(tmp_path: Path) -> None:
    shown = evidence("anatomy", tmp_path)
    assert not shown.studies
    for text in (repr(shown), shown._repr_html_()):
        assert "anatomy.activations" in text


@pytest.mark.skipif(NODE is None, reason="no node")
def test_the_page_judges_as_the_library_does() -> None:
    """Over fifty and more results: every study, by numbers of seeds."""
    cases, expected = [], []
    for name in MEASURED:
        found = results.load(name)
        study, seeds = (
            evidence_by_seed(found),
            sorted(found.frame["seed"].unique()),
        )
        for n in {1, 2, 3, 5, 12, 20, 21, len(seeds)}:
            if n > len(seeds):
                continue
            own = found.frame[found.frame["seed"].isin(seeds[:n])]
            cases.append({"study": study, "n": n})
            expected.append(found.study.judged(found.config, own))
    assert len(cases) > 50
    given = json.dumps(cases, allow_nan=False)
    shown = json.loads(node(str(HERE / "verdicts.mjs"), text=given))
    for case, page, library in zip(cases, shown, expected, strict=True):
        for one, judged in zip(page, library, strict=True):
            compared = [e for e in judged.evidence if isinstance(e, Comparison)]
            for (p, matters), e in zip(one["p"], compared, strict=True):
                assert math.isclose(p, e.p, rel_tol=1e-8, abs_tol=1e-14)
                assert math.isclose(
                    matters, e.p_matters, rel_tol=1e-8, abs_tol=1e-14
                )
            assert one["word"] == judged.word, (case["n"], judged)


@pytest.mark.skipif(NODE is None, reason="no node")
def test_the_page_knows_the_interval() -> None:
    found = results.load(NAME)
    case = {"study": evidence_by_seed(found), "n": 20}
    (page,) = json.loads(
        node(str(HERE / "verdicts.mjs"), text=json.dumps([case]))
    )
    for one, judged in zip(page, found.verdicts, strict=True):
        (compared,) = judged.evidence
        assert isinstance(compared, Comparison)
        assert one["interval"][0] == pytest.approx(compared.interval())


def test_seeds_widget_takes_claims_of_one_comparison() -> None:
    found = results.load(NAME)
    claim = found.verdicts[0].claim.id
    widget = SeedsWidget(found, claim, seeds=3)
    assert (widget.claim, widget.seeds) == (claim, 3)
    json.dumps(widget.get_state(drop_defaults=False), allow_nan=False)
    with pytest.raises(ValueError, match=r"claim must .* got 'x'"):
        SeedsWidget(found, "x")
    with pytest.raises(ValueError, match="seeds must"):
        SeedsWidget(found, claim, seeds=21)
    several = results.load("anatomy.activations")
    with pytest.raises(ValueError, match="claim must"):
        SeedsWidget(several, several.verdicts[0].claim.id)
