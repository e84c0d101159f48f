"""Claims: sentences, and the evidence for or against them.

Variants share seeds and data, so a claim compares seed by seed, or states a
condition on every seed. How the evidence becomes a verdict, over a whole study,
is in ``verdicts.py``.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

LEVEL = 0.05
"""Of false verdicts over all comparisons of a study, two-sided."""
POWER = 0.8
"""With which the number of seeds that is named would decide."""
MOST_SEEDS = 1000

Where = Mapping[str, Any]
"""Rows by the values of their columns; a plain value is that of "variant"."""


@dataclass(frozen=True)
class Comparison:
    """One quantity of two variants, seed by seed.

    Attributes:
        label: what is compared.
        gains: by seed, > 0 where the claim is right; for ratios, logarithms.
        quantity: what is compared, by its name.
        ratio: whether effects are factors.
        matters: the smallest gain that would matter, > 0; for ratios, its
            logarithm. None: any would.
        p: p-value of no effect, two-sided, corrected once the whole study is
            judged.
        p_matters: p-value of an effect that matters, one-sided, corrected
            likewise.
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
        if self.gains.std() <= 1e-12 * mean:  # rounding: certain, or none
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
        """Whether an effect that matters is ruled out."""
        return self.p_matters <= LEVEL

    @property
    def sign(self) -> int:
        """1 if the claim is supported, -1 if it is refuted, 0 if undecided."""
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
        """Seeds that would decide if this were the true effect; None: too many.

        Args:
            comparisons: how many the study has, for the correction.
        """
        if self.seeds < 2 or not self.gains.std() > 0:
            return None
        level = LEVEL / comparisons / 2  # a second look
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
    """A sentence, where the paper says it, and how it is judged.

    Attributes:
        after: the first seed that counts; earlier ones had been looked at when
            the claim was conceived.
    """

    sentence: str
    judge: Judge
    paper: str = ""
    after: int = 0

    def evidence(self, frame: pd.DataFrame) -> list[Evidence]:
        """What its seeds show; nothing if there are none."""
        own = frame[frame["seed"] >= self.after]
        return [] if own.empty else self.judge(own)


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
        ratio: compare logarithms, for quantities that span orders of magnitude
            over seeds, as losses do.
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
    """In the same rows, column a is below column b."""

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
        label = f"{_name(a)}: {quantity}{low}{both}{high}"
        return [Check(label, own, right)]

    return judge


def slope(
    x: str, y: str, a: Any, *, near: float, within: float, from_x: float = 0.0
) -> Judge:
    """In every seed, log y over log x has a slope near a number.

    Args:
        x: a column of numbers > 0.
        y: another.
        a: the variant, as in :func:`less`.
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


def outgrows(quantity: str, numbers: Sequence[float], most: float) -> Judge:
    """A quantity grows faster than the variants, which are numbers > 0.

    The effect is how many doublings the other variants are above what they
    would be in proportion to the first, on average.

    Args:
        quantity: a column.
        numbers: the variants, two or more.
        most: the largest value that could be measured. The value in proportion
            is capped at it: a ceiling that is reached does not count against
            the claim, and only a shortfall refutes it.
    """
    first, *others = numbers

    def judge(frame: pd.DataFrame) -> list[Evidence]:
        start = _values(frame, quantity, _where(first))
        gains = [
            np.log2(_values(frame, quantity, _where(n)))
            - np.log2((start * n / first).clip(upper=most))
            for n in others
        ]
        label = f"{first:g} to {others[-1]:g}, doublings above proportion"
        mean = pd.concat(gains, axis=1).mean(axis=1, skipna=False)
        return [Comparison(label, mean.dropna())]

    return judge


def together(*judges: Judge) -> Judge:
    """The evidence of several judges."""
    return lambda frame: [one for judge in judges for one in judge(frame)]
