"""The command line: list the experiments, run one, keep its result.

python -m neural_odes list
python -m neural_odes run anatomy.activations --seeds 5 --out results/
python -m neural_odes run augmentation.table1 --dataset mnist --tag mnist
"""

from __future__ import annotations

import argparse
import difflib
import inspect
import json
import math
import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, NoReturn

import torch

from neural_odes.lab.experiments import EXPERIMENTS, Experiment
from neural_odes.lab.results import load, provenance, save, table
from neural_odes.solver import SolverError
from neural_odes.training.fit import TrainingError


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: its arguments; by default those of the process.

    Returns:
        The exit status: 0, 1 if a run failed, 130 if it was interrupted.
        Arguments that cannot be used end in ``SystemExit(2)``.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    parser, run_parser = _parsers(argv)
    args, rest = parser.parse_known_args(argv)
    if args.command == "list":
        parser.parse_args(argv)  # takes no settings
        print(_listing())
        return 0
    args.set += _as_settings(rest, run_parser)
    experiment = EXPERIMENTS[args.name]
    try:
        config = configured(
            experiment.quick if args.quick else experiment.config(), args.set
        )
        args.out.mkdir(parents=True, exist_ok=True)
        _refuse_to_lose(experiment, config, args)
    except (TypeError, ValueError, OSError) as error:
        run_parser.error(str(error))
    try:
        return _run(experiment, config, args)
    except (SolverError, TrainingError, ValueError, OSError) as error:
        print(f"{args.name} failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; nothing was written", file=sys.stderr)
        return 130


def configured(config: Any, settings: Sequence[str]) -> Any:
    """A copy of a config with some fields set from text.

    Args:
        config: instance of a frozen dataclass.
        settings: like "epochs=50" or "layers=1,2,4"; read as the type of the
            field's value.

    Raises:
        ValueError: no such field, or a value it cannot be.
    """
    known = {f.name: getattr(config, f.name) for f in fields(config)}
    changes: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or name not in known:
            raise ValueError(
                f"--set is {setting!r}; it takes FIELD=VALUE"
                + _suggest(name, known, "field")
            )
        try:
            changes[name] = _read(text, known[name])
        except ValueError:
            raise ValueError(
                f"--set is {setting!r}; {name} takes a value like "
                f"{_write(known[name])}"
            ) from None
        values = changes[name]
        for value in values if isinstance(values, tuple) else (values,):
            if isinstance(value, int | float) and not 0 <= value < math.inf:
                raise ValueError(f"--set is {setting!r}; {name} takes >= 0")
    return replace(config, **changes)


def _run(experiment: Experiment, config: Any, args: argparse.Namespace) -> int:
    seeds = _seeds(experiment, args)
    started = time.perf_counter()
    outcome = experiment.run(
        config, seeds=seeds, device=args.device, progress=args.progress
    )
    origin = provenance(args.device, time.perf_counter() - started)
    path = save(
        _file_name(args),
        config,
        seeds,
        outcome,
        provenance=origin,
        folder=args.out,
    )
    print(table(outcome["summary"]))
    for judged in outcome.get("verdicts", []):
        holds = {True: "holds", False: "does not hold", None: "undecided"}
        print(f"\n{judged['claim']}\n  {holds[judged['holds']]}: "
              f"{judged['why']}")  # fmt: skip
    many = f"{len(seeds)} seed{'s' * (len(seeds) != 1)}"
    print(f"\n{origin['seconds']} s, {many}, written to {path}")
    return 0


def _seeds(experiment: Experiment, args: argparse.Namespace) -> list[int]:
    number = experiment.quick_seeds if args.quick else 5
    return list(range(args.seeds or number))


def _file_name(args: argparse.Namespace) -> str:
    """Neither must take the place of the full measurement."""
    quick = ".quick" if args.quick else ""
    return args.name + quick + (f".{args.tag}" if args.tag else "")


def _refuse_to_lose(
    experiment: Experiment, config: Any, args: argparse.Namespace
) -> None:
    """A result of other settings or seeds is not replaced unless told to."""
    path = args.out / f"{_file_name(args)}.json"
    if not os.access(args.out, os.W_OK):
        raise ValueError(f"--out is {args.out}, where nothing can be written")
    if args.replace or not path.exists():
        return
    there = load(_file_name(args), args.out)
    mine = {"config": asdict(config), "seeds": _seeds(experiment, args)}
    # As text: a file has lists where a config has tuples.
    if any(json.dumps(there[key]) != json.dumps(mine[key]) for key in mine):
        raise ValueError(
            f"{path} holds a run with other settings or seeds; give --tag to "
            "write beside it, or --replace to replace it"
        )


