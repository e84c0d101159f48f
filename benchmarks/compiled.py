"""What a training step would gain from being written out and compiled.

The same step three ways, over several seeds by rk4 in 8 steps: by the library,
whose solver and models are Python; written out by hand for this one network,
with batched products and without ``torch.vmap``; and the latter compiled, as
one graph, by ``torch.compile`` (which needs a C++ compiler).

    python benchmarks/compiled.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import product
from typing import Any

import torch
from timing import compared, keep
from torch import Tensor
from training_step import library, nets

from neural_odes import Solver, nested_spheres

SEEDS, POINTS, STEPS, ROUNDS = (1, 20), (64, 1024), 8, 15
LIBRARY, BY_HAND = "this library", "by hand"


def by_hand(
    seeds: int, x: Tensor, y: Tensor, *, compiled: bool = False
) -> Callable[[], Any]:
    """A step of Adam on stacked weights; samples are the last dimension."""
    found = [nets(seed) for seed in range(seeds)]
    stacked = [
        torch.stack([own.detach() for own in each]).requires_grad_()
        for each in zip(
            *([*f.parameters(), *r.parameters()] for f, r in found), strict=True
        )
    ]
    optimizer = torch.optim.Adam(stacked, lr=1e-3)
    inputs = x.mT.expand(seeds, *x.mT.shape).contiguous()
    targets = y.mT.expand(seeds, *y.mT.shape).contiguous()

    def layer(i: int, z: Tensor) -> Tensor:
        weight, bias = stacked[2 * i : 2 * i + 2]
        return torch.baddbmm(bias[:, :, None], weight, z)

    def field(z: Tensor) -> Tensor:
        return layer(2, layer(1, layer(0, z).tanh()).tanh())

    def loss(z: Tensor) -> Tensor:
        h = 1 / STEPS
        for _ in range(STEPS):
            a = field(z)
            b = field(z + h / 3 * a)
            c = field(z + h * (b - a / 3))
            d = field(z + h * (a - b + c))
            z = z + h / 8 * (a + 3 * b + 3 * c + d)
        return (layer(3, z) - targets).square().mean((1, 2)).sum()

    run = torch.compile(loss) if compiled else loss

    def step() -> Tensor:
        optimizer.zero_grad()
        value = run(inputs)
        value.backward()
        optimizer.step()
        return value.detach()

    return step


def main() -> None:
    rows: list[dict[str, Any]] = []
    solver = Solver("rk4", step_size=1 / STEPS)
    for seeds, points in product(SEEDS, POINTS):
        x, y = nested_spheres(points)
        torch.compiler.reset()  # else one graph would serve all sizes
        compiled = by_hand(seeds, x, y, compiled=True)
        start = time.perf_counter()
        value = compiled()
        spent = time.perf_counter() - start
        torch.testing.assert_close(value, by_hand(seeds, x, y)())
        ways = {
            LIBRARY: library(seeds, x, y, solver),
            BY_HAND: by_hand(seeds, x, y),
            f"{BY_HAND}, compiled": compiled,
        }
        for row in compared(ways, LIBRARY, ROUNDS):
            rows.append({"seeds": seeds, "points": points, **row})
        rows[-1]["seconds to compile"] = spent
    keep(
        "compiled",
        rows,
        threads=torch.get_num_threads(),
        cuda="not run",
    )


if __name__ == "__main__":
    main()
