"""Every combination of a grid: measured, judged, shown."""

import json
import re
from dataclasses import replace

import pandas as pd
import pytest

from neural_odes_lab import records, results, runner
from neural_odes_lab.cli import main
from neural_odes_lab.results import Result
from neural_odes_lab.studies import STUDIES
from neural_odes_lab.study import grid, varied

STUDY = STUDIES["anatomy.depth_variants"]
GRID = grid(lr=(0.01, 0.1), samples=(8, 16), width=(2, 4))
SMALL = replace(STUDY, settings={"multiverse": GRID})


@pytest.fixture(scope="module")
def record():
    configs = SMALL.configs("multiverse", epochs=1)
    return runner.run(
        SMALL, configs, seeds=[0, 1], setting="multiverse", progress=False
    )


def judged(record):
    return Result(SMALL, record).multiverse


def test_rows_are_those_of_each_combination_alone(record):
    rows = pd.DataFrame(record.rows)
    assert len(rows) == 8 * 2 * len(STUDY.variants(*STUDY.configs()))
    configs = STUDY.configs(epochs=1, lr=0.1, samples=8, width=4)
    alone = runner.run(STUDY, configs, seeds=[0, 1], progress=False)
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
        claim.sentence for claim in STUDY.claims(*STUDY.configs())
    ]
    assert str(counts.loc[counts.index[0], "undecided"]) in repr(found)


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
    monkeypatch.setitem(results.__dict__, "STUDIES", {STUDY.name: SMALL})
    records.write(record, tmp_path)
    found = results.multiverse(STUDY.name, tmp_path)
    assert found.counts().equals(judged(record).counts())
    whole = results.load(STUDY.name, "multiverse", tmp_path)
    assert repr(whole.report()) == repr(found)
    with pytest.raises(ValueError, match="holds 8 combinations"):
        _ = whole.verdicts


def test_a_setting_that_is_a_cell_is_read_from_there(
    record, tmp_path, monkeypatch
):
    changes = {"lr": 0.1, "samples": 8, "width": 4, "epochs": 1}
    study = replace(
        STUDY,
        settings={
            "fast": [changes],
            "faster": [{**changes, "lr": 0.2}],
            "multiverse": [{**one, "epochs": 1} for one in GRID],
        },
    )
    monkeypatch.setitem(results.__dict__, "STUDIES", {STUDY.name: study})
    records.write(record, tmp_path)
    found = results.load(STUDY.name, "fast", tmp_path)
    assert found.config.lr == 0.1
    assert found.file == f"{STUDY.name}.multiverse.json"
    alone = runner.run(study, seeds=[0, 1], setting="fast", progress=False)
    assert found.record.rows == json.loads(json.dumps(list(alone.rows)))
    with pytest.raises(FileNotFoundError, match="faster"):
        results.load(STUDY.name, "faster", tmp_path)
    # A file of its own, which may hold more seeds, comes first.
    records.write(alone, tmp_path)
    found = results.load(STUDY.name, "fast", tmp_path)
    assert found.file == f"{STUDY.name}.fast.json"


def test_a_setting_may_leave_combinations_out(tmp_path):
    study = replace(SMALL, settings={"some": [GRID[0], GRID[3], {"lr": 0.01}]})
    configs = study.configs("some", epochs=1)
    some = runner.run(
        study, configs, seeds=[0, 1], setting="some", progress=False
    )
    found = Result(study, records.read(records.write(some, tmp_path)))
    assert found.configs == configs
    page = found.report()._repr_html_()
    first = page.partition("</table>")[0]
    assert len(re.findall(r"<td class=", first)) == 3
    assert varied(configs) == ["samples", "width"]


KNOWN = {
    "anatomy.depth_variants.fast.json",
    "chaos.figure7.json",
    "chaos.figure7.wide.json",
    "dimensionality.nested_spheres.json",
    "dimensionality.nested_spheres.wide.json",
}
"""Measured by another state of the code than the multiverse: their rows
differ from those of its cell until they are measured again."""


def test_results_of_equal_settings_have_equal_rows():
    unequal = set()
    for path in records.OWN[1].glob("*.multiverse.json"):
        name = records.read(path).study
        whole = results.load(name, "multiverse", path.parent)
        for setting, one in results.by_setting(name, path.parent).items():
            for cell in whole.cells:
                if [cell.config] == one.configs and not _agree(cell, one):
                    unequal.add(records.file_name(name, setting))
    assert unequal == KNOWN


def _agree(a, b):
    """Rows of the seeds that both have, but for how long they took."""
    return [
        {k: v for k, v in row.items() if k != "seconds"}
        for row in a.record.rows
        if row["seed"] in b.record.seeds
    ] == [
        {k: v for k, v in row.items() if k != "seconds"}
        for row in b.record.rows
        if row["seed"] in a.record.seeds
    ]


def test_what_the_grid_varies_cannot_be_set(tmp_path, capsys):
    arguments = ["run", STUDY.name, "--setting", "multiverse"]
    with pytest.raises(SystemExit):
        main([*arguments, "--lr", "0.1", "--out", str(tmp_path)])
    assert "lr must not be given" in capsys.readouterr().err
    with pytest.raises(ValueError, match="setting must be one of"):
        STUDIES["background.euler"].configs("multiverse")
