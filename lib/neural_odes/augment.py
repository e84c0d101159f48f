"""More room for the flow: lifts h and higher orders (section 4).

A lift gives the state more features than the input has; HigherOrder makes
some of them velocities. Features lie on dimension 1, as in vectors (N, n),
images (N, channels, height, width) and a graph (nodes, features); use
``dim=-1`` for a batch of graphs (N, nodes, features).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from neural_odes.checks import (
    check_at_least,
    check_boolean,
    check_dimension,
    check_function,
    check_integer,
    joined,
)
from neural_odes.fields import as_field


class ZeroAugment(nn.Module):
    """h(x) = [x; 0]: n more features that start at zero (equation 9).

    ``NeuralODE(field, lift=ZeroAugment(5))`` is an ANODE. The same lift lets
    the velocities of a :class:`HigherOrder` field start at zero.

    Args:
        n: number of added features, >= 0.
        dim: the dimension on which they are added.

    Raises:
        ValueError: n < 0.
    """

    def __init__(self, n: int, *, dim: int = 1) -> None:
        super().__init__()
        check_at_least("n", n, 0)
        check_integer("dim", dim)
        self.n, self.dim = n, dim

    def forward(self, x: Tensor) -> Tensor:
        check_dimension(self.dim, x)
        shape = list(x.shape)
        shape[self.dim] = self.n
        return torch.cat([x, x.new_zeros(shape)], dim=self.dim)

    def extra_repr(self) -> str:
        return f"{self.n}, dim={self.dim}"


class InputLayer(nn.Module):
    """h(x) = module(x), or [x; module(x)] with keep=True (equation 10).

    With ``keep``, x is passed on unchanged and only the added features are
    learned: the variant with fewer parameters.

    Args:
        module: maps inputs to all features of the state, or with keep to the
            added ones.
        keep: whether x itself comes first.
        dim: the dimension on which the two are joined.

    Raises:
        TypeError: module is not an ``nn.Module``.
    """

    def __init__(
        self, module: nn.Module, *, keep: bool = False, dim: int = 1
    ) -> None:
        super().__init__()
        if not isinstance(module, nn.Module):
            raise TypeError(
                f"module must be an nn.Module, got {type(module).__name__}"
            )
        check_boolean("keep", keep)
        check_integer("dim", dim)
        self.module, self.keep, self.dim = module, keep, dim

    def forward(self, x: Tensor) -> Tensor:
        h = self.module(x)
        if not self.keep:
            return h
        return joined("x", x, "module(x)", h, self.dim)

    def extra_repr(self) -> str:
        return f"keep={self.keep}, dim={self.dim}"


class HigherOrder(nn.Module):
    """The n-th derivative of z is f(s, z, x) (equations 11 to 14).

    The state is z = [z_1; ...; z_n; a] with m features in each z_i, and::

        dz_1/ds = z_2, ..., dz_{n-1}/ds = z_n, [dz_n/ds; da/ds] = f(s, z, x).

    For n = 2, z_1 is a position and z_2 its velocity. With n = 1 or m = 0 this
    is the field itself. A lift provides the parts of z(0) that x lacks.

    Args:
        field: any field or module; sees all features of the state and returns
            the slopes of z_n and a, that is (n - 1) m features fewer.
        order: n, >= 1.
        size: m, >= 0; by default the whole state is of this order and a is
            empty.
        dim: the dimension on which the features lie.

    Raises:
        TypeError: field is not a field.
        ValueError: an argument out of range; or (when called) the state has
            too few features, or the field returns a wrong number of them.
    """

    def __init__(
        self,
        field: Any,
        order: int = 2,
        *,
        size: int | None = None,
        dim: int = 1,
    ) -> None:
        super().__init__()
        check_at_least("order", order, 1)
        check_integer("dim", dim)
        if size is not None:
            check_at_least("size", size, 0)
        self.field = as_field(field)
        self.order, self.size, self.dim = order, size, dim

    def forward(self, s: Tensor, z: Tensor, x: Tensor) -> Tensor:
        check_dimension(self.dim, z)
        features = z.shape[self.dim]
        m, rest = divmod(features, self.order)
        if self.size is not None:
            m, rest = self.size, features - self.size * self.order
        if rest < 0 or (self.size is None and rest):
            wanted = "a multiple of" if self.size is None else "at least"
            raise ValueError(
                f"z must have {wanted} {self.order * (self.size or 1)} "
                f"features in dimension {self.dim}, got {features}; a lift "
                "such as ZeroAugment adds them"
            )
        slope = self.field(s, z, x)
        expected = features - m * (self.order - 1)
        if slope.shape[self.dim] != expected:
            raise ValueError(
                f"field must return {expected} features in dim {self.dim} for "
                f"a state of {features} at order {self.order}, got "
                f"{slope.shape[self.dim]}; if features lie elsewhere, set dim"
            )
        known = z.narrow(self.dim, m, m * (self.order - 1))
        return torch.cat([known, slope], dim=self.dim)

    def extra_repr(self) -> str:
        return f"order={self.order}, size={self.size}"


class PartialReadout(nn.Module):
    """A readout that sees a part of the state: r(z[start:stop]).

    Args:
        readout: a module that maps this part to the output.
        stop: where the part ends.
        start: where it begins.
        dim: the dimension of the features.

    Raises:
        ValueError: not 0 <= start < stop; or (when called) the state has
            fewer features.
    """

    def __init__(
        self, readout: nn.Module, stop: int, *, start: int = 0, dim: int = 1
    ) -> None:
        super().__init__()
        check_function("readout", readout, "a part of z")
        check_at_least("start", start, 0)
        check_at_least("stop", stop, 1)
        check_integer("dim", dim)
        if not start < stop:
            raise ValueError(f"start must be below stop, {stop}, got {start}")
        self.readout = readout
        self.start, self.stop, self.dim = start, stop, dim

    def forward(self, z: Tensor) -> Tensor:
        check_dimension(self.dim, z)
        if z.shape[self.dim] < self.stop:
            raise ValueError(
                f"z must have at least {self.stop} features in dimension "
                f"{self.dim}, got {z.shape[self.dim]}"
            )
        part = z.narrow(self.dim, self.start, self.stop - self.start)
        return self.readout(part)

    def extra_repr(self) -> str:
        return f"{self.stop}, start={self.start}, dim={self.dim}"
