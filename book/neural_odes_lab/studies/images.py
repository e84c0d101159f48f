"""The models of Table 1, and how they are trained on images of digits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from neural_odes.augment import HigherOrder, InputLayer, ZeroAugment
from neural_odes.nets import seeded
from neural_odes.ode import NeuralODE
from neural_odes.solver import Solver
from neural_odes.training import History, fit
from neural_odes_lab.config import (
    Config,
    Count,
    Natural,
    Positive,
    option,
)
from neural_odes_lab.data import digits, mnist

Model = Literal["vanilla", "ANODE", "IL-NODE", "2nd order"]


@dataclass(frozen=True)
class Table1(Config):
    """Settings of :data:`~neural_odes_lab.studies.table1.table1`.

    f is the paper's: a 1 x 1 convolution from the state's channels to
    ``channels``, ReLU, a 3 x 3 convolution with zero padding, ReLU, a 1 x 1
    convolution back. vanilla: the state is the image. ANODE: ``extra`` channels
    of zeros are appended to it. IL-NODE: a 1 x 1 convolution maps it to 1 +
    ``extra`` channels. 2nd order: the same, but half of the channels are
    positions and half velocities, and f maps all of them to accelerations. A
    linear layer maps all channels and pixels to ten scores. Adam trains all
    parameters on the cross entropy, in shuffled batches, in float32; dopri5
    solves from s = 0 to 1 at rtol = atol = ``tolerance``, and gradients are
    backpropagated through its steps unless ``adjoint`` is true. Pixel values
    are in [0, 1]. The digits are scikit-learn's, 1,437 for training and 360 for
    testing, the same for all seeds; MNIST has its own test images.
    """

    dataset: Literal["digits", "mnist"] = option(
        "digits", "digits, 8 x 8, or mnist, 28 x 28 (the paper's)"
    )
    models: tuple[Model, ...] = option(
        ("vanilla", "ANODE", "IL-NODE", "2nd order"), "what is compared"
    )
    samples: Natural = option(0, "training images, the first ones; 0 for all")
    size: Natural = option(
        0, "images are averaged down to so many pixels a side; 0: as they are"
    )
    channels: Count = option(64, "of f's hidden layers (the paper's 64)")
    extra: Natural = option(5, "channels that are added (the paper's 5)")
    epochs: Count = option(
        20, "passes over the data (chosen; the paper's are lost)"
    )
    batch_size: Count = option(64, "images of a step (chosen)")
    lr: Positive = option(1e-3, "Adam's learning rate (chosen)")
    tolerance: Positive = option(
        1e-3, "rtol = atol of dopri5 (the paper's 0.001)"
    )
    adjoint: bool = option(False, "gradients by the adjoint, as in the paper")
    precision: Literal["float32", "tf32", "bf16"] = option(
        "float32", "of f; tf32 is for CUDA"
    )
    channels_last: bool = option(False, "order of the images in memory")
    checkpoints: str = option(
        "",
        "folder for the state of each training after each epoch, from which a "
        "killed run goes on; by default none",
        decides=False,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if (1 + self.extra) % 2 and "2nd order" in self.models:
            raise ValueError(
                f"extra must be odd for the model '2nd order', got {self.extra}"
            )


class HalfPrecision(nn.Module):
    """A field whose layers compute in bfloat16; states stay float32."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, z: Tensor) -> Tensor:
        with torch.autocast(z.device.type, torch.bfloat16):
            return self.module(z).to(z.dtype)


