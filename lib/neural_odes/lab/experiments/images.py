"""Table 1: augmentation on images of digits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from neural_odes.augment import HigherOrder, InputLayer, ZeroAugment
from neural_odes.data import digits, mnist
from neural_odes.lab.experiments.common import count, held, of, rows
from neural_odes.lab.results import compare, spread, verdict
from neural_odes.lab.studies.images import (
    HalfPrecision,
    _accuracy,
    _matmul,
    evaluations,
    spikes,
)
from neural_odes.nets import seeded
from neural_odes.ode import NeuralODE
from neural_odes.solver import Solver
from neural_odes.training.fit import History, fit


@dataclass(frozen=True)
class Table1:
    """Settings of :func:`table1`.

    Args:
        dataset: "digits", 8 x 8, or "mnist", 28 x 28 (the paper's).
        models: keys of ``MODELS``.
        samples: training images, the first ones; 0 for all.
        size: images are averaged down to so many pixels a side; 0 leaves
            them as they are.
        channels: of f's hidden layers (the paper's 64).
        extra: channels that are added (the paper's 5).
        epochs: passes over the data (the paper's are lost; 20 is chosen).
        batch_size: images of a step (256 is chosen).
        lr: Adam's learning rate (0.001 is chosen).
        tolerance: rtol = atol of dopri5 (the paper's 0.001).
        adjoint: gradients by the adjoint, as in the paper, instead of
            backpropagation.
        precision: of f: "float32", "tf32" (CUDA) or "bf16".
        channels_last: order of the images in memory.
        checkpoints: folder for the state of each training after each epoch,
            from which a killed run goes on; "" for none.
    """

    dataset: str = "digits"
    models: tuple[str, ...] = ("vanilla", "ANODE", "IL-NODE", "2nd order")
    samples: int = 0
    size: int = 0
    channels: int = 64
    extra: int = 5
    epochs: int = 20
    batch_size: int = 256
    lr: float = 1e-3
    tolerance: float = 1e-3
    adjoint: bool = False
    precision: str = "float32"
    channels_last: bool = False
    checkpoints: str = ""

    def __post_init__(self) -> None:
        for name, value, known in (
            ("dataset", self.dataset, ("digits", "mnist")),
            ("precision", self.precision, ("float32", "tf32", "bf16")),
        ):
            if value not in known:
                raise ValueError(
                    f"{name} is {value!r}; it takes one of {', '.join(known)}"
                )
        unknown = set(self.models) - set(MODELS)
        if unknown:
            raise ValueError(
                f"models holds {', '.join(sorted(unknown))}; it takes some "
                f"of {', '.join(MODELS)}"
            )
        if (1 + self.extra) % 2 and "2nd order" in self.models:
            raise ValueError(
                f"extra is {self.extra}; second order takes an odd number, "
                "so that half of the channels are velocities"
            )


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
QUANTITIES = ("accuracy", "nfe", "backward", "parameters", "seconds", "spikes")


def table1(
    config: Table1,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """Accuracy and cost of four models on digits (Table 1, Figure 9).

    ``accuracy`` is that on the test images. ``nfe`` is of a forward solve of a
    batch of them after training, ``backward`` that of the adjoint's way back,
    however the model was trained. ``spikes`` counts epochs whose loss or
    evaluations lie more than half above those of the epoch before.

    Returns:
        images, how many were trained and tested on; runs per model and seed,
        with loss and nfe of each epoch; summary; verdicts.
    """
    train, test = (load(config, split, device) for split in SPLITS)
    runs = []
    grid = list(product(config.models, seeds))
    with _matmul(config.precision):
        for name, seed in tqdm(grid, desc="models", disable=not progress):
            model, history = trained(
                config, name, seed, train, progress=progress
            )
            forward, backward = evaluations(model, *_batch(config, test))
            runs.append(
                {
                    "model": name,
                    "seed": seed,
                    "accuracy": _accuracy(model, *test),
                    "nfe": forward,
                    "backward": backward,
                    "parameters": count(model),
                    "seconds": history.seconds,
                    "spikes": spikes(history),
                    "loss": history.loss.tolist(),
                    "evaluations": history.nfe.tolist(),
                }
            )
    return {
        "images": {"train": len(train[0]), "test": len(test[0])},
        "runs": runs,
        "summary": rows(runs, "model", config.models, QUANTITIES),
        "verdicts": _judge(runs, config.models),
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
    """A model of the table, for images of so many pixels.

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
    progress: bool,
) -> tuple[NeuralODE, History]:
    """A model of the table, trained on images, and how that went."""
    x, y = images
    model = seeded(lambda: build(config, name, x[0, 0].numel()), seed)
    model = model.to(x.device)
    if config.channels_last:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    path = None
    if config.checkpoints:
        file = f"{config.dataset}.{name.replace(' ', '-')}.{seed}.safetensors"
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


def _batch(
    config: Table1, images: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    x, y = images
    return x[: config.batch_size], y[: config.batch_size]


def curves(run: Mapping[str, Any]) -> SimpleNamespace:
    """What one of :func:`table1`'s runs measured, epoch by epoch, to draw."""
    return SimpleNamespace(loss=run["loss"], nfe=run["evaluations"])


SPIKE = 1.5
"""How far above the epoch before a spike is (chosen)."""


def _judge(
    runs: Sequence[dict[str, Any]], models: Sequence[str]
) -> list[dict[str, Any]]:
    def each(quantity: str) -> Callable[[str], list[float]]:
        return lambda model: of(runs, "model", model, quantity)

    def means(values: Callable[[str], list[float]]) -> str:
        return ", ".join(f"{m} {spread(values(m))['mean']:.4g}" for m in models)

    def best(model: str, sign: int, values: Callable[[str], list[float]]):  # type: ignore[no-untyped-def]
        rivals = [m for m in models if m != model]
        if model not in models or not rivals:
            return None
        signs = [sign * compare(values(model), values(m)) for m in rivals]
        return held(*signs)

    def per_parameter(model: str) -> list[float]:
        pairs = zip(
            each("accuracy")(model),
            each("parameters")(model),
            strict=True,
        )
        return [1000 * accuracy / number for accuracy, number in pairs]

    judged = [
        verdict(
            f"IL-NODE is best in {quantity}.",
            best("IL-NODE", sign, each(quantity)),
            f"mean {quantity} " + means(each(quantity)),
        )
        for quantity, sign in (("accuracy", 1), ("nfe", -1))
    ]
    judged.append(
        verdict(
            "2nd order is most accurate per parameter.",
            best("2nd order", 1, per_parameter),
            "accuracy per 1000 parameters " + means(per_parameter),
        )
    )
    if "vanilla" in models:
        found = each("spikes")("vanilla")
        judged.append(
            verdict(
                "Vanilla converges without spikes in loss or evaluations.",
                max(found) == 0,
                "mean spikes " + means(each("spikes")),
            )
        )
    return judged
