"""Training: what fit learns, measures and refuses."""

import copy
import math
import pickle
import re
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

from neural_odes import (
    NeuralODE,
    Solver,
    TrainingError,
    accuracy,
    accuracy_under_attack,
    crossing,
    fit,
    mlp,
    nested_spheres,
    seeded,
)
from neural_odes.training.arguments import OPTIMIZERS

RK4 = Solver("rk4", step_size=0.25)


def model(seed=0, solver=RK4):
    return seeded(
        lambda: NeuralODE(mlp(2, 8, 2), readout=nn.Linear(2, 1), solver=solver),
        seed,
    )


def train(one, *data, **settings):
    data = data or nested_spheres(40)
    return fit(one, *data, **{"epochs": 3, "progress": False, **settings})


def parameters(one):
    return nn.utils.parameters_to_vector(one.parameters()).detach().clone()


def identical(a, b):
    return all(
        torch.equal(getattr(a, q), getattr(b, q))
        for q in ("loss", "grad_norm", "nfe")
    )


class Cubic(nn.Module):
    """dz/ds = a z**3, which blows up at s = 1 / (2 a z(0)**2)."""

    def __init__(self, a=1.0):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a))

    def forward(self, z):
        return self.a * z**3


class TestLearning:
    def test_learns_a_linear_map(self):
        x = torch.linspace(-1, 1, 40).reshape(20, 2)
        one = seeded(lambda: NeuralODE(nn.Linear(2, 2)), 0)
        history = train(one, x, 2 * x, epochs=200, lr=0.05)
        assert history.loss[0] > 1e-1
        assert history.loss[-1] < 1e-4

    def test_learns_classes(self):
        x, y = nested_spheres(40, dim=2)
        one = seeded(lambda: NeuralODE(mlp(2, 4, 2), solver=RK4), 0)
        classes = (y[:, 0] > 0).long()
        history = train(one, x, classes, loss=nn.functional.cross_entropy)
        assert history.loss[-1] < history.loss[0]

    def test_is_plain_adam(self):
        x, y = nested_spheres(40)
        one, other = model(), model()
        history = train(one, x, y, epochs=5, lr=0.01, weight_decay=0.1)
        adam = torch.optim.Adam(other.parameters(), lr=0.01, weight_decay=0.1)
        for epoch in range(5):
            adam.zero_grad()
            loss = mse_loss(other(x), y)
            assert history.loss[epoch].item() == pytest.approx(loss.item())
            loss.backward()
            adam.step()
        # Rounding of five steps in float32.
        torch.testing.assert_close(
            parameters(one), parameters(other), rtol=0, atol=1e-6
        )

    def test_weight_decay_acts(self):
        plain, decayed = model(), model()
        train(plain, epochs=50, lr=0.01)
        train(decayed, epochs=50, lr=0.01, weight_decay=1.0)
        assert parameters(decayed).norm() < parameters(plain).norm()

    def test_optimizers_differ(self):
        ends = []
        for optimizer in OPTIMIZERS:
            one = model()
            train(one, optimizer=optimizer, weight_decay=0.1)
            ends.append(parameters(one))
        assert not torch.equal(*ends)

    def test_penalty_joins_the_objective_but_not_the_loss(self):
        x, y = nested_spheres(40)
        plain, penalised = model(), model()
        seen = []

        def penalty(one, solution, inputs):
            seen.append((one, solution.nfe, inputs))
            return 10 * solution.z[-1].square().mean()

        histories = [
            train(plain, x, y, epochs=50, lr=0.01),
            train(penalised, x, y, epochs=50, lr=0.01, penalty=penalty),
        ]
        first = histories[0].loss[0].item()
        assert histories[1].loss[0].item() == pytest.approx(first)
        assert histories[0].grad_norm[0] != histories[1].grad_norm[0]
        assert seen[0][0] is penalised
        assert seen[0][1] == 16
        assert torch.equal(seen[0][2], x)
        with torch.no_grad():
            ends = [m.solve(x).z[-1].norm() for m in (plain, penalised)]
        assert ends[1] < ends[0]

    @pytest.mark.parametrize("members", [1, 3])
    def test_a_penalty_is_no_part_of_the_model(self, members):
        class Weighted(nn.Linear):
            def forward(self, one, solution, x):
                return super().forward(solution.z[-1]).square().mean()

        penalty = Weighted(2, 1)
        before = parameters(penalty)
        ones = [model(seed) for seed in range(members)]
        train(ones, penalty=penalty)
        assert torch.equal(parameters(penalty), before)

    def test_frozen_parameters_stay(self):
        one = model()
        one.readout.requires_grad_(False)
        before = copy.deepcopy(one.state_dict())
        train(one)
        after = one.state_dict()
        assert torch.equal(before["readout.weight"], after["readout.weight"])
        assert not torch.equal(
            before["field.module.0.weight"], after["field.module.0.weight"]
        )

    def test_adjoint_learns_too(self):
        solver = Solver(rtol=1e-6, atol=1e-6)
        by = [
            train(model(solver=s), epochs=5)
            for s in (solver, Solver(rtol=1e-6, atol=1e-6, adjoint=True))
        ]
        torch.testing.assert_close(by[0].loss, by[1].loss, rtol=1e-4, atol=0)


