"""Verdicts: how a study's claims are judged, corrected over all of them.

Variants are compared within each seed: a t test of the differences over seeds.
All comparisons of a study are corrected together (Holm, 1979), so that the
probability of any false verdict in the whole study is at most LEVEL.

A difference may be shown to be smaller than what would matter (MATTERS; a
one-sided t test, corrected likewise, so that the probability of ruling out one
that does matter is at most LEVEL, too): then the claim is not held, whether the
seeds show the difference or not. Otherwise its verdict would depend on the
number of seeds. More seeds than FIRST_LOOK are taken where those left something
open: this second look is at half the level, so that the probability of a false
verdict in either is at most 1.5 LEVEL.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd

from neural_odes_lab.judges import (
    MOST_SEEDS,
    Check,
    Claim,
    Comparison,
    Evidence,
    column,
)

FIRST_LOOK = 20
"""Seeds that every study is judged over at first."""

MATTERS: Mapping[str, float] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                *("accuracy", "rings", "gap", "attacked", "noisy", "fresh"),
                *("exchanged", "blind", "beyond"),
            ),
            0.02,
        ),
        **dict.fromkeys(("exponent", "per turnover"), 0.1),
        "largest per turnover": 0.1,
        "growing": 0.05,
        "nfe": 3.0,
    }
)
"""The smallest differences that would matter, by quantity: two samples in a
hundred; a tenth of Lorenz's exponent; one point in twenty; half of a step of
dopri5. A study may have others."""
FACTOR = 1.25
"""Likewise of ratios: of losses, errors of gradients, numbers of points."""

Word = Literal["held", "not held", "undecided"]


@dataclass(frozen=True)
class Converged:
    """Runs count as converged if a quantity has at least some value."""

    quantity: str
    least: float

    def failing(self, frame: pd.DataFrame) -> pd.Series:
        """Which rows are below it; a row without the quantity is not a run."""
        return column(frame, self.quantity) < self.least


FITTED = Converged("accuracy", 0.95)
"""Runs that fit their training points."""


@dataclass(frozen=True)
class Verdict:
    """A claim, judged; as a string, in sentences.

    Attributes:
        evidence: comparisons with corrected p, or checks.
        seeds_needed: how many would decide, including those that do not count
            for it; 0 if it is decided, None if more than MOST_SEEDS would be
            needed or it cannot be told.
        notes: on runs that failed or did not converge.
        looks: how often the study's seeds were looked at, which p is corrected
            for.
    """

    claim: Claim
    word: Word
    evidence: tuple[Evidence, ...]
    seeds_needed: int | None = 0
    notes: tuple[str, ...] = ()
    looks: int = 1

    @property
    def variants(self) -> set[Any]:
        """Those that its evidence is about."""
        return {name for one in self.evidence for name in one.variants}

    @property
    def reasons(self) -> list[str]:
        """Why it is what it is, in words."""
        said = [str(one) for one in self.evidence]
        if self.word == "undecided" and self.seeds_needed is None:
            said.append(
                f"More than {MOST_SEEDS} seeds would be needed, or the number "
                "cannot be estimated."
            )
        elif self.seeds_needed:
            said.append(
                f"About {self.seeds_needed} seeds would decide, if the effect "
                "is what it seems."
            )
        return [*said, *self.notes]

    def __str__(self) -> str:
        why = "; ".join(one.removesuffix(".") for one in self.reasons)
        return f"{self.claim.sentence} {self.word.capitalize()}: {why}."


def judge(
    claims: Sequence[Claim],
    frame: pd.DataFrame,
    converged: Converged | None = None,
    matters: Mapping[str, float] = MATTERS,
) -> list[Verdict]:
    """Judge a study's claims over its rows.

    Every run counts. Runs that did not converge are named, and where leaving
    them and their partners out would change a verdict, it is undecided. If a
    run failed, its seed is missing, and a claim that would be held is
    undecided.

    Args:
        claims: of one study, corrected together.
        frame: a row per variant, seed and other keys; the column "failed", if
            there is one, says why a run has no values.
        converged: what counts as converged.
        matters: the smallest differences that would matter, by quantity.

    Raises:
        ValueError: two claims have one id, or a claim names a column or rows
            that are not there.
    """
    ids = [claim.id for claim in claims]
    if len(set(ids)) < len(ids):
        raise ValueError(f"claims must have ids of their own, got {ids}")
    verdicts = _judged(claims, frame, matters)
    notes = []
    if "failed" in frame:
        lost = frame[frame["failed"].notna()]
        if len(lost):
            notes.append(f"failed: {_runs(lost)}")
            verdicts = [
                replace(v, word="undecided") if v.word == "held" else v
                for v in verdicts
            ]
    if converged is not None:
        out = frame[converged.failing(frame)]
        if len(out):
            kept = frame.drop(out.index)
            gone = set(frame["variant"]) - set(kept["variant"])
            others = verdicts if gone else _judged(claims, kept, matters)
            verdicts = [
                replace(a, word="undecided") if gone or a.word != b.word else a
                for a, b in zip(verdicts, others, strict=True)
            ]
            verdicts = [
                replace(v, notes=v.notes + _about(v, out)) for v in verdicts
            ]
    return [replace(v, notes=(*notes, *v.notes)) for v in verdicts]


def _about(verdict: Verdict, out: pd.DataFrame) -> tuple[str, ...]:
    """Which of the runs that did not converge a verdict compares."""
    named = out["variant"].isin(verdict.variants)
    return (f"did not converge: {_runs(out[named])}",) if named.any() else ()


def _runs(rows: pd.DataFrame) -> str:
    seeds = rows.groupby("variant", sort=False)["seed"].unique()
    return "; ".join(
        f"{variant} (seed {', '.join(map(str, sorted(own)))})"
        for variant, own in seeds.items()
    )


def _judged(
    claims: Sequence[Claim], frame: pd.DataFrame, matters: Mapping[str, float]
) -> list[Verdict]:
    evidence = [
        [_with_least(one, matters) for one in claim.evidence(frame)]
        for claim in claims
    ]
    compared = [
        e for each in evidence for e in each if isinstance(e, Comparison)
    ]
    looks = 1 + (frame["seed"].nunique() > FIRST_LOOK)
    corrected = iter(holm([one.uncorrected() for one in compared], looks))
    ruled_out = iter(
        holm([one.uncorrected_matters() for one in compared], looks)
    )
    verdicts = []
    for claim, each in zip(claims, evidence, strict=True):
        found = tuple(
            replace(e, p=next(corrected), p_matters=next(ruled_out))
            if isinstance(e, Comparison)
            else e
            for e in each
        )
        word = word_of(found)
        needed: int | None = 0
        if word == "undecided":
            open_ = [
                e.needed(len(compared))
                for e in found
                if isinstance(e, Comparison) and not e.sign
            ]
            known = [n for n in open_ if n is not None]
            told = len(known) == len(open_) and known
            needed = claim.after + max(known) if told else None
        late = f"asked after a look at the seeds before {claim.after}"
        notes = (f"{late}: they do not count",) if claim.after else ()
        verdicts.append(Verdict(claim, word, found, needed, notes, looks))
    return verdicts


def _with_least(one: Evidence, matters: Mapping[str, float]) -> Evidence:
    """With the smallest effect that would matter."""
    if isinstance(one, Check):
        return one
    least = math.log(FACTOR) if one.ratio else matters.get(one.quantity)
    return replace(one, matters=least)


def word_of(evidence: Sequence[Evidence]) -> Word:
    """What evidence says, all of it together."""
    signs = [
        e.sign
        if isinstance(e, Comparison)
        else (0 if e.right.empty else 1 if e.right.all() else -1)
        for e in evidence
    ]
    if -1 in signs:
        return "not held"
    return "undecided" if 0 in signs or not signs else "held"


def holm(p: Sequence[float], looks: int = 1) -> list[float]:
    """Holm's correction (1979), which controls the error rate of the family.

    Args:
        p: p-value of each test.
        looks: how often the family was tested, each time with more data.
    """
    order = np.argsort(p)
    corrected = np.empty(len(p))
    highest_yet = 0.0
    for rank, i in enumerate(order):
        own = min(1.0, looks * (len(p) - rank) * p[i])
        highest_yet = max(highest_yet, own)
        corrected[i] = highest_yet
    return corrected.tolist()
