"""Claims: sentences, and the evidence for or against them.

Variants share seeds and data, so a claim compares seed by seed, or states a
condition on every seed. How the evidence becomes a verdict, over a whole study,
is in ``verdicts.py``.
"""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import stdtr

LEVEL = 0.05
"""Of false verdicts over all comparisons of a study, two-sided."""
POWER = 0.8
"""With which the number of seeds that is named would decide."""
MOST_SEEDS = 1000

Where = Mapping[str, Any]
"""Rows by the values of their columns; a plain value is that of "variant"."""


@dataclass(frozen=True)
class Comparison:
    """One quantity of two variants, seed by seed; as a string, in words.

    Attributes:
        label: what is compared.
        variants: those whose rows are compared, in the order of the label.
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
    variants: tuple[Any, ...]
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
        mean, error = self.gains.mean(), self.gains.sem()
        if self.gains.std() <= 1e-12 * abs(mean):  # rounding: certain, or none
            return 0.0 if mean else 1.0
        return float(2 * stdtr(self.seeds - 1, -abs(mean) / error))

    def uncorrected_matters(self) -> float:
        """p of a gain that matters; 1 for fewer than two seeds."""
        if self.matters is None or self.seeds < 2:
            return 1.0
        short, error = self.gains.mean() - self.matters, self.gains.sem()
        if self.gains.std() <= 1e-12 * abs(self.matters):
            return float(short >= 0)
        return float(stdtr(self.seeds - 1, short / error))

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

    def __str__(self) -> str:
        return f"{self.label}: {self._effect()}"

    def _effect(self) -> str:
        if not self.seeds:
            return "no seeds to compare"
        mean, low, high = self.interval()
        what = "by a factor of" if self.ratio else "by"
        span = "" if math.isnan(low) else f" (95 %: {low:.3g} to {high:.3g})"
        said = f"{what} {mean:.3g}{span}, {_p(self.p)}, {self.seeds} seeds"
        if not self.negligible or self.matters is None:
            return said
        least = math.exp(self.matters) if self.ratio else self.matters
        return (
            f"{said}; {what} {least:.3g}, the least that would matter, is "
            f"ruled out, {_p(self.p_matters)}"
        )


@dataclass(frozen=True)
class Check:
    """A condition that every seed meets or does not; as a string, in words."""

    label: str
    variants: tuple[Any, ...]
    values: pd.Series
    right: pd.Series
    quantity: str = ""

    def __str__(self) -> str:
        low, high = plain(self.values.min()), plain(self.values.max())
        span = low if low == high else f"{low} to {high}"
        met = f"{int(self.right.sum())} of {len(self.right)} seeds"
        return f"{self.label}: {span}, {met}"


Evidence = Comparison | Check
Judge = Callable[[pd.DataFrame], list[Evidence]]


@dataclass(frozen=True)
class Claim:
    """A sentence, where the paper says it, and how it is judged.

    Attributes:
        id: a few short words that are its own within the study, and its name
            for good: lower case, digits and dots, joined by hyphens.
        sentence: what is claimed.
        judge: how; one of the functions below, or one like them.
        paper: where the paper says it; by default where its study's is.
        after: the first seed that counts; earlier ones had been looked at when
            the claim was conceived.

    Raises:
        ValueError: the id is none.
    """

    id: str
    sentence: str
    judge: Judge
    paper: str = ""
    after: int = 0

    def __post_init__(self) -> None:
        if not self.id or self.id != slug(self.id):
            raise ValueError(
                "id must be lower-case words, digits and dots, joined by "
                f"hyphens, got {self.id!r}"
            )

    def evidence(self, frame: pd.DataFrame) -> list[Evidence]:
        """What its seeds show; nothing if there are none."""
        own = frame[frame["seed"] >= self.after] if self.after else frame
        return [] if own.empty else self.judge(own)


def slug(text: str) -> str:
    """A text as part of an id: "concat, fixed point" as concat-fixed-point."""
    ascii_ = unicodedata.normalize("NFKD", text).encode("ascii", "ignore")
    return re.sub(r"[^a-z0-9.]+", "-", ascii_.decode().lower()).strip("-")


def _where(place: Any) -> dict[str, Any]:
    return dict(place) if isinstance(place, Mapping) else {"variant": place}


def _name(place: Any) -> str:
    values = _where(place).values()
    return ", ".join(
        f"{v:g}" if isinstance(v, float) else str(v) for v in values
    )


def _rows(frame: pd.DataFrame, place: Where) -> np.ndarray:
    """Which rows are of a place, as a mask: frames take long to cut."""
    rows = np.ones(len(frame), dtype=bool)
    for name, value in place.items():
        rows &= column(frame, name).to_numpy() == value
    if not rows.any():
        raise ValueError(f"a claim names {dict(place)}, of which are no rows")
    return rows


def column(frame: pd.DataFrame, name: str) -> pd.Series:
    """A column that is judged.

    Raises:
        ValueError: there is none of this name.
    """
    if name not in frame:
        raise ValueError(
            f"what is judged must be a column of the rows, "
            f"{', '.join(map(str, frame))}, got {name!r}"
        )
    return frame[name]


def _values(frame: pd.DataFrame, quantity: str, place: Where) -> pd.Series:
    rows = _rows(frame, place)
    values = column(frame, quantity).to_numpy()[rows].astype(float)
    series = pd.Series(values, frame["seed"].to_numpy()[rows])
    if not series.index.is_unique:
        raise ValueError(f"{place} has several rows of one seed")
    return series


def _variants(frame: pd.DataFrame, *places: Any) -> tuple[Any, ...]:
    """Those of which the places have rows."""
    return tuple(
        variant
        for place in places
        for variant in pd.unique(
            frame["variant"].to_numpy()[_rows(frame, _where(place))]
        )
    )


def below(
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
    return _pairs(quantity, [(a, b, "below")], ratio, where)


def above(
    quantity: str, a: Any, b: Any, *, ratio: bool = False, **where: Any
) -> Judge:
    """The quantity of a is above that of b; see :func:`below`."""
    return _pairs(quantity, [(a, b, "above")], ratio, where)


def lowest(
    quantity: str,
    a: Any,
    among: Iterable[Any],
    *,
    ratio: bool = False,
    **where: Any,
) -> Judge:
    """The quantity of a is below that of all others; see :func:`below`."""
    pairs = [(a, b, "below") for b in among if b != a]
    return _pairs(quantity, pairs, ratio, where)


def highest(
    quantity: str,
    a: Any,
    among: Iterable[Any],
    *,
    ratio: bool = False,
    **where: Any,
) -> Judge:
    """The quantity of a is above that of all others; see :func:`below`."""
    pairs = [(a, b, "above") for b in among if b != a]
    return _pairs(quantity, pairs, ratio, where)


def _pairs(
    quantity: str,
    pairs: Sequence[tuple[Any, Any, str]],
    ratio: bool,
    where: Where,
) -> Judge:
    def judge(frame: pd.DataFrame) -> list[Evidence]:
        found: list[Evidence] = []
        for a, b, word in pairs:
            own, other = (
                _values(frame, quantity, {**where, **_where(place)})
                for place in (a, b)
            )
            high, low = (own, other) if word == "above" else (other, own)
            found.append(
                Comparison(
                    f"{_name(a)} {word} {_name(b)}",
                    _variants(frame, a, b),
                    _gains(high, low, ratio),
                    quantity,
                    ratio,
                )
            )
        return found

    return judge


def _gains(high: pd.Series, low: pd.Series, ratio: bool) -> pd.Series:
    if ratio:
        high, low = np.log(high), np.log(low)
    return (high - low).dropna()


def column_below(a: str, b: str, *, ratio: bool = False, **where: Any) -> Judge:
    """In the same rows, column a is below column b."""

    def judge(frame: pd.DataFrame) -> list[Evidence]:
        low, high = (_values(frame, column, where) for column in (a, b))
        named, gains = _variants(frame, where), _gains(high, low, ratio)
        return [Comparison(f"{a} below {b}", named, gains, b, ratio)]

    return judge


def mean_above(quantity: str, a: Any, value: float, **where: Any) -> Judge:
    """The mean of a quantity of a is above a number."""

    def judge(frame: pd.DataFrame) -> list[Evidence]:
        own = _values(frame, quantity, {**where, **_where(a)})
        label, named = f"{_name(a)} above {value:g}", _variants(frame, a)
        return [Comparison(label, named, (own - value).dropna(), quantity)]

    return judge


def mean_below(quantity: str, a: Any, value: float, **where: Any) -> Judge:
    """The mean of a quantity of a is below a number."""

    def judge(frame: pd.DataFrame) -> list[Evidence]:
        own = _values(frame, quantity, {**where, **_where(a)})
        label = f"{_name({**_where(a), **where})} below {value:g}"
        named = _variants(frame, a)
        return [Comparison(label, named, (value - own).dropna(), quantity)]

    return judge


def near(
    quantity: str, a: Any, *, value: float, within: float, **where: Any
) -> Judge:
    """The mean of a quantity of a is near a number: neither above nor below."""
    return all_of(
        mean_above(quantity, a, value - within, **where),
        mean_below(quantity, a, value + within, **where),
    )


def every_seed(
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
        return [Check(label, _variants(frame, a), own, right, quantity)]

    return judge


def slope(
    x: str, y: str, a: Any, *, near: float, within: float, from_x: float = 0.0
) -> Judge:
    """In every seed, log y over log x has a slope near a number.

    Args:
        x: a column of numbers > 0.
        y: another.
        a: the variant, as in :func:`below`.
        near: the slope claimed.
        within: how far off it may be.
        from_x: rows with a smaller x are left out.
    """

    def judge(frame: pd.DataFrame) -> list[Evidence]:
        rows = frame[_rows(frame, _where(a))]
        rows = rows[column(rows, x) >= from_x]
        found = pd.Series(
            {
                seed: stats.linregress(
                    np.log(own[x]), np.log(column(own, y))
                ).slope
                for seed, own in rows.groupby("seed")
            }
        )
        label = f"slope {near:g} ± {within:g}"
        named, right = _variants(frame, a), (found - near).abs() <= within
        return [Check(label, named, found, right, y)]

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
        named = _variants(frame, *numbers)
        return [
            Comparison(label, named, mean.dropna(), f"doublings of {quantity}")
        ]

    return judge


def all_of(*judges: Judge) -> Judge:
    """The evidence of several judges."""
    return lambda frame: [one for judge in judges for one in judge(frame)]


def plain(value: Any) -> str:
    """A single value, as pages show it."""
    if isinstance(value, str):
        return value
    number = float(value)
    if math.isnan(number):
        return "–"
    return str(int(number)) if number.is_integer() else f"{number:.4g}"


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