class TestOwnWays:
    def test_an_optimizer_of_ones_own(self):
        x, y = nested_spheres(40)
        one, other = model(), model()
        train(one, x, y, epochs=2,
              optimizer=lambda p: torch.optim.SGD(p, lr=0.1))  # fmt: skip
        sgd = torch.optim.SGD(other.parameters(), lr=0.1)
        for _ in range(2):
            sgd.zero_grad()
            mse_loss(other(x), y).backward()
            sgd.step()
        torch.testing.assert_close(parameters(one), parameters(other))

    def test_a_callback_sees_each_epoch_and_can_stop(self):
        seen = []

        def stop(epoch, models, row):
            seen.append((epoch, row[0].item()))
            return epoch == 2

        one = model()
        history = train(one, epochs=50, callback=stop)
        assert [epoch for epoch, _ in seen] == [0, 1, 2]
        assert history.loss.tolist() == [loss for _, loss in seen]

    def test_a_callback_sees_the_weights_of_several(self):
        models, shown = [model(seed) for seed in range(3)], []

        def look(epoch, trained, row):
            assert row.shape == (3, 3)
            shown.append([parameters(one) for one in trained])

        train(models, epochs=2, lr=0.05, callback=look)
        assert all(
            torch.equal(a, parameters(b))
            for a, b in zip(shown[-1], models, strict=True)
        )
        assert not torch.equal(shown[0][0], shown[1][0])


class TestHistory:
    def test_lengths(self):
        history = train(model(), epochs=4)
        for values in (history.loss, history.grad_norm, history.nfe):
            assert values.shape == (4,)
            assert values.dtype == torch.float64
        assert history.seconds > 0

    @pytest.mark.parametrize("solver", [RK4, Solver()])
    def test_measures_the_model_as_it_was(self, solver):
        x, y = nested_spheres(40)
        one = model(solver=solver)
        loss = mse_loss(one(x), y)
        gradient = torch.autograd.grad(loss, list(one.parameters()))
        nfe = one.solve(x).nfe
        history = train(one, x, y, epochs=1)
        assert history.loss[0].item() == pytest.approx(loss.item())
        assert history.nfe[0] == nfe
        norm = torch.cat([g.flatten() for g in gradient]).norm().item()
        assert history.grad_norm[0].item() == pytest.approx(norm, rel=1e-6)

    def test_an_epoch_of_mini_batches_is_their_mean(self):
        """At a vanishing learning rate, all batches see the same model."""
        x, y = nested_spheres(10)
        whole = train(model(), x, y, epochs=1, lr=1e-30)
        parts = train(model(), x, y, epochs=1, lr=1e-30, batch_size=4)
        assert parts.loss[0].item() == pytest.approx(whole.loss.item(), 1e-6)
        assert parts.nfe[0] == 16
        assert parts.grad_norm[0] > whole.grad_norm[0]


