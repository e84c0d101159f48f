"""Several models as one program: each learns what it learns alone."""

import copy
import math

import numpy as np
import pytest
import torch
from helpers import TIGHT
from torch import nn

from neural_odes import (
    AdaptiveDepth,
    DataControlled,
    DepthConcat,
    Fourier,
    Galerkin,
    HigherOrder,
    Hypernetwork,
    HypernetworkODE,
    NeuralODE,
    PiecewiseConstant,
    Solver,
    TrainingError,
    ZeroAugment,
    divergence,
    fit,
    fixed_point,
    jacobian_norm,
    kinetic_energy,
    mlp,
    nested_spheres,
    seeded,
    steady_state,
)
from neural_odes.training import ensemble
from neural_odes.training.ensemble import Ensemble
from neural_odes.training.fit import worth_stacking

X, Y = (t.double() for t in nested_spheres(24))
RK4 = Solver("rk4", step_size=0.25)
ADAPTIVE = Solver(rtol=1e-5, atol=1e-6)
STACKED = {
    "vanilla": lambda: NeuralODE(mlp(2, 6, 2), readout=nn.Linear(2, 1)),
    "concat": lambda: NeuralODE(
        DepthConcat(mlp(3, 6, 2)), readout=nn.Linear(2, 1)
    ),
    "Galerkin": lambda: NeuralODE(
        Galerkin(mlp(2, 6, 2), Fourier(3)), readout=nn.Linear(2, 1)
    ),
    "hypernetwork": lambda: NeuralODE(
        Hypernetwork(mlp(2, 6, 2), hidden=4), readout=nn.Linear(2, 1)
    ),
    "data-controlled": lambda: NeuralODE(
        DataControlled(mlp(4, 6, 2)), readout=nn.Linear(2, 1)
    ),
    "lifted, deeper": lambda: NeuralODE(
        mlp(3, 6, 3), lift=nn.Linear(2, 3), depth=1.5, readout=nn.Linear(3, 1)
    ),
    "functions": lambda: NeuralODE(mlp(2, 6, 2), lift=torch.tanh, readout=_sum),
    "joint field": lambda: NeuralODE(
        HypernetworkODE(mlp(2, 2, 2), hidden=2), readout=nn.Linear(2, 1)
    ),
    "adaptive depth": lambda: NeuralODE(
        mlp(2, 6, 2), depth=AdaptiveDepth(2), readout=nn.Linear(2, 1)
    ),
    "second order": lambda: NeuralODE(
        HigherOrder(mlp(4, 6, 2)),
        lift=ZeroAugment(2),
        readout=nn.Linear(4, 1),
    ),
}
PENALTIES = {
    "fixed_point": (None, fixed_point(0.1)),
    "steady_state": (None, steady_state(0.1)),
    "kinetic_energy": (
        kinetic_energy,
        lambda model, solution, x: 0.1 * solution.running[-1].mean(),
    ),
    "jacobian_norm": (
        jacobian_norm,
        lambda model, solution, x: 0.1 * solution.running[-1].mean(),
    ),
    "divergence": (
        divergence,
        lambda model, solution, x: solution.running[-1].square().mean(),
    ),
    "running": (
        kinetic_energy,
        lambda model, solution, x: 0.1 * solution.running.mean(),
    ),
}
ONE_BY_ONE = {
    "dropout": lambda: NeuralODE(
        nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.0)),
        readout=nn.Linear(2, 1),
    ),
    "batch norm": lambda: NeuralODE(
        nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)),
        readout=nn.Linear(2, 1),
    ),
    "own functions": lambda: NeuralODE(
        mlp(2, 6, 2), readout=lambda z: z.sum(1, keepdim=True)
    ),
    "branches on data": lambda: NeuralODE(_Branch(), readout=nn.Linear(2, 1)),
}


def squared(s, z, x, dz, field):
    return z.square().sum(1)


def widen(model, factor=None):
    """Make the seeds' fields differ in what they cost."""
    weight = model.field.parameters().__next__()
    own = 1 + 3 * weight.detach().abs().flatten()[0].item()
    with torch.no_grad():
        for parameter in model.field.parameters():
            parameter.mul_(factor or own)


def _sum(z):
    return z.sum(1, keepdim=True)


class _Branch(nn.Linear):
    def __init__(self):
        super().__init__(2, 2)

    def forward(self, z):
        return super().forward(z) if z.norm() > 1 else -z


class Cubic(nn.Module):
    """dz/ds = a z**3, which blows up at s = 1 / (2 a z(0)**2)."""

    def __init__(self, a):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a))

    def forward(self, z):
        return self.a * z**3


