"""Results as files, and as the tables and cards that pages show."""

import json
import math
import subprocess
from contextlib import suppress
from dataclasses import replace

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neural_odes import files
from neural_odes_lab import records, report, results, tables
from neural_odes_lab.matrix import Matrix
from neural_odes_lab.records import Record
from neural_odes_lab.results import Result
from neural_odes_lab.studies import STUDIES

NAME = "background.euler"
MADE = {"date": "2026-01-02", "device": "cpu"}
RECORD = Record(
    *(NAME, "chosen", {"layers": [16, 32], "epochs": 3}, [0, 1]),
    rows=[
        {"variant": "flow", "seed": s, "layers": n, "distance": (1 + s) / n}
        for s in (0, 1)
        for n in (16, 32)
    ],
    tasks=[{"seconds": 3.2, "provenance": 0}],
    provenance=[MADE],
)


def test_a_result_reads_back_as_written(tmp_path):
    path = records.write(RECORD, tmp_path / "made")
    assert path == tmp_path / "made" / f"{NAME}.json"
    result = results.load(NAME, folder=tmp_path / "made")
    assert result.record == RECORD
    assert result.config.layers == (16, 32)
    assert result.config.epochs == 3
    assert list(result.rows["distance"]) == [1 / 16, 1 / 32, 2 / 16, 2 / 32]
    assert result.mean("distance")["distance"][16] == 1.5 / 16


def test_columns_do_not_mix_whatever_the_order_of_a_rows_keys(tmp_path):
    first, *others = RECORD.rows
    turned = dict(reversed(first.items()))
    mixed = replace(RECORD, rows=[turned, *others])
    means = []
    for name, record in {"as made": RECORD, "mixed": mixed}.items():
        records.write(record, tmp_path / name)
        means.append(
            results.load(NAME, folder=tmp_path / name).mean("distance")
        )
    pd.testing.assert_frame_equal(*means, check_like=True)


def test_settings_have_files_of_their_own(tmp_path):
    slow = replace(RECORD, setting="slow")
    assert records.write(slow, tmp_path).name == f"{NAME}.slow.json"
    assert results.load(NAME, "slow", tmp_path).record == slow
    with pytest.raises(FileNotFoundError, match=r"run background\.euler"):
        results.load(NAME, folder=tmp_path)
    with pytest.raises(KeyError, match="there is no study"):
        results.load("background.eule", folder=tmp_path)


@pytest.mark.parametrize("path", sorted(records.OWN[1].glob("*.json")), ids=str)
def test_committed_results_are_of_studies_as_they_are(path):
    record = records.read(path)
    assert path.name == records.file_name(record.study, record.setting)
    result = results.load(record.study, record.setting, path.parent)
    same = result.study.configs(record.setting)
    assert [one.decides() for one in result.configs] == [
        one.decides() for one in same
    ]
    if len(same) > 1:
        assert len(result.multiverse.verdicts) == len(same)
        return
    variants = list(STUDIES[record.study].variants(result.config))
    assert list(dict.fromkeys(result.rows["variant"])) == variants
    assert set(result.rows["seed"]) == set(record.seeds)
    assert result.verdicts is not None
    assert type(result.config) is result.study.config


@pytest.mark.parametrize("build", ["", "+cpu", "+cu130"])
def test_provenance_says_what_ran(monkeypatch, build):
    monkeypatch.setattr("torch.__version__", f"2.13.0{build}")
    origin = records.provenance("cpu")
    assert len(origin["date"]) == len("2026-01-02")
    assert origin["device_name"]
    assert origin["versions"]["torch"] == f"2.13.0{build}"
    assert set(origin["versions"]) == {
        "python",
        "torch",
        "torchdiffeq",
        "neural_odes",
    }
    assert {"commit", "dirty", "threads"} <= set(origin)


def test_files_outside_a_repository_have_no_commit(tmp_path):
    assert records._commit(tmp_path) == (None, None)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text(), inner, max_size=3)
        ),
        max_leaves=12,
    )
)
def test_the_text_is_strict_json_of_the_same_value(value):
    def refuse(constant):
        raise ValueError(constant)

    finite = records._finite(value)
    assert json.loads(records._json(finite), parse_constant=refuse) == finite


def test_not_finite_numbers_become_null(tmp_path):
    path = records.write(
        replace(RECORD, rows=[{"loss": [math.nan, math.inf, 1.0]}]), tmp_path
    )
    assert json.loads(path.read_text())["rows"][0]["loss"] == [None, None, 1.0]


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = records.write(RECORD, tmp_path)
    before = path.read_text()
    with pytest.raises(TypeError):
        records.write(replace(RECORD, rows=[{"loss": torch.ones(1)}]), tmp_path)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        records.write(replace(RECORD, seeds=[7]), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == before


@pytest.mark.parametrize("name", ["", "../up", "a/b"])
def test_names_that_are_paths_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="study must be"):
        records.write(replace(RECORD, study=name), tmp_path)


