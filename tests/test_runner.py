"""Tasks: run once, kept whole, named by what decides them."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from distributed import Client, LocalCluster

from neural_odes_lab import runner, study
from neural_odes_lab.records import Record, file_name, read, seal, write
from neural_odes_lab.runner import WorkerError, run, tasks
from neural_odes_lab.studies import STUDIES

COVER = STUDIES["dimensionality.cover"]
(TINY,) = COVER.configs("tiny")


def test_a_finished_task_is_not_run_again(tmp_path, monkeypatch):
    first = run(COVER, [TINY], seeds=[0, 1], folder=tmp_path, progress=False)
    files = {p: p.read_text() for p in tmp_path.rglob("*.json")}
    assert len(files) == len(tasks(COVER, TINY, [0, 1])) == 10
    damaged = next(iter(files))
    damaged.write_text("{")
    ran = []
    true = runner.run_task
    monkeypatch.setattr(
        runner, "run_task", lambda task: ran.append(task) or true(task)
    )
    again = run(COVER, [TINY], seeds=[0, 1, 2], folder=tmp_path, progress=False)
    assert len(ran) == 1 + 5
    assert [r for r in again.rows if r["seed"] < 2] == list(first.rows)


def test_what_decides_a_result_names_its_task(monkeypatch):
    def key(config, seeds=(0,), device="cpu"):
        return tasks(COVER, config, seeds, device)[0].key

    assert key(TINY) == key(replace(TINY))
    others = [
        key(replace(TINY, points=99)),
        key(TINY, (1,)),
        key(TINY, device="cuda"),
    ]
    assert len({key(TINY), *others}) == 4
    known = key(TINY)
    with monkeypatch.context() as other:
        other.setattr("torch.__version__", "9.9")
        assert key(TINY) != known
    with monkeypatch.context() as other:
        other.setattr("neural_odes_lab.study.code", lambda measure: "another")
        assert key(TINY) != known
    table = STUDIES["augmentation.table1"]
    a, b = (
        tasks(table, *table.configs("tiny", checkpoints=c), [0])[0].key
        for c in ("", "elsewhere")
    )
    assert a == b


def test_a_record_comes_back_as_it_was(tmp_path):
    found = run(COVER, [TINY], seeds=[3], setting="tiny", progress=False)
    path = write(found, tmp_path)
    assert path.name == file_name(COVER.name, "tiny")
    back = read(path)
    assert isinstance(back, Record)
    assert back.rows == json.loads(json.dumps(list(found.rows)))
    assert len(back.provenance) == 1
    path.write_text("{}")
    seal(path)
    with pytest.raises(ValueError, match="lacks"):
        read(path)


@pytest.mark.parametrize("seeds", [[], [1, 1]])
def test_seeds_are_distinct(seeds):
    with pytest.raises(ValueError, match="seeds must be distinct"):
        run(COVER, [TINY], seeds=seeds, progress=False)


def test_local_processes_measure_the_same(tmp_path):
    alone = run(COVER, [TINY], seeds=[0, 1], progress=False)
    spread = run(
        *(COVER, [TINY]),
        seeds=[0, 1],
        workers=2,
        folder=tmp_path,
        progress=False,
    )
    assert spread.rows == alone.rows


def test_a_killed_worker_costs_its_running_task_only(tmp_path):
    study, seeds = STUDIES["background.euler"], list(range(24))
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        first, *_ = client.run(os.getpid).values()

        def kill() -> None:
            while len(list(tmp_path.rglob("*.json"))) < 8:
                time.sleep(0.01)
            os.kill(first, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        found = run(
            study,
            seeds=seeds,
            setting="tiny",
            folder=tmp_path,
            workers=cluster.scheduler_address,
            progress=False,
        )
        killer.join()
        assert first not in client.run(os.getpid).values()
    assert len(list(tmp_path.rglob("*.json"))) == 24
    assert [task["seeds"] for task in found.tasks] == [[s] for s in seeds]
    (config,) = study.configs("tiny")
    assert len(found.rows) == 24 * len(config.layers)
    assert len({(r["seed"], r["layers"]) for r in found.rows}) == 24 * len(
        config.layers
    )


def test_a_task_file_is_whole_and_of_its_task(tmp_path):
    run(COVER, [TINY], seeds=[0, 1], folder=tmp_path, progress=False)
    one, other = tasks(COVER, TINY, [0, 1])[:2]
    path = runner._path(tmp_path, one)
    whole = path.read_bytes()
    kept = runner._kept(tmp_path, one)
    assert kept is not None
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert runner._kept(tmp_path, one) in (None, kept)
    for text in ("", "null", "[{}]", "3", "{}", '{"checksum": ""}'):
        path.write_text(text)
        assert runner._kept(tmp_path, one) is None

    def changed(**changes):
        path.write_text(json.dumps({**json.loads(whole), **changes}))
        seal(path)
        return runner._kept(tmp_path, one)

    rows = kept["rows"]
    assert changed() == kept
    assert changed(key="another") is None
    assert changed(rows=[]) is None
    assert changed(rows=[{**row, "seed": 7} for row in rows]) is None
    assert changed(rows=[{**row, "variant": 7} for row in rows]) is None
    path.write_bytes(runner._path(tmp_path, other).read_bytes())
    assert runner._kept(tmp_path, one) is None


def test_rows_are_of_the_seeds_that_were_asked_for():
    @study.study("toy", paper="none", config=COVER.config, variants=("a",))
    def toy(config, variant, seeds, device):
        return [{"seed": 0}]

    with pytest.raises(ValueError, match=r"toy must measure rows of the seeds"):
        run(toy, seeds=[1], progress=False)


@pytest.mark.parametrize("workers", [-1, 1.5, True, None])
def test_workers_are_a_number_or_an_address(workers):
    with pytest.raises((TypeError, ValueError), match="workers must"):
        run(COVER, [TINY], seeds=[0], workers=workers, progress=False)


def test_a_worker_with_other_code_is_named(monkeypatch):
    """The client's files changed after the worker started, say."""
    task = tasks(COVER, TINY, [0])[0]
    assert runner.run_elsewhere(task, task.decides)["rows"]
    for name in ("code", "torch"):
        with pytest.raises(WorkerError, match=f"other {name} .* not another"):
            runner.run_elsewhere(task, {**task.decides, name: "another"})
    monkeypatch.setattr("neural_odes_lab.study.code", lambda _: "of the client")
    with pytest.raises(WorkerError, match="has other code behind dimension"):
        run(COVER, [TINY], seeds=[0], workers=1, progress=False)


