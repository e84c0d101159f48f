"""Five ways to a gradient: memory, evaluations and error of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.utils.checkpoint import checkpoint
from torchdiffeq import odeint, odeint_adjoint

from neural_odes.nets import mlp
from neural_odes.ode import NeuralODE
from neural_odes.solver import Solver
from neural_odes_lab.config import Count, Positive, option
from neural_odes_lab.judges import Claim, below, every_seed, slope
from neural_odes_lab.studies.adjoint import PeakMemory
from neural_odes_lab.studies.common import (
    Flow,
    Trained,
    gradient,
    in_float64,
    moons,
    trained,
)
from neural_odes_lab.study import Row, study

WAYS = ("backpropagation", "recomputation", "adjoint", "seminorm", "reversible")
EXACT = Solver("dopri8", rtol=1e-12, atol=1e-12)


@dataclass(frozen=True)
class Ways(Flow):
    """Settings of :data:`ways`."""

    tolerances: tuple[Positive, ...] = option(
        (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7),
        "rtol = atol of the adaptive solves, by level (chosen)",
    )
    steps: tuple[Count, ...] = option(
        (4, 8, 16, 32, 64, 128), "of the reversible solver, by level (chosen)"
    )
    pieces: Count = option(4, "that recomputation solves again (chosen)")
    coupling: Positive = option(
        0.99, "of the reversible solver, lambda (McCallum and Foster's range)"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.steps) != len(self.tolerances):
            raise ValueError(
                "steps must be as many as tolerances, "
                f"{len(self.tolerances)}, got {len(self.steps)}"
            )


@study(
    "gradients.ways",
    paper="section 2",
    config=Ways,
    variants=WAYS,
    keys=("level",),
    claims=lambda config: [
        *(
            Claim(
                f"memory-{way}",
                f"The memory of {name} does not grow with the evaluations.",
                slope("nfe", "memory", way, near=0, within=0.2),
            )
            for way, name in (
                ("adjoint", "the adjoint"),
                ("reversible", "a reversible solver"),
            )
        ),
        *(
            Claim(
                f"exact-{way}",
                f"{name} gives the gradient of what was computed, to "
                f"rounding, even at a tolerance of {config.tolerances[0]:g}.",
                every_seed("drift", way, below=1e-6, level=0),
            )
            for way, name in (
                ("recomputation", "Recomputation"),
                ("reversible", "A reversible solver"),
                ("adjoint", "The adjoint"),
            )
        ),
        Claim(
            "nfe-seminorm",
            "With the seminorm, the adjoint takes fewer evaluations, at a "
            f"tolerance of {config.tolerances[-1]:g}.",
            below(
                *("nfe", "seminorm", "adjoint"),
                ratio=True,
                level=len(config.tolerances) - 1,
            ),
        ),
    ],
    block=10,
    label="gradient by",
    quick={"samples": 128, "epochs": 100},
    tiny={"tolerances": (1e-2, 1e-4), "steps": (8, 16)},
    words={
        "nfe": "evaluations, there and back",
        "memory": "memory, KiB",
        "error": "error",
        "drift": "off what was computed",
    },
)
def ways(
    config: Ways, variant: str, seeds: Sequence[int], device: str
) -> list[Row]:
    """Memory, evaluations and error of five ways to a gradient.

    The gradient of the loss over all training points by all parameters of a
    trained flow, in float64. Four ways solve by torchdiffeq's dopri5 at the
    tolerance of each level: backpropagation through its steps; recomputation,
    which keeps the states between ``pieces`` of equal depth and solves each
    piece again on the way back; the adjoint; and the adjoint whose steps back
    are controlled by the state and the adjoint alone, the seminorm of Kidger,
    Chen and Lyons (2021). The fifth is the algebraically reversible solver of
    McCallum and Foster (2024) around the classical Runge-Kutta method, with as
    many equal ``steps`` as the level has.

    ``nfe`` counts evaluations of f, there and back; one whose derivative is
    taken counts once. ``memory`` is the most that tensors take at any time, in
    KiB. ``error`` is ``|g - g*| / |g*|``, g* by dopri8 at 1e-12; ``drift`` is
    the same distance from the gradient by automatic differentiation of the same
    steps forwards.
    """
    sizes = config.width, config.width
    flows = trained(
        config,
        lambda: NeuralODE(mlp(2, *sizes, 2), readout=nn.Linear(2, 1)),
        seeds,
        lambda seed: moons(config, seed, device),
    )
    return [row for flow in flows for row in _measured(config, variant, flow)]


def _measured(config: Ways, variant: str, flow: Trained) -> list[Row]:
    """The rows of one trained flow."""
    model = in_float64(flow.model, EXACT)
    x, y = flow.x.cpu().double(), flow.y.cpu().double()
    truth = gradient(model, x, y, mse_loss)
    rows: list[Row] = []
    for level, tolerance in enumerate(config.tolerances):
        way = Way(model, config, variant, tolerance, config.steps[level])
        with PeakMemory() as peak:
            found = way.gradient(x, y)
        nfe = way.field.nfe
        computed = way.differentiated(x, y)
        row: dict[str, Any] = {"nfe": nfe, "memory": peak.most / 2**10}
        for name, other in (("error", truth), ("drift", computed)):
            row[name] = ((found - other).norm() / other.norm()).item()
        rows.append({"seed": flow.seed, "level": level, **row})
    return rows


class Counted(nn.Module):
    """The field of a depth-invariant model as f(s, z), counted."""

    def __init__(self, model: NeuralODE) -> None:
        super().__init__()
        self.of, self.nfe = model.field, 0

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        self.nfe += 1
        slope_: Tensor = self.of(s, z, z)
        return slope_


class Way:
    """One way to the gradient of a model's loss."""

    def __init__(
        self,
        model: NeuralODE,
        config: Ways,
        name: str,
        tolerance: float,
        steps: int,
    ) -> None:
        self.model, self.name, self.pieces = model, name, config.pieces
        self.field = Counted(model)
        self.reversible = Reversible(self.field, steps, config.coupling)
        self.tolerances = {"rtol": tolerance, "atol": tolerance}

    def gradient(self, x: Tensor, y: Tensor) -> Tensor:
        """As one vector over all parameters."""
        if self.name == "reversible":
            return self.reversible.gradient(self.model, x, y)
        if self.name == "recomputation":
            return self._vector(self._in_pieces(x, kept=False), y)
        if self.name == "backpropagation":
            return self._vector(self._solved(x), y)
        norm = {"norm": "seminorm"} if self.name == "seminorm" else {}
        end = odeint_adjoint(
            self.field, x, _span(x), **self.tolerances, adjoint_options=norm
        )[-1]
        return self._vector(end, y)

    def differentiated(self, x: Tensor, y: Tensor) -> Tensor:
        """By differentiating the operations of the same solve."""
        if self.name == "reversible":
            pair = x, x
            for n in range(self.reversible.steps):
                pair = self.reversible.there(n, *pair)
            return self._vector(pair[0], y)
        if self.name == "recomputation":
            return self._vector(self._in_pieces(x, kept=True), y)
        return self._vector(self._solved(x), y)

    def _solved(self, z: Tensor, s: Tensor | None = None) -> Tensor:
        span = _span(z) if s is None else s
        end: Tensor = odeint(self.field, z, span, **self.tolerances)[-1]
        return end

    def _in_pieces(self, z: Tensor, *, kept: bool) -> Tensor:
        ends = torch.linspace(0, 1, self.pieces + 1, dtype=z.dtype)
        for s in ends.unfold(0, 2, 1):
            z = (
                self._solved(z, s)
                if kept
                else checkpoint(self._solved, z, s, use_reentrant=False)
            )
        return z

    def _vector(self, end: Tensor, y: Tensor) -> Tensor:
        loss = mse_loss(self.model.readout(end), y)
        found = torch.autograd.grad(loss, list(self.model.parameters()))
        return torch.cat([g.flatten() for g in found])