def test_keys_that_would_fall_together_are_refused(tmp_path):
    with pytest.raises(ValueError, match="not distinct"):
        records.write(replace(RECORD, rows=[{1: 0.5, "1": 0.25}]), tmp_path)


@pytest.mark.parametrize(
    "text", ["{", "[]", "3", "null", '"study"', '{"outcome": 1}']
)
def test_a_damaged_result_is_named(tmp_path, text):
    (tmp_path / f"{NAME}.json").write_text(text)
    with pytest.raises(ValueError, match=r"euler\.json is not a result"):
        results.load(NAME, folder=tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("study", "chaos.figure7"),
        ("config", []),
        ("config", {"epochs": "many"}),
        ("seeds", None),
        ("rows", 3),
        ("rows", []),
        ("rows", [{"variant": "flow"}]),
        ("tasks", [1]),
        ("tasks", [{"provenance": 0}]),
        ("provenance", [{}]),
    ],
)
def test_a_result_that_lacks_something_is_named(tmp_path, key, value):
    path = records.write(RECORD, tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    records.seal(path)
    with pytest.raises(
        ValueError, match=rf"euler\.json is .*{key}|epochs|of '"
    ):
        results.load(NAME, folder=tmp_path)


def test_the_folder_is_found_from_below_or_given(tmp_path, monkeypatch):
    monkeypatch.delenv("NEURAL_ODES_RESULTS", raising=False)
    (tmp_path / "book" / "results").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "book")
    assert records.results_folder() in records.OWN
    monkeypatch.setattr(records, "OWN", (tmp_path / "measured",))
    with pytest.raises(FileNotFoundError, match="NEURAL_ODES_RESULTS"):
        records.results_folder()
    (tmp_path / "results").mkdir()
    project = tmp_path / "pyproject.toml"
    project.write_text("[project]\nname = 'another'\n")
    with pytest.raises(FileNotFoundError, match="NEURAL_ODES_RESULTS"):
        records.results_folder()
    project.write_text("[project]\nname = 'neural-odes'\n")
    assert records.results_folder() == tmp_path / "results"
    given_folder = tmp_path / "book" / "results"
    monkeypatch.setenv("NEURAL_ODES_RESULTS", str(given_folder))
    assert records.results_folder() == given_folder
    monkeypatch.setenv("NEURAL_ODES_RESULTS", str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match="not a folder"):
        records.results_folder()


def test_the_spread_decides_how_many_digits_are_shown():
    shown = {
        "0.20 ± 0.14": [0.1, 0.3],
        "0.5": [0.5],
        "49 ± 12": [40.0, 57.0],
        "37771": [37771.0] * 2,
        "3e-07 ± 1e-07": [2e-7, 4e-7],
        "–": [math.nan],
    }
    for text, values in shown.items():
        assert tables.mean_std(pd.Series(values)) == text


def test_what_differs_by_factors_has_a_geometric_mean():
    shown = {
        "0.1 ×÷ 26": [0.01, 1.0],
        "0.2": [0.2],
        "0.1 ± 0.1": [0.0, 0.1, 0.2],
        "0.5": [0.5, 0.5],
    }
    for text, values in shown.items():
        got = tables.geometric(pd.Series(values))
        assert got.replace("0.10", "0.1") == text, got


def test_runs_that_did_not_converge_are_counted_in_the_table():
    found = results.load("chaos.figure7")
    assert results.FAILED in found.table().quantities
    assert "reach" not in found.table().quantities


def test_a_report_says_where_it_is_from_and_what_was_judged():
    text = repr(Result(STUDIES[NAME], RECORD).report())
    assert text.startswith(f"{NAME}: 2 seeds, cpu, 2026-01-02, 3 s; ×÷")
    assert "layers  distance" in text
    assert "16      0.088 ×÷ 1.6" in text
    assert "✓ held: Twice the layers halve the distance" in text
    assert "slope -1 ± 0.2: -1, 2 of 2 seeds" in text


def test_verdicts_say_how_their_p_are_corrected():
    once = results.load("dimensionality.layers")
    compared = [e for v in once.verdicts for e in v.evidence]
    said = f"Each p is corrected for {len(compared)} comparisons."
    assert said in once.cards._repr_html_()
    twice = repr(results.load("chaos.strength").cards)
    assert "and doubled, as for a second look." in " ".join(twice.split())
    assert "Each p" not in repr(Result(STUDIES[NAME], RECORD).cards)  # a check


def test_a_page_shows_each_seed_and_links_to_the_file():
    html = Result(STUDIES[NAME], RECORD).report()._repr_html_()
    assert f'href="../results/{NAME}.json"' in html
    assert html.count("h.01") == len(RECORD.rows)  # a dot for each
    assert "How it was measured" in html
    assert "<p>Each seed draws <code>samples</code> points of" in html
    assert "<code>fit_from</code></th><td>16</td>" in html
    assert '<details class="verdict held">' in html
    assert "✓ held" in html


