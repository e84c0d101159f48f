"""What the figures draw: states and slopes of a model, on the CPU."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from neural_odes.checks import check_at_least
from neural_odes.fields import JointField
from neural_odes.initial_value import integrate
from neural_odes.ode import NeuralODE


def check_model(model: NeuralODE) -> None:
    if not isinstance(model, NeuralODE):
        raise TypeError(
            f"model must be a NeuralODE, got {type(model).__name__}"
        )


def to_model(model: object, x: Tensor) -> Tensor:
    """x with the dtype and on the device of the model's parameters."""
    if isinstance(model, nn.Module):
        for parameter in model.parameters():
            if parameter.is_floating_point():
                return x.to(parameter)
    return x


def to_array(x: Tensor) -> np.ndarray:
    return x.detach().cpu().numpy()


def labels(y: Tensor, samples: int) -> np.ndarray:
    """Class labels -1 and +1 as integers, shape (samples,)."""
    flat = to_array(torch.as_tensor(y)).reshape(-1)
    if len(flat) != samples:
        raise ValueError(
            f"y must have one label for each of the {samples} samples, got "
            f"shape {tuple(y.shape)}"
        )
    if not np.isin(flat, (-1, 1)).all():
        raise ValueError(
            f"y must be labels -1 and +1, got {np.unique(flat)[:4].tolist()}"
        )
    return flat.astype(int)


@torch.no_grad()
def states(
    model: NeuralODE, x: Tensor, points: int
) -> tuple[np.ndarray, np.ndarray]:
    """Depths and states of a batch at equally spaced depths.

    Returns:
        ``(s, z)``, both with T = points rows: s of shape (T, N), as samples may
        have their own depths, and z of shape (T, N, D).

    Raises:
        TypeError: model is not a NeuralODE.
        ValueError: points < 2, or a state is not a vector.
    """
    check_model(model)
    check_at_least("points", points, 2)
    x = to_model(model, x)
    end = 1.0 if callable(model.depth) else model.depth
    solution = model.solve(x, torch.linspace(0, end, points))
    s, z = to_array(solution.s), to_array(solution.z)
    if z.ndim != 3:
        raise ValueError(
            f"model must have states of shape (N, D), got {z.shape[1:]}"
        )
    return np.broadcast_to(s.reshape(points, -1), z.shape[:2]), z


def check_components(components: Sequence[int], size: int) -> None:
    inside = all(0 <= i < size for i in components)
    if not (len(set(components)) == len(components) == 2 and inside):
        raise ValueError(
            f"components must be two different indices below {size}, the size "
            f"of the state, got {tuple(components)}"
            + "; use depth_evolution for one component"
            * (size == 1)
        )


@torch.no_grad()
def slope(model: NeuralODE, s: float, z: Tensor, x: Tensor) -> Tensor:
    """dz/ds = f(s, z, x) at states of shape (N, D), all at depth s."""
    depth = torch.as_tensor(s, dtype=z.dtype, device=z.device)
    control = model.control(x)
    if not isinstance(model.field, JointField):
        return model.field(depth, z, control)
    w = model.field.initial()
    if s > 0:  # bring w from 0 to s; the states stay where they are
        (_, path), _ = integrate(
            lambda s, zw: (torch.zeros_like(z), model.field(s, zw, control)[1]),
            (z, w),
            torch.stack([torch.zeros_like(depth), depth]),
            solver=model.solver,
        )
        w = path[-1]
    return model.field(depth, (z, w), control)[0]


def grid(box: Sequence[float], density: int) -> np.ndarray:
    """A grid over (left, right, low, high): points, shape (K, K, 2).

    Raises:
        ValueError: the box is empty or the density K below 2.
    """
    if len(box) != 4 or not (box[0] < box[1] and box[2] < box[3]):
        raise ValueError(
            "box must be (left, right, low, high) with left < right and low < "
            f"high, got {tuple(box)}"
        )
    check_at_least("density", density, 2)
    left, right, low, high = box
    across = np.linspace(left, right, density)
    up = np.linspace(low, high, density)
    return np.stack(np.meshgrid(across, up), axis=-1)


def as_batch(model: object, points: np.ndarray) -> Tensor:
    """Points of shape (..., D) as one batch for a model, shape (N, D)."""
    flat = torch.as_tensor(points.reshape(-1, points.shape[-1]))
    return to_model(model, flat.float())
