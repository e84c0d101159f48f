"""Backpropagation and the adjoint on images: gradients, cost, memory."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from neural_odes.nets import seeded
from neural_odes.solver import Solver
from neural_odes_lab.config import Count, Positive, option
from neural_odes_lab.judges import Claim, column_below, slope
from neural_odes_lab.studies import images
from neural_odes_lab.studies.common import gradient, in_float64
from neural_odes_lab.study import Row, per_seed, study

WAYS = ("backpropagation", "adjoint")
EXACT = Solver("rk4", step_size=1 / 200)
ROUGH = Solver("rk4", step_size=1 / 100)
"""Fixed steps: across the kinks of ReLU, tight tolerances take thousands."""


@dataclass(frozen=True)
class Adjoint(images.Table1):
    """Settings of :data:`adjoint`; those of ``Table1`` are for training."""

    models: tuple[images.Model, ...] = option(
        ("IL-NODE",), "what is measured (chosen)"
    )
    epochs: Count = option(5, "passes over the data (chosen)")
    tolerances: tuple[Positive, ...] = option(
        (1e-1, 1e-2, 1e-3, 1e-4, 1e-5),
        "at which gradients are computed (chosen)",
    )
    images: Count = option(16, "of the batch whose gradient is taken (chosen)")


SMALL = {"size": 4, "channels": 2, "samples": 20, "batch_size": 10}


@study(
    "augmentation.adjoint",
    paper="section 4, table 1 (trained by the adjoint)",
    config=Adjoint,
    variants=lambda config: config.models,
    keys=("tolerance",),
    claims=lambda config: [
        Claim(
            f"backpropagation-{tolerance:g}",
            "Backpropagation gives a more accurate gradient than the adjoint "
            f"at a tolerance of {tolerance:g}.",
            column_below(*WAYS, ratio=True, tolerance=tolerance),
        )
        for tolerance in config.tolerances
    ],
    label="model",
    quick={
        "samples": 200,
        "channels": 8,
        "epochs": 2,
        "tolerances": (1e-2, 1e-3, 1e-5),
    },
    tiny={**SMALL, "epochs": 1, "tolerances": (1e-1, 1e-3)},
    words={
        "backpropagation": "error, backpropagation",
        "adjoint": "error, adjoint",
        "reference": "error of the reference",
    },
)
@per_seed
def adjoint(config: Adjoint, variant: str, seed: int, device: str) -> list[Row]:
    """Gradient and cost of the adjoint on images.

    Gradients g by backpropagation and by the adjoint, both in float32 with
    dopri5 at each of ``tolerances``, are compared with g*, by backpropagation
    in float64 through 200 steps of rk4 (the 3/8 rule). The error is ``|g - g*|
    / |g*|`` over all parameters, for the first ``images`` test images and
    models trained as below. For the adjoint, torchdiffeq solves forwards and
    back; its steps back are controlled by the state, the adjoint and the
    parameters' gradient, by the largest of their errors (its default norm).
    ``reference`` is the same distance for 100 steps of rk4: how far g* itself
    may be off. ``nfe`` counts the evaluations of f in the forward solve,
    ``backward`` those in the adjoint's backward solve. Errors are compared as
    ratios.
    """
    train, test = (
        images.load(config, split, device) for split in images.SPLITS
    )
    x, y = (part[: config.images] for part in test)
    model, _ = images.trained(config, variant, seed, train)
    given = x.cpu().double(), y.cpu()
    truth = gradient(in_float64(model, EXACT), *given, cross_entropy)
    rough = gradient(in_float64(model, ROUGH), *given, cross_entropy)
    rows: list[Row] = []
    for tol in config.tolerances:
        model.solver = Solver(rtol=tol, atol=tol)
        forward, backward = images.evaluations(model, x, y)
        row: dict[str, Any] = {"tolerance": tol}
        row |= {"nfe": forward, "backward": backward}
        for way in WAYS:
            model.solver = replace(model.solver, adjoint=way == "adjoint")
            away = gradient(model, x, y, cross_entropy).cpu().double() - truth
            row[way] = (away.norm() / truth.norm()).item()
        row["reference"] = ((rough - truth).norm() / truth.norm()).item()
        rows.append(row)
    return rows


@dataclass(frozen=True)
class Memory(images.Table1):
    """Settings of :data:`memory`; those of ``Table1`` make its model."""

    images: Count = option(16, "of the batch whose gradient is taken (chosen)")
    steps: tuple[Count, ...] = option((2, 4, 8, 16, 32, 64), "of rk4 (chosen)")


@study(
    "augmentation.memory",
    paper="section 4, table 1 (trained by the adjoint)",
    config=Memory,
    variants=WAYS,
    keys=("steps",),
    random=False,
    claims=[
        Claim(
            "adjoint-constant",
            "The adjoint's memory does not grow with the evaluations.",
            slope("nfe", "memory", "adjoint", near=0, within=0.1),
        ),
        Claim(
            "backpropagation-grows",
            "Backpropagation's memory grows with the evaluations.",
            slope("nfe", "memory", "backpropagation", near=1, within=0.5),
        ),
    ],
    label="gradient by",
    quick={"channels": 8, "steps": (2, 8, 32)},
    tiny={**SMALL, "steps": (2, 8)},
    words={"memory": "memory, MiB", "steps": "steps of rk4"},
)
def memory(
    config: Memory, variant: str, seeds: Sequence[int], device: str
) -> list[Row]:
    """Peak memory of a gradient of IL-NODE over its evaluations.

    The most memory that tensors take at any time during one gradient of an
    untrained IL-NODE, in MiB, with rk4 and each number of ``steps``: the bytes
    of all tensors that the operations forwards and back create and that are
    alive at the same time. The loss is the cross entropy of the first
    ``images`` test images; nothing is trained, and memory does not depend on
    the weights. ``nfe`` is that of the forward solve. The slope is that of log
    memory over log nfe, by least squares.
    """
    x, y = (
        part[: config.images] for part in images.load(config, "test", device)
    )
    model = seeded(
        lambda: images.build(config, "IL-NODE", x[0, 0].numel()), 0
    ).to(device)
    rows: list[Row] = []
    for steps in config.steps:
        model.solver = Solver(
            "rk4", step_size=1 / steps, adjoint=variant == "adjoint"
        )
        with PeakMemory() as peak:
            gradient(model, x, y, cross_entropy)
        row = {"nfe": model.solve(x).nfe, "memory": peak.most / 2**20}
        rows.append({"seed": 0, "steps": steps, **row})
    return rows


class PeakMemory(TorchDispatchMode):
    """Counts the memory of the tensors that are created while it is active.

    Attributes:
        now: bytes of those that are alive.
        most: the largest ``now`` so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self._alive: dict[int, int] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor):
                self._count(leaf.untyped_storage())
        return out

    def _count(self, storage: torch.UntypedStorage) -> None:
        at, size = storage.data_ptr(), storage.nbytes()
        if size and at not in self._alive:
            self._alive[at] = size
            self.now += size
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self._free, at)

    def _free(self, at: int) -> None:
        self.now -= self._alive.pop(at)