def _as_settings(
    rest: Sequence[str], parser: argparse.ArgumentParser
) -> list[str]:
    """``--dataset mnist`` or ``--dataset=mnist`` as ``dataset=mnist``."""
    settings, flags = [], list(rest)
    while flags:
        name, equals, value = flags.pop(0).partition("=")
        if not name.startswith("--") or not (equals or flags):
            parser.error(f"{name} is no option, or lacks its value")
        value = value if equals else flags.pop(0)
        settings.append(f"{name[2:].replace('-', '_')}={value}")
    return settings


def _parsers(
    argv: Sequence[str],
) -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    parser = _Parser(
        prog="python -m neural_odes",
        description="Run the book's experiments.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="list the experiments")
    named = [a for a in argv if a in EXPERIMENTS] or list(EXPERIMENTS)
    run = commands.add_parser(
        "run",
        help="run one experiment and write its result",
        description="Run one experiment and write NAME.json. "
        "'run NAME --help' describes its settings.",
        epilog="\n\n".join(_settings(name) for name in named),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument("name", metavar="NAME", type=_known, help="see 'list'")
    run.add_argument(
        "--seeds",
        type=_positive,
        metavar="N",
        help="run over the seeds 0..N-1 (5; fewer with --quick)",
    )
    run.add_argument(
        "--device",
        type=_available,
        default="cuda" if torch.cuda.is_available() else "cpu",
        help="cpu, cuda or mps (cuda where there is one, else cpu)",
    )
    run.add_argument(
        "--out",
        type=Path,
        default=Path("results"),
        metavar="FOLDER",
        help="where the result goes (results/)",
    )
    run.add_argument(
        "--quick",
        action="store_true",
        help="the small settings of the book's live cells; writes "
        "NAME.quick.json",
    )
    run.add_argument(
        "--tag",
        type=_tag,
        help="write NAME.TAG.json: for a run with other settings that is to "
        "stand beside the full measurement",
    )
    run.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="change a setting below; may be given again. --FIELD VALUE does "
        "the same",
    )
    run.add_argument(
        "--replace",
        action="store_true",
        help="replace a result of other settings or seeds",
    )
    run.add_argument(
        "--no-progress", dest="progress", action="store_false", help="no bars"
    )
    return parser, run


def _listing() -> str:
    rows = [
        {"name": name, "paper": e.paper, "measures": e.summary}
        for name, e in EXPERIMENTS.items()
    ]
    return table(rows)


def _settings(name: str) -> str:
    experiment = EXPERIMENTS[name]
    told = {
        field: " ".join(text.split())
        for kind in reversed(experiment.config.__mro__)
        for field, text in re.findall(
            r"^ {4}(\w+): (.*?)(?=^ {4}\w|\Z)",
            inspect.cleandoc(kind.__doc__ or ""),
            re.MULTILINE | re.DOTALL,
        )
    }
    lines = [f"settings of {name} ({experiment.summary}):"]
    for field in fields(experiment.config):
        lines.append(f"  {field.name} = {_write(field.default)}")
        lines.append(f"      {told.get(field.name, '')}")
    return "\n".join(lines)


def _read(text: str, like: Any) -> Any:
    if isinstance(like, bool):
        if text.lower() not in ("true", "false"):
            raise ValueError(text)
        return text.lower() == "true"
    if isinstance(like, tuple):
        return tuple(_read(part.strip(), like[0]) for part in text.split(","))
    return type(like)(text)


def _write(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_write, value))
    return str(value)


def _suggest(name: str, known: Any, what: str) -> str:
    close = difflib.get_close_matches(name, known, n=2, cutoff=0.5)
    if close:
        return f"; did you mean {' or '.join(close)}?"
    return f"; the {what}s are {', '.join(known)}"


def _known(name: str) -> str:
    if name not in EXPERIMENTS:
        raise argparse.ArgumentTypeError(
            f"there is no experiment {name!r}"
            + _suggest(name, EXPERIMENTS, "experiment")
        )
    return name


def _tag(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]+", text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not made of a-z, 0-9 and -"
        )
    if text == "quick":
        raise argparse.ArgumentTypeError(
            "'quick' is the name of runs with --quick"
        )
    return text


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer >= 1")
    return int(text)


def _available(device: str) -> str:
    ready = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if device not in ready:
        raise argparse.ArgumentTypeError(
            f"{device!r} is none of {', '.join(ready)}"
        )
    if not ready[device]:
        raise argparse.ArgumentTypeError(
            f"{device} is not available to torch {torch.__version__} on this "
            f"machine; it has {', '.join(d for d, ok in ready.items() if ok)}"
        )
    return device
