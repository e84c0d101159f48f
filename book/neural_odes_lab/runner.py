"""Studies cut into tasks, which run here, on processes or on a cluster.

A task is a variant and a block of seeds under one config. Once done, it is kept
as a file, named by a hash of all that decides its result, and is not run again:
a run that was stopped continues where it was.
"""

from __future__ import annotations

import hashlib
import json
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from neural_odes.checks import check_at_least, optional
from neural_odes.solver import SolverError
from neural_odes.training import TrainingError
from neural_odes_lab.records import Record, provenance, read_json, write_json
from neural_odes_lab.study import Row, Study, to_json, varied

PATIENCE = 30
"""Seconds that a cluster without workers is waited for."""


class WorkerError(RuntimeError):
    """What a run on several processes or machines died of, in one line."""


@dataclass(frozen=True)
class Task:
    """What one process measures at a time."""

    study: Study
    config: Any
    variant: Any
    seeds: tuple[int, ...]
    device: str

    @cached_property
    def decides(self) -> dict[str, Any]:
        """All that decides the result."""
        return {
            "study": self.study.name,
            "config": self.config.decides(),
            "variant": self.variant,
            "seeds": self.seeds,
            "device": self.device,
            "torch": torch.__version__,
            "code": self.study.code(),
        }

    @property
    def key(self) -> str:
        """A hash of what decides the result."""
        text = json.dumps(self.decides, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def __getstate__(self) -> dict[str, Any]:
        # Another process finds out anew what decides there.
        return {k: v for k, v in vars(self).items() if k != "decides"}


def tasks(
    study: Study, config: Any, seeds: Sequence[int], device: str = "cpu"
) -> list[Task]:
    """What a study has to measure, in the order of its rows."""
    blocks = [
        tuple(seeds[i : i + study.block])
        for i in range(0, len(seeds), study.block)
    ]
    return [
        Task(study, config, variant, block, device)
        for variant in study.variants(config)
        for block in blocks
    ]


def run(
    study: Study,
    configs: Sequence[Any] | None = None,
    *,
    seeds: Sequence[int],
    setting: str = "chosen",
    device: str = "cpu",
    folder: str | Path | None = None,
    workers: int | str = 0,
    progress: bool = True,
) -> Record:
    """Measure a study.

    Args:
        study: what to measure.
        configs: by default those of the setting. Of several, each row says to
            which it belongs.
        seeds: which seeds, without repeats.
        setting: the name that the result goes by.
        device: torch's name of a device.
        folder: where finished tasks are kept and looked for; by default
            nowhere.
        workers: 0 to run in this process; a number of local processes; or the
            address of a Dask scheduler, such as "tcp://10.0.0.1:8786".
        progress: show tasks done, their rate and the time left.

    Raises:
        ValueError: seeds are empty or repeat, the setting is unknown, or
            finished tasks are to be kept of a study that no file declares.
        TypeError: workers are neither a number nor an address.
        WorkerError: there are no workers, they have other code or versions, or
            they died; what is finished is kept.
    """
    if not isinstance(workers, str):
        check_at_least("workers", workers, 0)
    if folder is not None and not study.file.is_file():
        raise ValueError(
            f"{study.name} must be declared in a file for its finished tasks "
            "to be kept: what has changed of it could not be told"
        )
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be distinct, one or more, got {seeds}")
    configs = study.configs(setting) if configs is None else configs
    seeds = seeds if study.random else [0]
    todo = [
        task
        for one in configs
        for task in tasks(study, one, list(seeds), device)
    ]
    found = {}
    for task in todo:
        kept = None if folder is None else _kept(Path(folder), task)
        if kept is not None:
            found[task.key] = kept
    missing = [task for task in todo if task.key not in found]
    bar = tqdm(
        total=len(todo),
        initial=len(found),
        desc=f"{study.name} ({setting})",
        unit="task",
        disable=not progress,
    )
    with bar, ExitStack() as stack:
        for task, done in _finished(missing, workers, stack):
            if folder is not None:
                write_json(_path(Path(folder), task), done)
            found[task.key] = done
            bar.update()
    return _gathered(study, configs, setting, seeds, todo, found)


def run_task(task: Task) -> dict[str, Any]:
    """Measure one task.

    If a seed fails, its row says why in "failed", and the others count: the
    block is halved until that seed runs alone.

    Returns:
        key of the task, rows, seconds and provenance.
    """
    start = time.perf_counter()
    rows = [{"variant": task.variant, **row} for row in _rows(task, task.seeds)]
    if not _are_of(rows, task):
        raise ValueError(
            f"{task.study.name} must measure rows of the seeds "
            f"{list(task.seeds)}, got {[row.get('seed') for row in rows]}"
        )
    return {
        "key": task.key,
        "rows": rows,
        "seconds": round(time.perf_counter() - start, 2),
        "provenance": provenance(task.device),
    }


def _are_of(rows: Sequence[Mapping[str, Any]], task: Task) -> bool:
    return {row.get("seed") for row in rows} == set(task.seeds) and all(
        row.get("variant") == task.variant for row in rows
    )


def run_elsewhere(task: Task, decides: Mapping[str, Any]) -> dict[str, Any]:
    """Measure one task on a worker.

    Args:
        task: what to measure.
        decides: what decides its result where it was asked for.

    Raises:
        WorkerError: something else would decide it here.
    """
    for name, asked in decides.items():
        here = task.decides[name]
        if here != asked:
            raise WorkerError(
                f"the worker on {socket.gethostname()} has other {name} behind "
                f"{task.study.name}: {_short(here)}, not {_short(asked)}; "
                "start all workers with the same files and versions"
            )
    return run_task(task)


def _short(value: Any) -> str:
    return str(value)[:12]


def _rows(task: Task, seeds: tuple[int, ...]) -> list[Row]:
    try:
        return task.study.measure(task.config, task.variant, seeds, task.device)
    except (SolverError, TrainingError) as error:
        if len(seeds) == 1:
            return [{"seed": seeds[0], "failed": str(error)}]
        half = len(seeds) // 2
        return _rows(task, seeds[:half]) + _rows(task, seeds[half:])


def _finished(
    missing: Sequence[Task], workers: int | str, stack: ExitStack
) -> Iterator[tuple[Task, dict[str, Any]]]:
    """Tasks with their results, as they finish."""
    if not workers or not missing:
        for task in missing:
            yield task, run_task(task)
        return
    client = stack.enter_context(_client(workers, stack))
    distributed = optional("distributed", "lab")
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError as error:
        raise WorkerError(
            f"the cluster at {client.scheduler.address} has no workers"
        ) from error
    futures = {
        client.submit(
            run_elsewhere,
            task,
            task.decides,
            key=f"{task.study.name}-{task.key}",
        ): task
        for task in missing
    }
    for future in distributed.as_completed(futures):
        try:
            yield futures[future], future.result()
        except distributed.KilledWorker as error:
            task = futures[future]
            raise WorkerError(
                "workers died again and again while they measured "
                f"{task.variant}, seeds {list(task.seeds)}; is memory short?"
            ) from error
        except (CancelledError, distributed.comm.CommClosedError) as error:
            raise WorkerError(
                "the scheduler has gone, or was started anew; what is finished "
                "is kept, and the same run goes on from there"
            ) from error


def _client(workers: int | str, stack: ExitStack) -> Any:
    distributed = optional("distributed", "lab")
    if isinstance(workers, str):
        try:
            return distributed.Client(workers)
        except OSError as error:
            raise WorkerError(f"no scheduler answers at {workers}") from error
    _check_main_guard()
    # By default Dask's workers return freed memory at once, so that every state
    # of a solve costs page faults, and sample their stacks: together half of a
    # task's time.
    dask = optional("dask", "lab")
    spawn = "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_"
    sampling = "distributed.worker.profile.enabled"
    with dask.config.set({spawn: 2**30, sampling: False}):
        cluster = distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address=None,
        )
    return distributed.Client(stack.enter_context(cluster))


