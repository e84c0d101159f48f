"""A training that was killed goes on as if it had not been."""

import pytest
import torch
from torch import nn

from neural_odes import NeuralODE, Solver, fit, mlp, nested_spheres, seeded
from neural_odes import checkpoint as module
from neural_odes.loop import History

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
    tmp_path, optimizer, steps
):
    settings = SETTINGS | {"optimizer": optimizer, "weight_decay": 0.1}
    (whole,) = models()
    expected = fit(whole, X, Y, epochs=8, **settings)

    calls = 0

    def until_killed(output, y):
        nonlocal calls
        calls += 1
        if calls > steps:
            raise KilledError
        return nn.functional.mse_loss(output, y)

    path = tmp_path / "run" / "state.safetensors"
    (first,), (second,) = models(), models()
    with pytest.raises(KilledError):
        fit(first, X, Y, epochs=8, loss=until_killed, checkpoint=path,
            **settings)  # fmt: skip
    found = fit(second, X, Y, epochs=8, checkpoint=path, **settings)
    assert equal(found, expected)
    assert same(second, whole)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_finished_training_is_only_read(tmp_path):
    path = tmp_path / "state.safetensors"
    (one,), (other,) = models(), models()
    expected = fit(one, X, Y, epochs=3, checkpoint=path, **SETTINGS)
    again = fit(other, X, Y, epochs=3, checkpoint=path, **SETTINGS)
    assert equal(again, expected)
    assert same(one, other)


def test_several_models_have_a_file_each(tmp_path):
    path = tmp_path / "state.safetensors"
    pair, half, rest = models(2), models(2), models(2)
    expected = fit(pair, X, Y, epochs=6, **SETTINGS)
    fit(half, X, Y, epochs=2, checkpoint=path, **SETTINGS)
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["state.0.safetensors", "state.1.safetensors"]
    found = fit(rest, X, Y, epochs=6, checkpoint=path, **SETTINGS)
    assert all(map(equal, found, expected))
    assert all(map(same, rest, pair))


def test_a_file_that_does_not_fit_is_refused(tmp_path):
    path = tmp_path / "state.safetensors"
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
    path = tmp_path / "state.safetensors"
    fit(models()[0], X, Y, epochs=1, checkpoint=path, **SETTINGS)
    monkeypatch.setattr(module, "VERSION", "2")
    with pytest.raises(ValueError, match="has version 1"):
        fit(models()[0], X, Y, epochs=2, checkpoint=path, **SETTINGS)
