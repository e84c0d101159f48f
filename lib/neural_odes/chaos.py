"""How fast small differences grow: Lyapunov exponents (section 6).

Every estimator takes a NeuralODE and perturbs the *state* z(0) = h(x), while
the input x that the field may see is held fixed; points and perturbations
share solves. A classical system is a model too::

    NeuralODE(lorenz, depth=50.0, solver=Solver("rk4", step_size=0.01))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from neural_odes.checks import check_at_least, check_positive, generator
from neural_odes.fields import Field, step_limits
from neural_odes.initial_value import integrate
from neural_odes.ode import NeuralODE, check_plain, common_depth, explain_misfit


@dataclass(frozen=True)
class ErrorPaths:
    """How K perturbations of each of N points grew.

    Attributes:
        s: depths, shape (T,), from 0 to S.
        error: ``|z'(s) - z(s)|``, shape (T, N, K); r at s = 0.
        exponents: ln(error(S) / r) / S, shape (N, K), per unit of depth.
        nfe: evaluations of the field, over all solves.
    """

    s: Tensor
    error: Tensor
    exponents: Tensor
    nfe: int

    @property
    def mean(self) -> Tensor:
        """The mean exponent of each point's perturbations, shape (N,)."""
        return self.exponents.mean(dim=1)

    @property
    def spread(self) -> Tensor:
        """Their standard deviation, shape (N,); NaN for one perturbation."""
        return self.exponents.std(dim=1)


@torch.no_grad()
def lyapunov_exponent(
    model: NeuralODE,
    x: Tensor,
    *,
    radius: float = 1e-3,
    perturbations: int = 10,
    depths: int = 51,
    seed: int = 0,
    chunk: int = 2000,
) -> ErrorPaths:
    """Algorithm 1 of the paper: the exponent from the first and last error.

    While differences are small, it estimates the largest exponent. Once the
    error is as large as the region that the states occupy, it saturates and
    the estimate falls as 1 / S: see :func:`renormalised_exponent`. Returns
    :class:`~neural_odes.chaos.ErrorPaths`.

    Args:
        model: of depth S.
        x: inputs, shape (N, n).
        radius: r, the length of a perturbation, > 0. In single precision it
            should be well above 1e-7 times the size of the states.
        perturbations: K, number of perturbations of each point, >= 1.
        depths: T, number of equally spaced depths at which errors are read,
            >= 2.
        seed: of the perturbations.
        chunk: number of points solved at a time, so that they fit into memory,
            >= 1.

    Raises:
        TypeError: model is not a NeuralODE, or its field has a state of its
            own.
        ValueError: an argument out of range; z(0) is not a vector; samples
            have depths of their own; a neighbour ended at the very same state.
        SolverError: the solve could not be finished.
    """
    field, z0, u, end = _problem(model, x)
    check_positive("radius", radius)
    check_at_least("perturbations", perturbations, 1)
    check_at_least("depths", depths, 2)
    check_at_least("chunk", chunk, 1)
    start = z0[:, None] + sphere(
        (len(z0), perturbations), z0.shape[1], radius=radius, seed=seed
    ).to(z0)
    both = torch.cat([z0[:, None], start], dim=1)
    s = torch.linspace(0, end, depths, dtype=z0.dtype, device=z0.device)
    errors, total = [], 0
    for own, seen in zip(both.split(chunk), u.split(chunk), strict=True):
        control = seen.repeat_interleave(perturbations + 1, dim=0)
        start = own.flatten(0, 1)
        z, nfe = _follow(model, x, _seeing(field, control), start, s)
        z = z.reshape(depths, *own.shape)
        errors.append((z[:, :, 1:] - z[:, :, :1]).norm(dim=-1))
        total += nfe
    error = torch.cat(errors, dim=1)
    return ErrorPaths(s, error, _rates(error[-1], radius, end), total)


