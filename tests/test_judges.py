"""Verdicts: how often they are false, and what they say."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from neural_odes_lab import judges, verdicts
from neural_odes_lab.judges import Claim
from neural_odes_lab.verdicts import Converged, judge


def frame(**values):
    """Rows of a quantity q for each variant, seeds 0, 1, ..."""
    return pd.DataFrame(
        [
            {"variant": name, "seed": seed, "q": value}
            for name, own in values.items()
            for seed, value in enumerate(own)
        ]
    )


def word(claim, rows, converged=None):
    (verdict,) = judge([Claim("b", "It is so.", claim)], rows, converged)
    return verdict.word


@pytest.mark.parametrize("seeds", [5, 10, 20])
@pytest.mark.parametrize("spread", [1.0, 5.0], ids=["equal", "unequal"])
def test_false_verdicts_are_as_rare_as_promised(seeds, spread):
    """Three variants without a difference, seeds shared, 200 studies."""
    rng = np.random.default_rng(0)
    studies, wrong = 200, 0
    claims = [
        Claim("a", "a is lowest.", judges.lowest("q", "a", ("a", "b", "c"))),
        Claim("b", "b is above c.", judges.above("q", "b", "c")),
    ]
    for _ in range(studies):
        shared = rng.normal(size=seeds)
        rows = frame(
            a=shared + rng.normal(size=seeds),
            b=shared + spread * rng.normal(size=seeds),
            c=shared + rng.normal(size=seeds),
        )
        signs = [one.sign for v in judge(claims, rows) for one in v.evidence]
        wrong += any(signs)
    # Three standard errors of a share of 5 % in 200.
    assert wrong / studies <= 0.05 + 3 * (0.05 * 0.95 / studies) ** 0.5


@pytest.mark.parametrize("spread", [1.0, 5.0], ids=["equal", "unequal"])
def test_effects_that_matter_are_rarely_ruled_out(spread):
    """Two that are just as large as what would matter, 20 seeds."""
    rng = np.random.default_rng(0)
    studies, seeds, wrong = 200, 20, 0
    claims = [
        Claim("a", "a is above c.", judges.above("q", "a", "c")),
        Claim("b", "b is above c.", judges.above("q", "b", "c")),
    ]
    for _ in range(studies):
        shared = rng.normal(size=seeds)
        rows = frame(
            a=shared + 0.1 + rng.normal(size=seeds),
            b=shared + 0.1 + spread * rng.normal(size=seeds),
            c=shared + rng.normal(size=seeds),
        )
        found = judge(claims, rows, matters={"q": 0.1})
        wrong += any(one.negligible for v in found for one in v.evidence)
    assert wrong / studies <= 0.05 + 3 * (0.05 * 0.95 / studies) ** 0.5


def test_a_second_look_keeps_the_promise():
    """No difference; where 20 seeds found none, 40 more are taken."""
    rng = np.random.default_rng(0)
    studies, wrong = 300, 0
    claim = [Claim("a", "a is above b.", judges.above("q", "a", "b"))]
    for _ in range(studies):
        a, b = rng.normal(size=(2, 60))
        for seeds in (20, 60):
            (verdict,) = judge(claim, frame(a=a[:seeds], b=b[:seeds]))
            if verdict.evidence[0].sign:
                wrong += 1
                break
    # The first look is at 5 %, the second at half of it.
    assert wrong / studies <= 0.075 + 3 * (0.075 * 0.925 / studies) ** 0.5


def test_differences_too_small_to_matter_are_not_held():
    same = [0.9, 0.91, 0.9, 0.89, 0.9, 0.905]
    rows = frame(a=same, b=same[::-1])
    above = judges.above("q", "a", "b")
    assert word(above, rows) == "undecided"
    (verdict,) = judge([Claim("a", "", above)], rows, matters={"q": 0.05})
    assert verdict.word == "not held"
    assert verdict.evidence[0].negligible
    (verdict,) = judge([Claim("a", "", above)], rows, matters={"q": 0.001})
    assert verdict.word == "undecided"
    ratio = judges.above("q", "a", "b", ratio=True)
    assert word(ratio, rows) == "not held"  # no factor of FACTOR
    equal = frame(a=[1.0, 2.0], b=[1.0, 2.0])
    (verdict,) = judge([Claim("a", "", above)], equal, matters={"q": 0.5})
    assert verdict.word == "not held"
    # Clear, but small: with fewer seeds it would not be seen.
    clear = frame(a=[1.01, 2.011, 3.01], b=[1.0, 2.0, 3.0])
    (verdict,) = judge([Claim("a", "", above)], clear, matters={"q": 0.5})
    assert verdict.word == "not held"


def test_pairs_see_what_means_do_not():
    """A small gain in every seed, though seeds differ much."""
    rows = frame(a=[1.0, 5.0, 9.0, 13.0], b=[1.2, 5.3, 9.2, 13.3])
    assert word(judges.below("q", "a", "b"), rows) == "held"
    assert word(judges.above("q", "a", "b"), rows) == "not held"


def test_intervals_are_student_s():
    rows = frame(a=[1.0, 2.0, 4.0], b=[2.0, 4.0, 5.0])
    gains = [1.0, 2.0, 1.0]
    want = stats.ttest_1samp(gains, 0).confidence_interval(0.95)
    (verdict,) = judge([Claim("a", "", judges.below("q", "a", "b"))], rows)
    mean, low, high = verdict.evidence[0].interval()
    assert (mean, low, high) == pytest.approx(
        (np.mean(gains), want.low, want.high)
    )


def test_one_comparison_the_other_way_refutes_a_claim():
    """Also where another one supports it."""
    rows = frame(
        a=[2.0, 2.1, 2.2, 2.3], b=[3.0, 3.2, 3.1, 3.4], c=[1.0, 1.2, 1.1, 1.4]
    )
    lowest = judges.lowest("q", "a", ("a", "b", "c"))
    assert word(judges.below("q", "a", "b"), rows) == "held"
    assert word(lowest, rows) == "not held"


def test_open_claims_say_how_many_seeds_would_decide():
    rows = frame(a=[1.0, 2.0, 3.0], b=[1.9, 2.1, 4.1])
    (verdict,) = judge([Claim("a", "", judges.below("q", "a", "b"))], rows)
    assert verdict.word == "undecided"
    assert verdict.seeds_needed > 3
    one = frame(a=[1.0], b=[2.0])
    assert word(judges.below("q", "a", "b"), one) == "undecided"


def test_runs_that_do_not_converge_cannot_carry_a_claim():
    rows = frame(a=[1.0, 1.1, 1.2, 0.2], b=[1.5, 1.6, 1.9, 9.0])
    rows["done"] = 1.0
    assert word(judges.below("q", "a", "b"), rows, Converged("done", 1)) == (
        word(judges.below("q", "a", "b"), rows)
    )
    rows.loc[rows["seed"] > 0, "done"] = 0.0
    (verdict,) = judge(
        [Claim("a", "", judges.below("q", "a", "b", ratio=True))],
        rows,
        Converged("done", 1),
    )
    assert verdict.word == "undecided"
    assert "did not converge" in verdict.notes[0]


def test_a_verdict_is_about_the_variants_that_it_compares():
    rows = frame(a=[1.0, 2.0], wide=[2.0, 2.5], b=[3.0, 1.0])
    rows["variant"] = rows["variant"].replace("wide", "a, wide")
    (verdict,) = judge(
        [Claim("a", "", judges.below("q", "a, wide", "b"))], rows
    )
    assert verdict.variants == {"a, wide", "b"}
    (one,) = verdict.evidence
    assert one.variants == ("a, wide", "b")


def test_seeds_seen_before_a_claim_was_made_do_not_count():
    """The first twenty say yes, those after them say no."""
    rng = np.random.default_rng(0)
    sizes = np.r_[np.full(20, 3.0), np.full(20, -0.5)]
    rows = frame(a=sizes + 0.1 * rng.normal(size=40), b=np.zeros(40))
    above = judges.above("q", "a", "b")
    old, new = judge(
        [
            Claim("b", "As seen.", above),
            Claim("a", "On fresh seeds.", above, after=20),
        ],
        rows,
    )
    assert (old.word, new.word) == ("held", "not held")
    assert new.evidence[0].seeds == 20
    assert not old.notes
    assert "do not count" in new.notes[0]
    early = rows[rows["seed"] < 20]
    (none,) = judge([Claim("b", "On fresh seeds.", above, after=20)], early)
    assert (none.word, none.evidence) == ("undecided", ())


def test_seeds_needed_include_those_that_do_not_count():
    rng = np.random.default_rng(0)
    fresh = rng.normal(size=20) + 0.4
    above = judges.above("q", "a", "b")

    def needed(before, after):
        rows = frame(a=np.r_[before, fresh], b=np.zeros(len(before) + 20))
        (found,) = judge([Claim("a", "It is so.", above, after=after)], rows)
        assert found.word == "undecided"
        return found.seeds_needed

    assert needed(np.zeros(30), 30) == needed([], 0) + 30


def test_all_that_is_open_has_to_be_decided():
    """The claim waits for its slowest comparison, at the study's level."""
    swing = np.array([1.0, -1.0] * 4)
    rows = frame(a=np.zeros(8), b=0.5 + swing, c=0.8 + swing)
    claim = Claim("a", "", judges.lowest("q", "a", ("a", "b", "c")))
    (verdict,) = judge([claim], rows)
    assert verdict.word == "undecided"
    alone = [one.needed(2) for one in verdict.evidence if not one.sign]
    assert len(set(alone)) == 2
    assert verdict.seeds_needed == max(alone)


