"""Settings of a study: frozen, described, and every one of them checked."""

from __future__ import annotations

import math
from dataclasses import Field, dataclass, field, fields
from itertools import pairwise
from numbers import Integral, Real
from typing import (
    Annotated,
    Any,
    Literal,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Range:
    """Which numbers a setting accepts; as a string, in words."""

    least: float
    most: float = math.inf
    open: bool = False
    """Whether ``least`` itself is left out."""

    def __contains__(self, value: float) -> bool:
        above = value > self.least if self.open else value >= self.least
        return above and value <= self.most and math.isfinite(value)

    def __str__(self) -> str:
        low = f"{'>' if self.open else '>='} {self.least:g}"
        return low if math.isinf(self.most) else f"{low} and <= {self.most:g}"


Count = Annotated[int, Range(1)]
Natural = Annotated[int, Range(0)]
Positive = Annotated[float, Range(0, open=True)]
NonNegative = Annotated[float, Range(0)]


def option(default: T, text: str, *, decides: bool = True) -> T:
    """A field of a :class:`Config`.

    Args:
        default: its value.
        text: what it is, for the command line's help and the book's tables.
        decides: whether results depend on it.
    """
    told: Any = field(
        default=default, metadata={"text": text, "decides": decides}
    )
    return told  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Config:
    """Settings whose types say which values they accept.

    Subclasses are frozen dataclasses of fields made by :func:`option`, typed
    as bool, a Literal, ``Count``, ``Natural``, ``Positive``, ``NonNegative``,
    any ``Annotated`` number with a ``Range``, or a tuple of one of them.

    Raises:
        TypeError: a value of another type; names the field and what it got.
        ValueError: a value out of range; names the field and what it got.
    """

    def __post_init__(self) -> None:
        for name, kind in kinds(type(self)).items():
            _check(name, getattr(self, name), kind)

    def decides(self) -> dict[str, Any]:
        """The settings that results depend on."""
        return {
            one.name: getattr(self, one.name)
            for one in fields(self)
            if one.metadata["decides"]
        }


def increasing(config: Config, *names: str) -> None:
    """Refuse settings of several numbers that do not increase.

    Raises:
        ValueError: names the setting and what it got.
    """
    for name in names:
        values = getattr(config, name)
        if any(a >= b for a, b in pairwise(values)):
            raise ValueError(f"{name} must increase, got {values}")


def kinds(config: type) -> dict[str, Any]:
    """The type of each field of a config, by its name."""
    hints = get_type_hints(config, include_extras=True)
    own: tuple[Field[Any], ...] = fields(config)
    return {one.name: hints[one.name] for one in own}


def words(kind: Any) -> str:
    """What a type accepts, in words: "an integer >= 1"."""
    if get_origin(kind) is tuple:
        return f"one or more, each {words(get_args(kind)[0])}"
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(str, get_args(kind)))}"
    if get_origin(kind) is Annotated:
        number, range_ = get_args(kind)
        return f"{'an integer' if number is int else 'a number'} {range_}"
    return "true or false" if kind is bool else "text"


def _check(name: str, value: Any, kind: Any) -> None:
    message = f"{name} must be {words(kind)}, got {value!r}"
    if get_origin(kind) is tuple:
        if not isinstance(value, tuple):
            raise TypeError(message)
        if not value:
            raise ValueError(message)
        for one in value:
            _check(f"each of {name}", one, get_args(kind)[0])
    elif get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise ValueError(message)
    elif get_origin(kind) is Annotated:
        number, range_ = get_args(kind)
        type_ = Integral if number is int else Real
        if not isinstance(value, type_) or isinstance(value, bool):
            raise TypeError(message)
        if value not in range_:
            raise ValueError(message)
    elif not isinstance(value, kind):
        raise TypeError(message)


def read(text: str, kind: Any) -> Any:
    """A value of a type, from the text that a command line gives.

    Raises:
        ValueError, KeyError: the text is no such value.
    """
    if get_origin(kind) is tuple:
        return tuple(
            read(one.strip(), get_args(kind)[0]) for one in text.split(",")
        )
    if get_origin(kind) is Annotated:
        value: Any = get_args(kind)[0](text)
        return value
    if kind is bool:
        return {"true": True, "false": False}[text.lower()]
    return text


def write(value: Any) -> str:
    """A value as :func:`read` takes it."""
    if isinstance(value, tuple):
        return ",".join(map(write, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