@torch.no_grad()
def renormalised_exponent(
    model: NeuralODE,
    x: Tensor,
    *,
    radius: float = 1e-6,
    pieces: int = 50,
    align: int = 0,
    seed: int = 0,
) -> Tensor:
    """The largest exponent, with the error rescaled to r at regular intervals.

    The complete version of Algorithm 1 (its footnote 3; Wolf et al., 1985,
    here at fixed intervals): S is cut into pieces, and at the end of each the
    neighbour is moved back to distance r in the direction it has reached.

    Args:
        model: of depth S.
        x: inputs, shape (N, n).
        radius: r, > 0; small compared with the states, large compared with
            their rounding errors.
        pieces: number of pieces, >= 1.
        align: number of pieces left out at the start, until the perturbation
            has turned into the direction of fastest growth.
        seed: of the first directions.

    Returns:
        shape (N,).

    Raises:
        TypeError, ValueError, SolverError: as :func:`lyapunov_exponent`.
    """
    field, z, u, end = _problem(model, x)
    check_positive("radius", radius)
    _check_pieces(pieces, align)
    away = sphere((len(z),), z.shape[1], radius=radius, seed=seed).to(z)
    total = z.new_zeros(len(z))
    seeing = _seeing(field, torch.cat([u, u]))
    for i in range(pieces):
        s = _piece(i, pieces, end, z)
        both, _ = _follow(model, x, seeing, torch.cat([z, z + away]), s)
        z, near = both[-1].chunk(2)
        away = near - z
        growth = _rates(away.norm(dim=1), radius, 1.0)
        if i >= align:
            total += growth
        away = radius * away / away.norm(dim=1, keepdim=True)
    return total * pieces / (end * (pieces - align))


@torch.no_grad()
def lyapunov_spectrum(
    model: NeuralODE,
    x: Tensor,
    *,
    pieces: int = 50,
    align: int = 0,
    count: int | None = None,
    seed: int = 0,
) -> Tensor:
    """All exponents, by the variational equation (Benettin et al., 1980).

    Tangent vectors V follow dV/ds = (df/dz) V alongside the state. After each
    piece of depth, a QR decomposition makes them orthonormal again and yields
    their growth. For exponents of an attractor, pieces should be shorter than
    the time in which V's columns become parallel, and some used for aligning.

    Args:
        model: of depth S.
        x: inputs, shape (N, n).
        pieces: number of pieces, >= 1.
        align: number of pieces left out at the start, until the vectors have
            turned into the directions whose growth they should measure.
        count: number of exponents, the largest first; by default all.
        seed: of the first directions. They are random, because coordinate axes
            can each stay in an invariant subspace and miss the fastest growth.

    Returns:
        shape (N, count), per unit of depth; not strictly in order if there was
        too little aligning.

    Raises:
        TypeError, ValueError, SolverError: as :func:`lyapunov_exponent`.
    """
    _, z, u, end = _problem(model, x)
    size = z.shape[1]
    count = size if count is None else count
    _check_pieces(pieces, align)
    check_at_least("count", count, 1)
    if not count <= size:
        raise ValueError(
            f"count must be at most {size}, the features of x or what it is "
            f"lifted to, got {count}"
        )
    random = sphere((count,), size, radius=1.0, seed=seed).mT
    frame = torch.linalg.qr(random)[0].to(z).expand(len(z), -1, -1)
    total = z.new_zeros(len(z), count)
    for i in range(pieces):
        z, frame = _tangents(model, u, z, frame, _piece(i, pieces, end, z))
        frame, growth = torch.linalg.qr(frame)
        if i >= align:
            total += _logs(growth.diagonal(dim1=1, dim2=2).abs())
    return total * pieces / (end * (pieces - align))


