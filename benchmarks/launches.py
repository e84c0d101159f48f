"""What a GPU would feel of a training step: kernels and waits, counted.

Operations that would start a kernel, and numbers that are read back, for which
a GPU waits. They are counted on a device that computes on the CPU
(``pretend.py``), so that the numbers are the same on every machine. Models are
trained for some epochs first, so that their demands differ.

    python benchmarks/launches.py
"""

from __future__ import annotations

from typing import Any

import torch
from pretend import NAME, WAIT, launches, pretend
from timing import keep, versions
from torch import nn
from torch.nn.functional import mse_loss
from torchdiffeq import odeint

from neural_odes import NeuralODE, fit, mlp, nested_spheres, seeded
from neural_odes.training.ensemble import Ensemble

SEEDS, POINTS, EPOCHS = 20, 256, 100
TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}


def counted(step: Any) -> dict[str, int]:
    """A step's kernels and waits."""
    step.counts.clear()
    step()
    return {"launches": launches(step.counts), "waits": step.counts[WAIT]}


class Step:
    """Loss and gradient of models on the device."""

    def __init__(self, counts: Any, models: list[NeuralODE], x: Any, y: Any):
        self.counts, self.program = counts, Ensemble(models)
        self.x = torch.stack([x] * len(models))
        self.y = torch.stack([y] * len(models))

    def __call__(self) -> None:
        outputs, _, self.nfe = self.program(self.x)
        self.program.losses(mse_loss, outputs, self.y).sum().backward()


class Plain:
    """The same by torchdiffeq, for one model."""

    def __init__(self, counts: Any, model: NeuralODE, x: Any, y: Any):
        self.counts, self.model, self.x, self.y = counts, model, x, y
        self.s = torch.tensor([0.0, 1.0]).to(x.device)

    def __call__(self) -> None:
        field = self.model.field.module
        z = odeint(lambda s, z: field(z), self.x, self.s, **TOLERANCE)[-1]
        mse_loss(self.model.readout(z), self.y).backward()


def main() -> None:
    x, y = nested_spheres(POINTS)
    models = [
        seeded(
            lambda: NeuralODE(mlp(2, 16, 16, 2), readout=nn.Linear(2, 1)), seed
        )
        for seed in range(SEEDS)
    ]
    fit(models, x, y, epochs=EPOCHS, lr=0.01, progress=False)
    rows: list[dict[str, Any]] = []
    with pretend() as counts:
        models = [model.to(NAME) for model in models]
        x, y = x.to(NAME), y.to(NAME)
        each = []
        for model in models:
            step = Step(counts, [model], x, y)
            each.append({**counted(step), "nfe": int(step.nfe)})
        each.sort(key=lambda one: one["nfe"])
        plain = counted(Plain(counts, models[0], x, y))
        rows.append({"way": "torchdiffeq, one model", **plain})
        rows.append({"way": "one model, typical", **each[SEEDS // 2]})
        rows.append({"way": "one model, the most demanding", **each[-1]})
        step = Step(counts, models, x, y)
        together = counted(step)
        rows.append({"way": f"{SEEDS} models as one program", **together})
    keep(
        "launches",
        rows,
        versions=versions("torchdiffeq", "torchdyn"),
        points=POINTS,
        epochs=EPOCHS,
    )


if __name__ == "__main__":
    main()