def _check_main_guard() -> None:
    main = sys.modules["__main__"]
    file = getattr(main, "__file__", None)
    if file is None or getattr(main, "__spec__", None) is not None:
        return  # a notebook, or python -m
    with suppress(OSError):
        if "__name__" not in Path(file).read_text(encoding="utf-8"):
            raise WorkerError(
                f"each worker runs {file} from its beginning: what starts them "
                'must stand below if __name__ == "__main__":'
            )


def _path(folder: Path, task: Task) -> Path:
    return folder / task.study.name / f"{task.key}.json"


def _kept(folder: Path, task: Task) -> dict[str, Any] | None:
    """A finished task; None if there is none, or its file is damaged."""
    try:
        done = read_json(_path(folder, task))
    except (OSError, ValueError):
        return None
    whole = done.keys() >= {"key", "rows", "seconds", "provenance"}
    whole = whole and done["key"] == task.key
    return done if whole and _are_of(done["rows"], task) else None


def _gathered(  # noqa: PLR0917
    study: Study,
    configs: Sequence[Any],
    setting: str,
    seeds: Sequence[int],
    todo: Sequence[Task],
    found: dict[str, dict[str, Any]],
) -> Record:
    origins: list[dict[str, Any]] = []
    listed, rows = [], []
    names = varied(configs)
    for task in todo:
        done = found[task.key]
        if done["provenance"] not in origins:
            origins.append(done["provenance"])
        cell = {name: getattr(task.config, name) for name in names}
        rows += [{**cell, **row} for row in done["rows"]]
        listed.append(
            {
                **cell,
                "variant": task.variant,
                "seeds": list(task.seeds),
                "hash": task.key,
                "seconds": done["seconds"],
                "provenance": origins.index(done["provenance"]),
            }
        )
    kept = to_json(configs)
    source = "" if study.of_the_book else str(study.file.resolve())
    return Record(
        *(study.name, setting, kept, list(seeds), rows, listed, origins),
        source=source,
    )
