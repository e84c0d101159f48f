"""A result as a page of its own, which needs nothing beside it."""

from __future__ import annotations

from pathlib import Path

from neural_odes.files import replacing
from neural_odes_lab.markup import join, tag
from neural_odes_lab.results import Result

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem;
  padding: 1rem; }
.measured { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; margin: 1rem 0; }
caption { text-align: left; }
th, td { border-bottom: 1px solid #8886; padding: .25rem .6rem;
  text-align: left; vertical-align: top; }
td svg { display: block; }
td ul { margin: 0; padding-left: 1.2rem; }
.verdict { border-left: 4px solid #888; margin: .5rem 0; padding: .2rem .8rem; }
.held { border-color: #009e73; background: #009e7322; }
.not-held { border-color: #d55e00; background: #d55e0022; }
.undecided { background: #8882; }
.chosen { outline: 2px solid; outline-offset: -2px; }
.visually-hidden { clip-path: inset(50%); height: 1px; overflow: hidden;
  position: absolute; width: 1px; }
"""


def page(result: Result) -> str:
    """HTML of a result: tables, verdicts, maps, and the ledger's lines.

    Other settings of the same study in the same folder stand below it.
    """
    study, record = result.study, result.record
    parts = [
        [tag("h2", setting), one.report()._repr_html_()]
        for setting, one in result.settings.items()
    ]
    ledger = result.ledger
    if ledger.entries:
        parts.append([tag("h2", "Every claim"), ledger._repr_html_()])
    made = {
        ", ".join(f"{key} {value}" for key, value in one.items())
        for one in record.provenance
    }
    body = tag(
        "body",
        tag("h1", study.name),
        tag("p", f"{study.summary}. {study.paper}"),
        parts,
        tag("p", tag("small", "; ".join(sorted(made)))),
    )
    head = tag("title", study.name)
    text = join(head, body).replace('href="../results/', 'href="')
    return (
        '<!doctype html>\n<html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<style>{STYLE}</style>{text}</html>\n"
    )


def write(result: Result, path: Path) -> None:
    """Write a result as a page, whole or not at all."""
    with replacing(path) as draft:
        draft.write_text(page(result), encoding="utf-8")
