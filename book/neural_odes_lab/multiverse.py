"""A study's claims under every combination of several settings.

A claim that holds under one setting alone is a claim about that setting.
Steegen, Tuerlinckx, Gelman and Vanpaemel (2016) call all defensible settings
together a multiverse; each claim is drawn as one map of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import product
from typing import Any

import pandas as pd

from neural_odes_lab.config import write
from neural_odes_lab.judges import plain
from neural_odes_lab.records import Record, file_name
from neural_odes_lab.study import MULTIVERSE, Study
from neural_odes_lab.tables import MARKS, Method, origin, style
from neural_odes_lab.verdicts import FITTED, Verdict

NAMES = {"lr": "rate", "samples": "points"}
"""Names of settings, where their own are not words."""
ENOUGH = 0.9
"""Combinations with a smaller share of fitted runs are marked."""


@dataclass(frozen=True)
class Multiverse:
    """Verdicts by combination of settings, in the order of their product.

    Attributes:
        grid: the settings and their values.
        verdicts: of each combination.
        fitted: of each, and of each claim, the share of the runs compared that
            fit their training points.
        origin: where it is from, in words.
        file: the result's file, for a link.
        chosen: which combination the study uses elsewhere, if it is one of
            these.
        method: how it was measured; None: not told.
    """

    grid: Mapping[str, Sequence[Any]]
    verdicts: Sequence[Sequence[Verdict]]
    fitted: Sequence[Sequence[float]]
    origin: str = ""
    file: str = ""
    chosen: int | None = None
    method: Method | None = None

    def counts(self) -> pd.DataFrame:
        """In how many combinations a claim is held, not held or undecided."""
        return pd.DataFrame(
            [
                {word: sum(v.word == word for v in each) for word in MARKS}
                for each in zip(*self.verdicts, strict=True)
            ],
            index=[one.claim.sentence for one in self.verdicts[0]],
        )

    def __repr__(self) -> str:
        lines = [self.origin]
        for sentence, row in self.counts().iterrows():
            said = ", ".join(f"{word} in {n}" for word, n in row.items())
            lines += [str(sentence), f"  {said} of {len(self.verdicts)}"]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        maps = "".join(
            self._map(sentence, row, each, fitted)
            for (sentence, row), each, fitted in zip(
                self.counts().iterrows(),
                zip(*self.verdicts, strict=True),
                zip(*self.fitted, strict=True),
                strict=True,
            )
        )
        note = (
            f" † fewer than {ENOUGH:.0%} of the runs that the claim compares "
            f"reached {FITTED.least:.0%} training accuracy."
            if any(share < ENOUGH for each in self.fitted for share in each)
            else ""
        )
        if self.chosen is not None:
            note = (
                " Framed: the settings as chosen elsewhere, where there may be "
                f"more seeds than here.{note}"
            )
        return (
            f'<div class="measured multiverse">{maps}</div>'
            f"<p><small>{escape(self.origin)} "
            f'<a href="../results/{self.file}">{self.file}</a>.{note}</small>'
            "</p>" + (self.method._repr_html_() if self.method else "")
        )

    def _map(
        self,
        sentence: Any,
        counts: pd.Series,
        verdicts: Sequence[Verdict],
        fitted: Sequence[float],
    ) -> str:
        names = list(self.grid)
        down, along = names[: len(names) // 2], names[len(names) // 2 :]
        said = ", ".join(f"{word} {n}" for word, n in counts.items() if n)
        head = ""
        for i, name in enumerate(along):
            values, span, times = self._spans(along, i)
            corner = "<td></td>" * len(down)
            cells = "".join(
                f'<th scope="col" colspan="{span}">{NAMES.get(name, name)} '
                f"{plain(v)}</th>"
                for v in [*values] * times
            )
            head += f"<tr>{corner}{cells}</tr>"
        width = math.prod(len(self.grid[name]) for name in along)
        body = ""
        for row in range(len(verdicts) // width):
            titles = ""
            for i, name in enumerate(down):
                values, span, _ = self._spans(down, i)
                if row % span == 0:
                    value = values[row // span % len(values)]
                    titles += (
                        f'<th scope="row" rowspan="{span}">'
                        f"{NAMES.get(name, name)} {plain(value)}</th>"
                    )
            places = range(row * width, (row + 1) * width)
            cells = "".join(
                self._cell(verdicts[at].word, fitted[at], at == self.chosen)
                for at in places
            )
            body += f"<tr>{titles}{cells}</tr>"
        return (
            f"<table><caption>{escape(sentence)} <em>{said}</em></caption>"
            f"<thead>{head}</thead>"
            f"<tbody>{body}</tbody></table>"
        )

    def _cell(self, word: str, fitted: float, chosen: bool) -> str:
        return (
            f'<td class="{style(word)}{" chosen" * chosen}">{MARKS[word]}'
            f"{'†' * (fitted < ENOUGH)}"
            f'<span class="visually-hidden"> {word}{", as chosen" * chosen}'
            "</span></td>"
        )

    def _spans(
        self, names: Sequence[str], i: int
    ) -> tuple[Sequence[Any], int, int]:
        """A setting's values, the lines under each, and its repetitions."""
        sizes = [len(self.grid[name]) for name in names]
        return (
            self.grid[names[i]],
            math.prod(sizes[i + 1 :]),
            math.prod(sizes[:i]),
        )


def _fitted(verdict: Verdict, runs: pd.DataFrame) -> float:
    """The share of the runs that a verdict compares that fit."""
    own = runs[runs["variant"].isin(verdict.variants)]
    return 1 - float(FITTED.failing(own).mean())


def judged(study: Study, record: Record) -> Multiverse:
    """Judge each combination of a study's grid on its own.

    Args:
        study: what was measured.
        record: under the setting "multiverse".

    Raises:
        ValueError: the record is of another setting.
    """
    if record.setting != MULTIVERSE:
        raise ValueError(
            f"record must be of the setting {MULTIVERSE}, got {record.setting}"
        )
    grid = {name: record.config[name] for name in study.grid}
    rows = pd.DataFrame(list(record.rows))
    verdicts, fitted, configs = [], [], []
    for values in product(*grid.values()):
        cell = dict(zip(grid, values, strict=True))
        own = rows[(rows[list(grid)] == pd.Series(cell)).all(axis=1)]
        own = own.drop(columns=list(grid))
        config = study.restored({**record.config, **cell})
        configs.append(config)
        found = study.judged(config, study.frame(config, own))
        trained = own[own[FITTED.quantity].notna()]
        verdicts.append(found)
        fitted.append([_fitted(one, trained) for one in found])
    chosen = study.configured()
    several = {
        name: ", ".join(map(write, values)) for name, values in grid.items()
    }
    return Multiverse(
        grid,
        verdicts,
        fitted,
        origin(record),
        file_name(record.study, record.setting),
        configs.index(chosen) if chosen in configs else None,
        Method(
            study.method,
            [
                (name, several.get(name, value), what)
                for name, value, what in study.described(configs[0])
            ],
        ),
    )
