"""Sections 1 and 2: from layers to flows, and how accurate gradients are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from neural_odes.ode import NeuralODE
from neural_odes.solver import Solver
from neural_odes.training import fit
from neural_odes_lab.config import Count, Positive, option
from neural_odes_lab.judges import Claim, column_below, slope
from neural_odes_lab.studies.common import (
    Flow,
    distance,
    gradient,
    in_float64,
    moons,
    planar,
)
from neural_odes_lab.study import Row, per_seed, study

EXACT = Solver("dopri8", rtol=1e-12, atol=1e-12)


@dataclass(frozen=True)
class Euler(Flow):
    """Settings of :data:`euler`."""

    layers: tuple[Count, ...] = option(
        (1, 2, 4, 8, 16, 32, 64, 128, 256), "of the Euler networks (chosen)"
    )
    fit_from: Count = option(
        16,
        "the slope is fitted to networks of at least so many layers, as the "
        "order shows only once steps are small (chosen)",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if sum(n >= self.fit_from for n in self.layers) < 2:
            raise ValueError(
                "layers must have two or more >= fit_from, "
                f"{self.fit_from}, got {self.layers}"
            )


@study(
    "background.euler",
    paper="section 2, equations 1-2",
    config=Euler,
    keys=("layers",),
    claims=lambda config: [
        Claim(
            "first-order",
            "Twice the layers halve the distance between an Euler network "
            "and its flow.",
            slope(
                *("layers", "distance", "flow"),
                near=-1,
                within=0.2,
                from_x=config.fit_from,
            ),
        )
    ],
    quick={"samples": 128, "epochs": 100},
)
@per_seed
def euler(config: Euler, variant: str, seed: int, device: str) -> list[Row]:
    """Distance between an Euler network of L layers and its flow.

    The residual network z <- z + f(z) / L (equations 1 and 2), with the f of a
    trained flow, is compared with that flow at s = 1, solved by dopri8 at rtol
    = atol = 1e-12: ``distance`` is the root mean square distance over the data,
    in float64. The slope is that of log distance over log L, by least squares.
    """
    model, x, _ = trained_flow(config, seed, device)
    model, z0 = in_float64(model, EXACT), x.cpu().double()
    with torch.no_grad():
        end = model.solve(z0).z[-1]
        return [
            {
                "layers": n,
                "distance": distance(euler_network(model, z0, n), end),
            }
            for n in config.layers
        ]


@dataclass(frozen=True)
class Gradients(Flow):
    """Settings of :data:`gradients`."""

    tolerances: tuple[Positive, ...] = option(
        (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6),
        "rtol = atol of the solves in float32 (chosen)",
    )


WAYS = ("backprop", "adjoint")


@study(
    "background.gradients",
    paper="section 2",
    config=Gradients,
    keys=("stage", "tolerance"),
    claims=lambda config: [
        Claim(
            f"backpropagation-{tolerance:g}",
            "After training, backpropagation gives a more accurate gradient "
            f"than the adjoint, at a tolerance of {tolerance:g}.",
            column_below(
                *WAYS, ratio=True, stage="trained", tolerance=tolerance
            ),
        )
        for tolerance in config.tolerances
    ],
    quick={"samples": 128, "epochs": 100, "tolerances": (1e-2, 1e-4, 1e-6)},
    tiny={"tolerances": (1e-1, 1e-4)},
    words={"backprop": "error, backpropagation", "adjoint": "error, adjoint"},
)
@per_seed
def gradients(
    config: Gradients, variant: str, seed: int, device: str
) -> list[Row]:
    """Error of the gradient by backpropagation and by the adjoint.

    Gradients g of the loss over all training points, by backpropagation and by
    the adjoint, both in float32 as in training, are compared with g*, by
    backpropagation at 1e-10 in float64. The error is ``|g - g*| / |g*|`` over
    all parameters, those of f and of the readout, before the first step of
    training and after the last. ``norm`` is ``|g*|``. Both ways solve by dopri5
    at the same rtol = atol. The adjoint is solved, forwards and back, by
    torchdiffeq, whose last step also ends exactly at the end; its steps back
    are controlled by the state, the adjoint and the parameters' gradient, by
    the largest of their errors (its default norm). Errors are compared as
    ratios.
    """
    x, y = moons(config, seed, device)
    model = planar(seed, config.width, config.width, device=device)
    rows: list[Row] = []
    for stage in ("initial", "trained"):
        if stage == "trained":
            fit(model, x, y, epochs=config.epochs, lr=config.lr, progress=False)
        fine = in_float64(model, Solver(rtol=1e-10, atol=1e-10))
        truth = gradient(fine, x.cpu().double(), y.cpu().double(), mse_loss)
        norm = truth.norm()
        for tol in config.tolerances:
            row: dict[str, Any] = {"stage": stage, "tolerance": tol}
            for way in WAYS:
                adjoint = way == "adjoint"
                model.solver = Solver(rtol=tol, atol=tol, adjoint=adjoint)
                got = gradient(model, x, y, mse_loss).cpu().double()
                row[way] = ((got - truth).norm() / norm).item()
            rows.append({**row, "norm": norm.item()})
        model.solver = Solver()
    return rows


def trained_flow(
    config: Flow, seed: int, device: str
) -> tuple[NeuralODE, Tensor, Tensor]:
    """The trained flow of one seed, with its data x (N, 2) and y (N, 1)."""
    x, y = moons(config, seed, device)
    model = planar(seed, config.width, config.width, device=device)
    fit(model, x, y, epochs=config.epochs, lr=config.lr, progress=False)
    return model, x, y


def euler_network(model: NeuralODE, z: Tensor, layers: int) -> Tensor:
    """States z after L layers z <- z + f(z) / L."""
    for layer in range(layers):
        s = torch.tensor(layer / layers, dtype=z.dtype)
        z = z + model.field(s, z, z) / layers
    return z
