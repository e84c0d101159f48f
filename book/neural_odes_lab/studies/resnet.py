"""Is a ResNet a Neural ODE: do weights of their own become a curve?"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from neural_odes.bases import PiecewiseConstant
from neural_odes.depth import Galerkin
from neural_odes.nets import mlp
from neural_odes.ode import NeuralODE
from neural_odes.solver import Solver
from neural_odes.training import accuracy
from neural_odes_lab.config import Count, increasing, option
from neural_odes_lab.judges import (
    Claim,
    above,
    mean_above,
    mean_below,
    slope,
)
from neural_odes_lab.studies.common import (
    Spheres,
    distance,
    quality,
    trained_spheres,
)
from neural_odes_lab.study import Row, study
from neural_odes_lab.verdicts import MATTERS

EQUAL, RANDOM = "equal layers", "random layers"
COST = MATTERS["accuracy"]
"""Of the accuracy that counts as one."""


@dataclass(frozen=True)
class Residual(Spheres):
    """Settings of :data:`resnet`."""

    layers: tuple[Count, ...] = option(
        (4, 16, 64), "numbers L of layers, increasing (chosen)"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        increasing(self, "layers")


class Hats:
    """Hat functions with nodes l / L: weights along lines between layers."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, s: Tensor) -> Tensor:
        nodes = torch.arange(self.size, dtype=s.dtype, device=s.device)
        at = (s * self.size).clamp(max=self.size - 1)[..., None]
        return (1 - (at - nodes).abs()).clamp(min=0)


def residual(width: int, layers: int, *, equal: bool = True) -> NeuralODE:
    """z + f(z, theta_l) / L for l = 1 ... L, in the plane, with a readout.

    Args:
        width: of the two hidden layers of f, tanh.
        layers: L.
        equal: whether all layers start alike; else each by itself.
    """
    field = Galerkin(mlp(2, width, width, 2), PiecewiseConstant(layers))
    if not equal:
        each = [mlp(2, width, width, 2).parameters() for _ in range(layers)]
        drawn = [nn.utils.parameters_to_vector(one) for one in each]
        field.coefficients = nn.Parameter(torch.stack(drawn, 1).detach())
    return NeuralODE(
        field,
        readout=nn.Linear(2, 1),
        solver=Solver("euler", step_size=1 / layers),
    )


def layers_of(network: NeuralODE) -> Tensor:
    """The weights of its layers, shape (P, L)."""
    field: Any = network.field
    weights: Tensor = field.coefficients.data
    return weights


def flow_of(network: NeuralODE) -> NeuralODE:
    """The flow of the weights that lie on lines between the layers'."""
    count = layers_of(network).shape[1]
    flow = copy.deepcopy(network)
    field: Any = flow.field
    field.basis, field.jumps = Hats(count), ()
    flow.solver = Solver(rtol=1e-5, atol=1e-5, max_step=1 / count)
    return flow


def roughness(layers: Tensor) -> dict[str, float]:
    """How far weights (P, L) go from layer to layer, in units of their size.

    Returns:
        ``jump``, on average between two layers, and ``variation``, in all.
    """
    size = layers.norm(dim=0).mean()
    jumps = (layers.diff(dim=1).norm(dim=0) / size).tolist()
    return {"jump": sum(jumps) / len(jumps), "variation": sum(jumps)}


def claims(config: Residual) -> Sequence[Claim]:
    most = config.layers[-1]
    equal, random = (
        {"variant": start, "layers": most} for start in (EQUAL, RANDOM)
    )
    return [
        Claim(
            "curve-equal",
            "Trained from equal layers, jumps between layers fall as 1 / L.",
            slope("layers", "jump", EQUAL, near=-1, within=0.25),
        ),
        Claim(
            "curve-random",
            f"Trained from random layers, the weights of {most} layers vary "
            "more than from equal ones.",
            above("variation", random, equal, ratio=True),
        ),
        Claim(
            "flow-equal",
            f"From equal layers, a flow can take the place of {most} layers "
            "without a cost in accuracy.",
            mean_below("cost", equal, COST),
        ),
        Claim(
            "flow-random",
            f"From random layers, a flow in the place of {most} layers costs "
            "accuracy.",
            mean_above("cost", random, COST),
        ),
        Claim(
            "accuracy-equal",
            f"Equal layers at the start make {most} layers more accurate.",
            above("accuracy", equal, random),
        ),
    ]


@study(
    "anatomy.resnet",
    paper="section 3 (a question of later work)",
    config=Residual,
    block=20,
    variants=(EQUAL, RANDOM),
    keys=("layers",),
    claims=claims,
    label="start",
    quick={"samples": 128, "epochs": 60, "layers": (4, 16)},
    tiny={"layers": (4, 8)},
    words={
        "jump": "jump between layers",
        "gap": "distance to the flow",
        "swapped": "accuracy of the flow",
        "cost": "cost of the flow",
    },
)
def resnet(
    config: Residual, variant: str, seeds: Sequence[int], device: str
) -> list[Row]:
    """Whether the layers of a trained residual network are samples of a curve.

    Networks z + f(z, theta_l) / L have L layers with weights of their own,
    which start either equal or each drawn by itself, by torch's default
    initialisation. Trained, their layers are put on a curve: layer l, counted
    from 0, at s = l / L, straight lines between, and after the last its
    weights. Its flow, solved by dopri5, takes their place: ``gap`` is the
    root-mean-square distance of the ends of the training points, ``swapped``
    the accuracy of the flow, and ``cost`` what it loses against the network's.
    ``jump`` is the mean Euclidean distance of one layer's weights from the
    next's, over the mean norm of all layers' weights, and ``variation`` the sum
    of these distances over that norm.
    """
    rows: list[Row] = []
    for layers in config.layers:
        make = partial(residual, config.width, layers, equal=variant == EQUAL)
        for one in trained_spheres(config, make, seeds, device):
            flow = flow_of(one.model)
            found = quality(one.model, one.x, one.y)
            swapped = accuracy(flow, one.x, one.y)
            ends = (model.solve(one.x).z[-1] for model in (one.model, flow))
            with torch.no_grad():
                gap = distance(*ends)
            rows.append(
                {
                    "seed": one.seed,
                    "layers": layers,
                    **found,
                    **roughness(layers_of(one.model)),
                    "gap": gap,
                    "swapped": swapped,
                    "cost": found["accuracy"] - swapped,
                }
            )
    return rows
