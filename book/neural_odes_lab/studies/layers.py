"""What a flow is worth in layers: the same fields with a few Euler steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from torch import nn

from neural_odes.nets import mlp
from neural_odes.ode import NeuralODE
from neural_odes.solver import Solver
from neural_odes_lab.config import Count, option
from neural_odes_lab.judges import Claim, above, slug
from neural_odes_lab.studies.common import quality, trained_spheres
from neural_odes_lab.studies.inputs import Still
from neural_odes_lab.studies.spheres import FIELDS, Extrapolation, extrapolation
from neural_odes_lab.study import Row, study

NETWORK, SOLVED, NONE = "network, no flow", "dopri5", "none"


@dataclass(frozen=True)
class Layers(Extrapolation):
    """Settings of :data:`layers`."""

    steps: tuple[Count, ...] = option(
        (1, 2, 4, 8), "Euler steps that take the place of the solver (chosen)"
    )


def claims(config: Layers) -> Sequence[Claim]:
    fewest = f"{min(config.steps)} Euler"
    return [
        Claim(
            f"{slug(name)}-{control}",
            f"Between the rings, the {name} flow is right more often than "
            f"{what}.",
            above("gap", {"variant": name, "solver": SOLVED}, other),
        )
        for name in FIELDS
        for control, what, other in (
            (
                "network",
                "a network without a flow",
                {"variant": NETWORK, "solver": NONE},
            ),
            (
                "euler",
                f"its field trained with {fewest} step",
                {"variant": name, "solver": fewest},
            ),
        )
    ]


@study(
    "dimensionality.layers",
    paper="section 5, figures 5 and 15 to 17 (a control of the book)",
    config=Layers,
    block=10,
    variants=(*FIELDS, NETWORK),
    keys=("solver",),
    claims=claims,
    label="field",
    quick={"samples": 128, "epochs": 60, "steps": (1, 4)},
    tiny={"fresh": 50, "steps": (1, 2)},
)
def layers(
    config: Layers, variant: str, seeds: Sequence[int], device: str
) -> list[Row]:
    """What a flow is worth in layers, on nested 2-spheres.

    Each field is trained anew with a few Euler steps in place of the solver, as
    a residual network of as many layers, which share their weights except for
    what changes with depth. Beside them, a network without a flow is trained, a
    multilayer perceptron 2-``width``-``width``-1 with tanh. The fields are
    those of :data:`nested_spheres`: f(z), f([z; s]), f(z) with weights and
    biases that are a sum of ``modes`` functions 1, cos 2 pi s, sin 2 pi s, ...,
    and f([z; x]). So are the quantities: ``rings`` is the accuracy on ``fresh``
    other points of the ball and the shell, and ``gap`` that on as many points
    uniform in the area ``0.5 < |x| < 1``, labelled -1 up to ``|x| = 0.75`` and
    +1 beyond.
    """
    if variant == NETWORK:
        solvers = {NONE: Solver("euler", step_size=1.0)}
    else:
        solvers = {
            f"{n} Euler": Solver("euler", step_size=1 / n) for n in config.steps
        } | {SOLVED: Solver()}
    rows: list[Row] = []
    for name, solver in solvers.items():
        rows += [
            {
                "seed": one.seed,
                "solver": name,
                **quality(one.model, one.x, one.y),
                **extrapolation(config, one),
            }
            for one in trained_spheres(
                config,
                partial(_model, config, variant, solver),
                seeds,
                device,
            )
        ]
    return rows


def _model(config: Layers, variant: str, solver: Solver) -> NeuralODE:
    w = config.width
    if variant == NETWORK:
        return NeuralODE(Still(), readout=mlp(2, w, w, 1), solver=solver)
    field = FIELDS[variant](config)
    return NeuralODE(field, readout=nn.Linear(2, 1), solver=solver)