def stackable(models, x):
    """With the targets of the first points, whatever x is."""
    return ensemble.stackable(models, x, Y[: len(x)].to(x))


def several(make, solver=RK4, members=3):
    models = [seeded(make, seed).double() for seed in range(members)]
    for model in models:
        model.solver = solver
    return models


def train(models, x=X, y=Y, **settings):
    arguments = {"epochs": 4, "lr": 0.01, "progress": False, **settings}
    return fit(models, x, y, **arguments)


def assert_same(models, histories, others, expected, **tolerances):
    for a, b in zip(models, others, strict=True):
        for p, q in zip(a.parameters(), b.parameters(), strict=True):
            torch.testing.assert_close(p, q, **tolerances)
    for a, b in zip(histories, expected, strict=True):
        for quantity in ("loss", "grad_norm"):
            torch.testing.assert_close(
                getattr(a, quantity), getattr(b, quantity), **tolerances
            )


class TestSameAsAlone:
    @pytest.mark.parametrize("kind", STACKED)
    def test_to_rounding_by_a_fixed_step(self, kind):
        models, others = (several(STACKED[kind]) for _ in range(2))
        assert stackable(models, X)
        settings = {"batch_size": 10, "weight_decay": 0.1}
        histories = train(models, **settings)
        alone = [train(other, **settings) for other in others]
        assert_same(models, histories, others, alone, rtol=1e-9, atol=1e-11)

    @pytest.mark.parametrize("kind", STACKED)
    def test_to_rounding_by_steps_of_its_own(self, kind):
        models, others = (several(STACKED[kind], ADAPTIVE) for _ in range(2))
        for model, other in zip(models, others, strict=True):
            widen(model), widen(other)
        assert stackable(models, X)
        histories = train(models)
        alone = [train(other) for other in others]
        assert_same(models, histories, others, alone, rtol=1e-9, atol=1e-11)
        nfe = torch.stack([h.nfe for h in histories])
        assert torch.equal(nfe, torch.stack([h.nfe for h in alone]))
        if kind != "joint field":  # else nothing was asked
            assert len(nfe[:, 0].unique()) > 1

    @pytest.mark.parametrize("kind", STACKED)
    def test_outputs_and_gradients_of_a_step(self, kind):
        models = several(STACKED[kind], TIGHT)
        together = Ensemble(models)
        outputs, _, _ = together(torch.stack([X] * 3))
        (outputs - Y).square().mean((1, 2)).sum().backward()
        for m, model in enumerate(models):
            loss = (model(X) - Y).square().mean()
            gradients = torch.autograd.grad(loss, list(model.parameters()))
            torch.testing.assert_close(outputs[m], model(X))
            for ours, own in zip(together.parameters, gradients, strict=True):
                torch.testing.assert_close(ours.grad[m], own)
            norm = nn.utils.get_total_norm(
                p.grad[m] for p in together.parameters
            )
            torch.testing.assert_close(together.gradient_norms()[m], norm)

    @pytest.mark.parametrize("kind", ONE_BY_ONE)
    def test_others_train_one_by_one(self, kind):
        models, others = (several(ONE_BY_ONE[kind]) for _ in range(2))
        assert not stackable(models, X)
        histories = train(models)
        alone = [train(other) for other in others]
        assert_same(models, histories, others, alone, rtol=0, atol=0)

    def test_an_ensemble_of_one_is_the_model(self):
        for solver in (RK4, Solver()):
            models, others = (
                several(STACKED["vanilla"], solver, 1) for _ in range(2)
            )
            histories, alone = train(models), [train(others[0])]
            assert_same(models, histories, others, alone, rtol=0, atol=0)

    def test_each_with_its_own_data(self):
        data = [nested_spheres(24, seed=seed) for seed in range(3)]
        xs = [x.double() for x, _ in data]
        ys = [y.double() for _, y in data]
        models, others = (several(STACKED["vanilla"]) for _ in range(2))
        histories = train(models, xs, ys)
        alone = [train(*one) for one in zip(others, xs, ys, strict=True)]
        assert_same(models, histories, others, alone, rtol=1e-9, atol=1e-11)

    def test_data_of_different_size(self):
        xs, ys = [X[:10], X, X[:5]], [Y[:10], Y, Y[:5]]
        models, others = (several(STACKED["vanilla"]) for _ in range(2))
        histories = train(models, xs, ys)
        alone = [train(*one) for one in zip(others, xs, ys, strict=True)]
        assert_same(models, histories, others, alone, rtol=0, atol=0)

    @pytest.mark.parametrize("solver", [RK4, ADAPTIVE], ids=["rk4", "dopri5"])
    @pytest.mark.parametrize("penalty", PENALTIES)
    def test_with_a_penalty(self, penalty, solver):
        running, make = PENALTIES[penalty]

        def build():
            model = STACKED["concat"]()
            model.running = running
            return model

        models, others = (several(build, solver) for _ in range(2))
        for model, other in zip(models, others, strict=True):
            widen(model), widen(other)
        assert stackable(models, X)
        settings = {"penalty": make, "epochs": 3}
        histories = train(models, **settings)
        alone = [train(other, **settings) for other in others]
        assert_same(models, histories, others, alone, rtol=1e-9, atol=1e-11)

    @pytest.mark.parametrize("norm", ["batch", "worst sample"])
    @pytest.mark.parametrize("method", ["dopri5", "bosh3", "heun3", "euler"])
    def test_by_every_method_and_norm_along_paths(self, method, norm):
        """Outputs are read within steps, and steps end on jumps."""
        fixed = method in ("heun3", "euler")
        solver = Solver(
            method,
            step_size=0.1 if fixed else None,
            max_step=None if fixed else 0.4,
            error_norm=norm,
        )

        def build():
            field = Galerkin(mlp(2, 6, 2), PiecewiseConstant(3))
            return NeuralODE(field, readout=nn.Linear(2, 1), running=squared)

        models, others = (several(build, solver) for _ in range(2))
        for model, other in zip(models, others, strict=True):
            widen(model), widen(other)
        s = torch.tensor([0.2, 1 / 3, 0.34, 0.9]).double()
        settings = {"depths": s, "penalty": PENALTIES["running"][1]}
        ys = Y.expand(len(s), *Y.shape)
        histories = train(models, y=ys, **settings)
        alone = [train(other, y=ys, **settings) for other in others]
        assert_same(models, histories, others, alone, rtol=1e-9, atol=1e-11)

    def test_by_the_adjoint(self):
        adjoint = Solver("rk4", step_size=0.25, adjoint=True)
        models, others = (
            several(STACKED["lifted, deeper"], adjoint) for _ in range(2)
        )
        histories = train(models)
        alone = [train(other) for other in others]
        assert_same(models, histories, others, alone, rtol=1e-9, atol=1e-11)

    def test_frozen_parameters_stay(self):
        models = several(STACKED["vanilla"])
        for model in models:
            model.readout.requires_grad_(False)
        before = [copy.deepcopy(m.readout.weight) for m in models]
        train(models)
        for weight, model in zip(before, models, strict=True):
            assert torch.equal(weight, model.readout.weight)


class TestOwnSteps:
    def test_a_stiff_member_costs_the_others_nothing(self):
        x = torch.ones(8, 1).double()
        models = [NeuralODE(nn.Linear(1, 1)).double() for _ in range(3)]
        for rate, model in zip((-20.0, 0.0, -1.0), models, strict=True):
            nn.init.constant_(model.field.module.weight, rate)
            nn.init.zeros_(model.field.module.bias)
        with torch.no_grad():
            output, _, nfe = Ensemble(models)(torch.stack([x] * 3))
            alone = [model.solve(x) for model in models]
        assert nfe.tolist() == [one.nfe for one in alone]
        assert nfe[0] > nfe[2]
        for found, one in zip(output, alone, strict=True):
            torch.testing.assert_close(found, one.z[-1])

    def test_a_loss_in_one_penalty_solve_is_each_members_own(self):
        """A solve within a penalty is mapped, too: one that is stiff there."""
        models = several(STACKED["vanilla"], Solver(rtol=1e-6, atol=1e-6))
        widen(models[1], 30.0)
        x = torch.stack([X] * 3)
        _, together, _ = Ensemble(models, steady_state(1.0))(x)
        for model, found in zip(models, together, strict=True):
            solution = model.solve(X)
            alone = steady_state(1.0)(model, solution, X)
            torch.testing.assert_close(found, alone, rtol=1e-12, atol=1e-12)

    def test_an_infinite_step_does_not_spoil_the_others(self):
        """Of 1e200 z ** 3 a first step is infinite, and is tried again."""
        models = [NeuralODE(Cubic(a)).double() for a in (1e-3, 0.1, 0.2)]
        x = torch.full((4, 1), 0.5).double()
        models[0].field.module.a.data.fill_(-1e13)
        outputs, _, _ = Ensemble(models)(torch.stack([x] * 3))
        outputs.sum().backward()
        assert outputs.isfinite().all()
        program = Ensemble(models)
        outputs, _, _ = program(torch.stack([x] * 3))
        outputs[1:].sum().backward()
        assert program.parameters[0].grad.isfinite().all()


