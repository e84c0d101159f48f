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

import hashlib
import inspect
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from functools import wraps
from importlib import import_module
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from neural_odes.checks import check_one_of
from neural_odes_lab.config import Config, write
from neural_odes_lab.judges import Claim
from neural_odes_lab.records import Record
from neural_odes_lab.sources import code
from neural_odes_lab.verdicts import MATTERS, Converged, Verdict, judge

Row = dict[str, Any]
"""What was measured of one seed: quantities by their names, numbers or lists
of numbers, and keys that tell several rows of a seed apart."""

Measure = Callable[[Any, Any, Sequence[int], str], list[Row]]
"""``measure(config, variant, seeds, device)``: rows with their ``seed``. The
seeds come together so that they can train as one program."""

TINY = {"samples": 16, "epochs": 2, "fresh": 20}
"""What tests change in every config that has it, besides ``Study.tiny``."""

RESERVED = {
    "variant",
    "seed",
    "seeds",
    "hash",
    "seconds",
    "provenance",
    "failed",
}
"""What rows and tasks are told apart by, besides settings that vary."""


def grid(**values: Sequence[Any]) -> list[dict[str, Any]]:
    """A setting of every combination of values: the study's multiverse.

    Claims are judged under each (Steegen et al., 2016).
    """
    return [
        dict(zip(values, one, strict=True)) for one in product(*values.values())
    ]


def varied(configs: Sequence[Any]) -> list[str]:
    """Fields in which configs differ, first those that change last."""
    first, *others = configs
    change = {
        one.name: at
        for one in fields(first)
        for at, other in reversed([*enumerate(others)])
        if getattr(other, one.name) != getattr(first, one.name)
    }
    return sorted(change, key=change.__getitem__, reverse=True)


def to_json(configs: Sequence[Any]) -> dict[str, Any]:
    """Configs as their result keeps them: lists of the values that vary."""
    return asdict(configs[0]) | {
        name: list(dict.fromkeys(getattr(one, name) for one in configs))
        for name in varied(configs)
    }


