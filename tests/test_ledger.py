"""The ledger lists every claim, and the paper's own with what was found."""

import numpy as np
import pandas as pd

from neural_odes_lab import judges, records, results
from neural_odes_lab.judges import Claim, Comparison
from neural_odes_lab.ledger import address, deciding
from neural_odes_lab.paper import ALL, PAPER
from neural_odes_lab.studies import STUDIES
from neural_odes_lab.verdicts import judge

NAME = "background.euler"


def test_every_claim_is_counted(tmp_path):
    record = results.load(NAME).record
    records.write(record, tmp_path)
    shown = results.ledger(tmp_path)
    assert shown.counts() == {"held": 1, "not held": 0, "undecided": 0}
    assert "chosen: held" in repr(shown)
    assert "anatomy.activations" in shown.missing
    page = shown._repr_html_()
    assert f'href="../results/{NAME}.json">{len(record.seeds)}</a>' in page
    whole = results.ledger()
    claims = sum(len(entry.chosen) for entry in whole.entries)
    assert sum(whole.counts().values()) == claims
    assert whole._repr_html_().count('<tr id="claim-') == claims


def test_the_papers_claims_find_their_verdicts():
    shown = results.ledger().paper
    for claim in PAPER:
        assert set(claim.judged) <= set(STUDIES), claim.sentence
        assert bool(shown.found(claim)) == bool(claim.judged), claim.sentence
        for name, ids in claim.judged.items():
            study = STUDIES[name]
            own = {one.id for one in study.claims(*study.configs())}
            assert ids is ALL or set(ids) <= own, claim.sentence


def test_claims_that_no_claim_of_the_paper_names_are_controls():
    """Each of ours is part of one claim of the paper, or of a known study."""
    left = {
        entry.study.name
        for entry in results.ledger().entries
        for verdict in entry.chosen
        if not any(
            claim.names(entry.study.name, verdict.claim) for claim in PAPER
        )
    }
    assert left == {
        "anatomy.resnet",
        "augmentation.flows",
        "augmentation.graph",
        "augmentation.memory",
        "augmentation.widths",
        "chaos.estimators",
        "chaos.penalties",
        "chaos.strength",
        "dimensionality.adaptive_depth",
        "dimensionality.layers",
        "dimensionality.nested_spheres",
        "generation.digits",
        "generation.flows",
        "gradients.ways",
    }


def test_every_claim_has_an_address_for_good():
    whole = results.ledger()
    page = whole._repr_html_()
    found = [
        address(entry.study.name, one.claim)
        for entry in whole.entries
        for one in entry.chosen
    ]
    assert len(set(found)) == len(found)
    assert all(page.count(f'<tr id="{one}" ') == 1 for one in found)
    assert "claim-dimensionality-nested_spheres-gap-best" in found


def test_a_claim_without_a_measurement_says_so():
    shown = repr(results.ledger().paper)
    (line,) = [x for x in shown.splitlines() if x.startswith("A basis")]
    assert line.endswith("not measured")
    (line,) = [x for x in shown.splitlines() if "depth-variant models s" in x]
    assert line.endswith("refuted by a proof")


def test_what_a_verdict_hangs_on():
    def rows(a, b, c):
        return pd.DataFrame(
            [
                {"variant": name, "seed": seed, "q": value}
                for name, own in (("a", a), ("b", b), ("c", c))
                for seed, value in enumerate(own)
            ]
        )

    noise = np.array([0.0, 0.1, -0.1, 0.05])
    lowest = [Claim("a", "", judges.lowest("q", "a", ("a", "b", "c")))]
    for b, c, word, label in (
        (3 + noise, 1.5 - 2 * noise, "held", "a below c"),
        (3 + noise, 0.2 + noise / 2, "not held", "a below c"),
        (3 + noise, 1 - 9 * noise, "undecided", "a below c"),
    ):
        (verdict,) = judge(lowest, rows(1 + noise / 3, b, c))
        assert verdict.word == word
        found = deciding(verdict)
        assert isinstance(found, Comparison)
        assert found.label == label
    always = [Claim("a", "", judges.every_seed("q", "a", below=1.5))]
    (verdict,) = judge(always, rows(1 + noise, 1 + noise, 1 + noise))
    assert deciding(verdict).right.all()