class TestTargets:
    @pytest.mark.parametrize(
        "y", [torch.ones(40), torch.ones(40).long(), torch.ones(1, 1)]
    )
    def test_that_would_broadcast_are_refused(self, y):
        x, _ = nested_spheres(40)
        with pytest.raises(ValueError, match="y "):
            train(model(), x, y)

    def test_classes_are_for_losses_of_classes(self):
        x, _ = nested_spheres(40, dim=2)
        one = NeuralODE(mlp(2, 4, 2), solver=RK4)
        classes = torch.ones(40).long()
        train(one, x, classes, loss=nn.functional.cross_entropy)
        with pytest.raises(ValueError, match="y must"):
            train(one, x, classes, loss=mse_loss)

    def test_labels_are_minus_one_and_one(self):
        x, y = nested_spheres(40)
        with pytest.raises(ValueError, match="y must"):
            accuracy(model(), x, (y + 1) / 2)


class TestSeeds:
    def test_the_same_twice(self):
        runs = [model(), model()]
        histories = [train(m, batch_size=16, seed=3) for m in runs]
        assert identical(*histories)
        assert torch.equal(*map(parameters, runs))

    def test_order_of_mini_batches_is_seeded(self):
        losses = [
            train(model(), batch_size=16, seed=seed).loss for seed in (0, 1)
        ]
        assert not torch.equal(*losses)

    def test_a_full_batch_needs_no_order(self):
        histories = [
            train(model(), seed=1),
            train(model(), seed=2, batch_size=40),
            train(model(), seed=3, batch_size=1000),
        ]
        assert all(identical(histories[0], other) for other in histories[1:])

    def test_the_global_generator_is_left_alone(self):
        before = torch.random.get_rng_state()
        train(model(), batch_size=16)
        assert torch.equal(before, torch.random.get_rng_state())


class TestFailure:
    def test_the_field_blows_up(self):
        one = NeuralODE(Cubic(), solver=Solver(max_steps=200))
        x = torch.tensor([[2.0]])  # at s = 1/8
        with pytest.raises(TrainingError, match="epoch 0, step 0") as caught:
            train(one, x, x)
        error = caught.value
        assert error.depth == pytest.approx(0.125, rel=1e-2)
        again = pickle.loads(pickle.dumps(error))
        assert str(again) == str(error)
        assert (again.epoch, again.member) == (0, None)
        assert f"s = {error.depth:.4g}" in str(error)
        assert error.member is None
        assert len(error.history.loss) == 0
        assert one.field.module.a == 1

    def test_a_huge_learning_rate(self):
        """Adam's first step takes a from 0.1 to about 1000."""
        one = NeuralODE(Cubic(0.1), solver=Solver(max_steps=200))
        x = torch.tensor([[1.0]])
        alone = NeuralODE(Cubic(0.1))
        loss = mse_loss(alone(x), 2 * x).item()
        with pytest.raises(TrainingError) as caught:
            train(one, x, 2 * x, lr=1000.0)
        error = caught.value
        assert (error.epoch, error.step) == (1, 0)
        assert error.history.loss.tolist() == [pytest.approx(loss)]
        assert one.field.module.a == torch.tensor(0.1)
        assert torch.isfinite(one(x)).all()

    def test_in_a_mini_batch(self):
        one = NeuralODE(Cubic(), solver=Solver(max_steps=200))
        x = torch.full((8, 1), 0.1)
        x[5] = 2.0
        order = torch.randperm(8, generator=torch.Generator().manual_seed(7))
        step = order.tolist().index(5) // 2
        with pytest.raises(TrainingError) as caught:
            train(one, x, x, batch_size=2, seed=7, lr=1e-6)
        assert (caught.value.epoch, caught.value.step) == (0, step)

    def test_the_loss_becomes_nan(self):
        one = model()
        before = parameters(one)
        with pytest.raises(TrainingError, match="the loss is NaN") as caught:
            train(one, loss=lambda z, y: (z - y).mean() * math.nan)
        assert caught.value.depth is None
        assert torch.equal(before, parameters(one))

    def test_the_gradient_becomes_nan(self):
        one = model()
        before = parameters(one)
        with pytest.raises(TrainingError, match="the gradient is NaN"):
            train(one, loss=lambda z, y: (0 * (z - y)).square().sum().sqrt())
        assert torch.equal(before, parameters(one))

    def test_the_adjoint_gives_up(self):
        """Forward z is at rest at 0; backwards, its adjoint is stiff."""

        class Stiff(Cubic):
            def forward(self, z):
                return -1000 * self.a * z

        one = NeuralODE(Stiff(), solver=Solver(adjoint=True, max_steps=20))
        x = torch.zeros(1, 1)
        with pytest.raises(TrainingError, match="backwards, max_steps"):
            train(one, x, x + 1)
        assert one.field.module.a == 1


