"""Tasks: run once, kept whole, named by what decides them."""

import json
import os
import signal
import threading
import time
from dataclasses import replace

import pytest
from distributed import Client, LocalCluster

from neural_odes_lab import runner
from neural_odes_lab.records import Record, file_name, read, write
from neural_odes_lab.runner import run, tasks
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
        other.setattr(runner, "code", lambda path: "another")
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
    study, seeds = STUDIES["background.euler"], list(range(48))
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
    assert len(list(tmp_path.rglob("*.json"))) == 48
    assert [task["seeds"] for task in found.tasks] == [[s] for s in seeds]
    (config,) = study.configs("tiny")
    assert len(found.rows) == 48 * len(config.layers)
    assert len({(r["seed"], r["layers"]) for r in found.rows}) == 48 * len(
        config.layers
    )
