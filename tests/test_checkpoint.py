"""A training that was killed goes on as if it had not been."""

import copy
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from neural_odes import (
    NeuralODE,
    Solver,
    fit,
    fixed_point,
    mlp,
    nested_spheres,
    seeded,
)
from neural_odes.training import checkpoint as module
from neural_odes.training.identity import identity
from neural_odes.training.loop import History

X, Y = nested_spheres(40, seed=0)
SETTINGS = {"lr": 0.01, "batch_size": 16, "seed": 3, "progress": False}


def models(count=1, width=6):
    return [
        seeded(
            lambda: NeuralODE(
                mlp(2, width, 2),
                readout=nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 1)),
                solver=Solver("rk4", step_size=0.5),
            ),
            seed,
        )
        for seed in range(count)
    ]


def same(a: nn.Module, b: nn.Module) -> bool:
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def equal(a: History, b: History) -> bool:
    return all(
        torch.equal(getattr(a, name), getattr(b, name))
        for name in ("loss", "grad_norm", "nfe")
    )


class KilledError(Exception):
    pass


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
@pytest.mark.parametrize("steps", [7, 12])  # within an epoch of 3, and after
def test_a_killed_training_ends_with_the_same_numbers(
    tmp_path, monkeypatch, optimizer, steps
):
    settings = SETTINGS | {"optimizer": optimizer, "weight_decay": 0.1}
    (whole,) = models()
    expected = fit(whole, X, Y, epochs=8, **settings)

    calls = 0
    (first,), (second,) = models(), models()
    solve = NeuralODE.follow

    def until_killed(model, x, s=None):
        nonlocal calls
        calls += 1
        if calls > steps:
            raise KilledError
        return solve(model, x, s)

    path = tmp_path / "run" / "state.pt"
    monkeypatch.setattr(NeuralODE, "follow", until_killed)
    with pytest.raises(KilledError):
        fit(first, X, Y, epochs=8, checkpoint=path, **settings)
    monkeypatch.undo()
    found = fit(second, X, Y, epochs=8, checkpoint=path, **settings)
    assert equal(found, expected)
    assert same(second, whole)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_finished_training_is_only_read(tmp_path):
    path = tmp_path / "state.pt"
    (one,), (other,) = models(), models()
    expected = fit(one, X, Y, epochs=3, checkpoint=path, **SETTINGS)
    again = fit(other, X, Y, epochs=3, checkpoint=path, **SETTINGS)
    assert equal(again, expected)
    assert same(one, other)


def test_several_models_have_a_file_each(tmp_path):
    path = tmp_path / "state.pt"
    pair, half, rest = models(2), models(2), models(2)
    expected = fit(pair, X, Y, epochs=6, **SETTINGS)
    fit(half, X, Y, epochs=2, checkpoint=path, **SETTINGS)
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["state.0.pt", "state.1.pt"]
    found = fit(rest, X, Y, epochs=6, checkpoint=path, **SETTINGS)
    assert all(map(equal, found, expected))
    assert all(map(same, rest, pair))


