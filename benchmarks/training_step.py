"""One training step of M seeds: this library and its peers.

Solve, mean squared error, gradient and Adam, for fields of 2-16-16-2 tanh on
nested 2-spheres by dopri5 at 1e-4. Speed-ups are over a plain loop with
torchdiffeq. Peers that are not installed are left out, and named:
`pip install diffrax optax torchode torchdyn` brings them.

    python benchmarks/training_step.py
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import torch
from timing import compared, keep, mlp_in_jax, versions
from torch import nn
from torch.nn.functional import mse_loss
from torchdiffeq import odeint

from neural_odes import NeuralODE, Solver, mlp, nested_spheres, seeded
from neural_odes.training.ensemble import Ensemble

SEEDS, POINTS, ROUNDS = (1, 5, 20), (64, 1024), 15
TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}
PACKAGES = ("torchdiffeq", "diffrax", "jax", "torchode", "torchdyn")
Step = Callable[[], Any]


def nets(seed: int) -> tuple[nn.Module, nn.Module]:
    return seeded(lambda: (mlp(2, 16, 16, 2), nn.Linear(2, 1)), seed)


def descend(solve: Callable, f: nn.Module, readout: nn.Module, y: Any) -> Step:
    """A step of Adam on f and a readout of what ``solve()`` returns."""
    parameters = [*f.parameters(), *readout.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        mse_loss(readout(solve()), y).backward()
        optimizer.step()

    return step


def one_by_one(make: Callable[[int], Step], seeds: int) -> Step:
    steps = [make(seed) for seed in range(seeds)]
    return lambda: [step() for step in steps]


def plain(seeds: int, x: Any, y: Any) -> Step:
    def make(seed: int) -> Step:
        f, readout = nets(seed)
        s = torch.tensor([0.0, 1.0])
        return descend(
            lambda: odeint(lambda s, z: f(z), x, s, **TOLERANCE)[-1],
            *(f, readout, y),
        )

    return one_by_one(make, seeds)


def library(seeds: int, x: Any, y: Any, solver: Solver | None = None) -> Step:
    """Seeds as one program, as ``fit`` trains them; by default by dopri5."""
    models = []
    for seed in range(seeds):
        f, readout = nets(seed)
        models.append(NeuralODE(f, readout=readout, solver=solver))
    program = Ensemble(models)
    optimizer = torch.optim.Adam(program.parameters, lr=1e-3)
    inputs, targets = x.expand(seeds, *x.shape), y.expand(seeds, *y.shape)

    def step() -> None:
        optimizer.zero_grad()
        outputs, _, _ = program(inputs)
        program.losses(mse_loss, outputs, targets).sum().backward()
        optimizer.step()

    return step


def torchdyn_way(seeds: int, x: Any, y: Any) -> Step:
    from torchdyn.core import NeuralODE as Peer  # noqa: PLC0415

    def make(seed: int) -> Step:
        f, readout = nets(seed)
        model = Peer(f, solver="dopri5", sensitivity="autograd", **TOLERANCE)
        s = torch.tensor([0.0, 1.0])
        return descend(lambda: model(x, s)[1][-1], f, readout, y)

    return one_by_one(make, seeds)


def torchode_way(seeds: int, x: Any, y: Any) -> Step:
    import torchode  # noqa: PLC0415

    def make(seed: int) -> Step:
        f, readout = nets(seed)
        term = torchode.ODETerm(lambda s, z: f(z))
        control = torchode.IntegralController(**TOLERANCE, term=term)
        solver = torchode.AutoDiffAdjoint(torchode.Dopri5(term=term), control)
        s = torch.tensor([[0.0, 1.0]]).expand(len(x), 2)
        problem = torchode.InitialValueProblem(y0=x, t_eval=s)
        return descend(lambda: solver.solve(problem).ys[:, -1], f, readout, y)

    return one_by_one(make, seeds)


def diffrax_way(seeds: int, x: Any, y: Any) -> Step:
    """Jitted, all seeds at once by vmap."""
    import diffrax  # noqa: PLC0415
    import jax  # noqa: PLC0415
    import optax  # noqa: PLC0415

    def weights(seed: int) -> list[Any]:
        parts = nets(seed)
        return [
            jax.numpy.array(p.detach().numpy())
            for part in parts
            for p in part.parameters()
        ]

    def loss(w: list[Any]) -> Any:
        found = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda s, z, _: mlp_in_jax(w, z)),
            diffrax.Dopri5(),
            *(0.0, 1.0, None, inputs),
            stepsize_controller=diffrax.PIDController(**TOLERANCE),
        )
        return ((found.ys[-1] @ w[6].T + w[7] - targets) ** 2).mean()

    inputs, targets = (jax.numpy.array(t.numpy()) for t in (x, y))
    every = [weights(seed) for seed in range(seeds)]
    state = jax.tree.map(lambda *parts: jax.numpy.stack(parts), *every)
    optimizer = optax.adam(1e-3)
    memory = optimizer.init(state)

    @jax.jit
    def update(state: Any, memory: Any) -> Any:
        gradient = jax.vmap(jax.grad(loss))(state)
        change, memory = optimizer.update(gradient, memory)
        return optax.apply_updates(state, change), memory

    def step() -> None:
        nonlocal state, memory
        state, memory = update(state, memory)
        jax.block_until_ready(state)

    return step


LOOP = "torchdiffeq, plain loop"
PEERS = {
    "torchdyn": torchdyn_way,
    "torchode": torchode_way,
    "diffrax, jitted": diffrax_way,
}


def main() -> None:
    rows: list[dict[str, Any]] = []
    missing: dict[str, str] = {}
    for seeds, points in product(SEEDS, POINTS):
        x, y = nested_spheres(points)
        ways = {
            LOOP: plain(seeds, x, y),
            "this library, one program": library(seeds, x, y),
        }
        for name, make in PEERS.items():
            try:
                step = make(seeds, x, y)
                step()
            except Exception as error:  # a peer's: the others are measured
                missing[name] = f"{type(error).__name__}: {error}"[:200]
            else:
                ways[name] = step
        case = {"seeds": seeds, "points": points}
        for row in compared(ways, LOOP, ROUNDS):
            each = {"ms per seed": row.pop("ms") / seeds}
            rows.append({**case, **row, **each})
    keep(
        "training_step",
        rows,
        versions=versions(*PACKAGES),
        missing=missing,
        threads=torch.get_num_threads(),
    )
    for name, why in missing.items():
        print(f"{name}: not measured ({why})")


if __name__ == "__main__":
    main()
