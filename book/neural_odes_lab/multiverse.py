"""A study's claims under every combination of several settings.

A claim that holds under one setting alone is a claim about that setting.
Steegen, Tuerlinckx, Gelman and Vanpaemel (2016) call all defensible settings
together a multiverse; each claim is drawn as one map of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import pandas as pd

from neural_odes_lab.config import write
from neural_odes_lab.judges import plain
from neural_odes_lab.markup import Html, hidden, join, link, tag
from neural_odes_lab.tables import MARKS, Method, style
from neural_odes_lab.verdicts import FITTED, Verdict

NAMES = {"lr": "rate", "samples": "points"}
"""Names of settings, where their own are not words."""
ENOUGH = 0.9
"""Combinations with a smaller share of fitted runs are marked."""


@dataclass(frozen=True)
class Multiverse:
    """Verdicts by combination of settings.

    Attributes:
        cells: the values of the settings that vary, of each combination.
        verdicts: of each.
        fitted: of each, and of each claim, the share of the runs compared that
            fit their training points.
        origin: where it is from, in words.
        file: the result's file, for a link.
        chosen: which combination the study uses elsewhere, if it is one of
            these.
        method: how it was measured; None: not told.
    """

    cells: Sequence[Mapping[str, Any]]
    verdicts: Sequence[Sequence[Verdict]]
    fitted: Sequence[Sequence[float]]
    origin: str = ""
    file: str = ""
    chosen: int | None = None
    method: Method | None = None

    @property
    def grid(self) -> dict[str, list[Any]]:
        """The settings that vary and their values."""
        return {
            name: [
                cell[name]
                for i, cell in enumerate(self.cells)
                if all(cell[name] != one[name] for one in self.cells[:i])
            ]
            for name in self.cells[0]
        }

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

    def _repr_html_(self) -> Html:
        maps = [
            self._map(sentence, row, each, fitted)
            for (sentence, row), each, fitted in zip(
                self.counts().iterrows(),
                zip(*self.verdicts, strict=True),
                zip(*self.fitted, strict=True),
                strict=True,
            )
        ]
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
        origin = tag("small", f"{self.origin} ", link(self.file), f".{note}")
        return join(
            tag("div", maps, class_="measured multiverse"),
            tag("p", origin),
            self.method._repr_html_() if self.method else None,
        )

    def _map(
        self,
        sentence: Any,
        counts: pd.Series,
        verdicts: Sequence[Verdict],
        fitted: Sequence[float],
    ) -> Html:
        grid = self.grid
        names = list(grid)
        down, along = names[: len(names) // 2], names[len(names) // 2 :]
        said = ", ".join(f"{word} {n}" for word, n in counts.items() if n)
        head = []
        for i, name in enumerate(along):
            values, span, times = _spans(grid, along, i)
            titles = [
                tag("th", _told(name, v), scope="col", colspan=span)
                for v in [*values] * times
            ]
            head.append(tag("tr", [tag("td")] * len(down), titles))
        places = [
            self.cells.index(cell) if cell in self.cells else None
            for values in product(*grid.values())
            for cell in [dict(zip(names, values, strict=True))]
        ]
        width = math.prod(len(grid[name]) for name in along)
        body = []
        for line in range(len(places) // width):
            titles = []
            for i, name in enumerate(down):
                values, span, _ = _spans(grid, down, i)
                if line % span == 0:
                    value = values[line // span % len(values)]
                    told = _told(name, value)
                    titles.append(tag("th", told, scope="row", rowspan=span))
            cells = [
                tag("td")
                if at is None
                else self._cell(
                    verdicts[at].word, fitted[at], at == self.chosen
                )
                for at in places[line * width : (line + 1) * width]
            ]
            body.append(tag("tr", titles, cells))
        return tag(
            "table",
            tag("caption", f"{sentence} ", tag("em", said)),
            tag("thead", head),
            tag("tbody", body),
        )

    def _cell(self, word: str, fitted: float, chosen: bool) -> Html:
        return tag(
            "td",
            f"{MARKS[word]}{'†' * (fitted < ENOUGH)}",
            hidden(f" {word}{', as chosen' * chosen}"),
            class_=f"{style(word)}{' chosen' * chosen}",
        )


def _told(name: str, value: Any) -> str:
    """A setting and one of its values."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{NAMES.get(name, name)} {plain(value) if number else write(value)}"


def _spans(
    grid: Mapping[str, Sequence[Any]], names: Sequence[str], i: int
) -> tuple[Sequence[Any], int, int]:
    """A setting's values, the lines under each, and its repetitions."""
    sizes = [len(grid[name]) for name in names]
    return grid[names[i]], math.prod(sizes[i + 1 :]), math.prod(sizes[:i])
