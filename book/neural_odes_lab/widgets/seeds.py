"""A widget of evidence: a verdict settles as more seeds are looked at."""

from __future__ import annotations

from typing import Any

import pandas as pd
import traitlets

from neural_odes_lab.judges import LEVEL, Check, Comparison
from neural_odes_lab.verdicts import FIRST_LOOK
from neural_odes_lab.widgets.base import Widget, bundled, whole


def evidence_by_seed(result: Any) -> dict[str, Any]:
    """What a page needs to judge a study's claims over its first seeds.

    Args:
        result: a study under one setting, as ``results.load`` gives it.
    """
    frame, converged = result.frame, result.study.converged
    out = (
        frame[converged.failing(frame)] if converged is not None else frame[:0]
    )
    kept = frame.drop(out.index)
    gone = set(frame["variant"]) - set(kept["variant"])
    lost = frame[:0]
    if "failed" in frame:
        lost = frame[frame["failed"].notna()]
    claims = []
    for verdict in result.verdicts:
        claim = verdict.claim
        without = [None for _ in verdict.evidence]
        if len(out) and not gone:
            without = list(claim.evidence(kept))
        claims.append(
            {
                "id": claim.id,
                "sentence": claim.sentence,
                "after": claim.after,
                "evidence": [
                    _packed(one, other)
                    for one, other in zip(
                        verdict.evidence, without, strict=True
                    )
                ],
            }
        )
    return {
        "level": LEVEL,
        "firstLook": FIRST_LOOK,
        "seeds": sorted(int(seed) for seed in frame["seed"].unique()),
        "claims": claims,
        "lost": sorted(int(seed) for seed in lost["seed"].unique()),
        "runs": _seeds_of(frame),
        "kept": _seeds_of(kept),
    }


def _seeds_of(frame: pd.DataFrame) -> dict[str, list[int]]:
    """Which seeds each variant has rows of."""
    return {
        str(variant): sorted(int(seed) for seed in own.unique())
        for variant, own in frame.groupby("variant")["seed"]
    }


def _packed(one: Any, without: Any) -> dict[str, Any]:
    """A comparison or check by seed; without: over runs that converged."""
    series = one.right if isinstance(one, Check) else one.gains
    other = without
    if without is not None:
        other = without.right if isinstance(without, Check) else without.gains
    return {
        "label": one.label,
        "seeds": [int(seed) for seed in series.index],
        "values": [float(value) for value in series],
        "check": isinstance(one, Check),
        "ratio": isinstance(one, Comparison) and one.ratio,
        "matters": one.matters if isinstance(one, Comparison) else None,
        "kept": None if other is None else [int(seed) for seed in other.index],
    }


class SeedsWidget(Widget):
    """One claim, judged over the first seed, the first two, ... all of them.

    One picture shows the difference of each seed as a dot, with the mean and
    its interval over the seeds looked at so far; the other the two p that make
    the verdict. The page judges as :mod:`neural_odes_lab.verdicts` does.

    Args:
        result: a study under one setting, as ``results.load`` gives it.
        claim: the id of its claim, which makes a single comparison.
        seeds: how many are looked at first.
        what: the difference in words, for the axis.
        title: above the figure.

    Raises:
        ValueError: there is no such claim, or it makes several comparisons;
            seeds are out of range.
    """

    _esm = bundled("seeds")
    study: Any = traitlets.Dict().tag(sync=True)
    claim = traitlets.Unicode().tag(sync=True)
    seeds = traitlets.Int(1).tag(sync=True)
    what = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        result: Any,
        claim: str,
        *,
        seeds: int = 1,
        what: str = "difference",
        title: str = "A verdict, seed by seed",
    ) -> None:
        study = evidence_by_seed(result)
        compared = [
            one["id"]
            for one in study["claims"]
            if len(one["evidence"]) == 1 and not one["evidence"][0]["check"]
        ]
        if claim not in compared:
            raise ValueError(
                "claim must be one that makes a single comparison "
                f"({', '.join(compared)}), got {claim!r}"
            )
        super().__init__(
            title=title,
            study=study,
            claim=claim,
            what=what,
            seeds=whole("seeds", seeds, 1, len(study["seeds"])),
        )