def test_growth_is_over_proportion_as_far_as_was_tried():
    """Two power laws: one grows slower, one faster, up to a ceiling of 20."""
    rows = pd.concat(
        frame(**{str(n): [4 * n**0.5, min(20, n**1.5)]}).assign(variant=n)
        for n in (1, 4, 9)
    )
    claim = Claim("b", "q outgrows n.", judges.outgrows("q", (1, 4, 9), 20))
    (one,) = claim.evidence(rows)
    slower = math.log2(8 / 16) / 2 + math.log2(12 / 20) / 2
    faster = math.log2(8 / 4) / 2 + math.log2(20 / 9) / 2
    np.testing.assert_allclose(one.gains, [slower, faster])


def test_checks_hold_in_every_seed_or_not():
    rows = frame(a=[0.1, 0.2])
    assert word(judges.every_seed("q", "a", below=0.2), rows) == "held"
    assert word(judges.every_seed("q", "a", below=0.1), rows) == "not held"
    assert word(judges.every_seed("q", "a", above=0.1), rows) == "held"
    assert word(judges.every_seed("q", "a", above=0.2), rows) == "not held"
    near = judges.near("q", "a", value=0.15, within=5)
    assert word(near, frame(a=[0.1, 0.2, 0.15])) == "held"


def test_holm_is_the_published_correction():
    p = [0.01, 0.04, 0.03, 0.005]
    assert verdicts.holm(p) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert verdicts.holm([]) == []


