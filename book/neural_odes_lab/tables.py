"""Results as a page shows them: tables, and verdicts as cards.

Tables show as many digits as make sense. In a terminal, both are text.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import pandas as pd

from neural_odes_lab.judges import Comparison, plain
from neural_odes_lab.markup import Html, join, link, row, table, tag
from neural_odes_lab.records import Record
from neural_odes_lab.verdicts import Verdict

WORDS = {
    "nfe": "evaluations",
    "backward": "evaluations back",
    "loss": "final loss",
    "std": "standard deviation",
    "fresh": "accuracy, fresh points",
    "attacked": "accuracy, attacked",
    "noisy": "accuracy, noisy",
    "rings": "accuracy, rings",
    "gap": "accuracy, gap",
}
"""What quantities are called, where their names are not words."""

GEOMETRIC = frozenset(
    {"loss", "error", "largest error", "distance", "peak", "drift"}
    | {"adjoint", "backprop", "backpropagation"}
)
"""Positive quantities that differ by factors: their geometric mean is shown, as
one run that failed would decide any other, and their spread as a factor."""

MARKS = {"held": "✓", "not held": "✗", "undecided": "?"}
"""A shape for each verdict: colour alone would not do."""
WIDTH = 76


@dataclass(frozen=True)
class Method:
    """How a result was measured, folded away until a reader asks.

    Attributes:
        text: in words, paragraphs with code in double backticks.
        settings: the name, the value and the description of each.
    """

    text: str
    settings: Sequence[tuple[str, str, str]]

    def __repr__(self) -> str:
        return ""  # only for pages

    def _repr_html_(self) -> Html:
        lines = [
            row(tag("code", name), value, what)
            for name, value, what in self.settings
        ]
        return tag(
            "details",
            tag("summary", "How it was measured"),
            [tag("p", _marked(x)) for x in self.text.split("\n\n") if x],
            table(("setting", "value", "what it is"), lines),
            class_="method",
        )


ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`|``(.+?)``")


def _marked(paragraph: str) -> Html:
    """A docstring's paragraph as HTML, with the names in it as code."""
    text, at = " ".join(paragraph.split()), 0
    parts: list[str] = []
    for found in ROLE.finditer(text):
        parts += [text[at : found.start()], tag("code", found[1] or found[2])]
        at = found.end()
    return join(*parts, text[at:])


@dataclass(frozen=True)
class Table:
    """Quantities over seeds.

    Attributes:
        frame: rows with a "seed".
        keys: columns that name a line.
        quantities: columns of numbers.
        words: names of columns.
        origin: where it is from, in words.
        file: the result's file, for a link.
    """

    frame: pd.DataFrame
    keys: Sequence[str]
    quantities: Sequence[str]
    words: Mapping[str, str] = field(default_factory=dict)
    origin: str = ""
    file: str = ""

    def _name(self, column: str) -> str:
        return self.words.get(column, WORDS.get(column, column))

    @property
    def _caption(self) -> str:
        factors = GEOMETRIC & set(self.quantities) and self.origin
        return self.origin + "; ×÷: geometric mean and spread" * bool(factors)

    def _shown(self, values: pd.Series) -> str:
        factors = values.name in GEOMETRIC
        return geometric(values) if factors else mean_std(values)

    def _lines(self) -> list[tuple[list[str], list[pd.Series]]]:
        if not self.keys:
            groups: Any = [((), self.frame)]
        else:
            groups = self.frame.groupby(list(self.keys), sort=False)
        return [
            ([plain(k) for k in key], [own[q] for q in self.quantities])
            for key, own in groups
        ]

    def __repr__(self) -> str:
        head = [self._name(c) for c in (*self.keys, *self.quantities)]
        body = [
            [*names, *map(self._shown, each)] for names, each in self._lines()
        ]
        return "\n".join(filter(None, [self._caption, align([head, *body])]))

    def _repr_html_(self) -> Html:
        head = [self._name(c) for c in (*self.keys, *self.quantities)]
        ranges = [self.frame[q].astype(float) for q in self.quantities]
        lines = [
            row(
                *names,
                *(
                    join(self._shown(values), dots(values, all_))
                    for values, all_ in zip(each, ranges, strict=True)
                ),
                titles=len(names),
            )
            for names, each in self._lines()
        ]
        file = [" ", link(self.file)] if self.file else None
        return tag(
            "div",
            table(head, lines, caption=[self._caption, file]),
            class_="measured",
        )


@dataclass(frozen=True)
class Cards:
    """Verdicts, each with a word, a shape and a colour, and why."""

    verdicts: Sequence[Verdict]

    def __repr__(self) -> str:
        lines = []
        for one in self.verdicts:
            title = f"{MARKS[one.word]} {one.word}: {one.claim.sentence}"
            lines += ["", *textwrap.wrap(title, WIDTH)]
            for reason in one.reasons:
                lines += textwrap.wrap(f"  {reason}", WIDTH)
        if note := correction(self.verdicts):
            lines += ["", *textwrap.wrap(note, WIDTH)]
        return "\n".join(lines[1:])

    def _repr_html_(self) -> Html:
        note = correction(self.verdicts)
        return join(
            *(
                tag(
                    "details",
                    tag(
                        "summary",
                        tag("strong", f"{MARKS[one.word]} {one.word}"),
                        f" {one.claim.sentence}",
                    ),
                    tag("ul", [tag("li", reason) for reason in one.reasons]),
                    class_=f"verdict {style(one.word)}",
                )
                for one in self.verdicts
            ),
            tag("p", tag("small", note)) if note else None,
        )


