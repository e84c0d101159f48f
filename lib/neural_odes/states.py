"""States, which are tensors or tuples of them, and their slopes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

State = Tensor | tuple[Tensor, ...]


def first_slope(field: Callable[[Tensor, Any], Any], s: Tensor, z: Any) -> Any:
    """What the field returns, if that is a slope of the state.

    The field gets copies of the state, so that the caller's stays intact.
    """
    z = rebuild(z, [part.clone() for part in tensors(z)])
    writes = watch_for_writes(tensors(z))
    dz = field(s, z)
    if writes():
        raise ValueError(
            "the field writes into its input z, as nn.ReLU(inplace=True) "
            "does; the solver needs it unchanged"
        )
    for part in tensors(dz):
        if isinstance(part, Tensor) and part.is_complex():
            raise ValueError(
                f"the field must return real slopes, got {part.dtype}; make "
                "real and imaginary parts two features of the state"
            )
    if _shapes(dz) != _shapes(z):
        raise ValueError(
            f"the field returned {describe(dz)} for a state z of "
            f"{describe(z)}; the two must agree"
        )
    return dz


def tensors(state: Any) -> tuple[Any, ...]:
    """The parts of a state."""
    return state if isinstance(state, tuple) else (state,)


def rebuild(state: Any, parts: Sequence[Any]) -> Any:
    """A state of the same kind made of other parts."""
    return tuple(parts) if isinstance(state, tuple) else parts[0]


def watch_for_writes(tensors: Sequence[Tensor]) -> Callable[[], bool]:
    """A function that tells whether any of these tensors was written to."""
    if any(part.is_inference() for part in tensors):
        # torch does not count writes to inference tensors.
        kept = [part.clone() for part in tensors]
        return lambda: not all(map(torch.equal, kept, tensors))
    before = [part._version for part in tensors]
    return lambda: [part._version for part in tensors] != before


def _shapes(state: Any) -> tuple[Any, ...]:
    shapes = [getattr(part, "shape", None) for part in tensors(state)]
    return isinstance(state, tuple), *shapes


def describe(state: Any) -> str:
    """A state's shapes, for errors."""
    if isinstance(state, tuple):
        return f"({', '.join(describe(part) for part in state)})"
    if isinstance(state, Tensor):
        return f"shape {tuple(state.shape)}"
    return type(state).__name__


def packing(
    z0: State, rows: int = 0
) -> tuple[Callable[[Any], Tensor], Callable[[Tensor], Any]]:
    """Two functions: from a state like z0 to one tensor, and back.

    With rows = 1, for stacked problems, the first dimension stays.
    """
    if isinstance(z0, Tensor):
        return lambda z: z, lambda z: z
    shapes = [p.shape[rows:] for p in z0]
    sizes = [shape.numel() for shape in shapes]

    def pack(z: tuple[Tensor, ...]) -> Tensor:
        return torch.cat([p.reshape(*p.shape[:rows], -1) for p in z], dim=-1)

    def unpack(flat: Tensor) -> tuple[Tensor, ...]:
        parts = zip(flat.split(sizes, dim=-1), shapes, strict=True)
        return tuple(p.reshape(*flat.shape[:-1], *shape) for p, shape in parts)

    return pack, unpack
