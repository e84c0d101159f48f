"""Declarations of studies: settings, variants and claims.

    @study("anatomy.depth_variants", paper="section 3, equations 4-7",
           config=DepthVariants, variants=FIELDS,
           claims=[Claim("loss-concat",
                         "Concat ends at a lower loss than vanilla.",
                         below("loss", "concat", "vanilla", ratio=True))])
    def depth_variants(config, variant, seeds, device):
        '''Nested spheres with each way that depth can enter.'''
        return [row of each seed]

The registry, the command line, the runner, tables, verdicts and tests all read
this one declaration.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import wraps
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from neural_odes.checks import one_of
from neural_odes_lab.config import Config, write
from neural_odes_lab.judges import Claim
from neural_odes_lab.verdicts import MATTERS, Converged, Verdict, judge

Row = dict[str, Any]
"""What was measured of one seed: quantities by their names, numbers or lists
of numbers, and keys that tell several rows of a seed apart."""

Measure = Callable[[Any, Any, Sequence[int], str], list[Row]]
"""``measure(config, variant, seeds, device)``: rows with their ``seed``. The
seeds come together so that they can train as one program."""

TINY = {"samples": 16, "epochs": 2, "fresh": 20}
"""What tests change in every config that has it, besides ``Study.tiny``."""

MULTIVERSE = "multiverse"
"""The setting that is every combination of ``Study.grid``."""


@dataclass(frozen=True, eq=False)
class Study:
    """A measurement with a name.

    Attributes:
        name: ``chapter.what``.
        paper: the section, equation or figure that it measures.
        config: its :class:`~neural_odes_lab.config.Config`.
        measure: see :data:`Measure`.
        variants: what is compared, given a config.
        claims: what is judged, given a config.
        settings: by name, the changes to the config under which claims are
            judged; "chosen" has none.
        grid: fields of the config with several values each; all their
            combinations are the study's multiverse (Steegen et al., 2016).
        quick: changes for a run that a reader can wait for.
        tiny: changes for tests, besides :data:`TINY`.
        block: how many seeds are measured together.
        random: whether seeds change anything; if not, only seed 0 is measured.
        keys: columns that tell a seed's rows apart, besides the variant.
        converged: which runs count as converged, fixed before any is run.
        matters: the smallest differences that would matter, by quantity, where
            they differ from :data:`~neural_odes_lab.verdicts.MATTERS`.
        derive: makes what tables and judges see from the rows; by default it is
            the rows themselves.
        label: what a variant is called in tables.
        words: names of quantities in tables.
    """

    name: str
    paper: str
    config: type[Config]
    measure: Measure
    variants: Callable[[Any], Sequence[Any]]
    claims: Callable[[Any], Sequence[Claim]]
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    quick: Mapping[str, Any] = field(default_factory=dict)
    tiny: Mapping[str, Any] = field(default_factory=dict)
    block: int = 1
    random: bool = True
    keys: tuple[str, ...] = ()
    converged: Converged | None = None
    matters: Mapping[str, float] = field(default_factory=dict)
    derive: Callable[[Any, pd.DataFrame], pd.DataFrame] | None = None
    label: str = "variant"
    words: Mapping[str, str] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """What it measures, in one line."""
        text = inspect.getdoc(self.measure) or ""
        return text.partition("\n")[0].rstrip(".")

    @property
    def method(self) -> str:
        """How it measures, in words.

        These are the docstrings of the function and of its config's classes,
        below their first lines.
        """
        kinds = self.config.__mro__
        own = kinds[: kinds.index(Config)]
        texts = [self.measure.__doc__, *(kind.__doc__ for kind in own)]
        parts = [inspect.cleandoc(text or "") for text in texts]
        return "\n\n".join(
            more.strip() for part in parts if (more := part.partition("\n")[2])
        )

    @property
    def file(self) -> Path:
        """Where its function is written."""
        return Path(inspect.getfile(inspect.unwrap(self.measure)))

    def described(self, config: Any) -> list[tuple[str, str, str]]:
        """Name, value and description of each setting that decides results."""
        return [
            (one.name, write(getattr(config, one.name)), one.metadata["text"])
            for one in fields(self.config)
            if one.metadata["decides"]
        ]

    def configured(self, setting: str = "chosen", **changes: Any) -> Any:
        """The config of a named setting, with further changes.

        Args:
            setting: a key of ``settings``, "chosen", "quick" or "tiny"; or
                "multiverse", for the fields that its combinations share.
            changes: fields of the config.

        Raises:
            ValueError: there is no such setting or field, or changes fix a
                field that the multiverse varies.
        """
        names = {one.name for one in fields(self.config)}
        known = {
            "chosen": {},
            **self.settings,
            "quick": self.quick,
            **({MULTIVERSE: {}} if self.grid else {}),
            "tiny": {k: v for k, v in TINY.items() if k in names}
            | {**self.tiny},
        }
        one_of("setting", setting, known)
        unknown = set(changes) - names
        if unknown:
            raise ValueError(
                f"changes must be settings of {self.name} "
                f"({', '.join(sorted(names))}), got "
                f"{', '.join(sorted(unknown))}"
            )
        fixed = set(changes) & set(self.grid)
        if setting == MULTIVERSE and fixed:
            raise ValueError(
                f"{', '.join(sorted(fixed))} must not be given for the "
                f"{MULTIVERSE}, which takes each of several values"
            )
        return replace(self.config(), **{**known[setting], **changes})

    def configs(self, setting: str, config: Any) -> list[Any]:
        """What a setting runs: the config, or all combinations of the grid."""
        if setting != MULTIVERSE:
            return [config]
        combinations = product(*self.grid.values())
        return [
            replace(config, **dict(zip(self.grid, values, strict=True)))
            for values in combinations
        ]

    def recorded(self, setting: str, config: Any) -> dict[str, Any]:
        """A config as its result keeps it, fields of the grid as lists."""
        grid = self.grid if setting == MULTIVERSE else {}
        return asdict(config) | {key: list(v) for key, v in grid.items()}

    def restored(self, values: Mapping[str, Any]) -> Any:
        """The config of a result, whose file has lists for tuples."""
        names = {one.name for one in fields(self.config)}
        return self.config(
            **{
                key: tuple(value) if isinstance(value, list) else value
                for key, value in values.items()
                if key in names
            }
        )

    def frame(self, config: Any, rows: pd.DataFrame) -> pd.DataFrame:
        """What tables and judges see of rows measured under one config."""
        return rows if self.derive is None else self.derive(config, rows)

    def judged(self, config: Any, frame: pd.DataFrame) -> list[Verdict]:
        """Its claims, judged over what was measured under one config."""
        least = {**MATTERS, **self.matters}
        return judge(self.claims(config), frame, self.converged, least)

    def __reduce__(self) -> tuple[Any, ...]:
        # By name: another process imports the declaration.
        return find, (self.measure.__module__, self.measure.__name__)


def study(
    name: str,
    *,
    paper: str,
    config: type[Config],
    variants: Collection[Any] | Callable[[Any], Sequence[Any]] = ("flow",),
    claims: Sequence[Claim] | Callable[[Any], Sequence[Claim]] = (),
    **settings: Any,
) -> Callable[[Measure], Study]:
    """Declare what the decorated function measures; see :class:`Study`.

    Variants and claims are given directly, or as functions of the config.
    """

    def declare(measure: Measure) -> Study:
        return Study(
            name,
            paper,
            config,
            measure,
            variants if callable(variants) else lambda _: tuple(variants),
            claims if callable(claims) else lambda _: tuple(claims),
            **settings,
        )

    return declare


def find(module: str, name: str) -> Study:
    """The study that a module declares under a name."""
    found: Study = getattr(import_module(module), name)
    return found


def per_seed(
    one: Callable[[Any, Any, int, str], Row | list[Row]],
) -> Measure:
    """Measure seeds one by one: ``one(config, variant, seed, device)``."""

    @wraps(one)
    def measure(
        config: Any, variant: Any, seeds: Sequence[int], device: str
    ) -> list[Row]:
        rows = []
        for seed in seeds:
            found = one(config, variant, seed, device)
            for row in found if isinstance(found, list) else [found]:
                rows.append({"seed": seed, **row})
        return rows

    return measure