class TestAccuracy:
    def test_is_the_share_of_right_signs(self):
        one = NeuralODE(nn.Linear(1, 1))
        nn.init.zeros_(one.field.module.weight)
        nn.init.zeros_(one.field.module.bias)
        x = torch.tensor([[1.0], [-2.0], [3.0], [0.0]])
        y = torch.tensor([[1.0], [-1.0], [-1.0], [1.0]])
        assert accuracy(one, x, y) == 0.5

    def test_shapes_must_agree(self):
        x, y = nested_spheres(8)
        with pytest.raises(ValueError, match="y must"):
            accuracy(model(), x, y[:, 0])


X, Y = nested_spheres(8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": X[:0], "y": Y[:0]}, "x must"),
        ({"y": Y[:5]}, "y must"),
        ({"y": Y[:, 0]}, "y must"),
        ({"x": X / 0}, "x must"),
        ({"y": Y * math.nan}, "y must"),
        ({"x": X[:, :1]}, "x must"),
        ({"x": [X]}, "x must"),
        ({"epochs": 0}, "epochs must"),
        ({"lr": 0.0}, "lr must"),
        ({"lr": math.inf}, "lr must"),
        ({"weight_decay": -1.0}, "weight_decay must"),
        ({"optimizer": "sgd"}, "optimizer must"),
        ({"batch_size": 0}, "batch_size must"),
        ({"loss": lambda z, y: z - y}, "loss must"),
        ({"loss": lambda z, y: 0.0}, "loss must"),
        ({"penalty": lambda m, s, x: x}, "penalty must"),
    ],
)
def test_bad_input_is_named(changes, message):
    arguments = {"x": X, "y": Y, "epochs": 1, "progress": False, **changes}
    with pytest.raises(ValueError, match=re.escape(message)):
        fit([model(0), model(1)], **arguments)


def test_more_epochs_than_can_be_counted_are_refused():
    with pytest.raises(ValueError, match="epochs must be an integer below"):
        train(model(), epochs=10**5000)


@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode])
def test_training_takes_gradients(off):
    with off(), pytest.raises(RuntimeError, match="call fit outside"):
        train(model())


def test_models_must_be_neural_odes():
    for models, kinds in (([], "empty"), ([nn.Linear(2, 1)], "Linear")):
        with pytest.raises(TypeError, match=f"models must .* got {kinds}"):
            fit(models, X, Y, epochs=1, progress=False)


def test_a_model_without_parameters():
    one = NeuralODE(lambda s, z, x: -z)
    with pytest.raises(ValueError, match="models must have parameters"):
        train(one, *crossing(5))


def test_progress_is_shown_only_when_asked_for(capsys):
    train(model(), progress=False)
    assert capsys.readouterr() == ("", "")
    train(model(), progress=True)
    assert "epochs" in capsys.readouterr().err


# --- paths, classes, members of their own


def test_whole_paths_are_learned():
    """z(s) of a decay, at depths that are not evenly spaced."""
    x, s = torch.linspace(-1, 1, 20)[:, None], torch.tensor([0.1, 0.4, 1.0])
    y = x * torch.exp(-s)[:, None, None]
    one = seeded(lambda: NeuralODE(mlp(1, 8, 1), solver=RK4), 0)
    history = train(one, x, y, depths=s, epochs=200, lr=0.02, batch_size=7)
    assert history.loss[-1] < 1e-3 < history.loss[0]
    direct = seeded(lambda: NeuralODE(mlp(1, 8, 1), solver=RK4), 0)
    optimizer = torch.optim.Adam(direct.parameters(), lr=0.02)
    for _ in range(3):
        optimizer.zero_grad()
        mse_loss(direct.solve(x, s).z, y).backward()
        optimizer.step()
    same = seeded(lambda: NeuralODE(mlp(1, 8, 1), solver=RK4), 0)
    train(same, x, y, depths=s, lr=0.02)
    torch.testing.assert_close(same(x), direct(x))
    for bad in (y[:2], y[0], y.transpose(0, 1)):
        with pytest.raises(ValueError, match="y must"):
            train(one, x, bad, depths=s)


