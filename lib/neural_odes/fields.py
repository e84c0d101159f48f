"""Vector fields f(s, z, x): what they are called with, and what may be one."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from neural_odes.checks import unwrapped

Field = Callable[[Tensor, Tensor, Tensor], Tensor]
"""A vector field ``field(s, z, x)`` gives the slope dz/ds, shaped like z.

``s`` is a scalar tensor, or has shape (N, 1) where each sample has its own
depth; ``z`` is the state, shape (N, ...); ``x`` is the model's input, or what
the control makes of it. Modules in it may say where they jump and how
long an adaptive method's step may be, by attributes ``jumps``, ``max_step``."""


class DepthInvariant(nn.Module):
    """The field f(z) of a module that sees neither depth nor input.

    Args:
        module: maps a state of shape (N, ...) to its slope, of the same shape.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, s: Tensor, z: Tensor, x: Tensor) -> Tensor:
        return self.module(z)


class JointField(nn.Module):
    """A field with a state w(s) of its own that is solved along with z.

    Subclasses return w(0) from :meth:`initial` and both slopes from
    ``forward(s, (z, w), x) -> (dz, dw)``. A joint field has to be outermost: it
    may wrap other fields, but none may wrap it. All samples share one w(s), so
    the model's depth must be a number.
    """

    def initial(self) -> Tensor:
        """w(0), of any shape."""
        raise NotImplementedError

    def forward(
        self, s: Tensor, state: tuple[Tensor, Tensor], x: Tensor
    ) -> tuple[Tensor, Tensor]:
        raise NotImplementedError


def as_field(field: Any, name: str = "field") -> Any:
    """Read a module or function as a field f(s, z, x).

    Args:
        field: a callable of (s, z, x), taken as it is; or an ``nn.Module`` of
            one argument z, which becomes the ``module`` of a depth-invariant
            field.
        name: of the argument, for the error.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(field, JointField):
        raise TypeError(
            f"{name} must be a field of (s, z, x), got {type(field).__name__}, "
            "whose weights have their own state; put it outermost, around the "
            "other fields"
        )
    if callable(field):
        arity = _arity(field)
        if arity == 3:
            return field
        if arity == 1 and isinstance(field, nn.Module):
            return DepthInvariant(field)
        if arity in (1, 2) and not isinstance(field, type):
            raise TypeError(
                f"{name} must be a callable of (s, z, x), also where it looks "
                f"at fewer: lambda s, z, x: -z, got one of {arity} argument"
                f"{'s' if arity > 1 else ''}"
            )
    kind = "the class " * isinstance(field, type)
    raise TypeError(
        f"{name} must be a callable of (s, z, x) or an nn.Module of z alone, "
        f"got {kind}{getattr(field, '__name__', type(field).__name__)}"
    )


def _arity(field: Callable[..., Any]) -> int:
    if isinstance(field, nn.Module) and (
        isinstance(field, nn.DataParallel | AveragedModel)
        or hasattr(field, "_orig_mod")  # what torch.compile makes
    ):  # wrappers take what the wrapped module takes
        inner: Any = getattr(field, "_orig_mod", None) or field.module
        return _arity(inner)
    call = field.forward if isinstance(field, nn.Module) else field
    kinds = (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
    )
    try:
        parameters = inspect.signature(call).parameters.values()
    except ValueError:  # such as torch.sin, which has no signature
        return -1
    return sum(p.kind in kinds and p.default is p.empty for p in parameters)


def per_sample(s: Tensor, like: Tensor) -> Tensor:
    """Shape a depth, or a number of each sample, to broadcast against a state.

    Of shape (N,) or (N, 1), it becomes (N, 1, ..., 1) with the dimensions of
    ``like``, a state of shape (N, ...); a scalar stays as it is.
    """
    return s if s.ndim == 0 else s.reshape(-1, *[1] * (like.ndim - 1))


def lengths(z: Tensor) -> Tensor:
    """The Euclidean norm of each sample, (N, ...) to (N,)."""
    return z.reshape(len(z), -1).norm(dim=1)


def step_limits(
    field: Any, sample_depths: Tensor | None = None
) -> dict[str, Any]:
    """What a field and its parts ask of a solver: arguments of ``integrate``.

    These are jumps, the increasing depths at which parts jump, and max_step,
    the longest step; as fractions of sample_depths, shape (N,), where each
    sample has its own. A field that is not an ``nn.Module`` asks nothing.
    """
    parts = parts_of(field)
    depths = sorted({j for part in parts for j in getattr(part, "jumps", ())})
    longest = min(
        (getattr(p, "max_step", math.inf) for p in parts), default=math.inf
    )
    if sample_depths is None:
        return {"jumps": depths, "max_step": longest}
    if depths or longest < math.inf:
        ends = unwrapped(sample_depths.detach()).flatten().tolist()
        depths = sorted({j / end for j in depths for end in ends if j <= end})
        longest /= max(*ends, 1e-9)
    return {"jumps": depths, "max_step": longest}


def parts_of(field: Any) -> list[nn.Module]:
    """The modules of a field or model; none if it is a function."""
    return list(field.modules()) if isinstance(field, nn.Module) else []
