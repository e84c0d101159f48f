"""Every combination of a grid: measured, judged, shown."""

import re
from dataclasses import replace

import pandas as pd
import pytest

from neural_odes_lab import multiverse, records, results, runner
from neural_odes_lab.cli import main
from neural_odes_lab.studies import STUDIES

STUDY = STUDIES["anatomy.depth_variants"]
SMALL = {"grid": {"lr": (0.01, 0.1), "samples": (8, 16), "width": (2, 4)}}


@pytest.fixture(scope="module")
def record():
    study = replace(STUDY, **SMALL)
    config = study.configured("multiverse", epochs=1)
    return runner.run(
        study, config, seeds=[0, 1], setting="multiverse", progress=False
    )


def judged(record):
    return multiverse.judged(replace(STUDY, **SMALL), record)


def test_rows_are_those_of_each_combination_alone(record):
    rows = pd.DataFrame(record.rows)
    assert len(rows) == 8 * 2 * len(STUDY.variants(STUDY.configured()))
    config = STUDY.configured(epochs=1, lr=0.1, samples=8, width=4)
    alone = runner.run(STUDY, config, seeds=[0, 1], progress=False)
    here = (rows["lr"] == 0.1) & (rows["samples"] == 8) & (rows["width"] == 4)
    own = rows[here].drop(columns=["lr", "samples", "width"])
    expected = pd.DataFrame(alone.rows)
    pd.testing.assert_frame_equal(own.reset_index(drop=True), expected)


def test_each_combination_is_judged_on_its_own(record):
    found = judged(record)
    assert len(found.verdicts) == len(found.fitted) == 8
    counts = found.counts()
    assert (counts.sum(axis=1) == 8).all()
    assert list(counts.index) == [
        claim.sentence for claim in STUDY.claims(STUDY.configured())
    ]
    assert str(counts.loc[counts.index[0], "undecided"]) in repr(found)
    with pytest.raises(ValueError, match="record must be of the setting"):
        judged(replace(record, setting="chosen"))


def test_a_map_has_a_cell_for_each_combination(record):
    found = judged(record)
    page = found._repr_html_()
    maps = page.count("<caption>")
    assert maps == len(found.verdicts[0])
    assert len(re.findall(r"<td class=", page)) == 8 * maps
    first = page.partition("</table>")[0]
    # One setting down the side, two along the top.
    assert re.findall(r">(\w+ [\d.]+)</th>", first) == [
        *("points 8", "points 16"),
        *("width 2", "width 4", "width 2", "width 4"),
        *("rate 0.01", "rate 0.1"),
    ]
    assert "†" in first  # one epoch fits nothing
    assert "0.01, 0.1" in page  # the rates, among the settings
    assert "as chosen" not in page  # the study's own is none of these
    shown = replace(found, chosen=3)._repr_html_()
    assert shown.count(", as chosen") == maps


def test_results_are_read_as_they_were_written(record, tmp_path, monkeypatch):
    monkeypatch.setitem(
        results.__dict__, "STUDIES", {STUDY.name: replace(STUDY, **SMALL)}
    )
    records.write(record, tmp_path)
    found = results.multiverse(STUDY.name, tmp_path)
    assert found.counts().equals(judged(record).counts())
    with pytest.raises(ValueError, match="is not a result"):
        results.load(STUDY.name, "multiverse", tmp_path)


def test_what_the_grid_varies_cannot_be_set(tmp_path, capsys):
    arguments = ["run", STUDY.name, "--setting", "multiverse"]
    with pytest.raises(SystemExit):
        main([*arguments, "--lr", "0.1", "--out", str(tmp_path)])
    assert "lr must not be given" in capsys.readouterr().err
    assert STUDY.grid
    with pytest.raises(ValueError, match="setting must be one of"):
        STUDIES["background.euler"].configured("multiverse")
