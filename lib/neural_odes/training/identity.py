"""What a training is made of, as a hash: functions, modules and objects.

Two things have the same hash if they agree in the code of functions and what it
refers to, in the settings of modules and objects, and in the values of tensors
that are not trained. What training itself changes (trained parameters, buffers,
the mode) does not count; nor does the code of torch and of this library.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterator, Mapping, Sequence, Set
from enum import Enum
from functools import partial
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

PLAIN = (
    *(bool, int, float, complex, str, bytes, type(None), Enum),
    *(np.generic, torch.dtype, torch.Size, torch.device),
)
"""Types whose ``repr`` determines the value."""
SHIPPED = ("torch", "neural_odes", "numpy", "builtins")
"""Packages whose code does not count."""


def identity(value: Any) -> str:
    """A hash of what a value is made of, the same in every process."""
    digest = hashlib.sha256()
    for part in _parts(value, {}):
        digest.update(part)
        digest.update(b"\0")
    return digest.hexdigest()


def _parts(value: Any, seen: dict[int, Any]) -> Iterator[bytes]:
    if isinstance(value, PLAIN):
        yield f"{type(value).__name__} {value!r}".encode()
        return
    if id(value) in seen:
        yield f"again {list(seen).index(id(value))}".encode()
        return
    if not isinstance(value, tuple):  # equal tuples may or may not be shared
        seen[id(value)] = value  # kept, so that its id is not used again
    yield name(value).encode()
    if isinstance(value, Tensor):
        yield f"{value.dtype} {tuple(value.shape)}".encode()
        if not value.requires_grad:
            yield numbers(value)
    elif isinstance(value, np.ndarray):
        yield f"{value.dtype} {value.shape}".encode()
        yield value.tobytes() if value.dtype != object else b""
    else:
        for inner in _inside(value):
            yield from _parts(inner, seen)
    yield b"end"


def numbers(value: Tensor) -> bytes:
    """A tensor's values."""
    flat = value.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes()


def _inside(value: Any) -> Sequence[Any]:  # noqa: PLR0911, PLR0912
    """What a value is made of."""
    match value:
        case partial():
            return [value.func, value.args, value.keywords]
        case MethodType():
            return [value.__func__, value.__self__]
        case CellType():
            try:
                return [value.cell_contents]
            except ValueError:  # not yet filled
                return []
        case FunctionType():
            return _of_function(value)
        case CodeType():
            return [value.co_code, value.co_names, value.co_consts]
        case type():
            return _own_code(value)
        case Mapping():
            return [each for pair in value.items() for each in pair]
        case Set():
            return sorted(map(repr, value))
        case list() | tuple():
            return value
    if isinstance(value, ModuleType) or not hasattr(value, "__dict__"):
        return []
    settings = dict(vars(value))
    if isinstance(value, nn.Module):
        if hasattr(value, "_orig_mod"):  # of torch.compile
            return [value._orig_mod]
        hidden = set(vars(nn.Module())) | {"training"}
        settings = {k: v for k, v in settings.items() if k not in hidden}
        settings |= {"parts": value._modules, "weights": value._parameters}
    return [settings, type(value)]


def _of_function(value: FunctionType) -> list[Any]:
    kept = [value.__defaults__, value.__kwdefaults__, value.__closure__]
    if _shipped(value.__module__):
        return kept
    names = sorted(_names(value.__code__) & value.__globals__.keys())
    uses = {key: value.__globals__[key] for key in names}
    return [*kept, value.__code__, uses]


def _names(code: CodeType) -> set[str]:
    inner = (one for one in code.co_consts if isinstance(one, CodeType))
    return set(code.co_names).union(*map(_names, inner))


def _own_code(kind: type) -> list[Any]:
    """A class's functions and settings, without those of shipped bases."""
    return [
        {
            key: one
            for key, one in vars(base).items()
            if isinstance(one, (FunctionType, *PLAIN))
            and key not in ("__doc__", "__module__", "__firstlineno__")
        }
        for base in kind.__mro__
        if not _shipped(base.__module__)
    ]


def _shipped(module: str | None) -> bool:
    return (module or "builtins").partition(".")[0] in SHIPPED


def name(value: Any) -> str:
    """The full name of a function or class, or of a value's class."""
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}.{named.__qualname__}"


def referred(function: FunctionType) -> dict[str, Any]:
    """What a function's code refers to, by name."""
    found = inspect.getclosurevars(function)
    return {**found.nonlocals, **found.globals}
