"""What trains and measures runs on a device other than the CPU, and agrees.

Nothing may mix devices there; the numbers are the CPU's.
"""

import pytest
import torch
from pretend import NAME, WAIT, launches, on_cpu, pretend
from test_ensemble import PENALTIES, STACKED
from torch import nn

from neural_odes import (
    DataControlled,
    Fourier,
    Galerkin,
    GraphConv,
    NeuralODE,
    PiecewiseConstant,
    Solver,
    ZeroAugment,
    accuracy,
    accuracy_under_attack,
    fit,
    lyapunov_exponent,
    mlp,
    nested_spheres,
    renormalised_exponent,
    seeded,
)

X, Y = nested_spheres(12)
MODELS = {
    **STACKED,
    "jumps": lambda: NeuralODE(
        Galerkin(mlp(2, 6, 2), PiecewiseConstant(3)), readout=nn.Linear(2, 1)
    ),
    "worst sample": lambda: NeuralODE(
        mlp(2, 6, 2),
        readout=nn.Linear(2, 1),
        solver=Solver("bosh3", error_norm="worst sample"),
    ),
    "fixed steps": lambda: NeuralODE(
        mlp(2, 6, 2),
        readout=nn.Linear(2, 1),
        solver=Solver("rk4", step_size=0.3),
    ),
    "torchdiffeq": lambda: NeuralODE(
        mlp(2, 6, 2), readout=nn.Linear(2, 1), solver=Solver("dopri8")
    ),
}


def trained(make, members, device, **settings):
    """The numbers of a training on a device, on the CPU."""
    models = [seeded(make, seed).to(device) for seed in range(members)]
    x, y = X.to(device), Y.to(device)
    settings = {"epochs": 1, "lr": 0.01, "batch_size": 8, **settings}
    histories = fit(models, x, y, progress=False, **settings)
    return on_cpu(
        [
            [one.loss for one in histories],
            [one.nfe for one in histories],
            [list(model.parameters()) for model in models],
        ]
    )


def assert_alike(measure):
    """A function of a device gives the same numbers on both."""
    expected = measure("cpu")
    with pretend() as counts:
        found = on_cpu(measure(NAME))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert launches(counts) > 0


@pytest.mark.parametrize("kind", MODELS)
def test_models_train(kind):
    assert_alike(lambda device: trained(MODELS[kind], 1, device))
    if kind != "hypernetwork":  # a layer of one vector is squeezed in place
        assert_alike(lambda device: trained(MODELS[kind], 3, device))


# Derivatives by torch.func need more of a device than Python can pretend.
@pytest.mark.parametrize(
    "kind", ["fixed_point", "steady_state", "kinetic_energy"]
)
def test_penalties(kind):
    running, penalty = PENALTIES[kind]

    def make():
        return NeuralODE(mlp(2, 6, 2), readout=nn.Linear(2, 1), running=running)

    assert_alike(lambda device: trained(make, 3, device, penalty=penalty))


def test_paths_and_graphs():
    adjacency = (torch.eye(4).roll(1, 0) + torch.eye(4).roll(-1, 0)).float()
    s = torch.tensor([0.5, 1.0])

    def measure(device):
        layer = seeded(lambda: GraphConv(2, 2, adjacency), 0)
        model = NeuralODE(nn.Sequential(layer, nn.Tanh())).to(device)
        x = torch.ones(4, 2, device=device)
        y = torch.zeros(2, 4, 2, device=device)
        fit(model, x, y, epochs=2, depths=s.to(device), progress=False)
        return list(model.parameters())

    assert_alike(measure)


@pytest.mark.parametrize(
    "estimate",
    [
        lambda m, x: lyapunov_exponent(m, x, depths=3, perturbations=2).error,
        lambda m, x: renormalised_exponent(m, x, pieces=2, radius=1e-3),
        lambda m, x: torch.tensor(accuracy(Last(m), x, x[:, :1].sign())),
        lambda m, x: torch.tensor(
            accuracy_under_attack(
                *(Last(m), x, x[:, :1].sign()), radius=0.1, restarts=2
            )
        ),
    ],
    ids=[
        *("exponent", "renormalised", "accuracy", "attack"),
    ],
)
def test_what_is_measured(estimate):
    def measure(device):
        model = seeded(
            lambda: NeuralODE(
                Galerkin(DataControlled(mlp(4, 6, 2)), Fourier(3)),
            ),
            0,
        )
        return estimate(model.to(device), X.to(device))

    assert_alike(measure)


class Last(nn.Module):
    """The first feature of a model's output."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x)[:, :1]


def test_images():
    def measure(device):
        field = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 3, 1, 1)
        )
        model = NeuralODE(
            *(field,),
            lift=ZeroAugment(2),
            readout=nn.Sequential(nn.Flatten(), nn.Linear(3 * 16, 2)),
            solver=Solver(rtol=1e-3, atol=1e-3),
        )
        x = torch.linspace(-1, 1, 96).reshape(6, 1, 4, 4).to(device)
        y = torch.tensor([0, 1] * 3).to(device)
        model = model.to(device)
        fit(model, x, y, epochs=2, batch_size=3, progress=False)
        return [accuracy(model, x, y), list(model.parameters())]

    assert_alike(lambda device: seeded(lambda: measure(device), 0))


def test_one_number_is_read_back_in_a_step_of_the_solver():
    """A wait for a number stops a GPU: one a step, and few beside."""
    model = seeded(lambda: NeuralODE(mlp(2, 8, 2), readout=nn.Linear(2, 1)), 0)
    with pretend() as counts:
        model, x = model.to(NAME), X.to(NAME)
        counts.clear()
        nfe = model.follow(x).nfe
    steps = (nfe - 2) / 6
    assert counts[WAIT] <= 2 + steps
