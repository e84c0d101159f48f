"""Every study measures, judges and shows."""

import json
from dataclasses import fields, make_dataclass, replace
from pathlib import Path

import pytest

from neural_odes_lab import sources, studies
from neural_odes_lab.config import Config, option
from neural_odes_lab.results import Result
from neural_odes_lab.runner import run
from neural_odes_lab.studies import STUDIES
from neural_odes_lab.verdicts import judge


def test_what_is_kept_of_a_study_depends_on_its_own_files():
    """A finished task is used again only while they have not changed."""
    folder = Path(studies.__file__).parent
    assert {study.file.parent for study in STUDIES.values()} == {folder}
    table1 = STUDIES["augmentation.table1"].file
    assert table1.name == "table1.py"
    behind = sources._behind("neural_odes_lab.studies.table1", table1)
    read = {"digits", "graph", "mnist"}
    assert {f"neural_odes_lab.data.{one}" for one in read} <= behind.keys()
    assert "neural_odes_lab.runner" not in behind


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_measures_judges_and_shows(tiny_record, name):
    result = Result(STUDIES[name], tiny_record(name))
    assert json.loads(json.dumps(list(result.record.rows)))
    assert "failed" not in result.rows
    for verdict in result.verdicts:
        assert verdict.word in ("held", "not held", "undecided")
        assert bool(verdict.evidence) == (verdict.claim.after == 0)
    shown = result.report()
    assert "<table>" in shown._repr_html_()
    assert STUDIES[name].method
    assert all(v.claim.sentence[:20] in repr(shown) for v in result.verdicts)


@pytest.mark.parametrize("name", STUDIES)
def test_settings_are_described_and_checked(name):
    study = STUDIES[name]
    for setting in ("chosen", "quick", "tiny", *study.settings):
        for one in study.configs(setting):
            assert isinstance(one, study.config)
    for one in fields(study.config):
        assert one.metadata["text"]
        with pytest.raises((TypeError, ValueError), match=one.name):
            study.configs(**{one.name: None})
    with pytest.raises(ValueError, match="changes must"):
        study.configs(nonsense=1)


@pytest.mark.parametrize("name", ["background.euler", "augmentation.flows"])
def test_the_same_seeds_give_the_same_rows(tiny_record, name):
    again = run(STUDIES[name], seeds=[1, 0], setting="tiny", progress=False)
    untimed = [
        [
            {k: v for k, v in row.items() if k != "seconds"}
            for row in record.rows
            if row["seed"] == 1
        ]
        for record in (again, tiny_record(name))
    ]
    assert untimed[0] == untimed[1]


def test_claims_need_every_seed_they_name(tiny_record):
    study, kept = STUDIES["chaos.strength"], tiny_record("chaos.strength")
    frame = Result(study, kept).rows.copy()
    frame.loc[frame.index[0], "failed"] = "the solver stopped"
    verdicts = judge(study.claims(*study.configs("tiny")), frame)
    assert all("failed" in v.notes[0] for v in verdicts)
    assert all(v.word != "held" for v in verdicts)


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("background.euler", {"layers": (1, 2)}, "layers must"),
        ("anatomy.activations", {"last": ("swish",)}, "last must"),
        ("augmentation.table1", {"dataset": "cifar"}, "dataset must"),
        ("augmentation.table1", {"extra": 4}, "extra must"),
        (
            "dimensionality.cover",
            {"radii": (0.5, 2.0)},
            "radii must",
        ),
        ("dimensionality.cover", {"dims": (3, 2)}, "dims must"),
        ("chaos.estimators", {"aligned": 600.0}, "aligned must"),
        ("generation.flows", {"steps": (1, 4)}, "steps must have"),
        ("generation.flows", {"tolerances": (1e-4,)}, "tolerances must be 3"),
    ],
)
def test_settings_that_disagree_are_named(name, changes, says):
    with pytest.raises(ValueError, match=says):
        STUDIES[name].configs(**changes)


def test_declarations_that_cannot_be_run_are_refused():
    study = STUDIES["anatomy.depth_variants"]
    with pytest.raises(TypeError, match="settings must hold lists"):
        replace(study, settings={"fast": {"lr": 0.01}})
    taken = make_dataclass(
        "Taken",
        [("seeds", int, option(1, "a name that is taken"))],
        bases=(Config,),
        frozen=True,
    )
    with pytest.raises(ValueError, match=r"other names than .*, got seeds"):
        replace(study, config=taken)
