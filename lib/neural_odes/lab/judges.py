"""Claims, and how they are judged: paired by seed, corrected over a study.

Variants share seeds and data, so each comparison is that of a seed with
itself: a t test of the differences over seeds. All comparisons of a study are
corrected together (Holm, 1979), so that in the whole of it one false verdict
is found with a probability of at most LEVEL.

A difference that the seeds do not show may still be shown to be smaller than
what would matter (MATTERS; a one-sided t test, corrected likewise): then the
claim is not held. More seeds than FIRST_LOOK are taken where those left
something open: this second look is at half the level, so that the two
together find a false verdict with a probability of at most 1.5 LEVEL.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

LEVEL = 0.05
"""Of false verdicts over all comparisons of a study, two-sided."""
POWER = 0.8
"""With which the number of seeds that is named would decide."""
MOST_SEEDS = 1000
FIRST_LOOK = 20
"""Seeds that every study is judged over at first."""

MATTERS: Mapping[str, float] = MappingProxyType(
    {
        **dict.fromkeys(
            ("accuracy", "rings", "gap", "attacked", "noisy", "fresh"), 0.02
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
Where = Mapping[str, Any]
"""Rows by the values of their columns; a plain value is that of "variant"."""


@dataclass(frozen=True)
class Comparison:
    """One quantity of two variants, seed by seed.

    Attributes:
        label: what is compared.
        gains: by seed, > 0 where the claim is right; of ratios, logarithms.
        quantity: what is compared, by its name.
        ratio: whether effects are factors.
        matters: the smallest gain that would matter, > 0; of ratios its
            logarithm. None: any would.
        p: of no effect, two-sided, corrected once the whole study is judged.
        p_matters: of an effect that matters, likewise, one-sided.
    """

    label: str
    gains: pd.Series
    quantity: str = ""
    ratio: bool = False
    matters: float | None = None
    p: float = 1.0
    p_matters: float = 1.0

    @property
    def seeds(self) -> int:
        return len(self.gains)

    def uncorrected(self) -> float:
        """p of the t test; 1 for fewer than two seeds."""
        if self.seeds < 2:
            return 1.0
        mean = abs(self.gains.mean())
        if self.gains.std() <= 1e-12 * mean:  # rounding: sure, or no effect
            return 0.0 if mean else 1.0
        return float(stats.ttest_1samp(self.gains, 0).pvalue)

    def uncorrected_matters(self) -> float:
        """p of a gain that matters; 1 for fewer than two seeds."""
        if self.matters is None or self.seeds < 2:
            return 1.0
        short = self.gains - self.matters
        if self.gains.std() <= 1e-12 * abs(self.matters):
            return float(short.mean() >= 0)
        return float(stats.ttest_1samp(short, 0, alternative="less").pvalue)

    @property
    def negligible(self) -> bool:
        """No effect is seen, and one that matters is ruled out."""
        return not self.p <= LEVEL and self.p_matters <= LEVEL

    @property
    def sign(self) -> int:
        """1 as the claim says, -1 if not, 0 where it cannot be told."""
        if self.negligible:
            return -1
        if not self.p <= LEVEL:
            return 0
        return 1 if self.gains.mean() > 0 else -1

    def interval(self) -> tuple[float, float, float]:
        """The mean effect and its 95 % interval, uncorrected."""
        mean = self.gains.mean()
        half = math.nan
        if self.seeds > 1:
            quantile = stats.t.ppf(0.975, self.seeds - 1)
            half = quantile * self.gains.sem()
        ends = (mean, mean - half, mean + half)
        return tuple(np.exp(ends)) if self.ratio else ends

    def needed(self, comparisons: int) -> int | None:
        """Seeds that would decide, were this the true effect; None: too many.

        Args:
            comparisons: of the study, over which it is corrected.
        """
        if self.seeds < 2 or not self.gains.std() > 0:
            return None
        level = LEVEL / comparisons / 2  # of a second look
        mean, std = self.gains.mean(), self.gains.std()
        tests = [(abs(mean) / std, level / 2)]
        if self.matters is not None:
            tests.append(((self.matters - mean) / std, level))

        def decides(n: int) -> bool:
            return any(
                stats.nct.sf(
                    stats.t.ppf(1 - each, n - 1), n - 1, effect * math.sqrt(n)
                )
                >= POWER
                for effect, each in tests
            )

        candidates = range(self.seeds + 1, MOST_SEEDS + 1)
        found = bisect_left(candidates, True, key=decides)
        return candidates[found] if found < len(candidates) else None


@dataclass(frozen=True)
class Check:
    """A condition that every seed meets or does not."""

    label: str
    values: pd.Series
    right: pd.Series


Evidence = Comparison | Check
Judge = Callable[[pd.DataFrame], list[Evidence]]


@dataclass(frozen=True)
class Claim:
    """A sentence, where the paper says it, and what would show it.

    Attributes:
        after: the first seed that counts: those before had been looked at
            when the claim was thought of.
    """

    sentence: str
    judge: Judge
    paper: str = ""
    after: int = 0

    def evidence(self, frame: pd.DataFrame) -> list[Evidence]:
        """What its seeds show; nothing if there are none."""
        own = frame[frame["seed"] >= self.after]
        return [] if own.empty else self.judge(own)


@dataclass(frozen=True)
class Converged:
    """Runs count as converged from a value of a quantity on."""

    quantity: str
    least: float

    def failing(self, frame: pd.DataFrame) -> pd.Series:
        """Where it is below; what has no such quantity is no run."""
        return frame[self.quantity] < self.least


FITTED = Converged("accuracy", 0.95)
"""Runs that fit their training points."""


@dataclass(frozen=True)
class Verdict:
    """A claim, judged.

    Attributes:
        evidence: comparisons with corrected p, or checks.
        seeds_needed: how many would decide; 0 where it is decided, None where
            more than MOST_SEEDS would be needed or it cannot be told.
        notes: on runs that failed or did not converge.
    """

    claim: Claim
    word: Word
    evidence: tuple[Evidence, ...]
    seeds_needed: int | None = 0
    notes: tuple[str, ...] = ()


def _where(place: Any) -> dict[str, Any]:
    return dict(place) if isinstance(place, Mapping) else {"variant": place}


def _name(place: Any) -> str:
    values = _where(place).values()
    return ", ".join(
        f"{v:g}" if isinstance(v, float) else str(v) for v in values
    )


def _values(frame: pd.DataFrame, quantity: str, place: Where) -> pd.Series:
    for column, value in place.items():
        frame = frame[frame[column] == value]
    if frame.empty:
        raise ValueError(f"a claim names {dict(place)}, of which are no rows")
    series = frame.set_index("seed")[quantity].astype(float)
    if not series.index.is_unique:
        raise ValueError(f"{place} has several rows of one seed")
    return series


def less(
    quantity: str, a: Any, b: Any, *, ratio: bool = False, **where: Any
) -> Judge:
    """The quantity of a is below that of b.

    Args:
        quantity: a column.
        a: value of the column "variant", or values of several columns.
        b: likewise.
        ratio: compare logarithms: of quantities that span orders of
            magnitude over seeds, as losses do.
        where: values of columns that both share.
    """
    return _pairs(
        quantity, [(b, a, f"{_name(a)} below {_name(b)}")], ratio, where
    )


def greater(
    quantity: str, a: Any, b: Any, *, ratio: bool = False, **where: Any
) -> Judge:
    """The quantity of a is above that of b; see :func:`less`."""
    return _pairs(
        quantity, [(a, b, f"{_name(a)} above {_name(b)}")], ratio, where
    )


def lowest(
    quantity: str,
    a: Any,
    among: Iterable[Any],
    *,
    ratio: bool = False,
    **where: Any,
) -> Judge:
    """The quantity of a is below that of all others; see :func:`less`."""
    pairs = [(b, a, f"{_name(a)} below {_name(b)}") for b in among if b != a]
    return _pairs(quantity, pairs, ratio, where)


def highest(
    quantity: str,
    a: Any,
    among: Iterable[Any],
    *,
    ratio: bool = False,
    **where: Any,
) -> Judge:
    """The quantity of a is above that of all others; see :func:`less`."""
    pairs = [(a, b, f"{_name(a)} above {_name(b)}") for b in among if b != a]
    return _pairs(quantity, pairs, ratio, where)


def _pairs(
    quantity: str,
    pairs: Sequence[tuple[Any, Any, str]],
    ratio: bool,
    where: Where,
) -> Judge:
    def judge(frame: pd.DataFrame) -> list[Evidence]:
        found: list[Evidence] = []
        for more, fewer, label in pairs:
            high, low = (
                _values(frame, quantity, {**where, **_where(place)})
                for place in (more, fewer)
            )
            found.append(_compared(label, high, low, ratio, quantity))
        return found

    return judge


def _compared(
    label: str, high: pd.Series, low: pd.Series, ratio: bool, quantity: str
) -> Comparison:
    if ratio:
        high, low = np.log(high), np.log(low)
    return Comparison(label, (high - low).dropna(), quantity, ratio)


def smaller(a: str, b: str, *, ratio: bool = False, **where: Any) -> Judge:
    """Of the same rows, the column a is below the column b."""

    def judge(frame: pd.DataFrame) -> list[Evidence]:
        low, high = (_values(frame, column, where) for column in (a, b))
        return [_compared(f"{a} below {b}", high, low, ratio, b)]

    return judge


def exceeds(quantity: str, a: Any, value: float, **where: Any) -> Judge:
    """The mean of a quantity of a is above a number."""

    def judge(frame: pd.DataFrame) -> list[Evidence]:
        own = _values(frame, quantity, {**where, **_where(a)})
        label = f"{_name(a)} above {value:g}"
        return [Comparison(label, (own - value).dropna(), quantity)]

    return judge


def stays_below(quantity: str, a: Any, value: float, **where: Any) -> Judge:
    """The mean of a quantity of a is below a number."""

    def judge(frame: pd.DataFrame) -> list[Evidence]:
        own = _values(frame, quantity, {**where, **_where(a)})
        label = f"{_name({**_where(a), **where})} below {value:g}"
        return [Comparison(label, (value - own).dropna(), quantity)]

    return judge


def near(
    quantity: str, a: Any, *, value: float, within: float, **where: Any
) -> Judge:
    """The mean of a quantity of a is near a number: neither above nor below."""
    return together(
        exceeds(quantity, a, value - within, **where),
        stays_below(quantity, a, value + within, **where),
    )


def always(
    quantity: str,
    a: Any,
    *,
    above: float = -math.inf,
    below: float = math.inf,
    **where: Any,
) -> Judge:
    """In every seed, the quantity of a lies between two numbers.

    Both are included.
    """
    low = "" if above == -math.inf else f" at least {above:.3g}"
    high = "" if below == math.inf else f" at most {below:.3g}"
    both = " and" if low and high else ""

    def judge(frame: pd.DataFrame) -> list[Evidence]:
        own = _values(frame, quantity, {**where, **_where(a)})
        right = (own >= above) & (own <= below)  # false of NaN
        return [Check(f"{_name(a)}:{low}{both}{high}", own, right)]

    return judge


def slope(
    x: str, y: str, a: Any, *, near: float, within: float, from_x: float = 0.0
) -> Judge:
    """In every seed, log y over log x has a slope near a number.

    Args:
        x: a column of numbers > 0.
        y: another.
        a: whose, as in :func:`less`.
        near: the slope claimed.
        within: how far off it may be.
        from_x: rows with a smaller x are left out.
    """

    def judge(frame: pd.DataFrame) -> list[Evidence]:
        for column, value in _where(a).items():
            frame = frame[frame[column] == value]
        frame = frame[frame[x] >= from_x]
        found = pd.Series(
            {
                seed: stats.linregress(np.log(own[x]), np.log(own[y])).slope
                for seed, own in frame.groupby("seed")
            }
        )
        label = f"slope {near:g} ± {within:g}"
        return [Check(label, found, (found - near).abs() <= within)]

    return judge


def together(*judges: Judge) -> Judge:
    """All of what several judges ask."""
    return lambda frame: [one for judge in judges for one in judge(frame)]


def judge(
    claims: Sequence[Claim],
    frame: pd.DataFrame,
    converged: Converged | None = None,
    matters: Mapping[str, float] = MATTERS,
) -> list[Verdict]:
    """Judge a study's claims over its rows.

    Every run counts. Runs that did not converge are named, and where leaving
    them and their partners out would change a verdict, it is undecided. Where
    a run failed, its seed is missing, and the claim is not held.

    Args:
        claims: of one study, corrected together.
        frame: a row per variant, seed and other keys; the column "failed", if
            there is one, says why a run has no values.
        converged: what counts as converged.
        matters: the smallest differences that would matter, by quantity.
    """
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
    labels = " ".join(one.label for one in verdict.evidence)
    named = [str(variant) in labels for variant in out["variant"]]
    return (f"did not converge: {_runs(out[named])}",) if any(named) else ()


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
        word = _word(found)
        needed: int | None = 0
        if word == "undecided":
            open_ = [
                e.needed(len(compared))
                for e in found
                if isinstance(e, Comparison) and not e.sign
            ]
            known = [n for n in open_ if n is not None]
            needed = max(known) if len(known) == len(open_) and known else None
        late = f"asked after a look at the seeds before {claim.after}"
        notes = (f"{late}: they do not count",) if claim.after else ()
        verdicts.append(Verdict(claim, word, found, needed, notes))
    return verdicts


def _with_least(one: Evidence, matters: Mapping[str, float]) -> Evidence:
    """With the smallest effect that would matter."""
    if isinstance(one, Check):
        return one
    least = math.log(FACTOR) if one.ratio else matters.get(one.quantity)
    return replace(one, matters=least)


def _word(evidence: Sequence[Evidence]) -> Word:
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
    """Holm's correction (1979): the error rate of the whole family holds.

    Args:
        p: of each test.
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
