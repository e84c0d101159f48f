"""The ledger: every claim of the paper, and every claim that was judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from neural_odes_lab.judges import Claim, Comparison, Evidence
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

    def _repr_html_(self) -> str:
        body = "".join(
            _row(entry, verdicts)
            for entry in self.entries
            for verdicts in zip(*entry.found.values(), strict=True)
        )
        head = "".join(
            f'<th scope="col">{name}</th>'
            for name in ("claim", "verdict", "effect", "seeds", "settings")
        )
        missing = "".join(f"<p>Not run: {escape(n)}</p>" for n in self.missing)
        return (
            '<div class="measured ledger"><table><thead><tr>'
            f"{head}</tr></thead><tbody>{body}</tbody></table></div>{missing}"
        )


def address(study: str, claim: Claim) -> str:
    """A claim's address within the page of the ledger, for good."""
    return f"claim-{study}-{claim.id}".replace(".", "-")


def _row(entry: Entry, verdicts: Sequence[Verdict]) -> str:
    """A claim with its verdicts by setting."""
    chosen, study = verdicts[0], entry.study
    chapter = study.name.partition(".")[0]
    place = chosen.claim.paper or study.paper
    all_ = chosen.reasons
    first = escape(str(deciding(chosen)) if chosen.evidence else all_[0])
    why = "".join(f"<li>{escape(text)}</li>" for text in all_)
    effect = (
        f"<details><summary>{first}</summary><ul>{why}</ul></details>"
        if len(all_) > 1
        else first
    )
    others = "".join(
        f'<li class="{style(one.word)}">{MARKS[one.word]} {escape(setting)}'
        f'<span class="visually-hidden"> {one.word}</span></li>'
        for setting, one in list(zip(entry.found, verdicts, strict=True))[1:]
    )
    seeds = next(iter(entry.seeds.values()))
    return (
        f'<tr id="{address(study.name, chosen.claim)}" '
        f'data-chapter="{chapter}" data-verdict="{chosen.word}">'
        f'<th scope="row">{escape(chosen.claim.sentence)} <small>'
        f'{escape(place)}; <a href="{chapter}.html">{chapter}</a></small></th>'
        f'<td class="{style(chosen.word)}">{MARKS[chosen.word]} '
        f"{chosen.word}</td><td>{effect}</td>"
        f'<td><a href="../results/{file_name(study.name)}">{seeds}</a></td>'
        f"<td>{f'<ul>{others}</ul>' if others else ''}</td></tr>"
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

    def _repr_html_(self) -> str:
        body = "".join(
            f'<tr><th scope="row"><a href="{claim.page}">'
            f"{escape(claim.sentence)}</a> <small>{escape(claim.place)}</small>"
            "</th><td><ul>"
            + "".join(
                f'<li class="{kind}">{escape(text)}</li>' for text, kind in said
            )
            + f"</ul></td><td>{escape(claim.note)}</td></tr>"
            for claim, said in self._lines()
        )
        head = "".join(
            f'<th scope="col">{name}</th>'
            for name in ("claim of the paper", "verdicts", "note")
        )
        return (
            '<div class="measured ledger"><table><thead><tr>'
            f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )
