import json
from dataclasses import dataclass, fields

import pytest
import torch

from neural_odes import SolverError
from neural_odes.lab import cli
from neural_odes.lab.experiments import EXPERIMENTS, Experiment
from neural_odes.lab.results import verdict


@dataclass(frozen=True)
class Toy:
    """Settings.

    Args:
        epochs: steps of nothing
            at all (chosen).
        lr: a number (chosen).
        names: some words.
        deep: yes or no.
    """

    epochs: int = 3
    lr: float = 0.1
    names: tuple[str, ...] = ("a", "b")
    deep: bool = False


def toy(config, *, seeds, device="cpu", progress=True):
    if config.epochs == 13:
        raise KeyboardInterrupt
    if config.epochs == 14:
        raise SolverError("the step size underflowed", 0.5, 7)
    return {
        "summary": [{"seeds": len(seeds), "epochs": config.epochs}],
        "verdicts": [verdict("It runs.", True, "it did")],
    }


@pytest.fixture
def run(monkeypatch, tmp_path):
    one = Experiment(toy, Toy, Toy(epochs=1), "a toy", "section 0")
    monkeypatch.setattr(cli, "EXPERIMENTS", {"toy.one": one, "toy.two": one})

    def run(*arguments):
        return cli.main(["run", "toy.one", "--out", str(tmp_path), *arguments])

    return run


def test_a_run_is_printed_and_written(run, tmp_path, capsys):
    assert run("--seeds", "3", "--set", "epochs=5", "--set", "lr=1e-3") == 0
    record = json.loads((tmp_path / "toy.one.json").read_text())
    assert record["seeds"] == [0, 1, 2]
    assert record["config"]["epochs"] == 5
    assert record["config"]["lr"] == 1e-3
    out = capsys.readouterr().out
    assert "seeds  epochs" in out
    assert "It runs.\n  holds: it did" in out
    assert str(tmp_path / "toy.one.json") in out


def test_a_setting_is_an_option_too(run, tmp_path):
    assert run("--deep", "true", "--names=c,d") == 0
    record = json.loads((tmp_path / "toy.one.json").read_text())
    assert record["config"]["deep"] is True
    assert record["config"]["names"] == ["c", "d"]


def test_an_unknown_option_or_one_without_value_is_named(run, capsys):
    for argument, said in (
        ("--deeep=true", "did you mean deep"),
        ("--deep", "--deep is no option, or lacks its value"),
        ("deep", "deep is no option"),
    ):
        with pytest.raises(SystemExit) as stop:
            run(argument)
        assert stop.value.code == 2
        assert said in capsys.readouterr().err


def test_a_tagged_run_stands_beside_the_full_one(run, tmp_path):
    assert run("--tag", "wide") == 0
    assert [p.name for p in tmp_path.iterdir()] == ["toy.one.wide.json"]
    with pytest.raises(SystemExit):
        run("--tag", "../wide")


def test_a_quick_run_does_not_replace_the_full_one(run, tmp_path):
    assert run("--quick", "--set", "deep=true", "--set", "names=c") == 0
    assert [p.name for p in tmp_path.iterdir()] == ["toy.one.quick.json"]
    record = json.loads((tmp_path / "toy.one.quick.json").read_text())
    assert len(record["seeds"]) == 2
    assert record["config"] == {
        "epochs": 1,
        "lr": 0.1,
        "names": ["c"],
        "deep": True,
    }


def test_a_result_of_other_settings_is_not_lost(run, tmp_path, capsys):
    assert run("--seeds", "2") == 0
    kept = (tmp_path / "toy.one.json").read_text()
    for changed in (["--seeds", "3"], ["--seeds", "2", "--epochs", "4"]):
        with pytest.raises(SystemExit, match="2"):
            run(*changed)
        assert "--replace" in capsys.readouterr().err
        assert (tmp_path / "toy.one.json").read_text() == kept
    assert run("--seeds", "2") == 0
    assert run("--seeds", "3", "--replace") == 0
    assert run("--seeds", "2", "--tag", "two") == 0


def test_what_cannot_be_kept_is_said_before_the_run(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["run", "background.euler", "--layers", "1,2,4", "--out",
                  str(tmp_path)])  # fmt: skip
    assert "layers is (1, 2, 4)" in capsys.readouterr().err
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match="2"):
        cli.main(["run", "background.euler", "--out", str(tmp_path / "file")])


@pytest.mark.parametrize(
    ("epochs", "end"),
    [(13, (130, "nothing was written")), (14, (1, "underflowed"))],
)
def test_an_unfinished_run_writes_nothing(run, tmp_path, capsys, epochs, end):
    status, says = end
    assert run("--set", f"epochs={epochs}") == status
    assert says in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--set", "epoch=3"], "did you mean epochs?"),
        (["--set", "epochs"], "FIELD=VALUE"),
        (["--set", "epochs=many"], "epochs takes a value like 3"),
        (["--set", "deep=2"], "deep takes a value like False"),
        (["--epochs=-14"], "epochs takes >= 0"),
        (["--lr=nan"], "lr takes >= 0"),
        (["--tag", "quick"], "'quick' is the name of runs"),
        (["--seeds", "0"], "integer >= 1"),
        (["--device", "abacus"], "none of cpu, cuda, mps"),
    ],
)
def test_bad_arguments_get_one_line(run, capsys, arguments, says):
    with pytest.raises(SystemExit, match="2"):
        run(*arguments)
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_an_unknown_experiment_gets_suggestions(capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["run", "anatomy.activation"])
    assert "did you mean anatomy.activations" in capsys.readouterr().err


def test_an_absent_device_is_named(run, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="2"):
        run("--device", "cuda")
    assert "cuda is not available" in capsys.readouterr().err


def test_the_list_names_every_experiment(capsys):
    assert cli.main(["list"]) == 0
    out = capsys.readouterr().out
    assert all(
        name in out and e.paper in out for name, e in EXPERIMENTS.items()
    )


def test_help_lists_fields_with_defaults_and_what_they_are(run, capsys):
    with pytest.raises(SystemExit, match="0"):
        run("--help")
    out = capsys.readouterr().out
    assert "  names = a,b\n      some words." in out
    assert "steps of nothing at all (chosen)." in out


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_setting_is_described(name):
    text = cli._settings(name)
    for field in fields(EXPERIMENTS[name].config):
        _, _, after = text.partition(f"\n  {field.name} = ")
        assert after.split("\n")[1].strip(), f"{field.name} is not described"
