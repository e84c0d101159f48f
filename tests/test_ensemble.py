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
    Solver,
    TrainingError,
    ZeroAugment,
    fit,
    fixed_point,
    mlp,
    nested_spheres,
    seeded,
    steady_state,
)
from neural_odes.training import ensemble
from neural_odes.training.ensemble import Ensemble
from neural_odes.training.fit import pays

X, Y = (t.double() for t in nested_spheres(24))
RK4 = Solver("rk4", step_size=0.25)
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
    def test_within_tolerance_by_an_adaptive_step(self, kind):
        """Outputs to the tolerance, gradients less: that of an oscillating
        mode is an integral which the solver's step control does not see."""
        models = several(STACKED[kind], TIGHT)
        together = Ensemble(models)
        outputs, _, _ = together(torch.stack([X] * 3))
        (outputs - Y).square().mean((1, 2)).sum().backward()
        for m, model in enumerate(models):
            loss = (model(X) - Y).square().mean()
            gradients = torch.autograd.grad(loss, list(model.parameters()))
            torch.testing.assert_close(outputs[m], model(X), rtol=0, atol=1e-7)
            for ours, own in zip(together.parameters, gradients, strict=True):
                torch.testing.assert_close(ours.grad[m], own, rtol=0, atol=1e-4)
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

    @pytest.mark.parametrize("penalty", [fixed_point, steady_state])
    def test_with_a_penalty(self, penalty):
        models, others = (several(STACKED["concat"]) for _ in range(2))
        settings = {"penalty": penalty(0.1)}
        histories = train(models, **settings)
        alone = [train(other, **settings) for other in others]
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


class TestSharedSteps:
    def test_hold_the_error_of_the_neediest(self):
        """One member is stiff; two more that rest do not dilute its error."""
        x = torch.ones(8, 1).double()
        models = [NeuralODE(nn.Linear(1, 1)).double() for _ in range(3)]
        for rate, model in zip((-20.0, 0.0, 0.0), models, strict=True):
            nn.init.constant_(model.field.module.weight, rate)
            nn.init.zeros_(model.field.module.bias)
        with torch.no_grad():
            output, _, nfe = Ensemble(models)(torch.stack([x] * 3))
            alone = models[0].solve(x)
        assert nfe == alone.nfe
        torch.testing.assert_close(output[0], alone.z[-1])

    def test_nfe_is_that_of_the_shared_solve(self):
        models = several(STACKED["vanilla"], Solver())
        with torch.no_grad():
            for parameter in models[1].field.parameters():
                parameter.mul_(6)
            _, _, nfe = Ensemble(models)(torch.stack([X] * 3))
        assert nfe >= max(m.solve(X).nfe for m in models)
        histories = train(models, epochs=1)
        assert [h.nfe.item() for h in histories] == [nfe] * 3


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

    def test_pays_for_small_batches(self):
        def models(members, width=16):
            return [NeuralODE(mlp(2, width, width, 2))] * members

        assert pays(models(3), torch.zeros(512, 2))
        assert not pays(models(2), torch.zeros(64, 2))
        assert not pays(models(5), torch.zeros(4096, 2))
        assert not pays(models(5, 64), torch.zeros(1024, 2))


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


class TestFreezing:
    """Members whose rate is huge blow up in their second step."""

    RATES = (0.01, 1000.0, 0.02)

    def cubics(self, members=(0, 1, 2), solver=RK4):
        values = [(0.1, 0.2, 0.15)[i] for i in members]
        return [NeuralODE(Cubic(a), solver=solver).double() for a in values]

    def run(self, models, members=(0, 1, 2), **settings):
        x = torch.linspace(0.5, 1, 6).double()[:, None]
        rates = [self.RATES[i] for i in members]
        settings = {
            "batch_size": 4,
            "lr": rates,
            "on_failure": "freeze",
        } | settings
        return train(models, x, 2 * x, **settings)

    @pytest.mark.parametrize("differ", [False, True])
    def test_the_others_learn_as_without_it(self, differ):
        models, others = self.cubics(), self.cubics((0, 2))
        if differ:  # in depth, so that they train one after another
            models[0].depth = others[0].depth = 0.9
        with pytest.warns(match="model 1 stopped in epoch 0, step 1"):
            histories = self.run(models)
        expected = self.run(others, (0, 2))
        rest = [models[0], models[2]], [histories[0], histories[2]]
        assert_same(*rest, others, expected, rtol=1e-12, atol=1e-14)
        assert [len(h.loss) for h in histories] == [4, 0, 4]
        assert [h.error is None for h in histories] == [True, False, True]
        error = histories[1].error
        assert (error.member, error.epoch, error.step) == (1, 0, 1)
        assert models[1].field.module.a == torch.tensor(0.2).double()

    def test_shared_steps_are_those_of_the_others(self):
        """One that cannot be solved at all is out of the adaptive solve."""
        x = torch.ones(4, 1).double()
        solver = Solver(max_steps=100)

        def models(*values):
            return [NeuralODE(Cubic(a), solver=solver).double() for a in values]

        four, three = models(0.1, 9.0, 0.2, 0.3), models(0.1, 0.2, 0.3)
        with pytest.warns(match="model 1 stopped in epoch 0, step 0, at depth"):
            histories = train(four, x, x, on_failure="freeze")
        expected = train(three, x, x)
        rest = [[all_[i] for i in (0, 2, 3)] for all_ in (four, histories)]
        assert_same(*rest, three, expected, rtol=1e-12, atol=1e-14)
        assert torch.equal(rest[1][0].nfe, expected[0].nfe)

    def test_a_loss_that_is_nan(self):
        models, others = (several(STACKED["vanilla"]) for _ in range(2))
        seen = []

        def loss(output, y):
            return torch.where(y.max() > 6.9, math.nan, 1) * (
                (output - y).square().mean()
            )

        with pytest.warns(match="of model 0 stopped"):
            histories = train(
                models,
                [X] * 3,
                [7 * Y, Y, Y],
                loss=loss,
                on_failure="freeze",
                callback=lambda epoch, models, row: seen.append(row),
            )
        alone = [train(other, loss=loss) for other in others[1:]]
        assert_same(
            *(models[1:], histories[1:], others[1:], alone),
            **{"rtol": 1e-9, "atol": 1e-11},
        )
        assert all(row[:, 0].isnan().all() for row in seen)
        assert len(seen) == 4

    def test_training_ends_with_the_last(self):
        with pytest.warns() as warned:
            histories = self.run(self.cubics(), lr=1000.0)
        assert len(warned) == 3
        assert all(h.error is not None for h in histories)
        with pytest.warns(match="training stopped"):
            history = self.run(self.cubics()[0], lr=1000.0)
        assert history.error is not None

    def test_a_checkpoint_knows_who_is_frozen(self, tmp_path):
        models, others, again = (self.cubics() for _ in range(3))
        with pytest.warns():
            expected = self.run(models)
        path = tmp_path / "state.safetensors"
        with pytest.warns():
            self.run(others, epochs=2, checkpoint=path)
        found = self.run(again, checkpoint=path)
        assert_same(models, expected, again, found, rtol=0, atol=0)
        assert str(found[1].error) == str(expected[1].error)
        with pytest.raises(TrainingError, match="model 1 stopped in epoch 0"):
            self.run(self.cubics(), checkpoint=path, on_failure="raise")