@dataclass(frozen=True)
class VerdictsBySetting:
    """Verdicts of the same claims under several settings.

    Attributes:
        found: the verdicts under each.
        told: what each is, in words.
    """

    found: Mapping[str, Sequence[Verdict]]
    told: Sequence[str] = ()

    def _claims(self) -> list[tuple[str, list[str]]]:
        return [
            (each[0].claim.sentence, [one.word for one in each])
            for each in zip(*self.found.values(), strict=True)
        ]

    def __repr__(self) -> str:
        lines = []
        for sentence, words in self._claims():
            lines += textwrap.wrap(sentence, WIDTH)
            pairs = zip(self.found, words, strict=True)
            lines.append("  " + ", ".join(f"{s}: {w}" for s, w in pairs))
        return "\n".join([*self.told, *lines])

    def _repr_html_(self) -> Html:
        lines = [
            row(
                sentence,
                *(tag("td", f"{MARKS[w]} {w}", class_=style(w)) for w in words),
            )
            for sentence, words in self._claims()
        ]
        shown = table(
            ("claim", *self.found), lines, caption="; ".join(self.told)
        )
        return tag("div", shown, class_="measured across")


@dataclass(frozen=True)
class Parts:
    """Several of these, one below the other."""

    parts: Sequence[Any]

    def __repr__(self) -> str:
        return "\n\n".join(filter(None, map(repr, self.parts)))

    def _repr_html_(self) -> Html:
        return join(*(part._repr_html_() for part in self.parts))


def correction(verdicts: Sequence[Verdict]) -> str:
    """How the p of a study are corrected; empty if there is none."""
    looks = [
        verdict.looks
        for verdict in verdicts
        for one in verdict.evidence
        if isinstance(one, Comparison)
    ]
    done = []
    if len(looks) > 1:
        done.append(f"corrected for {len(looks)} comparisons")
    if 2 in looks:
        done.append("doubled, as for a second look")
    return f"Each p is {' and '.join(done)}." if done else ""


OWN_STEPS = "2026-11-30"
"""Before that day, seeds that trained together shared the solver's steps."""


CROWDED = ("2026-11-30",)
"""Days on which measurements ran beside other work, and took longer."""


def origin(record: Record) -> str:
    """Where a result is from, in one line."""
    seeds = len(record.seeds)
    dates = sorted({made["date"] for made in record.provenance})
    devices = sorted({made["device"] for made in record.provenance})
    seconds = sum(task["seconds"] for task in record.tasks)
    setting = "" if record.setting == "chosen" else f", {record.setting}"
    together = any(len(task.get("seeds", ())) > 1 for task in record.tasks)
    shared = together and dates[0] < OWN_STEPS
    return (
        f"{record.study}{setting}: {seeds} seed{'s' * (seeds != 1)}, "
        f"{', '.join(devices)}, {dates[-1]}, {seconds:.0f} s"
        f"{' beside other work' * (dates[-1] in CROWDED)}"
        f"{', seeds shared the steps of adaptive solves' * shared}"
    )


def style(word: str) -> str:
    """A verdict's class in the style sheet."""
    return word.replace(" ", "-")


def mean_std(values: pd.Series) -> str:
    """Mean ± standard deviation, with two digits of the latter."""
    own = values.astype(float).dropna()
    if own.empty:
        return "–"
    mean, std = own.mean(), own.std()
    if not std > 1e-12 * abs(mean):
        return plain(mean)
    decimals = max(0, 1 - math.floor(math.log10(std)))
    if decimals > 5:
        return f"{mean:.2g} ± {std:.1g}"
    return " ± ".join(_rounded(value, decimals) for value in (mean, std))


def geometric(values: pd.Series) -> str:
    """Geometric mean ×÷ standard deviation as a factor, of numbers > 0."""
    own = values.astype(float).dropna()
    if len(own) < 2 or not (own > 0).all():
        return mean_std(values)
    logs = np.log(own)
    factor = math.exp(logs.std())
    if factor < 1.01:
        return mean_std(values)
    digits = ".3g" if factor < 1.2 else ".2g" if factor < 100 else ".0f"
    return f"{math.exp(logs.mean()):.2g} ×÷ {factor:{digits}}"


def _rounded(value: float, decimals: int) -> str:
    """Round a value, halves away from zero, as widgets do."""
    unit = Decimal(1).scaleb(-decimals)
    return str(Decimal(value).quantize(unit, ROUND_HALF_UP))


def dots(
    values: pd.Series, all_: pd.Series, *, zero: bool = False
) -> Html | None:
    """Each seed as a dot on the column's range, the mean as a line.

    Args:
        values: by seed.
        all_: what the range holds.
        zero: whether it holds 0, too, and that is marked.
    """
    own, low, high = values.astype(float).dropna(), all_.min(), all_.max()
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if len(own) < 2 or not high > low:
        return None
    at = 4 + 72 * (own - low) / (high - low)
    # Lines of no length with round ends take a third of the bytes of circles;
    # those on the same pixel are merged.
    places = sorted(set(at.round()))
    return tag(
        "svg",
        tag("path", d=f"M{4 - 72 * low / (high - low):.1f} 0v12", class_="zero")
        if zero
        else None,
        tag("path", d=f"M{at.mean():.1f} 1v10"),
        tag(
            "path",
            class_="dots",
            stroke="#0072b28c",
            stroke_width="5",
            stroke_linecap="round",
            d="".join(f"M{x:g} 6h.01" for x in places),
        ),
        width="80",
        height="12",
        aria_hidden="true",
    )


def align(lines: Sequence[Sequence[str]]) -> str:
    """Columns of text under each other."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(map(str.ljust, line, widths)).rstrip() for line in lines
    )
