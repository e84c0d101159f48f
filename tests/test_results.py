import json
import math
import statistics
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neural_odes.lab import records, results


@dataclass(frozen=True)
class Config:
    epochs: int = 3
    layers: tuple[int, ...] = (1, 2)


def save(folder, outcome, name="one.two"):
    origin = results.provenance("cpu", 1.25)
    return results.save(
        name, Config(), range(2), outcome, provenance=origin, folder=folder
    )


def test_a_result_reads_back_as_written(tmp_path):
    outcome = {"curve": [[1.5, 2.0], []], "nested": {"empty": {}, "on": True}}
    path = save(tmp_path / "made", outcome)
    assert path == tmp_path / "made" / "one.two.json"
    record = results.load("one.two", tmp_path / "made")
    assert record["experiment"] == "one.two"
    assert record["config"] == {"epochs": 3, "layers": [1, 2]}
    assert record["seeds"] == [0, 1]
    assert record["outcome"] == outcome


def test_provenance_says_what_ran():
    origin = results.provenance("cpu", 1.234)
    assert origin["seconds"] == 1.2
    assert origin["date"].endswith("+00:00")
    assert origin["device_name"]
    assert origin["versions"]["torch"] == torch.__version__
    assert set(origin["versions"]) == {
        "python",
        "torch",
        "torchdiffeq",
        "neural_odes",
    }
    assert {"commit", "dirty"} <= set(origin)


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
    path = save(tmp_path, {"loss": [math.nan, math.inf, 1.0]})
    assert json.loads(path.read_text())["outcome"]["loss"] == [None, None, 1.0]


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = save(tmp_path, {"loss": 1.0})
    before = path.read_text()
    with pytest.raises(TypeError):
        save(tmp_path, {"loss": torch.ones(1)})

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(records.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, {"loss": 2.0})
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert path.read_text() == before


@pytest.mark.parametrize("name", ["", "../up", "a/b"])
def test_names_that_are_paths_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="name is"):
        save(tmp_path, {}, name=name)


def test_a_missing_result_says_which_command_makes_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"run background\.euler --out"):
        results.load("background.euler", tmp_path)


def test_the_folder_is_found_from_below_or_given(tmp_path, monkeypatch):
    monkeypatch.delenv("NEURAL_ODES_RESULTS", raising=False)
    (tmp_path / "book" / "results").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "book")
    assert results.results_folder() in records.OWN
    monkeypatch.setattr(records, "OWN", (tmp_path / "measured",))
    with pytest.raises(FileNotFoundError, match="NEURAL_ODES_RESULTS"):
        results.results_folder()
    (tmp_path / "results").mkdir()
    project = tmp_path / "pyproject.toml"
    project.write_text("[project]\nname = 'another'\n")
    with pytest.raises(FileNotFoundError, match="NEURAL_ODES_RESULTS"):
        results.results_folder()
    project.write_text("[project]\nname = 'neural-odes'\n")
    assert results.results_folder() == tmp_path / "results"
    given_folder = tmp_path / "book" / "results"
    monkeypatch.setenv("NEURAL_ODES_RESULTS", str(given_folder))
    assert results.results_folder() == given_folder
    monkeypatch.setenv("NEURAL_ODES_RESULTS", str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match="not a folder"):
        results.results_folder()


def test_spread_is_mean_and_sample_deviation():
    assert results.spread([1.0, 2.0, 6.0]) == {
        "mean": 3.0,
        "std": pytest.approx(statistics.stdev([1, 2, 6])),
        "n": 3,
    }
    assert results.spread([4.0])["std"] is None
    with pytest.raises(ValueError, match="values is empty"):
        results.spread([])


def test_compare_needs_two_standard_errors():
    low, high = [1.0, 1.1, 0.9, 1.0, 1.0], [2.0, 2.2, 1.8, 2.0, 2.0]
    assert results.compare(low, high) == -1
    assert results.compare(high, low) == 1
    assert results.compare([0.0, 2.0], [1.0, 3.0]) == 0
    # 1.5 standard errors apart: variances 1, n = 3, error (2 / 3) ** 0.5.
    near = [v + 1.5 * (2 / 3) ** 0.5 for v in (-1.0, 0.0, 1.0)]
    far = [v + 2.5 * (2 / 3) ** 0.5 for v in (-1.0, 0.0, 1.0)]
    assert results.compare([-1.0, 0.0, 1.0], near) == 0
    assert results.compare([-1.0, 0.0, 1.0], far) == -1
    assert results.compare([0.0], [5.0]) == 0
    assert results.compare([1.0, 1.0], [1.0, 1.0]) == 0


def test_a_table_aligns_means_with_their_deviation():
    rows = [
        {"name": "tanh", "loss": results.spread([0.1, 0.3]), "nfe": 14},
        {"name": "x", "loss": results.spread([0.5]), "nfe": None},
        {"name": "y", "loss": results.spread([37771.0] * 2), "nfe": 1e-7},
        {"name": "z", "loss": results.spread([2e-7, 4e-7]), "nfe": 2.0},
    ]
    assert results.table(rows).splitlines() == [
        "name  loss           nfe",
        "tanh  0.20 ± 0.14    14",
        "x     0.5            -",
        "y     37771          1e-07",
        "z     3e-07 ± 1e-07  2",
    ]
    assert results.table([]) == ""


def test_a_report_says_where_it_is_from_and_what_was_judged():
    record = {
        "experiment": "one.two",
        "seeds": [0, 1],
        "outcome": {
            "summary": [{"model": "a", "loss": results.spread([1.0, 3.0])}],
            "verdicts": [
                results.verdict("It falls.", None, "too close"),
                results.verdict("It rises.", False, "it fell"),
            ],
        },
        "provenance": {"device": "cpu", "date": "2026-01-02T", "seconds": 3.2},
    }
    text = results.report(record)
    assert text.startswith("one.two: 2 seeds, cpu, 2026-01-02, 3 s\n")
    assert "a      2.0 ± 1.4" in text
    assert "[undecided] It falls.\ntoo close" in text
    assert "[did not hold] It rises.\nit fell" in text
    assert "loss" not in results.report(record, columns=["model"])


def test_columns_keep_their_names_in_any_order():
    rows = [{"a": 1, "b": 2}, {"b": 4, "a": 3}]
    assert results.table(rows).splitlines() == ["a  b", "1  2", "3  4"]
    with pytest.raises(ValueError, match="rows have keys"):
        results.table([{"a": 1}, {"b": 2}])


def test_keys_that_would_fall_together_are_refused(tmp_path):
    with pytest.raises(ValueError, match="not distinct"):
        save(tmp_path, {1: 0.5, "1": 0.25})


@pytest.mark.parametrize("text", ["{", "[]", '{"outcome": 1}'])
def test_a_damaged_result_is_named(tmp_path, text):
    (tmp_path / "one.json").write_text(text)
    with pytest.raises(ValueError, match=r"one\.json is no result"):
        results.load("one", tmp_path)
