"""Error against time: dopri5 of this library and of its peers.

Each solves the flow of a 2-16-16-2 tanh field in float64, from loose to tight
tolerances; the error is the largest of any final state. Speed-ups are over
scipy at the same error, interpolated linearly between logarithms. diffrax is
left out unless it is installed (`pip install diffrax`).

    python benchmarks/accuracy.py
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from evaluation import field
from scipy.integrate import solve_ivp
from timing import interleaved, keep, mlp_in_jax, quartiles, versions
from torch import Tensor
from torchdiffeq import odeint

from neural_odes import Solver, integrate, nested_spheres

ROUNDS = {64: 41, 4096: 15}
"""By the number of points."""
TOLERANCES = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
ERRORS = (1e-4, 1e-6, 1e-8)
SCIPY = "scipy, RK45"
SPAN = torch.tensor([0.0, 1.0], dtype=torch.float64)
Solve = Callable[[float], Any]
"""The final states, given a tolerance."""


def ours(f: torch.nn.Module, x: Tensor) -> Solve:
    return lambda tol: integrate(
        *(lambda s, z: f(z), x, SPAN), solver=Solver(rtol=tol, atol=tol)
    )[0][-1]


def torchdiffeq(f: torch.nn.Module, x: Tensor) -> Solve:
    return lambda tol: odeint(
        *(lambda s, z: f(z), x, SPAN), rtol=tol, atol=tol
    )[-1]


def scipy(f: torch.nn.Module, x: Tensor, method: str = "RK45") -> Solve:
    """With the field in numpy: calls into torch would slow scipy down."""
    w = [p.numpy() for p in f.parameters()]
    z0 = x.numpy()

    def derivative(s: float, flat: Any) -> Any:
        z = np.tanh(flat.reshape(z0.shape) @ w[0].T + w[1])
        return (np.tanh(z @ w[2].T + w[3]) @ w[4].T + w[5]).ravel()

    def solve(tol: float) -> Any:
        found = solve_ivp(
            *(derivative, (0.0, 1.0), z0.ravel(), method),
            t_eval=[1.0],
            rtol=tol,
            atol=tol,
        )
        return found.y[:, -1].reshape(z0.shape)

    return solve


def diffrax(f: torch.nn.Module, x: Tensor) -> Solve:
    """Jitted."""
    import diffrax as peer  # noqa: PLC0415
    import jax  # noqa: PLC0415

    jax.config.update("jax_enable_x64", True)
    w = [jax.numpy.array(p.numpy()) for p in f.parameters()]

    @jax.jit
    def solve(z: Any, tol: Any) -> Any:
        return peer.diffeqsolve(
            peer.ODETerm(lambda s, z, _: mlp_in_jax(w, z)),
            peer.Dopri5(),
            *(0.0, 1.0, None, z),
            stepsize_controller=peer.PIDController(rtol=tol, atol=tol),
        ).ys[-1]

    z0 = jax.numpy.array(x.numpy())
    return lambda tol: jax.block_until_ready(solve(z0, tol))


def at_error(
    error: float, errors: list[float], seconds: list[list[float]]
) -> list[float]:
    """Each round's seconds for an error, interpolated between measured ones."""
    order = np.argsort(errors)
    found = [
        np.interp(np.log(error), np.log(errors)[order], np.log(own)[order])
        for own in zip(*seconds, strict=True)
    ]
    return [float(np.exp(one)) for one in found]


def main() -> None:
    rows: list[dict[str, Any]] = []
    curves: list[dict[str, Any]] = []
    ways = {"this library": ours, "torchdiffeq": torchdiffeq, SCIPY: scipy}
    packages = versions("scipy", "torchdiffeq", "diffrax", "jax")
    if packages["diffrax"] != "not installed":
        ways["diffrax, jitted"] = diffrax
    f = field().double()
    for points, rounds in ROUNDS.items():
        x = nested_spheres(points)[0].double()
        truth = scipy(f, x, "DOP853")(1e-13)
        solves = {name: make(f, x) for name, make in ways.items()}
        cases = list(product(TOLERANCES, ways))
        seconds = interleaved(
            {case: partial(solves[case[1]], case[0]) for case in cases}, rounds
        )
        errors: dict[str, list[float]] = {name: [] for name in ways}
        for tol, name in cases:
            found = np.asarray(solves[name](tol))
            errors[name].append(float(np.abs(found - truth).max()))
            ms, spread = quartiles(seconds[tol, name], [1e-3] * rounds)
            one = {"points": points, "way": name, "tolerance": tol}
            one |= {"error": errors[name][-1], "ms": ms, "quartiles": spread}
            curves.append(one)
        for error in ERRORS:
            times = {}
            for name in ways:
                own = [seconds[tol, name] for tol in TOLERANCES]
                times[name] = at_error(error, errors[name], own)
            for name, own in times.items():
                ratio, spread = quartiles(times[SCIPY], own)
                one = {"points": points, "error": error, "way": name}
                rows.append(one | {"speed-up": ratio, "quartiles": spread})
    threads = torch.get_num_threads()
    keep("accuracy", rows, curves=curves, versions=packages, threads=threads)


if __name__ == "__main__":
    main()