def test_lines_can_be_chosen():
    table = Result(STUDIES[NAME], RECORD).table("distance", layers=16)
    assert "32" not in repr(table).partition("\n")[2]
    with pytest.raises(ValueError, match="must be columns"):
        Result(STUDIES[NAME], RECORD).table("distanze")


def test_verdicts_stand_side_by_side_over_settings(tmp_path):
    name = "dimensionality.nested_spheres"
    for setting in ("chosen", "wide"):
        record = results.load(name, setting).record
        records.write(record, tmp_path)
    shown = results.across(name, tmp_path)
    assert list(shown.found) == ["chosen", "wide"]
    assert "wide: seeds 20, width 32" in repr(shown)
    assert "chosen: " in repr(shown)
    assert '<th scope="col">wide</th>' in shown._repr_html_()


def test_a_chapter_measures_here_and_now():
    small = results.measure(NAME, "tiny", seeds=[3], layers=(16, 32))
    assert list(small.rows["layers"]) == [16, 32]
    assert set(small.rows["seed"]) == {3}


def test_no_flipped_byte_reads_as_another_number(tmp_path):
    path = records.write(RECORD, tmp_path)
    whole = path.read_bytes()
    for at in range(0, len(whole), 3):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            assert records.read(path) == records.Record(
                **{**vars(RECORD), "config": {"layers": [16, 32], "epochs": 3}}
            )
        except ValueError as error:
            assert "is not a result" in str(error)  # noqa: PT017


def test_results_without_a_checksum_say_how_they_get_one(tmp_path):
    path = records.write(RECORD, tmp_path)
    bare = json.loads(path.read_text())
    del bare["checksum"]
    path.write_text(json.dumps(bare))
    with pytest.raises(ValueError, match=r"no checksum.*records\.seal gives"):
        records.read(path)
    records.seal(path)
    assert records.read(path) == RECORD


def test_provenance_says_whether_files_differ_from_the_commit(tmp_path):
    def git(*arguments):
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments],
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )

    file = tmp_path / "package/one.py"
    file.parent.mkdir()
    file.write_text("x = 1")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    (tmp_path / "beside.txt").touch()  # of no package
    commit, dirty = records._commit(file.parent)
    assert (len(commit), dirty) == (40, False)
    file.write_text("x = 2")
    assert records._commit(file.parent) == (commit, True)


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


def shown(record):
    """All that pages show of a result."""
    found = Result(STUDIES[NAME], record)
    parts = [found.table, lambda: found.cards, lambda: found.multiverse]
    parts += [found.report, lambda: found.ledger, lambda: found.ledger.paper]
    parts += [lambda: report.page(found)]
    parts += [lambda: Matrix({"chosen": found}, HOSTILE, [HOSTILE])]
    for part in parts:
        with suppress(ValueError, TypeError, KeyError):
            page = part()
            yield page if isinstance(page, str) else page._repr_html_()


FIELDS = [
    *(("setting",), ("config", "layers"), ("config", "epochs")),
    *(("rows", "variant"), ("rows", "layers"), ("rows", "distance")),
    *(("rows", "failed"), ("rows", HOSTILE), ("tasks", "variant")),
    *(("tasks", "seconds"), ("tasks", "seeds"), ("tasks", "layers")),
    *(("provenance", "date"), ("provenance", "device")),
    *(("provenance", "versions"), ("config", HOSTILE), ("seeds",)),
]


@pytest.mark.parametrize("place", FIELDS, ids=".".join)
def test_texts_from_files_are_texts(tmp_path, place):
    path = records.write(RECORD, tmp_path)
    found = json.loads(path.read_text())
    key, *inner = place
    if not inner:
        found[key] = [HOSTILE] if key == "seeds" else HOSTILE
    for part in [found[key]] if isinstance(found[key], dict) else found[key]:
        if inner:
            part[inner[0]] = HOSTILE
    found["provenance"][0].setdefault("versions", {"torch": HOSTILE})
    path.write_text(json.dumps(found))
    records.seal(path)
    pages = "".join(shown(records.read(path)))
    assert "<script" not in pages
    assert "<img" not in pages
    if key in ("setting", "provenance"):
        assert "&lt;script" in pages
    two = {**found, "setting": "multiverse"}
    two["config"] = {**found["config"], "epochs": [3, HOSTILE]}
    for name in ("rows", "tasks"):
        two[name] = [
            {**one, "epochs": epochs}
            for one in found[name]
            for epochs in (3, HOSTILE)
        ]
    path.write_text(json.dumps(two))
    records.seal(path)
    pages = "".join(shown(records.read(path)))
    assert "<script" not in pages
    assert "<img" not in pages
