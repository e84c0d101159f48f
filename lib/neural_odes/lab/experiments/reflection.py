"""Section 5 on a line: the reflection, and what it takes to learn it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from neural_odes.bases import Fourier
from neural_odes.control import AdaptiveDepth, DataControlled, LinearControl
from neural_odes.data import crossing as draw
from neural_odes.depth import DepthConcat, Galerkin
from neural_odes.lab.results import spread, verdict
from neural_odes.lab.studies.reflection import (
    _made,
)
from neural_odes.nets import mlp
from neural_odes.ode import NeuralODE
from neural_odes.training.fit import fit


@dataclass(frozen=True)
class Reflection:
    """How models learn the reflection, by the L1 loss in full batches.

    Args:
        samples: points of the reflection in [-1, 1] (chosen).
        epochs: steps of Adam (the paper's 1000).
        lr: its learning rate (chosen).
        weight_decay: its weight decay (chosen).
        kept: points of each training curve that are kept (chosen).
    """

    samples: int = 20
    epochs: int = 1000
    lr: float = 0.01
    weight_decay: float = 1e-5
    kept: int = 100


@dataclass(frozen=True)
class Crossing(Reflection):
    """Settings of :func:`crossing`: those of :class:`Reflection`, and

    Args:
        models: keys of ``MODELS``.
    """

    models: tuple[str, ...] = (
        "depth-invariant 16",
        "depth-invariant 32",
        "concat 16",
        "concat 32",
        "GalNODE",
        "linear",
        "data-controlled",
    )

    def __post_init__(self) -> None:
        unknown = set(self.models) - set(MODELS)
        if unknown:
            raise ValueError(
                f"models holds {', '.join(sorted(unknown))}; it takes some "
                f"of {', '.join(MODELS)}"
            )


@dataclass(frozen=True)
class Adaptive(Reflection):
    """Settings of :func:`adaptive_depth`: those of :class:`Reflection`, and

    Args:
        width: of the concat field's two hidden layers (the paper's 8).
        hidden: of the depth network's hidden layer (the paper's 8).
        right: depth of x = 1 where depths are set by hand (the paper's 1).
        left: depth of x = -1 there (the paper's 3).
    """

    width: int = 8
    hidden: int = 8
    right: float = 1.0
    left: float = 3.0


MODELS: dict[str, Callable[[], nn.Module]] = {
    "depth-invariant 16": lambda: mlp(1, 16, 16, 1),
    "depth-invariant 32": lambda: mlp(1, 32, 32, 1),
    "concat 16": lambda: DepthConcat(mlp(2, 16, 16, 1)),
    "concat 32": lambda: DepthConcat(mlp(2, 32, 32, 1)),
    "GalNODE": lambda: Galerkin(mlp(1, 32, 1), Fourier(5)),
    "linear": LinearControl,
    "data-controlled": lambda: DataControlled(mlp(2, 32, 32, 1)),
}
CONTROLLED = ("linear", "data-controlled")
"""The models whose field sees x; the others must fail (Figure 12)."""


def crossing(
    config: Crossing,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """Who can learn the reflection (Figures 3, 12 and 13).

    A map that keeps the order of points has an L1 loss of at least ``floor``,
    the mean of |x|: it cannot do better than to send all points to 0.

    Returns:
        floor; runs: per model and seed the final loss, the largest error, the
        share of neighbours whose order was ``reversed``, nfe and the curve of
        the loss; summary; verdicts per model.
    """
    x, y = (part.to(device) for part in draw(config.samples))
    runs = []
    for name in tqdm(config.models, desc="models", disable=not progress):
        make = MODELS[name]
        models = [_made(make, seed, device) for seed in seeds]
        runs += _learned(config, name, models, seeds, (x, y))
    floor = x.abs().mean().item()
    return {
        "floor": floor,
        "runs": runs,
        "summary": _rows(runs, config.models),
        "verdicts": [
            _judge(name, runs, floor, learns=name in CONTROLLED)
            for name in config.models
        ],
    }


def adaptive_depth(
    config: Adaptive,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """A depth for each input: set by hand (Figure 4) and learned (Figure 14).

    By hand, x = ±1 alone are learned; "fixed" is the same concat field with
    depth 1 for all.

    Returns:
        floor and runs as of :func:`crossing`, with the depths g(x) of each
        model; x, the inputs of the learned depths; summary; verdicts.
    """
    x, y = (part.to(device) for part in draw(config.samples))
    ends, swapped = (part.to(device) for part in draw(2))
    variants = {
        "fixed": (lambda: 1.0, x, y),
        "by hand": (lambda: partial(_by_hand, config), ends, swapped),
        "learned": (lambda: AdaptiveDepth(1, hidden=config.hidden), x, y),
    }
    runs = []
    for name, (depth, inputs, targets) in tqdm(
        variants.items(), desc="models", disable=not progress
    ):
        models = [
            _made(lambda: _concat(config), seed, device, depth)
            for seed in seeds
        ]
        rows = _learned(config, name, models, seeds, (inputs, targets))
        for row, model in zip(rows, models, strict=True):
            with torch.no_grad():
                if callable(model.depth):
                    row["depths"] = model.depth(inputs).tolist()
        runs += rows
    floor = x.abs().mean().item()
    return {
        "floor": floor,
        "x": x[:, 0].tolist(),
        "runs": runs,
        "summary": _rows(runs, variants),
        "verdicts": [
            _judge("fixed", runs, floor, learns=False),
            _judge("by hand", runs, ends.abs().mean().item(), learns=True),
            _judge("learned", runs, floor, learns=True),
        ],
    }


def _by_hand(config: Adaptive, x: Tensor) -> Tensor:
    return torch.where(x[:, 0] > 0, config.right, config.left)


def _concat(config: Adaptive) -> nn.Module:
    return DepthConcat(mlp(2, config.width, config.width, 1))


def _learned(
    config: Reflection,
    name: str,
    models: Sequence[NeuralODE],
    seeds: Sequence[int],
    data: tuple[Tensor, Tensor],
) -> list[dict[str, Any]]:
    x, y = data
    histories = fit(
        models,
        x,
        y,
        epochs=config.epochs,
        lr=config.lr,
        weight_decay=config.weight_decay,
        loss=nn.functional.l1_loss,
        progress=False,
    )
    rows = []
    for seed, model, history in zip(seeds, models, histories, strict=True):
        with torch.no_grad():
            solution = model.solve(x)
        end = solution.z[-1]
        every = max(1, -(-config.epochs // config.kept))
        rows.append(
            {
                "model": name,
                "seed": seed,
                "loss": (end - y).abs().mean().item(),
                "largest error": (end - y).abs().max().item(),
                "reversed": (end.diff(dim=0) < 0).float().mean().item(),
                "nfe": solution.nfe,
                "every": every,
                "curve": history.loss[::every].tolist(),
            }
        )
    return rows


def _rows(runs: Sequence[dict[str, Any]], names: Any) -> list[dict[str, Any]]:
    return [
        {
            "model": name,
            **{
                q: spread([run[q] for run in runs if run["model"] == name])
                for q in ("loss", "largest error", "reversed", "nfe")
            },
        }
        for name in names
    ]


def _judge(
    name: str, runs: Sequence[dict[str, Any]], floor: float, *, learns: bool
) -> dict[str, Any]:
    """Learned: a tenth of the floor, in every seed. Failed: at the floor.

    A solver's error can carry a loss a little below the floor.
    """
    losses = [run["loss"] for run in runs if run["model"] == name]
    most, least = max(losses), min(losses)
    return verdict(
        f"{name}: learns the reflection."
        if learns
        else f"{name}: fails to learn the reflection.",
        most < floor / 10 if learns else least > 0.99 * floor,
        f"loss from {least:.3g} to {most:.3g} over {len(losses)} seed(s); no "
        f"map that keeps the order of points gets below {floor:.3g}",
    )