def test_a_file_that_does_not_fit_is_refused(tmp_path):
    path = tmp_path / "state.pt"
    fit(models()[0], X, Y, epochs=1, checkpoint=path, **SETTINGS)
    with pytest.raises(ValueError, match=r"with lr = 0.01; this one has 0.02"):
        fit(models()[0], X, Y, epochs=2, checkpoint=path,
            **(SETTINGS | {"lr": 0.02}))  # fmt: skip
    with pytest.raises(ValueError, match="another model"):
        fit(models(width=7)[0], X, Y, epochs=2, checkpoint=path, **SETTINGS)
    kept = path.read_bytes()
    path.write_bytes(kept[: len(kept) // 2])
    with pytest.raises(ValueError, match="cannot be read"):
        fit(models()[0], X, Y, epochs=2, checkpoint=path, **SETTINGS)


def test_another_version_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "state.pt"
    fit(models()[0], X, Y, epochs=1, checkpoint=path, **SETTINGS)
    monkeypatch.setattr(module, "VERSION", "other")
    with pytest.raises(ValueError, match="this library reads other"):
        fit(models()[0], X, Y, epochs=2, checkpoint=path, **SETTINGS)


def own_loss(output, y):
    return (output - y).abs().mean()


@pytest.mark.parametrize(
    ("named", "changed"),
    [
        ("another loss", {"loss": own_loss}),
        (
            "another penalty",
            {"penalty": lambda model, solution, x: x.sum() * 0},
        ),
        ("optimizer", {"optimizer": torch.optim.SGD}),
        ("another data", {"y": Y + 1}),
        ("another data", {"x": X.flip(0)}),
        ("another solver", {"solver": Solver("rk4", step_size=0.25)}),
        ("another model", {"depth": 2.0}),
        ("2 epochs", {"epochs": 1}),
    ],
)
def test_what_was_not_trained_is_not_continued(tmp_path, named, changed):
    path = tmp_path / "state.pt"
    fit(models()[0], X, Y, epochs=2, checkpoint=path, **SETTINGS)
    (one,) = models()
    one.solver = changed.pop("solver", one.solver)
    one.depth = changed.pop("depth", one.depth)
    x, y = changed.pop("x", X), changed.pop("y", Y)
    settings = {"epochs": 3, **SETTINGS, **changed}
    with pytest.raises(ValueError, match=named):
        fit(one, x, y, checkpoint=path, **settings)


def test_paths_read_at_other_depths_are_not_continued(tmp_path):
    path, s = tmp_path / "state.pt", torch.tensor([0.0, 0.5, 1.0])
    model = NeuralODE(mlp(2, 2))
    y = torch.zeros(3, len(X), 2)
    fit(model, X, y, epochs=1, depths=s, checkpoint=path, progress=False)
    with pytest.raises(ValueError, match="another data"):
        fit(model, X, y, epochs=2, depths=s / 2, checkpoint=path)


class Scaled(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale, self.layer = scale, nn.Linear(2, 2)

    def forward(self, z):
        return self.scale * self.layer(z)


def scaled(scale):
    return lambda output, y: scale * (output - y).square().mean()


WEIGHT = 1.0


def weighed(model, solution, x):
    return WEIGHT * solution.z.square().mean()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (fixed_point(0.1), fixed_point(0.2)),
        (nn.HuberLoss(delta=1.0), nn.HuberLoss(delta=2.0)),
        (scaled(1.0), scaled(2.0)),
        (lambda z, y: (z - y).abs().mean(), lambda z, y: (z - y).sum()),
        (partial(own_loss, y=1.0), partial(own_loss, y=2.0)),
        (Scaled(1.0), Scaled(2.0)),
        (Scaled(torch.ones(2)), Scaled(torch.tensor([1.0, 2.0]))),
        (nn.Linear(1, 1).requires_grad_(False), nn.Linear(1, 1)),
        (NeuralODE(nn.Tanh(), depth=1.0), NeuralODE(nn.Tanh(), depth=2.0)),
        ([Solver(rtol=1e-3)], [Solver(rtol=1e-4)]),
        ({1, 2}, {1, 3}),
    ],
)
def test_what_tells_two_trainings_apart_is_in_their_identity(one, other):
    assert identity(one) == identity(copy.deepcopy(one))
    assert identity(one) != identity(other)


def test_a_number_that_a_function_looks_up_counts_too(monkeypatch):
    before = identity(weighed)
    assert before == identity(weighed)
    monkeypatch.setattr(sys.modules[__name__], "WEIGHT", 2.0)
    assert before != identity(weighed)


def test_a_training_does_not_change_who_it_is(tmp_path):
    path = tmp_path / "state.pt"
    (one,), (whole,) = models(), models()
    fit(one, X, Y, epochs=2, checkpoint=path, **SETTINGS)
    found = fit(one, X, Y, epochs=4, checkpoint=path, **SETTINGS)
    assert equal(found, fit(whole, X, Y, epochs=4, **SETTINGS))


def test_a_model_with_dropout_ends_as_if_never_stopped(tmp_path):
    def dropped():
        (one,) = models()
        one.readout = nn.Sequential(nn.Dropout(0.5), nn.Linear(2, 1))
        for p in one.readout.parameters():
            nn.init.constant_(p, 0.3)
        return one

    path = tmp_path / "state.pt"
    whole, first, second = dropped(), dropped(), dropped()
    torch.manual_seed(0)
    expected = fit(whole, X, Y, epochs=6, **SETTINGS)
    torch.manual_seed(0)
    fit(first, X, Y, epochs=2, checkpoint=path, **SETTINGS)
    torch.manual_seed(1)
    found = fit(second, X, Y, epochs=6, checkpoint=path, **SETTINGS)
    assert equal(found, expected)
    assert same(second, whole)


def test_a_flipped_byte_is_noticed(tmp_path):
    path = tmp_path / "state.pt"
    fit(models()[0], X, Y, epochs=1, checkpoint=path, **SETTINGS)
    whole, (expected,) = path.read_bytes(), models()
    fit(expected, X, Y, epochs=2, **SETTINGS)
    noticed = 0
    for at in range(7, len(whole), len(whole) // 40):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        (again,) = models()
        try:
            fit(again, X, Y, epochs=2, checkpoint=path, **SETTINGS)
        except ValueError:
            noticed += 1
        else:  # a byte that fills a gap
            assert same(again, expected)
    assert noticed > 20


@pytest.mark.parametrize("content", [{"rows": []}, [1], None])
def test_a_file_of_something_else_is_named(tmp_path, content):
    path = tmp_path / "state.pt"
    torch.save(content, path)
    for read in (
        lambda: fit(models()[0], X, Y, epochs=2, checkpoint=path, **SETTINGS),
        lambda: module.weights(path),
    ):
        with pytest.raises(ValueError, match=r"state\.pt .* not of a training"):
            read()


def test_code_of_strangers_does_not_run(tmp_path):
    path = tmp_path / "state.pt"
    torch.save({"version": module.VERSION, "rows": Stranger()}, path)
    with pytest.raises(ValueError, match="cannot be read"):
        module.weights(path)
    assert not (tmp_path / "ran").exists()


class Stranger:
    def __reduce__(self):
        return (Path.touch, (Path("ran"),))


def scheduled(kind):
    """An optimizer whose learning rate a hook changes."""

    def make(parameters):
        optimizer = torch.optim.Adam(parameters, lr=0.02)
        schedule = kind(optimizer)
        optimizer.register_step_post_hook(lambda *_: schedule.step())
        return optimizer

    return make


@pytest.mark.parametrize(
    "kind",
    [
        lambda opt: torch.optim.lr_scheduler.ExponentialLR(opt, 0.8),
        lambda opt: torch.optim.lr_scheduler.CosineAnnealingLR(opt, 10),
    ],
)
def test_a_schedule_goes_on_where_it_was(tmp_path, kind):
    settings = {**SETTINGS, "optimizer": scheduled(kind)}
    del settings["lr"]
    (whole,), (first,), (second,) = models(), models(), models()
    expected = fit(whole, X, Y, epochs=6, **settings)
    path = tmp_path / "state.pt"
    fit(first, X, Y, epochs=3, checkpoint=path, **settings)
    found = fit(second, X, Y, epochs=6, checkpoint=path, **settings)
    assert equal(found, expected)
    assert same(second, whole)


def test_what_a_callback_averages_is_kept(tmp_path):
    def averaged(model):
        mean = torch.optim.swa_utils.AveragedModel(model)
        return mean, lambda *_: mean.update_parameters(model)

    path = tmp_path / "state.pt"
    (whole,), (first,), (second,) = models(), models(), models()
    expected, callback = averaged(whole)
    fit(whole, X, Y, epochs=6, callback=callback, **SETTINGS)
    _, callback = averaged(first)
    fit(first, X, Y, epochs=3, checkpoint=path, callback=callback, **SETTINGS)
    found, callback = averaged(second)
    fit(second, X, Y, epochs=6, checkpoint=path, callback=callback, **SETTINGS)
    assert same(found, expected)


def test_a_save_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "state.pt"
    link = tmp_path / "link.pt"
    link.symlink_to(path)
    fit(models()[0], X, Y, epochs=1, checkpoint=link, **SETTINGS)
    assert link.is_symlink()
    kept = path.read_bytes()

    def full(_content, file):
        file.write(kept[:100])
        raise OSError("no space left")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match=r"link\.pt cannot be written"):
        fit(models()[0], X, Y, epochs=2, checkpoint=link, **SETTINGS)
    assert path.read_bytes() == kept
    assert sorted(tmp_path.iterdir()) == [link, path]


def test_weights_load_as_an_ordinary_state_dict(tmp_path):
    path = tmp_path / "state.pt"
    trained = models(4, width=4)
    plain = [
        seeded(
            lambda: NeuralODE(
                mlp(2, 4, 2),
                readout=nn.Linear(2, 1),
                solver=Solver("rk4", step_size=0.5),
            ),
            seed,
        )
        for seed in range(4)
    ]
    fit(trained[0], X, Y, epochs=2, checkpoint=path, **SETTINGS)
    (fresh,) = models(1, width=4)
    fresh.load_state_dict(module.weights(path))
    assert same(fresh, trained[0])
    together = tmp_path / "several.pt"
    fit(plain, X, Y, epochs=2, checkpoint=together, **SETTINGS)
    plain[0].load_state_dict(module.weights(together, member=3))
    assert same(plain[0], plain[3])
    with pytest.raises(ValueError, match="member must"):
        module.weights(path, member=1)
