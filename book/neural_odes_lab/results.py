"""What the book reads: a study's rows with their tables and verdicts.

results.load("chaos.figure7").report("exponent", "attacked")
results.across("chaos.figure7")
results.measure("background.euler", "quick", seeds=[0, 1]).table()
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from neural_odes_lab import tables
from neural_odes_lab.config import write
from neural_odes_lab.ledger import Entry, Ledger
from neural_odes_lab.multiverse import Multiverse
from neural_odes_lab.records import Record, file_name, read, results_folder
from neural_odes_lab.runner import run
from neural_odes_lab.studies import STUDIES
from neural_odes_lab.study import Study, declared, varied
from neural_odes_lab.verdicts import FITTED, Verdict

FAILED = "share not converged"
WITHDRAWN = ("reach",)
"""Quantities of older results that did not mean what their names said."""


@dataclass(frozen=True)
class Result:
    """A study, measured under one setting.

    Attributes:
        study: what was measured.
        record: as it stands in the file.
        folder: where its file lies; None if it was measured just now.
    """

    study: Study
    record: Record
    folder: Path | None = None

    @cached_property
    def configs(self) -> list[Any]:
        """The settings it ran with, one combination or several."""
        return self.study.from_json(self.record)

    @property
    def config(self) -> Any:
        """The settings it ran with.

        Raises:
            ValueError: they are several; see ``cells``.
        """
        if len(self.configs) > 1:
            raise ValueError(
                f"{self.record.study} holds {len(self.configs)} combinations "
                f"of settings under {self.record.setting}: judge each of its "
                "cells, or all of them as its multiverse"
            )
        return self.configs[0]

    @cached_property
    def cells(self) -> list[Result]:
        """A result for each combination of settings."""
        return [
            Result(self.study, self.record.of(cell), self.folder)
            for cell in self.record.cells
        ]

    @cached_property
    def multiverse(self) -> Multiverse:
        """The claims, judged under each combination on its own."""
        (chosen,) = self.study.configs()
        cells, several = self.record.cells, varied(self.configs)
        return Multiverse(
            cells,
            [one.verdicts for one in self.cells],
            [one.fitted for one in self.cells],
            tables.origin(self.record),
            self.file,
            self.configs.index(chosen) if chosen in self.configs else None,
            tables.Method(
                self.study.method,
                [
                    (
                        name,
                        ", ".join(map(write, self.record.config[name]))
                        if name in several
                        else value,
                        what,
                    )
                    for name, value, what in self.study.described(
                        self.configs[0]
                    )
                ],
            ),
        )

    @property
    def fitted(self) -> list[float]:
        """Of each claim, the share of its runs that fit their data."""
        if FITTED.quantity not in self.rows:
            return [1.0 for _ in self.verdicts]
        runs = self.rows[self.rows[FITTED.quantity].notna()]
        return [
            1 - float(FITTED.failing(own).mean())
            for one in self.verdicts
            for own in [runs[runs["variant"].isin(one.variants)]]
        ]

    @property
    def file(self) -> str:
        """The name of its file."""
        return file_name(self.record.study, self.record.setting)

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
        hidden = ("seed", *self.keys, *WITHDRAWN)
        return [c for c in numbers if c not in hidden]

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
        if self.study.converged is not None and not quantities:
            failed = self.study.converged.failing(shown)
            if failed.any():
                shown = shown.assign(**{FAILED: failed.astype(float)})
                chosen.append(FAILED)
        for column, value in where.items():
            shown = shown[shown[column] == value]
        return tables.Table(
            shown,
            [key for key in self.keys if key not in where],
            chosen,
            {"variant": self.study.label, **self.study.words},
            tables.origin(self.record),
            self.file,
        )

    @property
    def settings(self) -> dict[str, Result]:
        """The study under each setting that its folder has, this one first."""
        found = {self.record.setting: self}
        for setting in ("chosen", *self.study.settings):
            with suppress(FileNotFoundError):
                if self.folder is not None and setting not in found:
                    found[setting] = _of(self.study, setting, self.folder)
        return found

    @property
    def ledger(self) -> Ledger:
        """Its claims, a line each, with what other settings say."""
        single = _judged(self.settings)
        verdicts = {name: one.verdicts for name, one in single.items()}
        seeds = {name: len(one.record.seeds) for name, one in single.items()}
        return Ledger([Entry(self.study, verdicts, seeds)] if single else [])

    @property
    def cards(self) -> tables.Cards:
        """The verdicts, to be shown in a page."""
        return tables.Cards(self.verdicts)

    def report(self, *quantities: str, **where: Any) -> Any:
        """Table, how it was measured, and verdicts; see :meth:`table`.

        Of several combinations of settings: their multiverse.
        """
        if len(self.configs) > 1:
            return self.multiverse
        method = tables.Method(
            self.study.method, self.study.described(self.config)
        )
        return tables.Parts(
            [self.table(*quantities, **where), method, self.cards]
        )


def load(
    name: str | Path, setting: str = "chosen", folder: str | Path | None = None
) -> Result:
    """Read one result.

    A setting without a file of its own that is one combination of another
    setting's, such as the multiverse, is read from there.

    Args:
        name: the study's name, a key of ``STUDIES``; or the path of a result,
            such as "results/spirals.json". Where that is of a study of your
            own, the file that declares it is run; it must lie in the working
            directory or below.
        setting: the name that it goes by.
        folder: where from; by default the project's results.

    Raises:
        KeyError: there is no such study.
        FileNotFoundError: there is no such result; says how to make it.
        ValueError: the file is damaged, no result, or of a study that is
            declared elsewhere.
    """
    if isinstance(name, Path) or name.endswith(".json"):
        path = Path(name)
        return _read(study_of(read(path)), path)
    if name not in STUDIES:
        raise KeyError(f"there is no study {name!r}")
    places = results_folder() if folder is None else Path(folder)
    return _of(STUDIES[name], setting, places)


def study_of(record: Record) -> Study:
    """The study of a result, read from the file that declares it.

    Raises:
        KeyError: there is no such study.
        ValueError: its file is not below the working directory.
    """
    if not record.source:
        return STUDIES[record.study]
    source = Path(record.source)
    if not source.resolve().is_relative_to(Path.cwd().resolve()):
        raise ValueError(
            f"{record.study} is declared in {source}, which is not below the "
            "working directory: reading its result runs that file, so go there "
            "if you trust it"
        )
    return declared(source)[record.study]


def _of(study: Study, setting: str, places: Path) -> Result:
    name = study.name
    path = places / file_name(name, setting)
    if path.is_file():
        return _read(study, path)
    if setting in ("chosen", *study.settings):
        for other in study.settings:
            whole = places / file_name(name, other)
            if whole.is_file():
                for cell in _read(study, whole).cells:
                    if [cell.config] == study.configs(setting):
                        return cell
    raise FileNotFoundError(
        f"there is no result {path}; make it with: "
        f"python -m neural_odes_lab run {name} --setting {setting} "
        f"--out {path.parent}"
    )


def _read(study: Study, path: Path) -> Result:
    record = read(path)
    if record.study != study.name:
        raise ValueError(f"{path} is of {record.study!r}, not {study.name!r}")
    found = Result(study, record, path.parent)
    try:
        _ = found.configs
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a result: {error}") from error
    return found


def multiverse(name: str, folder: str | Path | None = None) -> Multiverse:
    """A study's claims under every combination of several settings.

    Args:
        name: the study's name, a key of ``STUDIES``.
        folder: where from; by default the project's results.

    Raises:
        KeyError, FileNotFoundError, ValueError: as :func:`load`.
    """
    return load(name, "multiverse", folder).multiverse


def by_setting(
    name: str, folder: str | Path | None = None
) -> dict[str, Result]:
    """A study under each setting that was measured, chosen first.

    Args:
        name: the study's name.
        folder: where from; by default the project's results.
    """
    return load(name, folder=folder).settings


def _judged(found: dict[str, Result]) -> dict[str, Result]:
    """Those whose claims have one verdict each."""
    return {key: one for key, one in found.items() if len(one.configs) == 1}


def across(
    name: str, folder: str | Path | None = None
) -> tables.VerdictsBySetting:
    """A study's verdicts under each setting that was measured."""
    found = _judged(by_setting(name, folder))
    told = []
    for setting, one in found.items():
        (changes,) = one.study.settings.get(setting, [{}])
        values = {"seeds": len(one.record.seeds), **changes}
        words = (f"{key} {write(value)}" for key, value in values.items())
        told.append(f"{setting}: {', '.join(words)}")
    return tables.VerdictsBySetting(
        {setting: one.verdicts for setting, one in found.items()}, told
    )


def ledger(folder: str | Path | None = None) -> Ledger:
    """Every study's claims with their verdicts; studies not measured."""
    entries, missing = [], []
    for name, study in STUDIES.items():
        try:
            found = _judged(by_setting(name, folder))
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
    configs = study.configs(setting, **changes)
    return Result(study, run(study, configs, seeds=seeds, progress=False))
