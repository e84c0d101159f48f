"""Checks of arguments that several modules share: type, then range.

Each names the argument, what it got and what it takes, in a TypeError where the
type is wrong, in a ValueError where the value is.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor


def check_at_least(name: str, value: Any, least: int) -> None:
    """Refuse anything but an integer >= least, of 63 bits."""
    if isinstance(value, int) and value.bit_length() > 63:
        raise ValueError(
            f"{name} must be an integer below 2**63, got one of "
            f"{value.bit_length()} bits"
        )
    text = f"{name} must be an integer >= {least}, got {value!r}"
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(text)
    if value < least:
        raise ValueError(text)


def check_integer(name: str, value: Any) -> None:
    """Refuse anything but an integer."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, got {value!r}")


def generator(seed: Any) -> torch.Generator:
    """A torch generator of random numbers, seeded by 64 bits."""
    check_integer("seed", seed)
    if not -(2**63) <= seed < 2**64:
        raise ValueError(f"seed must be an integer of 64 bits, got {seed}")
    return torch.Generator().manual_seed(int(seed))


def check_dimension(dim: int, like: Tensor) -> None:
    """Refuse a dimension that a tensor does not have."""
    if not -like.ndim <= dim < like.ndim:
        raise ValueError(
            f"dim must be a dimension of a tensor of shape "
            f"{tuple(like.shape)}, got {dim}"
        )


def joined(first: str, a: Tensor, second: str, b: Tensor, dim: int) -> Tensor:
    """Concatenate a and b in the one dimension in which they may differ.

    ``first`` and ``second`` are their names in errors.
    """
    check_dimension(dim, a)
    if a.ndim != b.ndim or any(
        n != m and i != dim % a.ndim
        for i, (n, m) in enumerate(zip(a.shape, b.shape, strict=True))
    ):
        raise ValueError(
            f"{second} must have the shape of {first}, {tuple(a.shape)}, "
            f"except in dim {dim}, got {tuple(b.shape)}"
        )
    return torch.cat([a, b], dim=dim)


def check_function(name: str, value: Any, takes: str) -> None:
    """Refuse what cannot be called, and classes in place of instances."""
    kind = f"the class {value.__name__}" if isinstance(value, type) else None
    if kind or not callable(value):
        raise TypeError(
            f"{name} must be a function of {takes}, got "
            f"{kind or type(value).__name__}"
        )


def check_batch(name: str, value: Any) -> None:
    """Refuse anything but a floating-point tensor (N, ...) of finite values."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        kind = value.dtype if isinstance(value, Tensor) else type(value)
        raise ValueError(
            f"{name} must be a floating-point tensor, got "
            f"{getattr(kind, '__name__', kind)}"
        )
    if value.ndim == 0 or value.numel() == 0:
        raise ValueError(
            f"{name} must have shape (N, ...) and not be empty, got "
            f"{tuple(value.shape)}"
        )
    if not finite(value):
        raise ValueError(f"{name} must be finite, got NaN or infinite values")


def check_nonnegative(name: str, value: Any) -> None:
    """Refuse anything but a finite number >= 0."""
    check_positive(name, value, or_zero=True)


def check_positive(name: str, value: Any, *, or_zero: bool = False) -> None:
    """Refuse anything but a finite number > 0, or 0 if that is allowed."""
    range_ = ">= 0" if or_zero else "> 0"
    text = f"{name} must be a number {range_}, got {value!r}"
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(text)
    try:
        number = float(value)
    except OverflowError:  # an integer larger than any float
        number = math.inf
    if not (0 < number < math.inf or (or_zero and number == 0)):
        raise ValueError(text)


def check_boolean(name: str, value: Any) -> None:
    """Refuse anything but True and False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")


def check_one_of(name: str, value: Any, choices: Iterable[Any]) -> None:
    """Refuse anything but one of the choices."""
    known = list(choices)
    alike = isinstance(value, tuple({type(one) for one in known}))
    if not alike or value not in known:
        raise ValueError(
            f"{name} must be one of {', '.join(map(str, known))}, got {value!r}"
        )


def finite(value: Tensor) -> bool:
    """Whether a tensor is finite, also under torch.func's transforms."""
    return bool(torch.isfinite(unwrapped(value)).all())


def unwrapped(value: Tensor) -> Tensor:
    """The values of a tensor that torch.func's transforms have wrapped."""
    functorch = torch._C._functorch
    while functorch.is_functorch_wrapped_tensor(value):
        value = functorch.get_unwrapped(value)
    return value


def optional(module: str, extra: str) -> Any:
    """Import a module of one of the package's extras; errors name the extra."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{module} cannot be imported; what it needs comes with: "
            f"pip install 'neural-odes[{extra}]'"
        ) from error
