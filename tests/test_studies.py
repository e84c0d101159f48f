"""Every study runs, and measures what its experiment measures."""

import json
import math
from dataclasses import fields

import pytest
import torch
from test_experiments import TINY

from neural_odes.lab.experiments import EXPERIMENTS
from neural_odes.lab.judges import judge
from neural_odes.lab.loading import Result
from neural_odes.lab.runner import run
from neural_odes.lab.studies import STUDIES

SAME = {
    "anatomy.activations": "last",
    "anatomy.depth_variants": "variant",
    "augmentation.flows": "variant",
    "augmentation.widths": "extra",
    "augmentation.graph": "variant",
    "augmentation.table1": "model",
    "dimensionality.crossing": "model",
    "dimensionality.adaptive_depth": "model",
    "dimensionality.nested_spheres": "variant",
    "dimensionality.spheres_by_dimension": "variant",
    "dimensionality.input_network": "variant",
    "chaos.figure7": "variant",
    "chaos.strength": "strength",
    "anatomy.augmented_field": "solver",
}
"""Studies whose experiment lists runs, and what it calls a variant."""
CLOCK = {"seconds", "time"}


@pytest.fixture(scope="module")
def record():
    known = {}

    def measure(name):
        if name not in known:
            before = torch.random.get_rng_state()
            study = STUDIES[name]
            known[name] = run(
                study,
                study.configured("tiny"),
                seeds=[0, 1],
                setting="tiny",
                progress=False,
            )
            assert torch.equal(torch.random.get_rng_state(), before), name
        return known[name]

    return measure


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_measures_judges_and_shows(record, name):
    result = Result(STUDIES[name], record(name))
    assert json.loads(json.dumps(list(result.record.rows)))
    assert "failed" not in result.rows
    for verdict in result.verdicts:
        assert verdict.word in ("held", "not held", "undecided")
        assert verdict.evidence
    shown = result.report()
    assert "<table>" in shown._repr_html_()
    assert all(v.claim.sentence[:20] in repr(shown) for v in result.verdicts)


@pytest.mark.parametrize("name", STUDIES)
def test_settings_are_described_and_checked(name):
    study = STUDIES[name]
    for setting in ("chosen", "quick", "tiny", *study.settings):
        assert isinstance(study.configured(setting), study.config)
    for one in fields(study.config):
        assert one.metadata["text"]
        with pytest.raises((TypeError, ValueError), match=one.name):
            study.configured(**{one.name: None})
    with pytest.raises(ValueError, match="no setting nonsense"):
        study.configured(nonsense=1)


@pytest.mark.parametrize("name", SAME)
def test_rows_are_those_of_the_experiment(record, name):
    old = EXPERIMENTS[name].run(TINY[name], seeds=[0, 1], progress=False)
    named = SAME[name]
    extra = [k for k in STUDIES[name].keys if k in old["runs"][0]]
    rows = {
        (str(row["variant"]), row["seed"], *(row[k] for k in extra)): row
        for row in record(name).rows
    }
    for one in old["runs"]:
        at = (str(one[named]), one["seed"], *(one[k] for k in extra))
        for quantity in set(one) - CLOCK - {named, "seed"}:
            assert rows[at][quantity] == one[quantity], (at, quantity)


def test_euler_and_solvers_measure_the_same(record):
    old = EXPERIMENTS["background.euler"].run(
        TINY["background.euler"], seeds=[0, 1], progress=False
    )
    rows = record("background.euler").rows
    for seed in (0, 1):
        mine = [row["distance"] for row in rows if row["seed"] == seed]
        assert mine == old["distance"][seed]
    assert all(
        math.isfinite(row["error"]) for row in record("background.solvers").rows
    )


def test_claims_need_every_seed_they_name(record):
    study, kept = STUDIES["chaos.strength"], record("chaos.strength")
    frame = Result(study, kept).rows.copy()
    frame.loc[frame.index[0], "failed"] = "the solver stopped"
    verdicts = judge(study.claims(study.configured("tiny")), frame)
    assert all("failed" in v.notes[0] for v in verdicts)
    assert all(v.word != "held" for v in verdicts)
