"""Every chapter keeps the form that readers and tools rely on."""

import ast
import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from plain_notebooks import names, plain
from publish_notebooks import publish

from neural_odes_lab.evidence import lesson_of
from neural_odes_lab.studies import STUDIES

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))
LESSONS = sorted(set(map(lesson_of, STUDIES)))
MOST_WORDS = 2500
"""Of a lesson's text, exercises included: forty-five minutes."""
MOST_VERDICTS = 6
"""Lines of verdicts that a lesson shows; the others are its evidence."""
LEVELS = ("\nWarm up:", "\nWrite it yourself:", "\nThink further:")
"""Of exercises, two or more in each."""
FIRST_CELL = """\
# In Colab, install the library where it is missing; elsewhere do nothing.
from importlib.metadata import version
from importlib.util import find_spec

library = "..[lab]"  # the published book puts its repository here
if find_spec("neural_odes") is None:
    keep = [f"{name}=={version(name)}" for name in ("torch", "numpy")]
    %pip install --quiet {" ".join(keep)} {library}"""


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request: pytest.FixtureRequest) -> dict[str, Any]:
    return json.loads(request.param.read_text(encoding="utf-8"))


def sources(chapter: dict[str, Any], kind: str) -> list[str]:
    return [
        "".join(cell["source"])
        for cell in chapter["cells"]
        if cell["cell_type"] == kind
    ]


def test_first_code_cell_installs_the_library(chapter: dict[str, Any]) -> None:
    assert sources(chapter, "code")[0] == FIRST_CELL


def test_outputs_are_stripped(chapter: dict[str, Any]) -> None:
    assert "widgets" not in chapter["metadata"]
    for cell in chapter["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


@pytest.fixture(params=LESSONS)
def lesson(request: pytest.FixtureRequest) -> dict[str, Any]:
    path = ROOT / "book" / f"{request.param}.ipynb"
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_question_at_the_top_exercises_at_the_end(
    lesson: dict[str, Any],
) -> None:
    text = "\n".join(sources(lesson, "markdown"))
    assert re.match(r"# .*\n\n\*\*[^*]*\?\*\*\n", text)
    exercises = text[text.index("\n## Exercises") :]
    for level, other in pairwise((*LEVELS, "## Evidence")):
        own = exercises[exercises.index(level) : exercises.index(other)]
        assert own.count("{exercise}") >= 2, level
    assert len(text.split()) <= MOST_WORDS
    asked = len(re.findall(r"\*[Pp]redict", text))
    assert asked >= 3


def test_functions_of_readers_are_checked(lesson: dict[str, Any]) -> None:
    code = "\n".join(sources(lesson, "code"))
    assert len(re.findall(r"^check_\w+\(", code, re.M)) >= 2


def test_a_lesson_shows_a_few_verdicts_and_leads_to_all(
    lesson: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.params["lesson"]
    text = "\n".join(sources(lesson, "markdown"))
    assert f"{{doc}}`evidence_{name}`" in text
    shown = 0
    for source in sources(lesson, "code"):
        if "%pip" in source:
            continue
        for call in ast.walk(ast.parse(source)):
            if isinstance(call, ast.Call):
                named = getattr(call.func, "attr", getattr(call.func, "id", ""))
                assert named not in ("report", "across", "multiverse"), source
                if named == "verdict" and isinstance(call.func, ast.Name):
                    shown += len(call.args) - 1
    assert shown <= MOST_VERDICTS


def test_one_answer_of_a_question_is_right(chapter: dict[str, Any]) -> None:
    text = "\n".join(sources(chapter, "markdown"))
    for question in re.split(r"^\*\*\d\.\*\* ", text, flags=re.MULTILINE)[1:]:
        answers = re.findall(r"</summary>\n\n(\w+)", question)
        assert sorted(answers) == ["Not", "Not", "Right"], question


def test_code_is_short_enough_to_read(chapter: dict[str, Any]) -> None:
    for source in sources(chapter, "code"):
        lines = source.splitlines()
        assert len(lines) <= 20, source
        assert max(map(len, lines), default=0) <= 78, source


def test_publishing_fills_in_the_repository(tmp_path: Path) -> None:
    cell = {
        "cell_type": "code",
        "source": FIRST_CELL.splitlines(keepends=True),
    }
    notebook = tmp_path / "chapter.ipynb"
    notebook.write_text(json.dumps({"cells": [cell]}))
    publish(notebook, "someone/a.book", "abc123")
    (source,) = sources(json.loads(notebook.read_text()), "code")
    assert source == FIRST_CELL.replace(
        'library = "..[lab]"  # the published book puts its repository here',
        'library = "neural-odes[lab]@git+https://github.com/someone/'
        'a.book@abc123"',
    ).replace('"numpy")]', '"numpy") if find_spec(name)]')
    with pytest.raises(ValueError, match="0 lines"):
        publish(notebook, "someone/a.book", "abc123")
    with pytest.raises(ValueError, match="owner/name"):
        publish(notebook, "a book", "abc123")


def test_plain_notebooks_fold_solutions_and_name_what_they_refer_to() -> None:
    text = (
        ":::{exercise} Count\n:label: ex-count\n\nHow many?\n:::\n\n"
        ":::{solution} ex-count\n:class: dropdown\n\nSeven.\n:::\n\n"
        "See {cite}`a` and {doc}`here <anatomy>`.\n\n$$ (eq)\nx\n$$"
    )
    assert plain(text, {"a": "[A 2020](https://example.org)"}) == (
        "**Exercise: Count.** How many?\n\n"
        "<details>\n<summary>Solution</summary>\n\nSeven.\n\n</details>\n\n"
        "See [A 2020](https://example.org) and [here](anatomy.ipynb).\n\n"
        "$$\nx\n$$"
    )


def test_no_directive_is_left_in_a_plain_notebook(
    chapter: dict[str, Any],
) -> None:
    named = names(ROOT / "book")
    for source in sources(chapter, "markdown"):
        assert not re.search(r"^:::|\{[a-z:]+\}`", plain(source, named), re.M)
