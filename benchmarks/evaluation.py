"""Solves without training: states at many depths, exponents of many points.

python benchmarks/evaluation.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from timing import compared, keep, mlp_in_jax, versions
from torchdiffeq import odeint

from neural_odes import (
    NeuralODE,
    lyapunov_exponent,
    mlp,
    nested_spheres,
    seeded,
)

TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}
DEPTHS, POINTS, LOOPED = 100, 500, 20
Way = Callable[[], Any]


def field() -> torch.nn.Module:
    """A field that moves states: trained ones take as many evaluations."""
    f = seeded(lambda: mlp(2, 16, 16, 2), 0)
    with torch.no_grad():
        for parameter in f.parameters():
            parameter.mul_(2.5)
    return f.requires_grad_(False)


def dense() -> dict[str, Way]:
    """100 depths for 500 points."""
    f, (x, _) = field(), nested_spheres(POINTS)
    s, model = torch.linspace(0, 1, DEPTHS), NeuralODE(f)
    ways: dict[str, Way] = {
        "torchdiffeq": lambda: odeint(lambda s, z: f(z), x, s, **TOLERANCE),
        "this library": lambda: model.solve(x, s),
    }
    try:
        ways["diffrax, jitted"] = _diffrax(f, x, s)
    except ImportError:
        print("diffrax: not installed")
    return ways


def _diffrax(f: torch.nn.Module, x: Any, s: Any) -> Way:
    import diffrax  # noqa: PLC0415
    import jax  # noqa: PLC0415

    w = [jax.numpy.array(p.numpy()) for p in f.parameters()]
    z0, depths = jax.numpy.array(x.numpy()), jax.numpy.array(s.numpy())

    @jax.jit
    def solve() -> Any:
        return diffrax.diffeqsolve(
            diffrax.ODETerm(lambda s, z, _: mlp_in_jax(w, z)),
            diffrax.Dopri5(),
            *(0.0, 1.0, None, z0),
            saveat=diffrax.SaveAt(ts=depths),
            stepsize_controller=diffrax.PIDController(**TOLERANCE),
        ).ys

    return lambda: jax.block_until_ready(solve())


def exponents() -> dict[str, Way]:
    """Algorithm 1 on 1000 points, against a loop over 20 of them."""
    model, (x, _) = NeuralODE(field()), nested_spheres(1000)

    def loop() -> None:
        for one in x[:LOOPED].split(1):
            lyapunov_exponent(model, one, seed=0)

    return {
        f"a loop over {LOOPED} points": loop,
        "1000 points in one solve": lambda: lyapunov_exponent(model, x, seed=0),
    }


def main() -> None:
    rows = [
        {"task": f"{DEPTHS} depths, {POINTS} points", **row}
        for row in compared(dense(), "torchdiffeq", 30)
    ]
    found = compared(exponents(), f"a loop over {LOOPED} points", 5)
    for row in found:
        points = 1000 if row["way"].startswith("1000") else LOOPED
        row["speed-up"] *= points / LOOPED  # per point
        row["quartiles"] = [q * points / LOOPED for q in row["quartiles"]]
        rows.append({"task": "exponents, per point", **row})
    keep(
        "evaluation",
        rows,
        versions=versions("torchdiffeq", "diffrax", "jax"),
        threads=torch.get_num_threads(),
    )


if __name__ == "__main__":
    main()
