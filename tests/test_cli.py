import json
from dataclasses import dataclass, fields

import pytest
import torch

from neural_odes import SolverError
from neural_odes.lab import cli
from neural_odes.lab.config import Config, Count, Positive, option
from neural_odes.lab.judges import Claim, always
from neural_odes.lab.studies import STUDIES
from neural_odes.lab.study import Study, per_seed


@dataclass(frozen=True)
class Toy(Config):
    epochs: Count = option(3, "steps of nothing at all (chosen)")
    lr: Positive = option(0.1, "a number (100 % chosen)")
    sizes: tuple[Count, ...] = option((1, 2), "some numbers")
    is_deep: bool = option(False, "yes or no")


def toy(config, variant, seed, device):
    """A toy."""
    if config.epochs == 13 and seed == 1:
        raise KeyboardInterrupt
    if config.epochs == 14 and seed == 1:
        raise SolverError("the step size underflowed", 0.5, 7)
    return {"epochs": config.epochs}


@pytest.fixture
def run(monkeypatch, tmp_path):
    one = Study(
        *("toy.one", "section 0", Toy, per_seed(toy)),
        variants=lambda config: ("flow",),
        claims=lambda config: [Claim("It runs.", always("epochs", "flow"))],
        settings={"slow": {"lr": 0.01}},
        quick={"epochs": 1},
    )
    monkeypatch.setattr(cli, "STUDIES", {"toy.one": one, "toy.two": one})

    def run(*arguments):
        return cli.main(["run", "toy.one", "--out", str(tmp_path), *arguments])

    return run


def files(folder):
    return sorted(p.name for p in folder.glob("*.json"))


def read(path):
    return json.loads(path.read_text())


def test_a_run_is_printed_and_written(run, tmp_path, capsys):
    assert run("--seeds", "3", "--epochs", "5", "--lr=1e-3") == 0
    record = read(tmp_path / "toy.one.json")
    assert record["seeds"] == [0, 1, 2]
    assert record["config"]["epochs"] == 5
    assert record["config"]["lr"] == 1e-3
    out = capsys.readouterr().out
    assert "toy.one: 3 seeds, cpu" in out
    assert "✓ held: It runs." in out
    assert str(tmp_path / "toy.one.json") in out


def test_settings_of_every_type_are_read(run, tmp_path):
    assert run("--is-deep", "true", "--sizes=3,4") == 0
    config = read(tmp_path / "toy.one.json")["config"]
    assert config["is_deep"] is True
    assert config["sizes"] == [3, 4]


def test_seeds_are_counted_or_named(run, tmp_path):
    assert run("--seeds", "7,9") == 0
    assert read(tmp_path / "toy.one.json")["seeds"] == [7, 9]
    assert run("--seeds", "7,9,2") == 0  # more of the same: nothing is lost
    assert read(tmp_path / "toy.one.json")["seeds"] == [7, 9, 2]


def test_settings_stand_beside_each_other(run, tmp_path):
    assert run() == 0
    assert run("--setting", "slow") == 0
    assert run("--setting", "slow", "--tag", "deep", "--is-deep=true") == 0
    assert files(tmp_path) == [
        "toy.one.deep.json",
        "toy.one.json",
        "toy.one.slow.json",
    ]
    deep = read(tmp_path / "toy.one.deep.json")
    assert deep["setting"] == "deep"
    assert (deep["config"]["lr"], deep["config"]["is_deep"]) == (0.01, True)


def test_a_quick_run_does_not_replace_the_full_one(run, tmp_path):
    assert run("--setting", "quick", "--sizes", "3") == 0
    assert files(tmp_path) == ["toy.one.quick.json"]
    record = read(tmp_path / "toy.one.quick.json")
    assert len(record["seeds"]) == 2
    assert record["config"] == {
        "epochs": 1,
        "lr": 0.1,
        "sizes": [3],
        "is_deep": False,
    }


