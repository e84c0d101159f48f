"""The command line: list studies, run them, keep and report their results.

python -m neural_odes_lab list
python -m neural_odes_lab run anatomy.activations --seeds 10 --workers 2
python -m neural_odes_lab run augmentation.table1 --setting mnist --device cuda
python -m neural_odes_lab run path/to/spirals.py
python -m neural_odes_lab report results/spirals.json
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

import torch

from neural_odes_lab import config, records, report, tables
from neural_odes_lab.data import DataError
from neural_odes_lab.results import Result, load
from neural_odes_lab.runner import WorkerError, run
from neural_odes_lab.studies import STUDIES
from neural_odes_lab.study import Study, declared, to_json
from neural_odes_lab.verdicts import FIRST_LOOK

SEEDS, QUICK_SEEDS = FIRST_LOOK, 2
MOST_SEEDS, LARGEST_SEED = 100_000, 2**32 - 1
TASKS = "tasks"
"""The folder beside the results that keeps finished tasks."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: its arguments; by default those of the process.

    Returns:
        The exit status: 0, 1 if a run failed, 130 if it was interrupted.
        Invalid arguments raise ``SystemExit(2)``. If the reader of the output
        has gone, as with ``head``, printing ends and nothing else.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # a notebook's streams
            # What the encoding lacks, as ASCII lacks a tick, becomes "?".
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        status = _main(argv)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more at its end, which must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _main(argv: Sequence[str]) -> int:
    # What follows a study's name is read once that is known.
    given = _parser().parse_args(argv[:2] if argv[:1] == ["run"] else argv)
    if given.command == "report":
        return _report(given.result)
    try:
        studies = STUDIES if given.name is None else _studies(given.name)
    except (ImportError, ValueError, OSError, SyntaxError) as error:
        _parser().error(str(error))
    if given.command == "list":
        lines = [(s.name, s.paper, s.summary) for s in studies.values()]
        print(tables.align([("name", "paper", "measures"), *lines]))
        return 0
    planned = [_plan(one, argv[2:]) for one in studies.values()]
    return max(_carry_out(*one) for one in planned)


def _report(path: Path) -> int:
    try:
        target = path.with_suffix(".html")
        report.write(load(path), target)
    except (ImportError, KeyError, ValueError, OSError) as error:
        print(f"there is no report of {path}: {error}", file=sys.stderr)
        return 1
    print(f"written to {target}")
    return 0


def _studies(name: str) -> dict[str, Study]:
    """The study of a name; those of a file, or one of them (FILE::NAME)."""
    file, _, one = name.partition("::")
    if not file.endswith(".py"):
        if name not in STUDIES:
            raise ValueError(
                f"there is no study {name!r}{_suggest(name, STUDIES)}"
            )
        return {name: STUDIES[name]}
    found = declared(Path(file))
    if one and one not in found:
        raise ValueError(
            f"{file} declares no study {one!r}{_suggest(one, found)}"
        )
    return {one: found[one]} if one else found


Plan = tuple[Study, Sequence[Any], str, argparse.Namespace]
"""A study, its configs, the name that the result goes by, and options."""


def _plan(study: Study, argv: Sequence[str]) -> Plan:
    """What is asked of a study, refused if it cannot be done."""
    parser = _run_parser(study)
    options, unknown = parser.parse_known_args(argv)
    if unknown:
        known = [name for a in parser._actions for name in a.option_strings]
        name = unknown[0].partition("=")[0]
        parser.error(f"there is no option {name}{_suggest(name, known)}")
    try:
        settings = {
            one.name: value
            for one in fields(study.config)
            if (value := getattr(options, one.name)) is not None
        }
        configs = study.configs(options.setting, **settings)
        setting = _setting(study, options, configs)
        _make_folder(options.out)
        _refuse_to_lose(study, configs, setting, options)
    except (TypeError, ValueError, OSError) as error:
        parser.error(str(error))
    return study, configs, setting, options