def _convolutions(config: Table1, inputs: int, outputs: int) -> nn.Module:
    """The paper's f (Table 2)."""
    c = config.channels
    f = nn.Sequential(
        nn.Conv2d(inputs, c, 1),
        nn.ReLU(),
        nn.Conv2d(c, c, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(c, outputs, 1),
    )
    return HalfPrecision(f) if config.precision == "bf16" else f


Parts = tuple[Any, nn.Module | None, int]
"""Field, lift and channels of the state."""


def _anode(config: Table1) -> Parts:
    n = 1 + config.extra
    return _convolutions(config, n, n), ZeroAugment(config.extra), n


def _il_node(config: Table1) -> Parts:
    n = 1 + config.extra
    return _convolutions(config, n, n), InputLayer(nn.Conv2d(1, n, 1)), n


def _second_order(config: Table1) -> Parts:
    n = 1 + config.extra
    field = HigherOrder(_convolutions(config, n, n // 2))
    return field, InputLayer(nn.Conv2d(1, n, 1)), n


MODELS: dict[str, Callable[[Table1], Parts]] = {
    "vanilla": lambda config: (_convolutions(config, 1, 1), None, 1),
    "ANODE": _anode,
    "IL-NODE": _il_node,
    "2nd order": _second_order,
}


SPLITS = ("train", "test")


def load(config: Table1, split: Any, device: str) -> tuple[Tensor, Tensor]:
    """Images and labels of a split, in the size and number configured."""
    x, y = (digits if config.dataset == "digits" else mnist)(split)
    if split == "train" and config.samples:
        x, y = x[: config.samples], y[: config.samples]
    if config.size:
        x = nn.functional.adaptive_avg_pool2d(x, config.size)
    if config.channels_last:
        x = x.to(memory_format=torch.channels_last)
    return x.to(device), y.to(device)


def build(config: Table1, name: str, pixels: int) -> NeuralODE:
    """A model of the table, for images of a given number of pixels.

    Args:
        config: its channels, extra, tolerance, adjoint and precision.
        name: a key of ``MODELS``.
        pixels: of an image, height times width.
    """
    field, lift, channels = MODELS[name](config)
    solver = Solver(
        rtol=config.tolerance, atol=config.tolerance, adjoint=config.adjoint
    )
    readout = nn.Sequential(nn.Flatten(), nn.Linear(channels * pixels, 10))
    return NeuralODE(field, lift=lift, readout=readout, solver=solver)


def trained(
    config: Table1,
    name: str,
    seed: int,
    images: tuple[Tensor, Tensor],
    *,
    progress: bool = False,
) -> tuple[NeuralODE, History]:
    """A model of the table, trained on images, and its training history."""
    x, y = images
    model = seeded(lambda: build(config, name, x[0, 0].numel()), seed)
    model = model.to(x.device)
    if config.channels_last:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    path = None
    if config.checkpoints:
        file = f"{config.dataset}.{name.replace(' ', '-')}.{seed}.pt"
        path = Path(config.checkpoints) / file
    history = fit(
        model,
        x,
        y,
        epochs=config.epochs,
        lr=config.lr,
        batch_size=config.batch_size,
        loss=nn.functional.cross_entropy,
        seed=seed,
        progress=progress,
        checkpoint=path,
    )
    return model, history


class _Counted(nn.Module):
    def __init__(self, field: Any) -> None:
        super().__init__()
        self.field, self.calls = field, 0

    def forward(self, s: Tensor, z: Tensor, x: Tensor) -> Tensor:
        self.calls += 1
        return self.field(s, z, x)


def evaluations(model: NeuralODE, x: Tensor, y: Tensor) -> tuple[int, int]:
    """Evaluations of f in a forward solve and in the adjoint's backward one."""
    field = _Counted(model.field)
    counted = NeuralODE(
        field,
        lift=model.lift,
        depth=model.depth,
        readout=model.readout,
        solver=replace(model.solver, adjoint=True),
    )
    solution = counted.solve(x)
    before = field.calls
    loss = nn.functional.cross_entropy(model.readout(solution.z[-1]), y)
    torch.autograd.grad(loss, list(model.field.parameters()))
    return solution.nfe, field.calls - before


@contextmanager
def matmul(precision: str) -> Iterator[None]:
    """Let CUDA's matrix products use tf32 if ``precision`` says so.

    This is a switch of the whole process; it is put back.
    """
    before = torch.get_float32_matmul_precision()
    if precision == "tf32":
        torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