def test_paths_of_several_are_learned_together():
    x, s = torch.linspace(-1, 1, 20)[:, None], torch.tensor([0.5, 1.0])
    y = x * torch.exp(-s)[:, None, None]

    def make(seed):
        return seeded(
            lambda: NeuralODE(
                mlp(1, 8, 1), solver=RK4, readout=nn.Linear(1, 1)
            ),
            seed,
        )

    several, alone = [make(seed) for seed in range(3)], make(1)
    train(several, x, y, depths=s, lr=0.02)
    train(alone, x, y, depths=s, lr=0.02)
    torch.testing.assert_close(several[1](x), alone(x))


def test_integers_are_classes():
    x, sign = nested_spheres(60)
    y = (sign[:, 0] > 0).long()
    one = seeded(
        lambda: NeuralODE(mlp(2, 16, 2), readout=nn.Linear(2, 2), solver=RK4), 0
    )
    history = train(one, x, y, epochs=1)
    fresh = seeded(
        lambda: NeuralODE(mlp(2, 16, 2), readout=nn.Linear(2, 2), solver=RK4), 0
    )
    expected = nn.functional.cross_entropy(fresh(x), y)
    assert history.loss[0].item() == pytest.approx(expected.item(), rel=1e-5)
    right = (one(x).argmax(1) == y).float().mean().item()
    assert accuracy(one, x, y) == pytest.approx(right)
    with pytest.raises(ValueError, match="y must be classes"):
        accuracy(model(), x, y)
    for wrong in (2 * y - 1, 2 * y, y[:, None], y.int(), y > 0):
        with pytest.raises(ValueError, match="y must be classes"):
            train(one, x, wrong, epochs=1)
        with pytest.raises(ValueError, match=r"^y must be "):
            accuracy(one, x, wrong)


def test_numbers_may_be_numpys(tmp_path):
    one, other = model(0), model(0)
    train(one, lr=0.5, weight_decay=0.5, epochs=2, batch_size=4, seed=3)
    train(
        other,
        lr=np.float32(0.5),
        weight_decay=np.float32(0.5),
        epochs=np.int64(2),
        batch_size=np.int64(4),
        seed=np.int64(3),
        checkpoint=tmp_path / "state.pt",
    )
    assert torch.equal(parameters(one), parameters(other))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_members_have_rates_of_their_own(optimizer):
    rates = [0.001, 0.01, 0.03]
    settings = {"epochs": 4, "weight_decay": 0.1, "optimizer": optimizer}
    several = [model(seed) for seed in range(3)]
    train(several, lr=rates, **settings)
    x, _ = nested_spheres(40)
    for seed, rate in enumerate(rates):
        alone = model(seed)
        train(alone, lr=rate, **settings)
        torch.testing.assert_close(several[seed](x), alone(x))
    with pytest.raises(ValueError, match="lr must"):
        train(several, lr=[0.1])


def test_modules_train_and_then_evaluate():
    modes = []

    class Watching(nn.Module):
        def forward(self, z):
            modes.append(self.training)
            return -z

    one = NeuralODE(Watching(), readout=nn.Linear(2, 1), solver=RK4).eval()

    def look(epoch, models, row):
        assert not models[0].training

    train(one, callback=look)
    assert all(modes)
    assert not one.training