def test_a_scheduler_without_workers_is_named(monkeypatch):
    monkeypatch.setattr(runner, "PATIENCE", 0.1)
    with (
        LocalCluster(n_workers=0, dashboard_address=None) as cluster,
        pytest.raises(WorkerError, match="has no workers"),
    ):
        run(
            *(COVER, [TINY]),
            seeds=[0],
            workers=cluster.scheduler_address,
            progress=False,
        )


OWN = '''
import os, time
from dataclasses import dataclass
from neural_odes_lab.config import Config, Count, option
from neural_odes_lab.runner import run
from neural_odes_lab.study import per_seed, study

@dataclass(frozen=True)
class Toy(Config):
    """A toy."""
    steps: Count = option(1, "nothing (chosen)")

@study("toy", paper="none", config=Toy)
@per_seed
def toy(config, variant, seed, device):
    """A toy."""
    if config.steps == 2:
        os._exit(1)
    time.sleep(0.2)
    return {"x": seed}
'''


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A study in a file, and how its command line is run."""
    (tmp_path / "toy_of_mine.py").write_text(OWN)

    def start(*arguments):
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


DASK = "distributed.cli.dask"
RUN = ("-m", "neural_odes_lab", "run", "toy_of_mine.py", "--no-progress")


def last_line(process):
    _, error = process.communicate(timeout=120)
    assert process.returncode == 1, error
    return error.rstrip().rpartition("\n")[2]


def test_a_worker_that_dies_again_and_again_is_named(own, monkeypatch):
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "1")
    said = last_line(own(*RUN, "--steps=2", "--seeds=1", "--workers=1"))
    assert "toy failed: workers died again and again" in said
    assert "flow, seeds [0]" in said


def test_workers_without_a_main_guard_are_named(own, tmp_path):
    call = "run(toy, seeds=[0], workers=1, progress=False)"
    (tmp_path / "script.py").write_text(f"{OWN}\n{call}\n")
    said = last_line(own("script.py"))
    assert "WorkerError: each worker runs" in said
    assert 'if __name__ == "__main__":' in said


def test_a_scheduler_that_starts_anew_is_named(own, tmp_path):
    def scheduler(port):
        return own(
            "-m",
            "distributed.cli.dask_scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--no-dashboard",
        )

    with LocalCluster(n_workers=0, dashboard_address=None) as cluster:
        port = int(cluster.scheduler_address.rpartition(":")[2])
    first = scheduler(port)
    address = f"tcp://127.0.0.1:{port}"
    worker = own(
        "-m",
        "distributed.cli.dask_worker",
        address,
        "--nworkers",
        "1",
        "--no-dashboard",
    )
    try:
        process = own(*RUN, "--seeds=100", "--workers", address)
        while len(list(tmp_path.rglob("tasks/toy/*.json"))) < 2:
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        first.kill()
        first.wait()
        second = scheduler(port)
        try:
            said = last_line(process)
        finally:
            second.terminate()
            second.communicate()
    finally:
        worker.terminate()
        worker.communicate()
    assert "toy failed: the scheduler has gone, or was started anew" in said
    assert len(list(tmp_path.rglob("tasks/toy/*.json"))) >= 2
