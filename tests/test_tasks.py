"""What researchers write with the library: short programs, whole.

Each has its data, and the budget of lines that keeps it short; a test reads
the number that it reaches. Margins are wide: trainings end elsewhere on
another processor.
"""

import ast
import copy
import inspect
import io
import math
import textwrap
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from scipy.special import jv
from torch import Tensor, nn

import neural_odes
from neural_odes import (
    DataControlled,
    DepthConcat,
    Galerkin,
    HigherOrder,
    NeuralODE,
    PartialReadout,
    Solution,
    Solver,
    ZeroAugment,
    accuracy,
    divergence,
    half_moons,
    integrate,
    jacobian_norm,
    kinetic_energy,
    mlp,
    seeded,
)
from neural_odes_lab.data import digits

T = TypeVar("T")
BUDGET: dict[Any, int] = {}
MIDPOINT = Solver("midpoint", step_size=0.1)
RK4 = Solver("rk4", step_size=0.2)
fit = partial(neural_odes.fit, progress=False)


def program(lines: int) -> Callable[[T], T]:
    """Mark a program whose body has at most so many lines."""

    def marked(task: T) -> T:
        BUDGET[task] = lines
        return task

    return marked


def run(task: Callable[..., T], *data: Any) -> T:
    return seeded(lambda: task(*data), 0)


def uniform(*shape: int, seed: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def pendulums(samples: int, times: Tensor) -> tuple[Tensor, Tensor]:
    """Angles and velocities at the start, and later on."""

    def swing(s: Tensor, z: Tensor, x: Tensor) -> Tensor:
        return torch.stack([z[:, 1], -4 * z[:, 0].sin()], dim=1)

    start = (uniform(samples, 2, seed=0) * 2 - 1) * torch.tensor([1.0, 2.0])
    truth = NeuralODE(swing, depth=float(times[-1]))
    return start, truth.solve(start, times).z


@program(lines=14)
def second_order(times: Tensor, start: Tensor, seen: Tensor) -> list[NeuralODE]:
    """Models of the first and of the second order, of angles alone."""
    models = [
        NeuralODE(
            field,
            depth=2.0,
            readout=PartialReadout(nn.Identity(), 1),
            solver=MIDPOINT,
        )
        for field in (mlp(2, 32, 2), HigherOrder(mlp(2, 32, 1)))
    ]
    for model in models:
        fit(model, start, seen, depths=times, epochs=100, lr=0.02)
    return models


def test_second_order_learns_a_pendulum_from_40_irregular_times() -> None:
    times = 2 * uniform(40, seed=1).sort().values
    x, z = pendulums(70, times)
    models = run(second_order, times, x[:20], z[:, :20, :1])
    with torch.no_grad():
        first, second = (
            (model.solve(x[20:], times).z - z[:, 20:])[..., 0].abs().mean()
            for model in models
        )
    assert second < 0.05
    assert second < first / 2  # a fifth to a quarter


@program(lines=16)
def convolutions(x: Tensor, y: Tensor) -> NeuralODE:
    model = NeuralODE(
        DepthConcat(
            nn.Sequential(
                nn.Conv2d(9, 8, 3, padding=1),
                nn.Tanh(),
                nn.Conv2d(8, 8, 3, padding=1),
            )
        ),
        lift=ZeroAugment(7),
        readout=nn.Sequential(nn.Flatten(), nn.Linear(512, 10)),
        solver=Solver("midpoint", step_size=0.5),
    )
    fit(model, x, y, epochs=5, lr=0.01, batch_size=64)
    return model


def test_a_convolutional_field_reads_digits() -> None:
    model = run(convolutions, *digits())
    assert accuracy(model, *digits("test")) > 0.85  # about 0.94


@program(lines=7)
def rnode(x: Tensor, y: Tensor, weight: float) -> NeuralODE:
    def cost(*at: Any) -> Tensor:
        return kinetic_energy(*at) + jacobian_norm(*at)

    def penalty(model: NeuralODE, path: Solution, x: Tensor) -> Tensor:
        return weight * path.running[-1].mean()

    model = NeuralODE(mlp(2, 16, 16, 2), running=cost, readout=nn.Linear(2, 1))
    fit(model, x, y, epochs=60, lr=0.02, penalty=penalty)
    return model


def test_rnode_makes_flows_calm_at_the_same_accuracy() -> None:
    x, y = half_moons(128, seed=0)
    free, calm = (run(rnode, x, y, weight) for weight in (0.0, 0.03))
    assert accuracy(calm, x, y) > 0.9
    costs = [model.solve(x).running[-1].mean() for model in (free, calm)]
    assert costs[1] < costs[0] / 2
    for model in (free, calm):  # what remains to be solved is the state
        model.running, model.solver = None, Solver(rtol=1e-6, atol=1e-6)
    assert calm.solve(x).nfe < free.solve(x).nfe


@program(lines=6)
class Bessel:
    size, domain = 6, (0.0, 5.0)

    def __call__(self, s: Tensor) -> Tensor:
        values = jv(np.arange(self.size), s[..., None].numpy())
        return torch.as_tensor(values).to(s)


def test_a_bessel_basis_on_its_own_domain_finds_weights() -> None:
    s = torch.linspace(0.1, 5.0, 50)
    start = 1 + uniform(10, 1, seed=0)
    seen = start * s.sin().exp()[:, None, None]  # dz/ds = cos(s) z
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, 0.1)
    field = Galerkin(layer, Bessel())
    before = field.weights(s)["weight"].flatten().detach()
    assert float((before - 0.1).abs().max()) < 1e-3
    model = NeuralODE(field, depth=5.0, solver=MIDPOINT)
    fit(model, start, seen, depths=s, epochs=100, lr=0.2)
    after = field.weights(s)["weight"].flatten().detach()
    assert float((after - s.cos()).abs().mean()) < 0.2  # about 0.09