@dataclass(frozen=True, eq=False)
class Study:
    """A measurement with a name.

    Attributes:
        name: ``chapter.what``.
        paper: the section, equation or figure that it measures.
        config: its :class:`~neural_odes_lab.config.Config`.
        measure: a function of (config, variant, seeds, device) that returns a
            row for each seed, or several.
        variants: what is compared, given a config.
        claims: what is judged, given a config.
        settings: by name, what claims are judged under besides "chosen", the
            config as it is: changes to it, one or several (see :func:`grid`).
        quick: changes for a run that a reader can wait for.
        tiny: changes for tests.
        block: how many seeds are measured together.
        files: data that it reads, relative to the folder of its own file; when
            they change, its finished tasks are measured again. Code that it
            imports counts anyway.
        random: whether seeds change anything; if not, only seed 0 is measured.
        keys: columns that tell a seed's rows apart, besides the variant.
        converged: which runs count as converged, fixed before any is run.
        matters: the smallest differences that would matter, by quantity, where
            they differ from ``neural_odes_lab.verdicts.MATTERS``.
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
    settings: Mapping[str, Sequence[Mapping[str, Any]]] = field(
        default_factory=dict
    )
    quick: Mapping[str, Any] = field(default_factory=dict)
    tiny: Mapping[str, Any] = field(default_factory=dict)
    block: int = 1
    files: tuple[str, ...] = ()
    random: bool = True
    keys: tuple[str, ...] = ()
    converged: Converged | None = None
    matters: Mapping[str, float] = field(default_factory=dict)
    derive: Callable[[Any, pd.DataFrame], pd.DataFrame] | None = None
    label: str = "variant"
    words: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, changes in self.settings.items():
            if isinstance(changes, Mapping):
                raise TypeError(
                    "settings must hold lists of changes, such as "
                    f"[{dict(changes)}], got {dict(changes)} for {name}"
                )
        taken = RESERVED & {one.name for one in fields(self.config)}
        if taken:
            raise ValueError(
                "config must have fields of other names than "
                f"{', '.join(sorted(RESERVED))}, got {', '.join(sorted(taken))}"
            )

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

    def code(self) -> str:
        """A hash of the code and the data files behind it."""
        digest = hashlib.sha256(code(self.measure).encode())
        for name in self.files:
            digest.update((self.file.parent / name).read_bytes())
        return digest.hexdigest()

    def described(self, config: Any) -> list[tuple[str, str, str]]:
        """Name, value and description of each setting that decides results."""
        return [
            (one.name, write(getattr(config, one.name)), one.metadata["text"])
            for one in fields(self.config)
            if one.metadata["decides"]
        ]

    def configs(self, setting: str = "chosen", **changes: Any) -> list[Any]:
        """What a named setting runs, one config or more.

        Args:
            setting: a key of ``settings``, "chosen", "quick" or "tiny".
            changes: fields of every config.

        Raises:
            ValueError: there is no such setting or field, or changes fix a
                field that the setting varies.
        """
        names = {one.name for one in fields(self.config)}
        tiny = {key: value for key, value in TINY.items() if key in names}
        known = {
            "chosen": [{}],
            **self.settings,
            "quick": [self.quick],
            "tiny": [{**tiny, **self.tiny}],
        }
        check_one_of("setting", setting, known)
        unknown = set(changes) - names
        if unknown:
            raise ValueError(
                f"changes must be settings of {self.name} "
                f"({', '.join(sorted(names))}), got "
                f"{', '.join(sorted(unknown))}"
            )
        found = [replace(self.config(), **one) for one in known[setting]]
        fixed = set(changes) & set(varied(found))
        if fixed:
            raise ValueError(
                f"{', '.join(sorted(fixed))} must not be given for {setting}, "
                "which takes each of several values"
            )
        return [replace(one, **changes) for one in found]

    def from_json(self, record: Record) -> list[Any]:
        """The configs of a result, whose file has lists for tuples."""
        names = {one.name for one in fields(self.config)}
        return [
            self.config(
                **{
                    key: tuple(value) if isinstance(value, list) else value
                    for key, value in {**record.config, **cell}.items()
                    if key in names
                }
            )
            for cell in record.cells
        ]

    def frame(self, config: Any, rows: pd.DataFrame) -> pd.DataFrame:
        """What tables and judges see of rows measured under one config."""
        return rows if self.derive is None else self.derive(config, rows)

    def judged(self, config: Any, frame: pd.DataFrame) -> list[Verdict]:
        """Its claims, judged over what was measured under one config."""
        least = {**MATTERS, **self.matters}
        return judge(self.claims(config), frame, self.converged, least)

    @property
    def of_the_book(self) -> bool:
        """Whether the book declares it."""
        return self.measure.__module__.startswith("neural_odes_lab.")

    def __reduce__(self) -> tuple[Any, ...]:
        # By name: another process imports the declaration.
        return find, (self.measure.__module__, str(self.file), self.name)


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


def find(module: str, file: str, name: str) -> Study:
    """The study of a name that a module declares."""
    path = Path(file)
    if "." not in module and path.is_file():
        return declared(path)[name]
    return _studies(import_module(module))[name]


def declared(path: Path) -> dict[str, Study]:
    """The studies that a file declares, by their names.

    The file is run, once a process, and may import others beside it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it declares no study, or has the name of another module.
    """
    path = path.resolve()
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    module = import_module(path.stem)
    file = getattr(module, "__file__", None)
    if file is None or Path(file).resolve() != path:
        raise ValueError(
            f"{path} must have another name: {path.stem} is a module already"
        )
    found = _studies(module)
    if not found:
        raise ValueError(f"{path} declares no study")
    return found


def _studies(module: ModuleType) -> dict[str, Study]:
    return {
        one.name: one
        for one in vars(module).values()
        if isinstance(one, Study) and one.measure.__module__ == module.__name__
    }


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