def _carry_out(
    study: Study,
    configs: Sequence[Any],
    setting: str,
    options: argparse.Namespace,
) -> int:
    try:
        return _run(study, configs, setting, options)
    except KeyboardInterrupt:
        kept = options.out / TASKS
        print(
            f"interrupted; what is finished is kept in {kept}, and the same "
            "command goes on from there",
            file=sys.stderr,
        )
        return 130
    except BrokenPipeError:
        raise
    except (
        *(ImportError, ValueError, OSError),
        *(DataError, WorkerError),
    ) as error:
        print(f"{study.name} failed: {error}", file=sys.stderr)
        return 1


def _run(
    study: Study,
    configs: Sequence[Any],
    setting: str,
    options: argparse.Namespace,
) -> int:
    record = run(
        study,
        configs,
        seeds=_seeds(options),
        setting=setting,
        device=options.device,
        folder=options.out / TASKS,
        workers=options.workers,
        progress=options.progress,
    )
    name = records.file_name(study.name, setting)
    replaced = (options.out / name).exists()
    path = records.write(record, options.out)
    failed = [row for row in record.rows if row.get("failed")]
    for row in failed:
        print(
            f"failed: {row['variant']}, seed {row['seed']}: {row['failed']}",
            file=sys.stderr,
        )
    status = 1 if failed else 0
    try:
        print(Result(study, record).report())
        instead = ", in the place of an earlier run" if replaced else ""
        print(f"\nwritten to {path}{instead}", flush=True)
    except BrokenPipeError:
        print(f"written to {path}", file=sys.stderr)
        raise
    return status


def _seeds(options: argparse.Namespace) -> list[int]:
    number = QUICK_SEEDS if options.setting == "quick" else SEEDS
    return list(range(number)) if options.seeds is None else options.seeds


def _setting(
    study: Study, options: argparse.Namespace, configs: Sequence[Any]
) -> str:
    """The name that the result goes by."""
    name: str = options.tag or options.setting
    known = name in (*study.settings, "chosen", "quick", "tiny")
    if options.tag and known and configs != study.configs(name):
        raise ValueError(
            f"--tag must not be the name of another setting, got {name!r}"
        )
    return name


def _make_folder(folder: Path) -> None:
    text = f"--out must be a folder that can be written to, got {folder}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{text} ({error.strerror})") from error
    if not os.access(folder, os.W_OK):
        raise ValueError(text)


def _refuse_to_lose(
    study: Study,
    configs: Sequence[Any],
    setting: str,
    options: argparse.Namespace,
) -> None:
    """Refuse to replace a result, except by more seeds or if told to."""
    path = options.out / records.file_name(study.name, setting)
    if options.replace or not path.exists():
        return
    there = records.read(path)
    # As text: a file has lists where a config has tuples.
    same = json.dumps(there.config) == json.dumps(to_json(configs))
    more = not study.random or set(there.seeds) <= set(_seeds(options))
    if not (same and more):
        raise ValueError(
            f"{path} holds a run with other "
            f"{'seeds' if same else 'settings'}; give --tag to write beside "
            "it, or --replace to replace it"
        )


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m neural_odes_lab",
        description="Run the studies of the book, or your own.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("list", help="list the studies")
    one.add_argument("name", metavar="FILE", nargs="?", help="a file of yours")
    one = commands.add_parser(
        "run",
        help="run one study, or those of a file, and write their results",
        description="Run one study and write NAME.json. 'run NAME --help' "
        "describes its options.",
    )
    one.add_argument(
        "name",
        metavar="NAME",
        help="see 'list'; or a file of yours that declares studies, such as "
        "path/to/spirals.py, or one of them, path/to/spirals.py::NAME",
    )
    one = commands.add_parser("report", help="make a page of a result")
    one.add_argument(
        "result",
        metavar="RESULT",
        type=Path,
        help="its file, such as results/spirals.json; the page, which needs "
        "nothing beside it, is written there as spirals.html",
    )
    return parser


