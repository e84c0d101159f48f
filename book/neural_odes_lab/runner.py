"""Studies cut into tasks, which run here, on processes or on a cluster.

A task is a variant and a block of seeds under one config. Once done, it is kept
as a file, named by a hash of all that decides its result, and is not run again:
a run that was stopped continues where it was.
"""

from __future__ import annotations

import ast
import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

import neural_odes
from neural_odes.checks import optional
from neural_odes.solver import SolverError
from neural_odes.training import TrainingError
from neural_odes_lab.records import Record, provenance, write_json
from neural_odes_lab.study import Row, Study, to_json, varied

CORE = Path(neural_odes.__file__).parent


@dataclass(frozen=True)
class Task:
    """What one process measures at a time."""

    study: Study
    config: Any
    variant: Any
    seeds: tuple[int, ...]
    device: str

    @cached_property
    def key(self) -> str:
        """A hash of what decides the result."""
        decides = {
            "study": self.study.name,
            "config": self.config.decides(),
            "variant": self.variant,
            "seeds": self.seeds,
            "device": self.device,
            "torch": torch.__version__,
            "code": code(self.study.file),
        }
        text = json.dumps(decides, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


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
        ValueError: seeds are empty or repeat, or the setting is unknown.
        ImportError: workers need the extra ``dask``, which is missing.
    """
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
        rows, seconds and provenance.
    """
    start = time.perf_counter()
    rows = _rows(task, task.seeds)
    return {
        "rows": [{"variant": task.variant, **row} for row in rows],
        "seconds": round(time.perf_counter() - start, 2),
        "provenance": provenance(task.device),
    }


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
    distributed = optional("distributed", "dask")
    futures = {
        client.submit(run_task, task, key=f"{task.study.name}-{task.key}"): task
        for task in missing
    }
    for future, done in distributed.as_completed(futures, with_results=True):
        yield futures[future], done


def _client(workers: int | str, stack: ExitStack) -> Any:
    distributed = optional("distributed", "dask")
    if isinstance(workers, str):
        return distributed.Client(workers)
    # By default Dask's workers return freed memory at once, so that every state
    # of a solve costs page faults, and sample their stacks: together half of a
    # task's time.
    dask = optional("dask", "dask")
    spawn = "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_"
    sampling = "distributed.worker.profile.enabled"
    with dask.config.set({spawn: 2**30, sampling: False}):
        cluster = distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address=None,
        )
    return distributed.Client(stack.enter_context(cluster))


def _path(folder: Path, task: Task) -> Path:
    return folder / task.study.name / f"{task.key}.json"


def _kept(folder: Path, task: Task) -> dict[str, Any] | None:
    """A finished task; None if there is none, or its file is damaged."""
    try:
        done: dict[str, Any] = json.loads(_path(folder, task).read_text())
    except (OSError, ValueError):
        return None
    return done if {"rows", "seconds", "provenance"} <= set(done) else None


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
    return Record(study.name, setting, kept, list(seeds), rows, listed, origins)


@cache
def code(measure: Path) -> str:
    """A hash of the code behind a study.

    It covers the core, the study's own file, and what that imports from its
    folder. Comments and docstrings do not count; strings below constants and
    texts of options do.
    """
    digest = hashlib.sha256()
    for path in sorted({*CORE.rglob("*.py"), *_behind(measure)}):
        digest.update(f"{path.name}\0".encode())
        digest.update(_plain(path.read_text("utf-8")).encode())
    return digest.hexdigest()


def _behind(module: Path) -> set[Path]:
    found, waiting = set(), [module]
    while waiting:
        path = waiting.pop()
        if path in found or not path.is_file():
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(one.name for one in node.names)]
                waiting += [
                    module.parent / f"{name.rpartition('.')[2]}.py"
                    for name in names
                ]
    return found


def _plain(text: str) -> str:
    """Code without comments and docstrings."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                body[0] = ast.Expr(ast.Constant(""))
    return ast.dump(tree)
