"""A study's claims by the models that they are about, a verdict in each cell.

Claims that differ only in a model share a row: "attacks-fixed-point" and
"attacks-steady-state" stand under these two. A claim with a row of its own that
compares several models has its verdict first and what each comparison says
after it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from neural_odes_lab.judges import Check, Evidence, plain, slug
from neural_odes_lab.ledger import address, linked_word
from neural_odes_lab.markup import Html, hidden, join, row, table, tag
from neural_odes_lab.results import Result
from neural_odes_lab.tables import MARKS, correction, dots, style
from neural_odes_lab.verdicts import Verdict, word_of

VERDICT = "verdict"
NUMBER = re.compile(r"(?<![\w.])-?\d+(\.\d+)?(e-?\d+)?( %)?(?!\w)")


@dataclass(frozen=True)
class Cell:
    """What a cell says of a claim: its verdict, or a part of its evidence."""

    claim: int
    word: str
    whole: bool = True


@dataclass(frozen=True)
class Matrix:
    """A study's verdicts under its chosen setting, each over its evidence.

    Attributes:
        found: results by setting, chosen first, one combination each.
        command: what makes the chosen one.
        told: what each setting is, in words.
    """

    found: Mapping[str, Result]
    command: str
    told: Sequence[str] = ()

    @property
    def _chosen(self) -> Result:
        return next(iter(self.found.values()))

    def rows(self) -> list[tuple[str, dict[str, Cell]]]:
        """Of each row its title and its cells, by the names of columns."""
        verdicts = self._chosen.verdicts
        kin: dict[tuple[str, str], list[tuple[int, str]]] = {}
        for i, one in enumerate(verdicts):
            name = self._named(one)
            family = one.claim.id.replace(slug(name), "", 1)
            rest = _without(name, one.claim.sentence, named=bool(family))
            kin.setdefault((family, rest), []).append((i, name))
        parts = {
            i: _parts(verdicts[i].evidence)
            for ((i, _), *others) in kin.values()
            if not others
        }
        apart = any(parts.values()) or len(parts) == len(kin)
        lines = []
        for members in kin.values():
            cells = {
                VERDICT
                if i in parts and apart
                else name or _subject(verdicts[i]): Cell(i, verdicts[i].word)
                for i, name in members
            }
            i = members[0][0]
            for place, own in parts.get(i, {}).items():
                cells[place] = Cell(i, word_of(own), whole=False)
            said = [verdicts[i].claim.sentence for i, _ in members]
            lines.append((in_common(said), cells))
        return lines

    def _named(self, verdict: Verdict) -> str:
        """The variant, or the value of a key, that a claim's id names."""
        frame, id_ = self._chosen.frame, f"-{verdict.claim.id}-"
        values = [
            frame[key].unique()
            for key in self._chosen.study.keys
            if key in frame
        ]
        names = {plain(one) for own in values for one in own}
        names |= set(map(plain, verdict.variants))
        fits = [
            name
            for name in sorted(names)
            for part in [slug(name)]
            if part
            and (id_.startswith(f"-{part}-") or id_.endswith(f"-{part}-"))
        ]
        return max(fits, key=len, default="")

    def _repr_html_(self) -> Html:
        verdicts, rows = self._chosen.verdicts, self.rows()
        columns = list(dict.fromkeys(one for _, cells in rows for one in cells))
        if VERDICT in columns:
            columns = [VERDICT, *(one for one in columns if one != VERDICT)]
        lines = [
            row(title, *(self._cell(one, cells.get(one)) for one in columns))
            for title, cells in rows
        ]
        notes = [*self.told, correction(verdicts)]
        return join(
            tag(
                "div",
                table(("claim", *columns), lines),
                class_="measured matrix",
            ),
            tag("p", tag("small", ". ".join(filter(None, notes)))),
            [self._card(i) for i in range(len(verdicts))],
        )

    def _address(self, claim: int) -> str:
        chosen = self._chosen
        return address(chosen.study.name, chosen.verdicts[claim].claim)

    def _opened(self, claim: int) -> str:
        return f"{self._chosen.study.name}-{claim}"

    def _cell(self, column: str, cell: Cell | None) -> Html:
        """A verdict, with the settings that say otherwise."""
        if cell is None:
            return tag("td")
        others = [
            tag("small", f" {setting} {MARKS[word]}", hidden(f" {word}"))
            for setting, one in self.found.items()
            for word in [one.verdicts[cell.claim].word]
            if cell.whole and word != cell.word
        ]
        return tag(
            "td",
            tag(
                "button",
                f"{MARKS[cell.word]} {cell.word}",
                popovertarget=self._opened(cell.claim),
            ),
            others,
            class_=style(cell.word),
            id=self._address(cell.claim) if cell.whole else None,
            data_of=column,
        )

    def _card(self, claim: int) -> Html:
        """All that was found of a claim, which a press on its cell opens."""
        verdict = self._chosen.verdicts[claim]
        seen = [
            tag("li", reason, " ", _picture(one))
            for reason, one in zip(
                verdict.reasons, verdict.evidence, strict=False
            )
        ]
        rest = verdict.reasons[len(seen) :]
        others = [
            tag(
                "li",
                tag("em", setting),
                f": {own.word}; ",
                "; ".join(own.reasons),
            )
            for setting, one in list(self.found.items())[1:]
            for own in [one.verdicts[claim]]
        ]
        return tag(
            "div",
            tag("strong", linked_word(verdict)),
            f" {verdict.claim.sentence}",
            tag("ul", seen, [tag("li", text) for text in rest], others),
            tag("code", self.command),
            class_=f"verdict {style(verdict.word)}",
            id=self._opened(claim),
            popover="",
        )


def _without(name: str, sentence: str, *, named: bool) -> str:
    """What a sentence says of any variant, where it is about one.

    If the claim's id has more than the variant, and the sentence says the
    variant in other words, the id alone tells.
    """
    mark = rf"(?<!\w){re.escape(name)}(?!\w)"
    if not name or not re.search(mark, sentence):
        return "" if name and named else sentence
    return NUMBER.sub("…", re.sub(mark, "…", sentence, count=1))


def in_common(sentences: Sequence[str]) -> str:
    """The words that sentences share, with dots for those they do not."""
    words = sentences[0].split()
    for other in sentences[1:]:
        kept: list[str] = []
        matcher = SequenceMatcher(None, words, other.split(), autojunk=False)
        for word, first, last, *_ in matcher.get_opcodes():
            if word == "equal":
                kept += words[first:last]
            elif kept[-1:] != ["…"]:
                kept.append("…")
        words = kept
    return " ".join(words)


def _subject(verdict: Verdict) -> str:
    """The variant that a claim is about, as far as its evidence tells."""
    first = [one.variants[0] for one in verdict.evidence if one.variants]
    return plain(first[0]) if first else VERDICT


def _parts(evidence: Sequence[Evidence]) -> dict[str, list[Evidence]]:
    """Evidence by the variants that tell it apart; empty if none do."""
    for place in (0, -1):
        parts: dict[str, list[Evidence]] = {}
        for one in evidence:
            name = plain(one.variants[place]) if one.variants else ""
            parts.setdefault(name, []).append(one)
        if len(parts) > 1:
            return parts
    return {}


def _picture(one: Evidence) -> Html | None:
    """Each seed as a dot; of a comparison, with no difference as a line."""
    if isinstance(one, Check):
        return dots(one.values, one.values)
    return dots(one.gains, one.gains, zero=True)