def test_verdicts_know_of_a_second_look_also_where_the_first_does_not_count():
    rng = np.random.default_rng(0)
    rows = frame(a=rng.normal(size=40), b=np.zeros(40))
    later = Claim("a", "", judges.above("q", "a", "b"), after=20)
    assert [one.looks for one in judge([later], rows)] == [2]
    first = Claim("a", "", judges.above("q", "a", "b"))
    assert [one.looks for one in judge([first], rows[rows["seed"] < 20])] == [1]


def test_a_verdict_reads_as_a_sentence():
    rows = frame(a=[2.0, 2.1, 2.2], b=[3.0, 3.2, 3.1])
    claim = Claim("least", "A is below b.", judges.below("q", "a", "b"))
    (verdict,) = judge([claim], rows)
    said = str(verdict)
    assert said.startswith("A is below b. Held: a below b: by 1 (95 %: ")
    assert said.endswith(", 3 seeds.")
    few = rows[rows["seed"] < 1]
    (verdict,) = judge([claim], few)
    assert str(verdict).endswith(
        "; More than 1000 seeds would be needed, or the number cannot be "
        "estimated."
    )
    check = Claim("two", "A is 2.", judges.every_seed("q", "a", below=2.15))
    (verdict,) = judge([check], rows)
    assert str(verdict) == (
        "A is 2. Not held: a: q at most 2.15: 2 to 2.2, 2 of 3 seeds."
    )


@pytest.mark.parametrize("name", ["", "Two words", "a_b", "-a", "ä"])
def test_ids_are_words_that_an_address_can_hold(name):
    with pytest.raises(ValueError, match="id must be lower-case"):
        Claim(name, "It is so.", judges.below("q", "a", "b"))


def test_what_a_claim_needs_and_lacks_is_named():
    rows = frame(a=[1.0, 2.0], b=[2.0, 3.0])
    twice = [Claim("one", "", judges.below("q", "a", "b"))] * 2
    with pytest.raises(ValueError, match="ids of their own"):
        judge(twice, rows)
    for one in (
        judges.below("r", "a", "b"),
        judges.below("q", "a", {"variant": "b", "r": 1}),
        judges.mean_above("r", "a", 1.0),
        judges.every_seed("r", "a"),
        judges.column_below("q", "r", variant="a"),
        judges.slope("r", "q", "a", near=1, within=1),
        judges.slope("q", "r", "a", near=1, within=1),
    ):
        with pytest.raises(ValueError, match=r"must be a column .*, got 'r'"):
            word(one, rows)
    with pytest.raises(ValueError, match="must be a column"):
        word(judges.below("q", "a", "b"), rows, Converged("r", 1))
    with pytest.raises(ValueError, match=r"'c'.*no rows"):
        word(judges.below("q", "a", "c"), rows)