class TestStackable:
    def test_not_for_one(self):
        assert not stackable(several(STACKED["vanilla"], members=1), X)

    @pytest.mark.parametrize(
        "other",
        [
            lambda: NeuralODE(mlp(2, 7, 2), readout=nn.Linear(2, 1)),
            lambda: NeuralODE(mlp(2, 6, 2)),
            lambda: NeuralODE(mlp(2, 6, 2), depth=2.0, readout=nn.Linear(2, 1)),
            lambda: NeuralODE(
                mlp(2, 6, 2, activation=nn.ELU), readout=nn.Linear(2, 1)
            ),
        ],
    )
    def test_not_if_they_differ(self, other):
        first = STACKED["vanilla"]
        assert not stackable([*several(first), *several(other)], X)

    def test_not_if_settings_differ(self):
        def make(basis):
            return NeuralODE(Galerkin(mlp(2, 6, 2), basis))

        a, b = Fourier(3), Fourier(3, domain=(0.0, 2.0))
        assert stackable([make(a), make(Fourier(3))], X.float())
        assert not stackable([make(a), make(b)], X.float())
        for alpha, same in ((1.0, True), (0.5, False)):
            models = [
                NeuralODE(nn.Sequential(nn.Linear(2, 2), nn.ELU(value)))
                for value in (1.0, alpha)
            ]
            assert stackable(models, X.float()) == same

    def test_not_if_solver_or_mode_differ(self):
        models = several(STACKED["vanilla"])
        models[1].solver = Solver()
        assert not stackable(models, X)
        models = several(STACKED["vanilla"])
        models[1].eval()
        assert not stackable(models, X)

    def test_not_if_they_share_parameters(self):
        models = several(STACKED["vanilla"])
        models[1].readout = models[0].readout
        assert not stackable(models, X)
        assert not stackable([models[0], models[0]], X)

    def test_not_if_arrays_beside_the_parameters_may_differ(self):
        models = several(STACKED["vanilla"])
        for model in models:
            model.field.scale = np.ones(2)
        assert not stackable(models, X)

    def test_is_worth_it_for_small_batches(self):
        def models(members, width=16):
            return [NeuralODE(mlp(2, width, width, 2))] * members

        assert worth_stacking(models(3), torch.zeros(512, 2))
        assert not worth_stacking(models(2), torch.zeros(64, 2))
        assert not worth_stacking(models(5), torch.zeros(4096, 2))
        assert not worth_stacking(models(5, 64), torch.zeros(1024, 2))


class TestFailure:
    @pytest.mark.parametrize("bad", [0, 2])
    def test_names_the_model_that_blows_up(self, bad):
        solver = Solver(max_steps=100)
        models = [
            NeuralODE(Cubic(9.0 if i == bad else 0.1), solver=solver)
            for i in range(3)
        ]
        x = torch.ones(4, 1)
        assert stackable(models, x)
        with pytest.raises(TrainingError, match=f"of model {bad}") as caught:
            train(models, x, x)
        assert caught.value.member == bad
        assert caught.value.depth == pytest.approx(1 / 18, rel=0.05)

    def test_names_the_model_whose_loss_is_nan(self):
        models = several(STACKED["vanilla"])
        ys = [Y, 7 * Y, Y]

        def loss(output, y):
            return (output - y).square().mean() * (
                math.nan if y.max() > 1 else 1
            )

        with pytest.raises(TrainingError, match="of model 1 stopped"):
            train(models, [X] * 3, ys, loss=loss)

    def test_leaves_the_last_good_parameters(self):
        models = [
            NeuralODE(Cubic(a), solver=Solver(max_steps=100))
            for a in (0.1, 0.2)
        ]
        x = torch.ones(1, 1)
        with pytest.raises(TrainingError) as caught:
            train(models, x, 3 * x, lr=1000.0)
        assert caught.value.epoch == 1
        assert len(caught.value.history.loss) == 1
        assert [m.field.module.a.item() for m in models] == [
            pytest.approx(0.1),
            pytest.approx(0.2),
        ]

    def test_names_the_model_when_one_by_one(self):
        models = [NeuralODE(Cubic(0.1)), NeuralODE(Cubic(9.0), depth=2.0)]
        x = torch.ones(4, 1)
        with pytest.raises(TrainingError, match="of model 1"):
            train(models, x, x)
