"""A training step of IL-NODE on images, beside a bare matrix product.

The paper's convolutions on batches of the shape of the digits and of MNIST, by
rk4, so that all ways take the same evaluations. The share of the product is the
step's rate of arithmetic over that of a float32 matrix product, timed in the
same rounds. Runs on the CPU, and on CUDA where there is one.

    python benchmarks/convolution.py
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import torch
from timing import interleaved, keep, quartiles
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from neural_odes import Solver, seeded
from neural_odes_lab.studies.images import Table1, build

SHAPES = {"digits": (64, 1, 8, 8), "MNIST": (16, 1, 28, 28)}
WAYS = {
    "float32": Table1(),
    "float32, channels last": Table1(channels_last=True),
    "bfloat16": Table1(precision="bf16"),
    "bfloat16, channels last": Table1(precision="bf16", channels_last=True),
}
BASELINE = "float32"
PRODUCT, SIZE = "a matrix product", 1024
ROUNDS = 9


def finished(work: Callable[[], Any], device: str) -> Callable[[], Any]:
    """The work, and a wait until the device is done with it."""

    def run() -> None:
        work()
        if device == "cuda":
            torch.cuda.synchronize()

    return run


def step(config: Table1, x: Tensor) -> Callable[[], Any]:
    """Solve, cross entropy, gradient and Adam."""
    model = seeded(lambda: build(config, "IL-NODE", x[0, 0].numel()), 0)
    model.solver = Solver("rk4", step_size=0.5)
    model = model.to(x.device)
    if config.channels_last:
        model = model.to(memory_format=torch.channels_last)
        x = x.to(memory_format=torch.channels_last)
    labels = torch.arange(len(x), device=x.device) % 10
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def run() -> None:
        optimizer.zero_grad()
        cross_entropy(model(x), labels).backward()
        optimizer.step()

    return run


def operations(work: Callable[[], Any]) -> int:
    """Floating-point operations of products and convolutions."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def measured(device: str) -> list[dict[str, Any]]:
    rows = []
    a = torch.rand(SIZE, SIZE, device=device)
    for name, shape in SHAPES.items():
        x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
        work = {way: step(c, x.to(device)) for way, c in WAYS.items()}
        work[PRODUCT] = lambda: a @ a
        flops = {way: operations(run) for way, run in work.items()}
        seconds = interleaved(
            {way: finished(run, device) for way, run in work.items()}, ROUNDS
        )
        rate = {
            way: [flops[way] / s for s in own] for way, own in seconds.items()
        }
        for way in WAYS:
            speed_up, spread = quartiles(seconds[BASELINE], seconds[way])
            share, share_spread = quartiles(rate[way], rate[PRODUCT])
            middle = statistics.median(seconds[way])
            rows.append(
                {
                    "device": device,
                    "shape": f"{name}, {len(x)} images",
                    "way": way,
                    "speed-up": speed_up,
                    "quartiles": spread,
                    "share of product": share,
                    "share quartiles": share_spread,
                    "images per second": len(x) / middle,
                    "GFLOP/s": flops[way] / middle / 1e9,
                }
            )
    return rows


def main() -> None:
    found = torch.cuda.is_available()
    devices = {"cpu": None, "cuda": None} if found else {"cpu": None}
    if found:
        devices["cuda"] = torch.cuda.get_device_name()
    rows = [row for device in devices for row in measured(device)]
    keep(
        "convolution",
        rows,
        cuda=devices.get("cuda", "not run: no such device"),
        threads=torch.get_num_threads(),
    )


if __name__ == "__main__":
    main()