def test_just_what_matters_does_matter():
    """Without any spread: the gain is exactly the least that would matter."""
    rows = frame(a=[1.5, 2.5, 3.5], b=[1.0, 2.0, 3.0])
    above = Claim("a", "", judges.above("q", "a", "b"))
    (verdict,) = judge([above], rows, matters={"q": 0.5})
    assert verdict.word == "held"
    assert verdict.evidence[0].p_matters == 1
    (verdict,) = judge([above], rows, matters={"q": 0.500001})
    assert verdict.word == "not held"
    # With some: a p of exactly the level counts, on both sides.
    one = judges.Comparison("", ("a", "b"), pd.Series([1.0, 2.0]))
    assert replace(one, p=judges.LEVEL).sign == 1
    assert replace(one, p_matters=judges.LEVEL).sign == -1


def test_the_mean_decides_not_most_seeds():
    """A loss in most seeds, and a gain that outweighs them."""
    rows = frame(a=[0.0] * 16 + [1.0] * 14, b=[0.01] * 30)
    (verdict,) = judge([Claim("a", "", judges.above("q", "a", "b"))], rows)
    assert verdict.word == "held"


@pytest.mark.parametrize("comparisons", [1, 7])
def test_the_seeds_needed_decide_at_a_second_look(comparisons):
    gains = pd.Series([0.9, -0.4, 1.1, 0.2, -0.1, 0.8])
    one = judges.Comparison("", ("a", "b"), gains)
    n = one.needed(comparisons)

    def power(seeds):
        level = judges.LEVEL / comparisons / 2 / 2  # second look, two sides
        far = stats.t.ppf(1 - level, seeds - 1)
        shift = gains.mean() / gains.std() * math.sqrt(seeds)
        return stats.nct.sf(far, seeds - 1, shift)

    assert power(n) >= judges.POWER > power(n - 1)
    # More than there are: with those it is open.
    assert judges.Comparison("", ("a", "b"), gains * 9).needed(1) > len(gains)
    sure = judges.Comparison("", ("a", "b"), pd.Series([1.0, 1.1, 0.9]))
    assert sure.needed(1) == len(sure.gains) + 1
    # Or, where it is easier, the least that matters is ruled out.
    tight = replace(one, matters=2.0)
    assert tight.needed(comparisons) < n


def test_a_seed_that_lacks_a_value_has_no_trend():
    rows = pd.concat(
        frame(**{str(n): [n**0.5, n**1.5, n**2.0]}).assign(variant=n)
        for n in (1, 4, 9)
    )
    rows.loc[(rows["variant"] == 9) & (rows["seed"] == 1), "q"] = math.nan
    (one,) = judges.outgrows("q", (1, 4, 9), 100)(rows)
    assert list(one.gains.index) == [0, 2]
    assert one.variants == (1, 4, 9)


def test_a_variant_that_never_converged_leaves_all_undecided():
    rows = frame(a=[1.0, 1.1, 1.2], b=[2.0, 2.1, 2.3], c=[5.0, 5.1, 5.2])
    rows["done"] = (rows["variant"] != "c").astype(float)
    claims = [
        Claim("a-b", "", judges.below("q", "a", "b")),
        Claim("a-c", "", judges.below("q", "a", "c")),
    ]
    assert {v.word for v in judge(claims, rows)} == {"held"}
    first, second = judge(claims, rows, Converged("done", 1))
    assert (first.word, second.word) == ("undecided", "undecided")
    assert first.notes == ()
    assert second.notes == ("did not converge: c (seed 0, 1, 2)",)


def test_what_is_ruled_out_is_corrected_for_a_second_look_as_well():
    rng = np.random.default_rng(0)
    rows = frame(a=rng.normal(size=40), b=np.zeros(40))
    claim = [Claim("a", "", judges.above("q", "a", "b"))]
    (found,) = judge(claim, rows, matters={"q": 0.2})[0].evidence
    assert found.p_matters == pytest.approx(
        min(1.0, 2 * found.uncorrected_matters())
    )


def test_a_run_that_failed_leaves_what_is_not_held():
    rows = frame(a=[1.0, 1.1, 1.2, 1.0], b=[2.0, 2.1, 2.3, 2.2])
    rows["failed"] = None
    rows.loc[rows.index[-1], ["failed", "q"]] = ["the solver stopped", np.nan]
    claims = [
        Claim("a-b", "", judges.below("q", "a", "b")),
        Claim("b-a", "", judges.below("q", "b", "a")),
    ]
    words = [one.word for one in judge(claims, rows)]
    assert words == ["undecided", "not held"]