def _run_parser(study: Study) -> argparse.ArgumentParser:
    names = ("chosen", *study.settings, "quick")
    parser = _Parser(
        prog=f"python -m neural_odes_lab run {study.name}",
        description=f"{study.summary} ({study.paper}).",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--setting",
        default="chosen",
        choices=names,
        metavar="NAME",
        help=f"which settings to start from: {', '.join(names)} (chosen)",
    )
    parser.add_argument(
        "--seeds",
        type=_read_seeds,
        metavar="N",
        help="the seeds 0 to N - 1, or, with a comma, those named: 7,9 or 7, "
        f"({SEEDS}; {QUICK_SEEDS} of the setting quick)",
    )
    parser.add_argument(
        "--device",
        type=_available,
        default="cuda" if torch.cuda.is_available() else "cpu",
        help="cpu, cuda or mps (cuda where there is one, else cpu)",
    )
    parser.add_argument(
        "--workers",
        type=_workers,
        default=0,
        metavar="N",
        help="run on N local processes, or on the Dask cluster at an address "
        "such as tcp://10.0.0.1:8786 (in this process)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("results"),
        metavar="FOLDER",
        help="where the result goes (results/), and what is finished of it "
        f"({TASKS}/ in there)",
    )
    parser.add_argument(
        "--tag",
        type=_tag,
        help="write NAME.TAG.json, beside the study's own results",
    )
    parser.add_argument(
        "--replace",
        action="store_true",
        help="replace a result of other settings or seeds",
    )
    parser.add_argument(
        "--no-progress", dest="progress", action="store_false", help="no bar"
    )
    group = parser.add_argument_group("settings")
    kinds = config.kinds(study.config)
    for one in fields(study.config):
        kind = kinds[one.name]
        text = (
            f"{one.metadata['text']}; {config.words(kind)} "
            f"[{config.write(one.default)}]"
        )
        group.add_argument(
            f"--{one.name.replace('_', '-')}",
            type=_reader(kind),
            metavar="VALUE",
            help=text.replace("%", "%%"),
        )
    return parser


def _reader(kind: Any) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return config.read(text, kind)
        except (ValueError, KeyError):
            raise argparse.ArgumentTypeError(
                f"must be {config.words(kind)}, got {text!r}"
            ) from None

    return read


def _suggest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=2, cutoff=0.5)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def _tag(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]+", text):
        raise argparse.ArgumentTypeError(
            f"must be made of a-z, 0-9 and -, got {text!r}"
        )
    return text


def _read_seeds(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    numbers = [int(part) for part in parts if part.isdecimal()]
    named = "," in text
    if len(numbers) < len(parts) or not (numbers if named else any(numbers)):
        raise argparse.ArgumentTypeError(
            f"must be an integer >= 1, or integers like 7,9, got {text!r}"
        )
    if len(set(numbers)) < len(numbers):
        raise argparse.ArgumentTypeError(
            f"must be distinct seeds, got {text!r}"
        )
    if max(numbers) > (LARGEST_SEED if named else MOST_SEEDS):
        raise argparse.ArgumentTypeError(
            f"must be at most {MOST_SEEDS} seeds, each at most {LARGEST_SEED}, "
            f"got {text!r}"
        )
    return numbers if named else list(range(numbers[0]))


def _workers(text: str) -> int | str:
    if text.isdecimal() and int(text):
        return int(text)
    if not re.search(r":\d+$", text):
        raise argparse.ArgumentTypeError(
            "must be an integer >= 1 or the address of a Dask scheduler, got "
            f"{text!r}"
        )
    return text


def _available(device: str) -> str:
    ready = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if device not in ready:
        raise argparse.ArgumentTypeError(
            f"must be one of {', '.join(ready)}, got {device!r}"
        )
    if not ready[device]:
        raise argparse.ArgumentTypeError(
            f"{device} is not available to torch {torch.__version__} on this "
            f"machine; it has {', '.join(d for d, ok in ready.items() if ok)}"
        )
    return device
