"""What a lesson rests on: its evidence page, and single lines of it.

evidence("chaos")                  every claim, table, setting and command
verdict("chaos.figure7", claim)    one verdict of it, by its id, in a line
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from neural_odes_lab import results
from neural_odes_lab.judges import Comparison, Evidence
from neural_odes_lab.ledger import address, deciding, lesson_of, linked_word
from neural_odes_lab.markup import Html, join, tag
from neural_odes_lab.matrix import Matrix
from neural_odes_lab.results import Result
from neural_odes_lab.studies import STUDIES
from neural_odes_lab.study import Study
from neural_odes_lab.tables import MARKS, Method, style
from neural_odes_lab.verdicts import FIRST_LOOK, Verdict

LEGEND = (
    "A press on a verdict opens its evidence: a dot for each seed, a line for "
    "their mean, dashes for no difference."
)


FIRST_SEEDS = list(range(FIRST_LOOK))
OTHER = {"above": "below", "below": "above"}


def command(
    study: str, setting: str, seeds: Sequence[int] = FIRST_SEEDS
) -> str:
    """What makes a result, on a command line."""
    chosen = "" if setting == "chosen" else f" --setting {setting}"
    plain = list(seeds) == list(range(len(seeds)))
    said = str(len(seeds)) if plain else ",".join(map(str, seeds))
    more = "" if seeds == FIRST_SEEDS else f" --seeds {said}"
    return f"python -m neural_odes_lab run {study}{chosen}{more}"


@dataclass(frozen=True)
class Shown:
    """A study as its evidence page shows it.

    Attributes:
        study: what was measured.
        found: results by setting, chosen first.
    """

    study: Study
    found: dict[str, Result]

    def commands(self) -> list[str]:
        """What makes these results, and those that were not made."""
        seeds = {
            setting: list(one.record.seeds)
            if self.study.random
            else FIRST_SEEDS
            for setting, one in self.found.items()
        }
        return [
            command(self.study.name, name, seeds.get(name, FIRST_SEEDS))
            + ("" if name in self.found else "  # not run for this book")
            for name in ("chosen", *self.study.settings)
        ]

    def __repr__(self) -> str:
        parts = [f"{self.study.name}: {self.study.summary}"]
        parts += [repr(one.report()) for one in self.found.values()]
        return "\n\n".join([*parts, *self.commands()])

    def _repr_html_(self) -> Html:
        chosen, *others = self.found.values()
        name = self.study.name
        single = {
            setting: one
            for setting, one in self.found.items()
            if len(one.configs) == 1
        }
        matrix = Matrix(single, self.commands()[0], results.across(name).told)
        return join(
            tag("h2", self.study.summary, id=_anchor(name)),
            tag("p", tag("code", name), f", {self.study.paper}"),
            matrix._repr_html_() if chosen.verdicts else None,
            _measured(chosen),
            [
                _folded(one)
                if len(one.configs) == 1
                else one.multiverse._repr_html_()
                for one in others
            ],
            tag("pre", "\n".join(self.commands()), tabindex="0"),
        )


def _anchor(study: str) -> str:
    return re.sub(r"\W|_", "-", study)


def _measured(one: Result) -> Html:
    """What was measured under a setting, and how."""
    method = Method(one.study.method, one.study.described(one.config))
    return join(one.table()._repr_html_(), method._repr_html_())


def _folded(one: Result) -> Html:
    """What one more setting shows, until a reader opens it."""
    return tag(
        "details",
        tag("summary", "Measured under ", tag("em", one.record.setting)),
        _measured(one),
        class_="method",
    )


@dataclass(frozen=True)
class Page:
    """All that a lesson rests on, and the names of studies not run."""

    studies: Sequence[Shown]
    missing: Sequence[str] = ()

    def __repr__(self) -> str:
        return "\n\n\n".join([*map(repr, self.studies), *self._missing()])

    def _missing(self) -> list[str]:
        return [f"Not run: {command(n, 'chosen')}" for n in self.missing]

    def _repr_html_(self) -> Html:
        links = [
            tag("a", one.study.summary, href=f"#{_anchor(one.study.name)}")
            for one in self.studies
        ]
        return tag(
            "div",
            tag("ul", [tag("li", one) for one in links]),
            tag("p", LEGEND),
            [one._repr_html_() for one in self.studies],
            [tag("p", text) for text in self._missing()],
            class_="evidence",
        )


def evidence(lesson: str, folder: str | Path | None = None) -> Page:
    """All verdicts, tables, settings, maps, methods and commands of a lesson.

    Args:
        lesson: its file's name, such as "chaos".
        folder: where results are read from; by default the project's.

    Raises:
        ValueError: no study belongs to such a lesson.
    """
    names = [name for name in STUDIES if lesson_of(name) == lesson]
    if not names:
        known = ", ".join(sorted(set(map(lesson_of, STUDIES))))
        raise ValueError(f"lesson must be one of {known}, got {lesson!r}")
    shown, missing = [], []
    for name in names:
        try:
            found = results.by_setting(name, folder)
        except FileNotFoundError:
            missing.append(name)
        else:
            shown.append(Shown(STUDIES[name], found))
    return Page(shown, missing)


@dataclass(frozen=True)
class Lines:
    """Verdicts of a study, a line each, with the setting if it is another."""

    study: str
    verdicts: Sequence[Verdict]
    setting: str = "chosen"

    @property
    def _under(self) -> str:
        return "" if self.setting == "chosen" else f"({self.setting}) "

    def __repr__(self) -> str:
        return "\n".join(
            f"{MARKS[one.word]} {one.word}: {one.claim.sentence} "
            f"{self._under}({in_short(one)})"
            for one in self.verdicts
        )

    def _repr_html_(self) -> Html:
        page = f"evidence_{lesson_of(self.study)}.html"
        return join(
            *(
                tag(
                    "p",
                    tag("strong", linked_word(one)),
                    f" {one.claim.sentence} {self._under}",
                    tag(
                        "a",
                        in_short(one),
                        href=f"{page}#{address(self.study, one.claim)}",
                    ),
                    class_=f"verdict {style(one.word)}",
                )
                for one in self.verdicts
            )
        )


def verdict(study: str, *claims: str, setting: str = "chosen") -> Lines:
    """Verdicts in a line each: the word, the claim and the effect.

    The word leads to what verdicts mean, the effect to the claim's evidence.

    Args:
        study: its name.
        claims: which of its claims, by their ids.
        setting: the result's.

    Raises:
        ValueError: the study has no such claim.
    """
    verdicts = results.load(study, setting).verdicts
    chosen = []
    for claim in claims:
        own = [one for one in verdicts if one.claim.id == claim]
        if not own:
            known = ", ".join(one.claim.id for one in verdicts)
            raise ValueError(
                f"claims must each be one of {study} ({known}), got {claim!r}"
            )
        chosen += own
    return Lines(study, chosen, setting)


def in_short(verdict: Verdict) -> str:
    """The effect that decides, in a few words."""
    if not verdict.evidence:
        return "no seeds to compare"
    one, several = deciding(verdict), False
    if verdict.word == "held":  # by several: the smallest of them
        gains = [e for e in verdict.evidence if isinstance(e, Comparison)]
        several = len(gains) > 1 and len({e.matters for e in gains}) == 1
        one = min(gains, key=lambda e: e.gains.mean()) if several else one
    seeds = _seeds(one)
    if not isinstance(one, Comparison):
        right = int(one.right.sum())
        return f"{right} of {seeds} seeds" if seeds > 1 else "one run"
    gain = one.interval()[0]
    if abs(math.log(gain) if one.ratio else gain) < (
        0.005 if one.ratio else 1e-9
    ):
        return f"no difference, {seeds} seeds"
    right = gain > (1 if one.ratio else 0)
    what = (
        f"a factor of {gain if right else 1 / gain:.3g}"
        if one.ratio
        else f"{abs(gain):.2g}"
    )
    other = "" if right else " the other way"
    *_, word, bound = f"  {one.label}".split(" ")
    if word in OTHER and re.fullmatch(r"-?\d[\d.]*", bound):
        other = f" {word if right else OTHER[word]} {bound}"
    else:
        what = f"by {what}"
    return f"{'at least ' * several}{what}{other}, {seeds} seeds"


def _seeds(one: Evidence) -> int:
    return one.seeds if isinstance(one, Comparison) else len(one.right)