def _parameters(part: Any) -> list[Tensor]:
    return list(part.parameters())


def _span(z: Tensor) -> Tensor:
    return torch.tensor([0.0, 1.0], dtype=z.dtype)


Field = Callable[[Tensor, Tensor], Tensor]


def increment(f: Field, s: float, z: Tensor, h: float) -> Tensor:
    """What a step of the classical Runge-Kutta method adds to z."""

    def at(part: float, state: Tensor) -> Tensor:
        return f(torch.tensor(s + part * h, dtype=z.dtype), state)

    k1 = at(0, z)
    k2 = at(0.5, z + 0.5 * h * k1)
    k3 = at(0.5, z + 0.5 * h * k2)
    k4 = at(1, z + h * k3)
    return h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


@dataclass(frozen=True)
class Reversible:
    """McCallum and Foster's solver around the Runge-Kutta method above.

    Attributes:
        f: the field.
        steps: equal ones, from s = 0 to 1.
        coupling: their lambda, in (0, 1].
    """

    f: Field
    steps: int
    coupling: float

    def there(self, n: int, z: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
        """Step n of the pair (z, w), from 0 on."""
        h, c = 1 / self.steps, self.coupling
        z = c * z + (1 - c) * w + increment(self.f, n * h, w, h)
        return z, w - increment(self.f, (n + 1) * h, z, -h)

    def back(self, n: int, z: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
        """Undo step n, exactly up to rounding."""
        h, c = 1 / self.steps, self.coupling
        w = w + increment(self.f, (n + 1) * h, z, -h)
        return (z - (1 - c) * w - increment(self.f, n * h, w, h)) / c, w

    def gradient(self, model: NeuralODE, x: Tensor, y: Tensor) -> Tensor:
        """Of the mean squared error, keeping no states but the last two."""
        z, w = x, x
        with torch.no_grad():
            for n in range(self.steps):
                z, w = self.there(n, z, w)
        inner, last = _parameters(model.field), _parameters(model.readout)
        z.requires_grad_()
        loss = mse_loss(model.readout(z), y)
        a, *outer = torch.autograd.grad(loss, [z, *last])
        b, sums = torch.zeros_like(w), [torch.zeros_like(p) for p in inner]
        for n in reversed(range(self.steps)):
            with torch.no_grad():
                z, w = self.back(n, z.detach(), w.detach())
            pair = self.there(n, z.requires_grad_(), w.requires_grad_())
            a, b, *parts = torch.autograd.grad(pair, [z, w, *inner], (a, b))
            sums = [one + part for one, part in zip(sums, parts, strict=True)]
        return torch.cat([g.flatten() for g in (*sums, *outer)])
