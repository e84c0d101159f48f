import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, fields

import pytest
import torch

from neural_odes import SolverError
from neural_odes_lab import cli
from neural_odes_lab.config import Config, Count, Positive, option
from neural_odes_lab.judges import Claim, every_seed
from neural_odes_lab.studies import STUDIES
from neural_odes_lab.study import Study, per_seed


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
        claims=lambda config: [
            Claim("runs", "It runs.", every_seed("epochs", "flow"))
        ],
        settings={"slow": [{"lr": 0.01}]},
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
    capsys.readouterr()
    assert run("--seeds", "2") == 0
    assert "in the place of an earlier run" in capsys.readouterr().out
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
    assert "--out must be a folder that can be" in capsys.readouterr().err


SHELL = pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")


def in_a_shell(command, **environment):
    return subprocess.run(
        f"set -o pipefail; {sys.executable} -m neural_odes_lab {command}",
        shell=True,
        executable=shutil.which("bash"),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@SHELL
def test_a_reader_that_has_gone_costs_nothing(tmp_path):
    done = in_a_shell("list | :")
    assert (done.returncode, done.stderr) == (0, "")
    run = "run anatomy.parameters --setting quick --no-progress --out"
    done = in_a_shell(f"{run} {tmp_path} | :")
    assert done.returncode == 0
    file = tmp_path / "anatomy.parameters.quick.json"
    assert done.stderr == f"written to {file}\n"
    assert file.exists()


@SHELL
def test_a_terminal_without_ticks_gets_the_words(tmp_path):
    run = "run anatomy.parameters --setting quick --no-progress --out"
    done = in_a_shell(f"{run} {tmp_path}", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "? held: A GalNODE" in done.stdout


def test_missing_images_are_named_in_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("NEURAL_ODES_DATA", str(tmp_path))
    mnist = importlib.import_module("neural_odes_lab.data.mnist")
    monkeypatch.setattr(mnist, "MIRRORS", ("http://localhost:9/",))  # closed
    images = ["run", "augmentation.table1", "--setting", "mnist", "--seeds=1"]
    out = ["--out", str(tmp_path), "--no-progress"]
    assert cli.main([*images, *out]) == 1
    *tried, error = capsys.readouterr().err.splitlines()
    assert "train-images-idx3-ubyte.gz is missing" in error
    assert all(one.startswith("Downloading file") for one in tried)


@SHELL
def test_an_interrupt_from_the_keyboard_is_said(tmp_path):
    run = "run anatomy.activations --epochs 40 --no-progress --out"
    command = [*f"{sys.executable} -m neural_odes_lab {run}".split(), tmp_path]
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that starts this in the background has it ignored.
        preexec_fn=lambda: signal.signal(  # noqa: PLW1509
            signal.SIGINT, signal.SIG_DFL
        ),
    ) as process:
        while not list(tmp_path.rglob("*/*.json")):  # until a task is kept
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.startswith("interrupted; what is finished is kept in")


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
        (["--seeds", "9" * 20], "must be at most 100000 seeds"),
        (["--seeds", "9" * 20 + ","], "each at most 4294967295"),
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