@torch.no_grad()
def finite_time_exponents(
    model: NeuralODE, x: Tensor, *, chunk: int = 2000
) -> Tensor:
    """ln(sigma_i) / S of the flow's Jacobian dz(S)/dz(0), the largest first.

    They describe the ellipsoid that an infinitesimal ball about z(0) becomes at
    S: the right notion for a flow that ends there. Unlike those of an
    attractor, these exponents differ from point to point. The error of each
    sigma_i is about the solver's tolerance times the largest sigma: small ones
    need tight tolerances.

    Args:
        model: of depth S.
        x: inputs, shape (N, n).
        chunk: number of points solved at a time, >= 1.

    Returns:
        shape (N, n).

    Raises:
        TypeError, ValueError, SolverError: as :func:`lyapunov_exponent`.
    """
    _, z, u, end = _problem(model, x)
    check_at_least("chunk", chunk, 1)
    eye, s = torch.eye(z.shape[1]).to(z), _piece(0, 1, end, z)
    values = []
    for own, seen in zip(z.split(chunk), u.split(chunk), strict=True):
        frame = eye.expand(len(own), -1, -1)
        _, frame = _tangents(model, seen, own, frame, s)
        values.append(torch.linalg.svdvals(frame))
    return _logs(torch.cat(values)) / end


def _seeing(field: Field, control: Tensor) -> Callable[..., Tensor]:
    return lambda s, z: field(s, z, control)


def sphere(
    shape: tuple[int, ...], dim: int, *, radius: float, seed: int
) -> Tensor:
    """Points uniform on the sphere of radius r about 0, (*shape, dim)."""
    draws = generator(seed)
    normal = torch.randn(*shape, dim, generator=draws, dtype=torch.float64)
    return radius * normal / normal.norm(dim=-1, keepdim=True)


def _tangents(
    model: NeuralODE, x: Tensor, z: Tensor, frame: Tensor, s: Tensor
) -> tuple[Tensor, Tensor]:
    """State and tangent vectors (N, n, k) at the end of s."""
    field = model.field

    def joint(s: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        z, frame = state

        def along(v: Tensor) -> Tensor:
            return torch.func.jvp(lambda z: field(s, z, x), (z,), (v,))[1]

        return field(s, z, x), torch.vmap(along, in_dims=2, out_dims=2)(frame)

    (z, frame), _ = _follow(model, x, joint, (z, frame), s)
    return z[-1], frame[-1]


def _follow(
    model: NeuralODE,
    x: Tensor,
    field: Callable[[Tensor, Any], Any],
    start: Any,
    s: Tensor,
) -> tuple[Any, int]:
    """Solve as the model does, but without the adjoint: no gradients here."""
    with explain_misfit(x):
        return integrate(
            field,
            start,
            s,
            solver=replace(model.solver, adjoint=False),
            **step_limits(model.field),
        )


def _problem(
    model: NeuralODE, x: Tensor
) -> tuple[Field, Tensor, Tensor, float]:
    """Field, initial states (N, n), control and depth of a model."""
    if not isinstance(model, NeuralODE):
        raise TypeError(
            f"model must be a NeuralODE, got {type(model).__name__}"
        )
    check_plain(model)
    depth = common_depth(model)
    z0 = model.solve(x, torch.zeros(1)).z[0]
    if z0.ndim != 2:
        raise ValueError(
            "x must be lifted to vectors, z(0) of shape (N, n), got "
            f"{tuple(z0.shape)}"
        )
    return model.field, z0, model.control(x), depth


def _check_pieces(pieces: int, align: int) -> None:
    check_at_least("pieces", pieces, 1)
    check_at_least("align", align, 0)
    if align >= pieces:
        raise ValueError(f"align must be below pieces, {pieces}, got {align}")


def _piece(i: int, pieces: int, end: float, like: Tensor) -> Tensor:
    ends = [end * i / pieces, end * (i + 1) / pieces]
    return torch.tensor(ends, dtype=like.dtype, device=like.device)


def _logs(growth: Tensor) -> Tensor:
    if not bool((growth > 0).all()):
        raise ValueError(
            "model shrinks a direction to zero, up to rounding; use a smaller "
            "depth S, more pieces or float64"
        )
    return growth.log()


def _rates(error: Tensor, radius: float, span: float) -> Tensor:
    if not bool((error > 0).all()):
        raise ValueError(
            "radius must be large enough that a neighbour ends at another "
            f"state, got {radius}; use a larger radius or float64"
        )
    return (error / radius).log() / span
