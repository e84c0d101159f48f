"""What the book reads: a study's rows with their tables and verdicts.

results.load("chaos.figure7").report("exponent", "attacked")
results.across("chaos.figure7")
results.measure("background.euler", "quick", seeds=[0, 1]).table()
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from neural_odes_lab import tables
from neural_odes_lab.config import write
from neural_odes_lab.ledger import Entry, Ledger
from neural_odes_lab.multiverse import Multiverse, judged
from neural_odes_lab.records import Record, file_name, read, results_folder
from neural_odes_lab.runner import run
from neural_odes_lab.studies import STUDIES
from neural_odes_lab.study import MULTIVERSE, Study
from neural_odes_lab.verdicts import Verdict


@dataclass(frozen=True)
class Result:
    """A study, measured under one setting.

    Attributes:
        study: what was measured.
        record: as it stands in the file.
    """

    study: Study
    record: Record

    @cached_property
    def config(self) -> Any:
        """The settings it ran with."""
        return self.study.restored(self.record.config)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """A row per variant, seed and other keys, as it was measured."""
        return pd.DataFrame(list(self.record.rows))

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The rows as tables and judges see them, with derived quantities."""
        return self.study.frame(self.config, self.rows)

    @cached_property
    def keys(self) -> list[str]:
        """The columns that name a line of the table."""
        keys = ["variant", *self.study.keys]
        return [
            k for k in keys if k in self.frame and self.frame[k].nunique() > 1
        ]

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """The study's claims, judged over these rows."""
        return self.study.judged(self.config, self.frame)

    def mean(self, *quantities: str) -> pd.DataFrame:
        """Means over seeds, a line for each variant and other keys."""
        return self._over_seeds(*quantities).mean()

    def std(self, *quantities: str) -> pd.DataFrame:
        """Standard deviations over seeds, lines as in :meth:`mean`."""
        return self._over_seeds(*quantities).std()

    def _over_seeds(self, *quantities: str) -> Any:
        chosen = list(quantities) or self.quantities
        return self.frame.groupby(self.keys, sort=False)[chosen]

    @property
    def quantities(self) -> list[str]:
        """The columns of plain numbers that are not keys."""
        numbers = self.frame.select_dtypes("number").columns
        return [c for c in numbers if c not in ("seed", *self.keys)]

    def table(self, *quantities: str, **where: Any) -> tables.Table:
        """Mean ± standard deviation over seeds, and each seed as a dot.

        Args:
            quantities: columns; by default all that are plain numbers.
            where: values of columns; only lines with them are shown.

        Raises:
            ValueError: there is no such column.
        """
        chosen = list(quantities) or self.quantities
        for column in (*chosen, *where):
            if column not in self.frame:
                raise ValueError(
                    f"quantities must be columns of {self.study.name}, "
                    f"{', '.join(self.frame)}, got {column!r}"
                )
        shown = self.frame
        for column, value in where.items():
            shown = shown[shown[column] == value]
        return tables.Table(
            shown,
            [key for key in self.keys if key not in where],
            chosen,
            {"variant": self.study.label, **self.study.words},
            tables.origin(self.record),
            file_name(self.record.study, self.record.setting),
        )

    @property
    def cards(self) -> tables.Cards:
        """The verdicts, to be shown in a page."""
        return tables.Cards(self.verdicts)

    def report(self, *quantities: str, **where: Any) -> tables.Parts:
        """Table, how it was measured, and verdicts; see :meth:`table`."""
        method = tables.Method(
            self.study.method, self.study.described(self.config)
        )
        return tables.Parts(
            [self.table(*quantities, **where), method, self.cards]
        )


def _read(
    name: str, setting: str, folder: str | Path | None
) -> tuple[Path, Record]:
    if name not in STUDIES:
        raise KeyError(f"there is no study {name!r}")
    path = results_folder() if folder is None else Path(folder)
    path = path / file_name(name, setting)
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no result {path}; make it with: "
            f"python -m neural_odes_lab run {name} --setting {setting} "
            f"--out {path.parent}"
        )
    record = read(path)
    if record.study != name:
        raise ValueError(f"{path} is of {record.study!r}, not {name!r}")
    return path, record


def load(
    name: str, setting: str = "chosen", folder: str | Path | None = None
) -> Result:
    """Read one result.

    Args:
        name: the study's name, a key of ``STUDIES``.
        setting: the name that it goes by, other than "multiverse".
        folder: where from; by default the project's results.

    Raises:
        KeyError: there is no such study.
        FileNotFoundError: there is no such result; says how to make it.
        ValueError: the file is damaged, or no result.
    """
    path, record = _read(name, setting, folder)
    found = Result(STUDIES[name], record)
    try:
        _ = found.config
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a result: {error}") from error
    return found


def multiverse(name: str, folder: str | Path | None = None) -> Multiverse:
    """A study's claims under every combination of its grid.

    Args:
        name: the study's name, a key of ``STUDIES``.
        folder: where from; by default the project's results.

    Raises:
        KeyError, FileNotFoundError, ValueError: as :func:`load`.
    """
    _, record = _read(name, MULTIVERSE, folder)
    return judged(STUDIES[name], record)


def settings(name: str, folder: str | Path | None = None) -> dict[str, Result]:
    """A study under all of its settings that were measured, chosen first.

    Args:
        name: the study's name.
        folder: where from; by default the project's results.
    """
    found = {"chosen": load(name, folder=folder)}
    for setting in found["chosen"].study.settings:
        try:
            found[setting] = load(name, setting, folder)
        except FileNotFoundError:
            continue
    return found


def across(name: str, folder: str | Path | None = None) -> tables.Across:
    """A study's verdicts under each setting that was measured."""
    found = settings(name, folder)
    told = []
    for setting, one in found.items():
        seeds = len(one.record.seeds)
        changes = {"seeds": seeds, **one.study.settings.get(setting, {})}
        words = (f"{key} {write(value)}" for key, value in changes.items())
        told.append(f"{setting}: {', '.join(words)}")
    return tables.Across({s: one.verdicts for s, one in found.items()}, told)


def ledger(folder: str | Path | None = None) -> Ledger:
    """Every study's claims with their verdicts; studies not measured."""
    entries, missing = [], []
    for name, study in STUDIES.items():
        try:
            found = settings(name, folder)
        except FileNotFoundError:
            missing.append(name)
            continue
        if not found["chosen"].verdicts:
            continue
        entries.append(
            Entry(
                study,
                {s: one.verdicts for s, one in found.items()},
                {s: len(one.record.seeds) for s, one in found.items()},
            )
        )
    return Ledger(entries, missing)


def measure(
    name: str,
    setting: str = "chosen",
    *,
    seeds: Sequence[int],
    **changes: Any,
) -> Result:
    """Run a study here and now, without keeping its result.

    Args:
        name: the study's name.
        setting: the settings to start from.
        seeds: which seeds.
        changes: values of single settings.
    """
    study = STUDIES[name]
    config = study.configured(setting, **changes)
    return Result(study, run(study, config, seeds=seeds, progress=False))
