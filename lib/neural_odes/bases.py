"""Functions of depth that span the weights of a GalNODE (equations 6-7)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Protocol

import torch
from torch import Tensor

from neural_odes.checks import check_at_least


class Basis(Protocol):
    """The interface of a basis; any object with these two members will do.

    Calling it with depths of any shape (...) returns psi_1, ..., psi_m at
    these depths, shape (..., m), in the depths' dtype and on their device.

    A basis whose functions jump also has ``jumps``, the depths where they do;
    there they take the values to the right. Solvers end a step at each jump;
    they may miss one that they are not told of. A basis whose functions
    oscillate has ``max_step``, the longest step that resolves them: step
    control monitors the error of the state, not that of the integrals that are
    the gradients of the coefficients.
    """

    @property
    def size(self) -> int:
        """m, the number of functions."""
        ...

    def __call__(self, s: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class _Interval:
    """A basis over an interval of depths.

    Args:
        size: m, the number of functions, >= 1.
        domain: the interval (first, last) of depths that is rescaled to that of
            the functions (paper, footnote 2); the default fits a model of
            depth S = 1.

    Raises:
        TypeError: size is not an integer.
        ValueError: size < 1, or a domain that is empty or not finite.
    """

    size: int
    domain: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        check_at_least("size", self.size, 1)
        ends = self.domain if isinstance(self.domain, tuple) else ()
        numbers = all(isinstance(end, Real) for end in ends)
        if not (
            len(ends) == 2 and numbers and 0 < ends[1] - ends[0] < math.inf
        ):
            raise ValueError(
                "domain must be finite depths (first, last), first < last, got "
                f"{self.domain}"
            )

    def unit(self, s: Tensor) -> Tensor:
        """Depths rescaled so that the domain becomes [0, 1]."""
        first, last = self.domain
        return (s - first) / (last - first)


class Fourier(_Interval):
    """1, cos 2 pi u, sin 2 pi u, cos 4 pi u, ..., u = s rescaled to [0, 1]."""

    @property
    def max_step(self) -> float:
        """Half the shortest wavelength."""
        first, last = self.domain
        waves = self.size // 2
        return (last - first) / (2 * waves) if waves else math.inf

    def __call__(self, s: Tensor) -> Tensor:
        u = self.unit(s)[..., None]
        k = torch.arange(1, self.size // 2 + 1, dtype=s.dtype, device=s.device)
        angle = 2 * math.pi * k * u
        waves = torch.stack([angle.cos(), angle.sin()], dim=-1).flatten(-2)
        return torch.cat([torch.ones_like(u), waves[..., : self.size - 1]], -1)


class Chebyshev(_Interval):
    """T_0(v), ..., T_{m-1}(v), v = s rescaled to [-1, 1]."""

    @property
    def max_step(self) -> float:
        """About half the shortest wavelength in the middle of the domain."""
        first, last = self.domain
        return 2 * (last - first) / max(1, self.size - 1)

    def __call__(self, s: Tensor) -> Tensor:
        v = 2 * self.unit(s) - 1
        values = [torch.ones_like(v), v]
        while len(values) < self.size:
            values.append(2 * v * values[-1] - values[-2])
        return torch.stack(values[: self.size], dim=-1)


class Polynomial(_Interval):
    """1, u, u^2, ..., u^(m-1), u = s rescaled to [0, 1]."""

    def __call__(self, s: Tensor) -> Tensor:
        u = self.unit(s)[..., None]
        return u ** torch.arange(self.size, dtype=s.dtype, device=s.device)


class PiecewiseConstant(_Interval):
    """Indicators of m equal pieces of the domain: a network of m layers.

    Depths outside the domain belong to the nearest piece.
    """

    @property
    def jumps(self) -> tuple[float, ...]:
        """The depths where one piece ends and the next begins."""
        first, last = self.domain
        length = last - first
        return tuple(
            first + length * i / self.size for i in range(1, self.size)
        )

    def __call__(self, s: Tensor) -> Tensor:
        piece = torch.floor(self.unit(s) * self.size).clamp(0, self.size - 1)
        j = torch.arange(self.size, dtype=s.dtype, device=s.device)
        return (piece[..., None] == j).to(s)
