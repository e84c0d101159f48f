"""What an experiment is, to the command line and to the book."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Experiment:
    """A measurement with a name.

    Attributes:
        run: ``run(config, *, seeds, device="cpu", progress=True)`` returns
            the outcome: dicts, lists, numbers and strings. ``outcome
            ["summary"]`` is a list of rows of the same keys, and ``outcome
            ["verdicts"]``, where a claim is judged, a list of
            :func:`neural_odes.lab.results.verdict`.
        config: the config's frozen dataclass; every field has a default.
        quick: a config that runs live in a chapter, with ``quick_seeds``.
        summary: what it measures, in one line.
        paper: the figure, equation or section of the paper.
        quick_seeds: how many seeds a live run takes.
    """

    run: Callable[..., dict[str, Any]]
    config: type
    quick: Any
    summary: str
    paper: str
    quick_seeds: int = 2