def test_functions_whose_modules_would_not_be_trained_are_refused():
    inner = mlp(2, 4, 2)
    hidden = NeuralODE(
        lambda s, z, x: inner(z), readout=nn.Linear(2, 1), solver=RK4
    )
    with pytest.raises(ValueError, match="inner would not be trained"):
        train(hidden)
    inner.requires_grad_(False)
    train(hidden)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"loss": nn.MSELoss}, "loss must.*the class MSELoss"),
        ({"penalty": 0.1}, "penalty must.*fixed_point"),
        ({"optimizer": "sgd"}, "optimizer must be one of adam, adamw"),
    ],
)
def test_what_is_written_instead_is_said(wrong, says):
    with pytest.raises((TypeError, ValueError), match=says):
        train(model(), **wrong)


def test_under_autocast_a_model_learns():
    """torch caches cast weights, which would stay those of the first step."""
    x, y = nested_spheres(64)
    ends = []
    for enabled in (False, True):
        models = [
            seeded(lambda: NeuralODE(mlp(2, 8, 2), readout=nn.Linear(2, 1)), i)
            for i in range(3)
        ]
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            histories = fit(models, x, y, epochs=30, lr=0.02, progress=False)
        ends.append([h.loss[-1].item() for h in histories])
        assert all(h.loss[-1] < h.loss[0] for h in histories)
    torch.testing.assert_close(*map(torch.tensor, ends), rtol=0.2, atol=0.1)


class TestRefused:
    def model(self):
        return NeuralODE(mlp(2, 4, 2), readout=nn.Linear(2, 1))

    def test_what_is_trained_twice(self):
        one, other = self.model(), self.model()
        x, y = nested_spheres(8)
        with pytest.raises(ValueError, match="must not share"):
            fit([one, one], x, y, epochs=1)
        other.readout = one.readout
        with pytest.raises(ValueError, match="must not share"):
            fit([one, other], x, y, epochs=1)
        other.readout.requires_grad_(False)  # a frozen part may be common
        fit([one, other], x, y, epochs=1, progress=False)

    @pytest.mark.parametrize(
        ("make", "error"),
        [
            (lambda p: torch.optim.SGD(nn.Linear(1, 1).parameters()), "others"),
            (torch.optim.LBFGS, "LBFGS"),
            (lambda p: None, "Optimizer, got NoneType"),
        ],
    )
    def test_an_optimizer_of_no_use(self, make, error):
        x, y = nested_spheres(8)
        with pytest.raises((TypeError, ValueError), match=error):
            fit(self.model(), x, y, epochs=1, optimizer=make)

    def test_data_that_fit_does_not_take(self):
        x, y = nested_spheres(8)
        loader = torch.utils.data.DataLoader(list(zip(x, y, strict=True)))
        with pytest.raises(TypeError, match="holds data in memory"):
            fit(self.model(), loader, y, epochs=1)
        with pytest.raises(ValueError, match="y must have the type"):
            fit(self.model(), x, y.double(), epochs=1)

    def test_scores_that_are_no_numbers(self):
        x, y = nested_spheres(8)
        with pytest.raises(ValueError, match="finite"):
            accuracy(lambda x: x[:, :1] * math.nan, x, y)


def test_measuring_does_not_move_running_means():
    x, y = nested_spheres(16)
    readout = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 1))
    model = NeuralODE(mlp(2, 4, 2), readout=readout).train()
    before = copy.deepcopy(model.state_dict())
    accuracy(model, x, y)
    accuracy_under_attack(model, x, y, radius=0.1)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert model.training
    assert readout[0].training


def test_layers_that_do_not_suit_a_field_are_named():
    field = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    with pytest.warns(UserWarning, match="LayerNorm"):
        NeuralODE(field)
    norm = nn.BatchNorm1d(2, track_running_stats=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        NeuralODE(nn.Sequential(nn.Linear(2, 2), norm))


class Noisy(nn.Linear):
    def forward(self, z):
        return super().forward(nn.functional.dropout(z, 0.3, self.training))


def test_models_that_draw_random_numbers_train_again_and_again():
    """Their mode after training must not hide it from the next."""
    x, y = nested_spheres(16)
    models = [NeuralODE(mlp(2, 4, 2), readout=Noisy(2, 1)) for _ in range(3)]
    for _ in range(2):
        fit(models, x, y, epochs=1, progress=False)