@program(lines=8)
class Hamiltonian(nn.Module):
    def __init__(self, energy: nn.Module) -> None:
        super().__init__()
        self.energy = energy

    def forward(self, z: Tensor) -> Tensor:
        slope = torch.func.grad(lambda z: self.energy(z).sum())(z)
        dq, dp = slope.chunk(2, dim=1)
        return torch.cat([dp, -dq], dim=1)


def test_a_hamiltonian_field_learns_an_energy_and_keeps_it() -> None:
    times = torch.linspace(0.2, 2.0, 10)
    start, seen = pendulums(30, times)
    energy = run(mlp, 2, 32, 1)
    model = NeuralODE(Hamiltonian(energy), depth=2.0, solver=MIDPOINT)
    fit(model, start, seen, depths=times, epochs=100, lr=0.02)
    model.solver = Solver(rtol=1e-6, atol=1e-6)
    with torch.no_grad():
        z = model.solve(start, times * 10, beyond=True).z
        assert float((energy(z[-1]) - energy(z[0])).abs().max()) < 1e-2
        true = start[:, 1] ** 2 / 2 - 4 * start[:, 0].cos()
        learned = torch.stack([energy(start)[:, 0], true])
    assert float(torch.corrcoef(learned)[0, 1]) > 0.9  # about 0.99


@program(lines=15)
def exported(model: NeuralODE, x: Tensor) -> Callable[[Tensor], Tensor]:
    """The midpoint method, ten steps long, as a graph without the library.

    torch.export cannot follow ``solve`` itself, which looks at the values of
    depths and inputs: whether these are finite, how long a step may be.
    """

    class Unrolled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: Tensor) -> Tensor:
            z, u, h = model.lift(x), model.control(x), model.depth / 10
            for s in torch.arange(10) * h:
                middle = z + h / 2 * model.field(s, z, u)
                z = z + h * model.field(s + h / 2, middle, u)
            return model.readout(z)

    samples = torch.export.Dim("samples")
    graph = torch.export.export(Unrolled(), (x,), dynamic_shapes=[{0: samples}])
    torch.export.save(graph, file := io.BytesIO())
    file.seek(0)
    return torch.export.load(file).module()


def test_a_model_is_exported() -> None:
    x, _ = half_moons(32, seed=0)
    model = NeuralODE(
        DepthConcat(mlp(3, 16, 2)), readout=nn.Linear(2, 1), solver=MIDPOINT
    )
    found = exported(model, x)(x[:5])
    torch.testing.assert_close(found, model(x[:5]))


@program(lines=6)
def sweep(rates: list[float], *data: Tensor) -> list[float]:
    """Accuracies on data held back, by learning rate."""
    x, y, held_x, held_y = data
    start = NeuralODE(mlp(2, 16, 16, 2), readout=nn.Linear(2, 1), solver=RK4)
    models = [copy.deepcopy(start) for _ in rates]
    fit(models, x, y, epochs=120, lr=rates)
    return [accuracy(model, held_x, held_y) for model in models]


def test_learning_rates_are_swept_in_one_training() -> None:
    data = (*half_moons(256, seed=0), *half_moons(256, seed=1))
    found = run(sweep, [1e-5, 1e-3, 1e-2, 1e-1], *data)
    assert found[0] < 0.8
    assert max(found[2:]) > 0.9


@program(lines=13)
def normalising_flow(x: Tensor, noise: Tensor) -> list[Any]:
    """Minus the logarithm of the density learned, and samples of it."""
    flow = NeuralODE(mlp(2, 32, 2), running=divergence, solver=RK4)

    def nats(path: Solution) -> Tensor:
        gauss = path.z[-1].square().sum(1) / 2 + math.log(2 * math.pi)
        return gauss - path.running[-1]

    optimizer = torch.optim.Adam(flow.parameters(), lr=0.05)
    for _ in range(80):
        optimizer.zero_grad()
        nats(flow.solve(x)).mean().backward()
        optimizer.step()
    back = torch.tensor([1.0, 0.0])
    samples, _ = integrate(lambda s, z: flow.field(s, z, x), noise, back)
    return [lambda x: nats(flow.solve(x)), samples[-1]]


