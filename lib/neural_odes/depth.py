"""Fields whose weights move with depth: theta(s) (paper, section 3).

Each wraps any field or module and calls it with parameters that it computes,
by ``torch.func.functional_call``; training starts from the wrapped module's
own parameters.
"""

from __future__ import annotations

import copy
import math
import threading
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from neural_odes.bases import Basis
from neural_odes.checks import check_at_least
from neural_odes.fields import JointField, as_field, per_sample
from neural_odes.nets import mlp
from neural_odes.ode import NeuralODE
from neural_odes.solver import Solver


class DepthConcat(nn.Module):
    """f(s, z, x) = module([z; s]): depth as one more input (footnote 1).

    Args:
        module: any field or module; maps states with one feature more
            (vectors, graph nodes) or one channel more (images) on dimension
            1 to slopes without it.

    Raises:
        TypeError: module is not a field.
    """

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.field = as_field(module, "module")

    def forward(self, s: Tensor, z: Tensor, x: Tensor) -> Tensor:
        column = per_sample(s, z).expand_as(z[:, :1])
        return self.field(s, torch.cat([z, column], dim=1), x)


_SWAP = threading.RLock()
"""functional_call puts weights into a module and takes them out again, which
two threads must not do at the same time."""


class _Template(nn.Module):
    """A field as a function of its trainable parameters, shape (P,).

    A copy of the field in which the trainable parameters became buffers: they
    follow the model to its device and type, but are neither trained nor saved.
    Frozen parameters (requires_grad False) are left unchanged.
    """

    def __init__(self, module: Any) -> None:
        super().__init__()
        if not isinstance(module, nn.Module):
            raise TypeError(
                f"module must be an nn.Module, got {type(module).__name__}"
            )
        self.field = copy.deepcopy(as_field(module, "module"))
        found = self.field.named_parameters()
        named = {key: value for key, value in found if value.requires_grad}
        if not named:
            raise ValueError("module must have trainable parameters, got none")
        self.keys = tuple(named)
        self.shapes = [p.shape for p in named.values()]
        self.sizes = [p.numel() for p in named.values()]
        self.names = _own_names(self.keys)
        for key, value in named.items():
            owner, _, leaf = key.rpartition(".")
            part = self.field.get_submodule(owner)
            delattr(part, leaf)
            part.register_buffer(leaf, value.detach(), persistent=False)
        if any(p.requires_grad for p in self.field.parameters()):
            raise ValueError(
                "module must not have two parts that share a parameter; use "
                "one part twice instead"
            )

    def initial(self) -> Tensor:
        """The wrapped module's own parameters, shape (P,)."""
        values = dict(self.field.named_buffers())
        return torch.cat([values[key].flatten() for key in self.keys])

    def split(self, theta: Tensor) -> list[Tensor]:
        """theta of shape (..., P) as tensors of shape (..., *shape)."""
        pieces = theta.split(self.sizes, dim=-1)
        return [
            piece.reshape((*theta.shape[:-1], *shape))
            for piece, shape in zip(pieces, self.shapes, strict=True)
        ]

    def weights(self, theta: Tensor) -> dict[str, Tensor]:
        """As :meth:`split`, by names without the wrappers' prefixes."""
        return dict(zip(self.names, self.split(theta), strict=True))

    def forward(self, theta: Tensor, s: Tensor, z: Tensor, x: Tensor) -> Tensor:
        if theta.ndim == 1:
            return self._call(theta, s, z, x)

        def alone(theta: Tensor, s: Tensor, z: Tensor, x: Tensor) -> Tensor:
            return self._call(theta, s, z[None], x[None])[0]

        return torch.vmap(alone)(theta, s[:, 0], z, x)

    def _call(self, theta: Tensor, *inputs: Tensor) -> Tensor:
        named = dict(zip(self.keys, self.split(theta), strict=True))
        # Skip the slow search for tied weights; there are none.
        with _SWAP:
            return functional_call(self.field, named, inputs, tie_weights=False)


