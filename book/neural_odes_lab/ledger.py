"""The ledger: every claim of the paper, and every claim that was judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neural_odes_lab.judges import Claim, Comparison, Evidence
from neural_odes_lab.markup import Html, hidden, join, row, table, tag
from neural_odes_lab.paper import PAPER, PaperClaim
from neural_odes_lab.records import file_name
from neural_odes_lab.study import Study
from neural_odes_lab.tables import MARKS, align, style
from neural_odes_lab.verdicts import Verdict

PROOFS = {"proved": "a theorem", "refuted": "refuted by a proof"}


@dataclass(frozen=True)
class Entry:
    """A study in the ledger.

    Attributes:
        study: what was measured.
        found: verdicts by setting, chosen first.
        seeds: how many, by setting.
    """

    study: Study
    found: Mapping[str, Sequence[Verdict]]
    seeds: Mapping[str, int]

    @property
    def chosen(self) -> Sequence[Verdict]:
        return next(iter(self.found.values()))


@dataclass(frozen=True)
class Ledger:
    """All claims that were judged, each under every setting measured.

    Attributes:
        entries: the studies.
        missing: names of those that were not run.
    """

    entries: Sequence[Entry]
    missing: Sequence[str] = ()

    def counts(self) -> dict[str, int]:
        """How many claims hold, do not, or are undecided, as chosen."""
        words: list[str] = [
            one.word for entry in self.entries for one in entry.chosen
        ]
        return {word: words.count(word) for word in MARKS}

    @property
    def paper(self) -> Paper:
        """The paper, claim by claim."""
        return Paper(PAPER, self.entries)

    def __repr__(self) -> str:
        lines = []
        for entry in self.entries:
            for verdicts in zip(*entry.found.values(), strict=True):
                lines.append(verdicts[0].claim.sentence)
                said = (
                    f"{setting}: {one.word}"
                    for setting, one in zip(entry.found, verdicts, strict=True)
                )
                lines.append(f"  {', '.join(said)}")
        lines += [f"not run: {name}" for name in self.missing]
        return "\n".join(lines)

    def _repr_html_(self) -> Html:
        lines = [
            _row(entry, verdicts)
            for entry in self.entries
            for verdicts in zip(*entry.found.values(), strict=True)
        ]
        head = ("claim", "verdict", "effect", "seeds", "settings")
        return join(
            tag("div", table(head, lines), class_="measured ledger"),
            *(tag("p", f"Not run: {name}") for name in self.missing),
        )


MOVED = {
    "background.gradients": "gradients",
    "augmentation.adjoint": "gradients",
    "augmentation.memory": "gradients",
}
"""Studies that another lesson shows than the one they are named after."""


def lesson_of(study: str) -> str:
    """The lesson that a study belongs to, by its name."""
    return MOVED.get(study, study.partition(".")[0])


def linked_word(verdict: Verdict) -> Html:
    """The verdict's word, which leads to what it means."""
    word = f"{MARKS[verdict.word]} {verdict.word}"
    return tag("a", word, href="doubt.html")


def address(study: str, claim: Claim) -> str:
    """A claim's address within the page of the ledger, for good."""
    return f"claim-{study}-{claim.id}".replace(".", "-")


def _row(entry: Entry, verdicts: Sequence[Verdict]) -> Html:
    """A claim with its verdicts by setting."""
    chosen, study = verdicts[0], entry.study
    lesson = lesson_of(study.name)
    where = address(study.name, chosen.claim)
    place = chosen.claim.paper or study.paper
    why = chosen.reasons
    effect: Any = str(deciding(chosen)) if chosen.evidence else why[0]
    if len(why) > 1:
        effect = tag(
            "details",
            tag("summary", effect),
            tag("ul", [tag("li", text) for text in why]),
        )
    others = [
        tag(
            "li",
            f"{MARKS[one.word]} {setting}",
            hidden(f" {one.word}"),
            class_=style(one.word),
        )
        for setting, one in list(zip(entry.found, verdicts, strict=True))[1:]
    ]
    claim: Any = chosen.claim.sentence
    source: Any = place
    word: Any = f"{MARKS[chosen.word]} {chosen.word}"
    if study.of_the_book:
        claim = tag("a", claim, href=f"evidence_{lesson}.html#{where}")
        source = [f"{place}; ", tag("a", lesson, href=f"{lesson}.html")]
        word = linked_word(chosen)
    seeds = next(iter(entry.seeds.values()))
    file = f"../results/{file_name(study.name)}"
    return row(
        [claim, " ", tag("small", source)],
        tag("td", word, class_=style(chosen.word)),
        effect,
        tag("a", seeds, href=file),
        tag("ul", others) if others else None,
        id=where,
        data_chapter=lesson,
        data_verdict=chosen.word,
    )


def deciding(verdict: Verdict) -> Evidence:
    """The evidence that decides: the weakest support, or what refutes.

    The verdict must have evidence.
    """
    signs = {"held": 1, "not held": -1, "undecided": 0}

    def decides(one: Evidence) -> bool:
        if isinstance(one, Comparison):
            return one.sign == signs[verdict.word]
        return bool(one.right.all()) == (verdict.word == "held")

    def weight(one: Evidence) -> float:
        if isinstance(one, Comparison):
            return min(one.p, one.p_matters)
        return float(one.right.mean())

    own = [one for one in verdict.evidence if decides(one)]
    choose = max if verdict.word == "held" else min
    return choose(own or verdict.evidence, key=weight)


@dataclass(frozen=True)
class Paper:
    """The paper's claims, in its order, with what was found.

    Attributes:
        claims: of the paper.
        entries: the studies.
    """

    claims: Sequence[PaperClaim]
    entries: Sequence[Entry]

    def found(self, claim: PaperClaim) -> dict[str, int]:
        """How many verdicts of each word a claim has, under chosen settings."""
        words: list[str] = [
            verdict.word
            for entry in self.entries
            for verdict in entry.chosen
            if claim.names(entry.study.name, verdict.claim)
        ]
        return {word: words.count(word) for word in MARKS if word in words}

    def _lines(self) -> list[tuple[PaperClaim, list[tuple[str, str]]]]:
        """Claims, each with what is said of it and its style."""
        lines = []
        for claim in self.claims:
            said = [
                (f"{MARKS[word]} {word} {number}", style(word))
                for word, number in self.found(claim).items()
            ]
            if claim.proof:
                right = claim.proof == "proved"
                word = "held" if right else "not held"
                said.insert(0, (PROOFS[claim.proof], style(word)))
            lines.append((claim, said or [("not measured", "")]))
        return lines

    def __repr__(self) -> str:
        return align(
            [
                (claim.sentence, ", ".join(text for text, _ in said))
                for claim, said in self._lines()
            ]
        )

    def _repr_html_(self) -> Html:
        lines = [
            row(
                [
                    tag("a", claim.sentence, href=claim.page),
                    " ",
                    tag("small", claim.place),
                ],
                tag(
                    "ul", [tag("li", text, class_=kind) for text, kind in said]
                ),
                claim.note,
            )
            for claim, said in self._lines()
        ]
        shown = table(("claim of the paper", "verdicts", "note"), lines)
        return tag("div", shown, class_="measured ledger")
