"""All that needs a GPU, in parts that end within ten minutes each and resume.

    python benchmarks/gpu.py                 # the parts that have no result yet
    python benchmarks/gpu.py alike precision
    python benchmarks/gpu.py --device pretend --tiny   # tries it without a GPU

alike: each kind of model learns on the device what it learns on the CPU.
ensembles: the time of a training step of 1, 5 and 20 models.
precision: time and accuracy in float32, tf32 and bf16 (autocast in the field).
table1: the paper's table on the whole of MNIST; each run adds a seed, and
finished ones are kept in results/tasks.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pretend
import torch
from timing import FOLDER, keep
from torch import Tensor, nn

from neural_odes import (
    DataControlled,
    DepthConcat,
    Fourier,
    Galerkin,
    HigherOrder,
    NeuralODE,
    ZeroAugment,
    accuracy,
    fit,
    mlp,
    nested_spheres,
    seeded,
)
from neural_odes_lab.records import results_folder
from neural_odes_lab.records import write as write_record
from neural_odes_lab.runner import run
from neural_odes_lab.studies import STUDIES

MODELS: dict[str, Callable[[], NeuralODE]] = {
    "depth-invariant": lambda: NeuralODE(
        mlp(2, 16, 16, 2), readout=nn.Linear(2, 1)
    ),
    "concat": lambda: NeuralODE(
        DepthConcat(mlp(3, 16, 16, 2)), readout=nn.Linear(2, 1)
    ),
    "GalNODE": lambda: NeuralODE(
        Galerkin(mlp(2, 16, 16, 2), Fourier(5)), readout=nn.Linear(2, 1)
    ),
    "data-controlled": lambda: NeuralODE(
        DataControlled(mlp(4, 16, 16, 2)), readout=nn.Linear(2, 1)
    ),
    "second order": lambda: NeuralODE(
        HigherOrder(mlp(4, 16, 16, 2)),
        lift=ZeroAugment(2),
        readout=nn.Linear(4, 1),
    ),
}


class HalfField(nn.Module):
    """A field that computes in bfloat16, of states in float32."""

    def __init__(self, field: nn.Module) -> None:
        super().__init__()
        self.field = field

    def forward(self, z: Tensor) -> Tensor:
        with torch.autocast(z.device.type, torch.bfloat16):
            return self.field(z).float()


def trained(
    make: Callable[[], NeuralODE], seeds: int, device: str, **settings: Any
) -> tuple[list[NeuralODE], float, tuple[Tensor, Tensor]]:
    """Models, seconds for all epochs after the first, and the data."""
    data = nested_spheres(settings.pop("points"))
    x, y = (t.to(device) for t in data)
    models = [seeded(make, seed).to(device) for seed in range(seeds)]
    fit(models, x, y, epochs=1, lr=0.01, progress=False)
    start = time.perf_counter()
    histories = fit(models, x, y, lr=0.01, progress=False, **settings)
    assert all(float(one.loss[-1]) == float(one.loss[-1]) for one in histories)
    return models, time.perf_counter() - start, (x, y)


def alike(device: str, tiny: bool) -> list[dict[str, Any]]:
    rows = []
    for name, make in MODELS.items():
        for seeds in (1, 3):
            settings = {"epochs": 2, "points": 16 if tiny else 256}
            ends = []
            for place in ("cpu", device):
                models, _, _ = trained(make, seeds, place, **settings)
                flat = [p.detach().flatten() for p in models[-1].parameters()]
                ends.append(pretend.on_cpu(torch.cat(flat)).cpu())
            apart = (ends[0] - ends[1]).abs().max().item()
            rows.append({"model": name, "seeds": seeds, "apart": apart})
    return rows


def ensembles(device: str, tiny: bool) -> list[dict[str, Any]]:
    rows = []
    for points in (16,) if tiny else (256, 1024, 16384):
        for seeds in (1, 3) if tiny else (1, 5, 20):
            epochs = 2 if tiny else 50
            make = MODELS["depth-invariant"]
            _, seconds, _ = trained(
                make, seeds, device, epochs=epochs, points=points
            )
            ms = 1e3 * seconds / epochs / seeds
            rows.append({"points": points, "seeds": seeds, "ms per seed": ms})
    return rows


def precision(device: str, tiny: bool) -> list[dict[str, Any]]:
    def half() -> NeuralODE:
        return NeuralODE(HalfField(mlp(2, 64, 64, 2)), readout=nn.Linear(2, 1))

    def whole() -> NeuralODE:
        return NeuralODE(mlp(2, 64, 64, 2), readout=nn.Linear(2, 1))

    ways = {"float32": whole, "tf32": whole, "bf16": half}
    rows = []
    for name, make in ways.items():
        if name == "bf16" and device == pretend.NAME:
            continue  # it has no autocast
        torch.backends.cuda.matmul.allow_tf32 = name == "tf32"
        epochs = 2 if tiny else 200
        models, seconds, data = trained(
            make, 1, device, epochs=epochs, points=16 if tiny else 4096
        )
        rows.append(
            {
                "precision": name,
                "ms": 1e3 * seconds / epochs,
                "accuracy": accuracy(models[0], *data),
            }
        )
    return rows


def table1(device: str, tiny: bool) -> list[dict[str, Any]]:
    """One seed more of Table 1; the record is written with what there is."""
    study, setting = STUDIES["augmentation.table1"], "tiny" if tiny else "mnist"
    folder = None if tiny else results_folder() / "tasks"
    for seeds in range(1, 2 if tiny else 21):
        start = time.perf_counter()
        record = run(
            study,
            seeds=list(range(seeds)),
            setting=setting,
            device=device,
            folder=folder,
            progress=False,
        )
        if not tiny:
            write_record(record, results_folder())
        if time.perf_counter() - start > 60:  # this one was not kept before
            break
    return [{"setting": setting, "seeds": seeds}]


PARTS = {one.__name__: one for one in (alike, ensembles, precision, table1)}


def main() -> None:
    parser = argparse.ArgumentParser(description="All that needs a GPU.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=str([*PARTS]))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="seconds, unkept")
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"PART must be one of {', '.join(PARTS)}, got {unknown}")
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("there is no CUDA device here; try --device pretend --tiny")
    todo = options.parts or [
        name
        for name in PARTS
        if options.tiny or not Path(FOLDER, f"gpu.{name}.json").exists()
    ]
    if options.device == pretend.NAME and "table1" in todo:
        todo.remove("table1")  # it lays out images in memory, which needs one
    place = pretend.pretend() if options.device == pretend.NAME else None
    for name in todo:
        with place or nullcontext():
            rows = PARTS[name](options.device, options.tiny)
        if options.tiny:
            print(name, *rows, sep="\n  ")
        else:
            keep(f"gpu.{name}", rows)
        place = pretend.pretend() if place else None


if __name__ == "__main__":
    main()