def test_a_result_of_other_settings_is_not_lost(run, tmp_path, capsys):
    assert run("--seeds", "2") == 0
    kept = (tmp_path / "toy.one.json").read_text()
    for changed, what in (
        (["--seeds", "1"], "other seeds"),
        (["--seeds", "2", "--epochs", "4"], "other settings"),
    ):
        with pytest.raises(SystemExit, match="2"):
            run(*changed)
        error = capsys.readouterr().err
        assert what in error
        assert "--replace" in error
        assert (tmp_path / "toy.one.json").read_text() == kept
    assert run("--seeds", "2") == 0
    assert run("--seeds", "1", "--replace") == 0
    assert run("--seeds", "2", "--epochs", "4", "--tag", "two") == 0


def test_what_cannot_be_kept_is_said_before_the_run(tmp_path, capsys):
    euler = ["run", "background.euler", "--out"]
    with pytest.raises(SystemExit, match="2"):
        cli.main([*euler, str(tmp_path), "--layers", "1,2,4"])
    assert "layers must have two or more" in capsys.readouterr().err
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match="2"):
        cli.main([*euler, str(tmp_path / "file")])


def test_an_interrupted_run_goes_on_where_it_was(run, tmp_path, capsys):
    assert run("--epochs", "13") == 130
    error = capsys.readouterr().err
    assert "interrupted" in error
    assert str(tmp_path / "tasks") in error
    assert files(tmp_path) == []
    assert len(list((tmp_path / "tasks").rglob("*.json"))) == 1


def test_a_seed_that_fails_is_named_and_the_others_are_kept(
    run, tmp_path, capsys
):
    assert run("--epochs", "14", "--seeds", "3") == 1
    assert "failed: flow, seed 1: the solver" in capsys.readouterr().err
    rows = read(tmp_path / "toy.one.json")["rows"]
    assert [row["seed"] for row in rows if "failed" not in row] == [0, 2]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--epoch=3"], "no option --epoch; did you mean --epochs"),
        (["--epochs"], "--epochs: expected one argument"),
        (["--epochs=many"], "--epochs: must be an integer >= 1, got 'many'"),
        (["--is-deep=2"], "--is-deep: must be true or false, got '2'"),
        (["--epochs=-14"], "epochs must be an integer >= 1, got -14"),
        (["--lr=nan"], "lr must be a number > 0, got nan"),
        (["--sizes=1,0"], "each of sizes must be an integer >= 1, got 0"),
        (["--tag", "quick", "--epochs=3"], "the name of another setting"),
        (["--tag", "../wide"], "must be made of a-z"),
        (["--setting", "sloww"], "invalid choice: 'sloww'"),
        (["--seeds", "0"], "must be an integer >= 1"),
        (["--seeds", "a,b"], "must be an integer >= 1, or integers like 7,9"),
        (["--seeds", "3,3"], "must be distinct"),
        (["--workers", "0"], "must be an integer >= 1 or the address"),
        (["--device", "abacus"], "must be one of cpu, cuda, mps"),
    ],
)
def test_bad_arguments_get_one_line(run, capsys, arguments, says):
    with pytest.raises(SystemExit, match="2"):
        run(*arguments)
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_an_unknown_study_gets_suggestions(capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["run", "anatomy.activation"])
    assert "did you mean anatomy.activations" in capsys.readouterr().err


def test_an_absent_device_is_named(run, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="2"):
        run("--device", "cuda")
    assert "cuda is not available" in capsys.readouterr().err


def test_the_list_names_every_study(capsys):
    assert cli.main(["list"]) == 0
    out = capsys.readouterr().out
    assert all(
        name in out and one.paper in out and one.summary in out
        for name, one in STUDIES.items()
    )


@pytest.mark.parametrize("name", STUDIES)
def test_help_describes_every_setting(name, capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["run", name, "--help"])
    out = " ".join(capsys.readouterr().out.split())
    for one in fields(STUDIES[name].config):
        assert f"--{one.name.replace('_', '-')} VALUE" in out
        assert " ".join(one.metadata["text"].split())[:20] in out