def test_a_normalising_flow_learns_a_density() -> None:
    x, _ = half_moons(128, seed=0)
    noise = run(torch.randn, 500, 2)
    nats, samples = run(normalising_flow, x, noise)
    with torch.no_grad():
        axis = torch.linspace(-5, 5, 101)
        mass = nats(torch.cartesian_prod(axis, axis)).neg().exp().sum() * 0.1**2
        held = nats(half_moons(256, seed=1)[0]).mean()
    assert float(mass) == pytest.approx(1, abs=0.1)
    assert float(held) < 1.8  # about 1.3; a Gaussian's are 2.1
    far = [torch.cdist(z, x).amin(1).median() for z in (samples, noise)]
    assert far[0] < far[1] / 2


@program(lines=22)
def latent(times: Tensor, x: Tensor, waves: Tensor) -> NeuralODE:
    """A model of series x of (value, time), shape (N, T, 2)."""

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.GRU(2, 24, batch_first=True)
            self.start = nn.Linear(24, 6)

        def forward(self, x: Tensor) -> Tensor:
            _, last = self.rnn(x.flip(1))
            return self.start(last[0])

    model = NeuralODE(
        mlp(6, 32, 6),
        lift=Encoder(),
        depth=3.0,
        readout=nn.Linear(6, 1),
        solver=MIDPOINT,
    )
    fit(model, x, waves, depths=times, epochs=100, lr=0.02)
    return model


def test_a_latent_ode_continues_waves_seen_at_irregular_times() -> None:
    times = 3 * uniform(30, seed=2).sort().values
    rate, phase = 2 + 2 * uniform(128, seed=0), 6.28 * uniform(128, seed=1)
    waves = (times[:, None] * rate + phase).sin()[..., None]
    seen = waves[:20, :, 0].mT
    x = torch.stack([seen, times[:20].expand_as(seen)], dim=2)
    model = run(latent, times, x[:96], waves[:, :96])
    with torch.no_grad():
        found = model.readout(model.solve(x[96:], times).z)
    off = (found - waves[:, 96:]).square()[20:].mean()
    assert float(off) < 0.2  # about 0.05; the waves' variance is 0.5


@program(lines=7)
def conditional(times: Tensor, x: Tensor, seen: Tensor) -> NeuralODE:
    """Of inputs of a start and a rate, the field sees the rate."""
    model = NeuralODE(
        DataControlled(mlp(2, 16, 1)),
        lift=lambda x: x[:, :1],
        control=lambda x: x[:, 1:],
    )
    fit(model, x, seen, depths=times, epochs=200, lr=0.03)
    return model


def test_a_conditional_model_decays_at_the_rate_it_is_given() -> None:
    times = torch.linspace(0.1, 1.0, 10)
    x = torch.cat([1 + uniform(60, 1, seed=0), 3 * uniform(60, 1, seed=1)], 1)
    seen = x[:, :1] * torch.exp(-x[:, 1:] * times[:, None, None])
    model = run(conditional, times, x[:40], seen[:, :40])
    with torch.no_grad():
        off = (model.solve(x[40:], times).z - seen[:, 40:]).abs().mean()
    spread = seen[:, 40:].std(dim=1).mean()
    assert float(off) < float(spread) / 4


@program(lines=7)
def regulator(x: Tensor) -> NeuralODE:
    """Brings states to rest at 0, at the least running cost."""

    def cost(s: Tensor, z: Tensor, x: Tensor, dz: Tensor, field: Any) -> Tensor:
        return (4 * z**2 + dz**2)[:, 0]

    def penalty(model: NeuralODE, path: Solution, x: Tensor) -> Tensor:
        return path.running[-1].mean()

    model = NeuralODE(DepthConcat(mlp(2, 16, 1)), running=cost)
    fit(model, x, 0 * x, epochs=50, lr=0.02, penalty=penalty)
    return model


def test_a_running_cost_of_ones_own_finds_the_best_control() -> None:
    x = 4 * uniform(64, 1, seed=0) - 2
    model = run(regulator, x)
    with torch.no_grad():
        path = model.solve(x)
    found = float((path.running[-1] + path.z[-1, :, 0] ** 2).mean())
    # Riccati's equation p' = p^2 - 4, p(1) = 1, gives the least, p(0) x^2.
    least = 2 * math.tanh(2 + math.atanh(0.5)) * float((x**2).mean())
    assert 0.99 < found / least < 1.1  # about 1.004


@pytest.mark.parametrize("task", BUDGET, ids=lambda task: task.__name__)
def test_programs_stay_short(task: Any) -> None:
    source = textwrap.dedent(inspect.getsource(task))
    (whole,) = ast.parse(source).body
    first = whole.body[ast.get_docstring(whole) is not None]
    lines = source.splitlines()[first.lineno - 1 :]
    assert len([line for line in lines if line]) <= BUDGET[task]