def _own_names(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Keys without the prefixes that wrappers (DepthConcat, ...) put on all."""
    paths = [key.split(".") for key in keys]
    while all(len(path) > 1 for path in paths):
        first = {path[0] for path in paths}
        if first not in ({"field"}, {"module"}):
            break
        paths = [path[1:] for path in paths]
    return tuple(".".join(path) for path in paths)


class _Moving(nn.Module):
    """f with parameters theta(s): subclasses map s, (...), to (..., P)."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.template = _Template(module)

    def theta(self, s: Tensor) -> Tensor:
        raise NotImplementedError

    def weights(self, s: Tensor) -> dict[str, Tensor]:
        """As :meth:`HypernetworkODE.weights`, at depths s of shape (...)."""
        return self.template.weights(self.theta(s))

    def forward(self, s: Tensor, z: Tensor, x: Tensor) -> Tensor:
        theta = self.theta(s if s.ndim == 0 else s[:, 0])
        return self.template(theta, s, z, x)


class Galerkin(_Moving):
    """theta(s) = sum_j alpha_j psi_j(s), a GalNODE (equations 6-7).

    Training starts at the wrapped module's own parameters, as constant in s as
    the basis allows.

    Args:
        module: any field or module with P trainable parameters; frozen ones do
            not change.
        basis: m functions of depth, see :class:`Basis`.

    Attributes:
        coefficients: alpha, shape (P, m): all that is trained, m P numbers.
        jumps: depths where the basis jumps; solves end a step there.
        max_step: the longest step of an adaptive solve, where the basis has
            one: beyond it, gradients of the coefficients are unreliable.

    Raises:
        TypeError: module is not an ``nn.Module``, or basis is not a basis.
        ValueError: module has no parameters, or parts that share one.
    """

    def __init__(self, module: nn.Module, basis: Basis) -> None:
        if isinstance(basis, type) or not callable(basis):
            raise TypeError(
                f"basis must be a Basis, such as Fourier(5), got {basis!r}"
            )
        check_at_least("basis.size", getattr(basis, "size", None), 1)
        super().__init__(module)
        self.basis = basis
        self.jumps = tuple(getattr(basis, "jumps", ()))
        self.max_step = float(getattr(basis, "max_step", math.inf))
        initial = self.template.initial()
        self.coefficients = nn.Parameter(
            initial[:, None] * _constant(basis).to(initial)
        )

    def theta(self, s: Tensor) -> Tensor:
        """All parameters at depths s of shape (...), as shape (..., P)."""
        return self.basis(s) @ self.coefficients.mT

    def extra_repr(self) -> str:
        return f"basis={self.basis}"


def _constant(basis: Basis) -> Tensor:
    """Coefficients of the function 1, by least squares over its domain."""
    first, last = getattr(basis, "domain", (0.0, 1.0))
    s = torch.linspace(first, last, 20 * basis.size + 1, dtype=torch.float64)
    psi = basis(s)
    one = torch.linalg.lstsq(psi, torch.ones_like(s)[:, None]).solution[:, 0]
    return one.round(decimals=12)  # exactly 1, 0, 0, ... where it should be


class Hypernetwork(_Moving):
    """theta(s) = g(s), g a network with one hidden tanh layer (equation 5).

    Training starts near the wrapped module's own parameters: they are the
    bias of g's last layer, whose weights start at a tenth of torch's default.

    Args:
        module: any field or module with P trainable parameters; frozen ones do
            not change.
        hidden: width of g's hidden layer, >= 1.

    Raises:
        TypeError: module is not an ``nn.Module``.
        ValueError: module has no parameters, or parts that share one; or
            hidden < 1.
    """

    def __init__(self, module: nn.Module, hidden: int = 16) -> None:
        check_at_least("hidden", hidden, 1)
        super().__init__(module)
        initial = self.template.initial()
        self.generator = mlp(1, hidden, len(initial)).to(initial)
        weight, bias = self.generator[-1].parameters()
        with torch.no_grad():
            weight.mul_(0.1)
            bias.copy_(initial)

    def theta(self, s: Tensor) -> Tensor:
        """All parameters at depths s of shape (...), as shape (..., P)."""
        return self.generator(s[..., None])


class HypernetworkODE(JointField):
    """dtheta/ds = g(s, theta), solved along with z (the form of ANODEV2).

    g is a network with one hidden tanh layer that takes depth and parameters;
    its last layer starts at a tenth of torch's default. theta(0) is trained
    too, and starts at the wrapped module's own parameters.

    Args and errors are those of :class:`Hypernetwork`.
    """

    def __init__(self, module: nn.Module, hidden: int = 16) -> None:
        super().__init__()
        check_at_least("hidden", hidden, 1)
        self.template = _Template(module)
        initial = self.template.initial()
        self.start = nn.Parameter(initial)
        size = len(initial)
        self.generator = mlp(size + 1, hidden, size).to(initial)
        with torch.no_grad():
            for value in self.generator[-1].parameters():
                value.mul_(0.1)

    def initial(self) -> Tensor:
        """theta(0), shape (P,)."""
        return self.start

    def slope(self, s: Tensor, theta: Tensor) -> Tensor:
        """dtheta/ds = g(s, theta), shape (P,)."""
        return self.generator(torch.cat([s[None], theta]))

    def forward(
        self, s: Tensor, state: tuple[Tensor, Tensor], x: Tensor
    ) -> tuple[Tensor, Tensor]:
        z, theta = state
        return self.template(theta, s, z, x), self.slope(s, theta)

    def weights(
        self, s: Tensor, solver: Solver | None = None
    ) -> dict[str, Tensor]:
        """The wrapped module's parameters at depths s.

        Args:
            s: increasing depths >= 0, shape (T,), or one, a scalar.
            solver: how to solve for theta; by default ``Solver()``.

        Returns:
            tensors by their names in the module, or in what a wrapper such as
            DepthConcat wraps; each with the dimensions of s before its own.
        """
        depths = s.reshape(-1)
        alone = NeuralODE(
            lambda s, theta, x: self.slope(s, theta[0])[None],
            depth=float(depths[-1]) or 1.0,  # theta(0) alone takes no solve
            solver=solver,
        )
        theta = alone.solve(self.start[None], depths).z[:, 0]
        return self.template.weights(theta if s.ndim else theta[0])
