"""The depth-invariant model on nested spheres of more and more dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import torch
from tqdm.auto import tqdm

from neural_odes.data import nested_spheres as draw
from neural_odes.lab.experiments.anatomy import Spheres
from neural_odes.lab.experiments.common import held, means, of
from neural_odes.lab.experiments.spheres import invariant, logs, trained
from neural_odes.lab.results import compare, spread, verdict
from neural_odes.training.fit import accuracy


@dataclass(frozen=True)
class ByDimension(Spheres):
    """Settings of :func:`spheres_by_dimension`: those of ``Spheres``, and

    Args:
        dims: dimensions n; in one, no flow can solve it (chosen).
        fresh: points drawn to measure generalisation (chosen).
    """

    dims: tuple[int, ...] = (1, 2, 3, 5, 10, 20)
    fresh: int = 4000


def spheres_by_dimension(
    config: ByDimension,
    *,
    seeds: Sequence[int],
    device: str = "cpu",
    progress: bool = True,
) -> dict[str, Any]:
    """The depth-invariant model on nested n-spheres, with as many points.

    Returns:
        runs: per n and seed the loss, accuracy on the training points (a
        success where it is 1), on fresh points, and nfe; summary; verdicts.
    """
    runs: list[dict[str, Any]] = []
    grid = list(product(config.dims, seeds))
    for n, seed in tqdm(grid, desc="models", disable=not progress):
        model, x, y = trained(
            config,
            partial(invariant, dim=n),
            seed,
            device,
            dim=n,
        )
        fresh, label = draw(config.fresh, dim=n, seed=seed + 10_000)
        with torch.no_grad():
            right = accuracy(model, x, y)
            runs.append(
                {
                    "variant": n,
                    "seed": seed,
                    "loss": (model(x) - y).square().mean().item(),
                    "accuracy": right,
                    "success": float(right == 1),
                    "fresh": accuracy(
                        model, fresh.to(device), label.to(device)
                    ),
                    "nfe": model.solve(x).nfe,
                }
            )
    quantities = ("loss", "accuracy", "success", "fresh", "nfe")
    losses = {n: logs(runs, n) for n in config.dims}
    first, last = config.dims[0], config.dims[-1]
    return {
        "runs": runs,
        "summary": [
            {
                "n": n,
                **{q: spread(of(runs, "variant", n, q)) for q in quantities},
            }
            for n in config.dims
        ],
        "verdicts": [
            verdict(
                f"The loss in dimension {last} is below that in {first}.",
                _below(losses[last], losses[first]),
                means(runs, "variant", config.dims, "loss"),
            ),
            verdict(
                f"Dimension {last} takes fewer evaluations than {first}.",
                _below(
                    of(runs, "variant", last, "nfe"),
                    of(runs, "variant", first, "nfe"),
                ),
                means(runs, "variant", config.dims, "nfe"),
            ),
            verdict(
                "From two dimensions on, every seed fits all its points.",
                all(run["success"] for run in runs if run["variant"] > 1),
                means(runs, "variant", config.dims, "success"),
            ),
        ],
    }


def _below(a: Sequence[float], b: Sequence[float]) -> bool | None:
    return held(-compare(a, b))
