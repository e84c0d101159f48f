"""A chapter runs again when what it depends on changes, and only then."""

import json
from pathlib import Path

import dependencies
import pytest

CORE, WIDGETS = "lib/neural_odes", "book/neural_odes_lab/widgets"
LIBRARY = {
    f"{CORE}/__init__.py": "from neural_odes.nets import mlp, other",
    f"{CORE}/nets.py": "from neural_odes.checks import least\nmlp = 1",
    f"{CORE}/checks.py": "least = 1",
    f"{CORE}/chaos.py": "import torch",
    f"{WIDGETS}/__init__.py": "from neural_odes_lab.widgets.cover import A",
    f"{WIDGETS}/cover.py": "def f():\n    import neural_odes.chaos",
    f"{WIDGETS}/widgets.css": "1",
    f"{WIDGETS}/cover.js": "1",  # what counts is the bundle made of it
    f"{WIDGETS}/shared/plot.js": "1",
    f"{WIDGETS}/bundled/cover.js": "1",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in LIBRARY.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "results").mkdir()
    for name in ("one", "one.slow", "two"):
        (tmp_path / f"results/toy.{name}.json").write_text("1")
    return tmp_path


def key(project: Path, code: str) -> str:
    chapter = project / "chapter.ipynb"
    cell = {"cell_type": "code", "source": [code]}
    chapter.write_text(json.dumps({"cells": [cell]}))
    return dependencies.chapter_key(chapter, project, project / "results")


@pytest.mark.parametrize(
    ("code", "files"),
    [
        (
            "from neural_odes import mlp",
            {f"{CORE}/nets.py", f"{CORE}/checks.py"},
        ),
        (
            "from neural_odes import mlp as net",
            {f"{CORE}/nets.py", f"{CORE}/checks.py"},
        ),
        ("import neural_odes.chaos", {f"{CORE}/chaos.py"}),
        ("from neural_odes import chaos", {f"{CORE}/chaos.py"}),
        (
            "if 1:\n    %pip install x\nfrom neural_odes_lab.widgets import A",
            {
                f"{WIDGETS}/cover.py",
                f"{WIDGETS}/widgets.css",
                f"{WIDGETS}/bundled/cover.js",
                f"{CORE}/chaos.py",
            },
        ),
        (
            "import neural_odes",
            {
                f"{CORE}/__init__.py",
                f"{CORE}/nets.py",
                f"{CORE}/checks.py",
            },
        ),
        ("import torch", set()),
    ],
)
def test_the_modules_behind_the_imports_count(project, code, files):
    before = key(project, code)
    for name, text in LIBRARY.items():
        path = project / name
        path.write_text(text + "\nx = 2")
        assert (key(project, code) != before) == (name in files), name
        path.write_text(text)


def test_comments_do_not_count(project):
    before = key(project, "from neural_odes import mlp")
    path = project / f"{CORE}/nets.py"
    path.write_text("# Why.\n" + path.read_text())
    assert key(project, "from neural_odes import mlp") == before


@pytest.mark.parametrize(
    ("code", "read"),
    [
        ("load('toy.one')", {"one", "one.slow"}),
        ("load(f'toy.one.{tag}')", {"one.slow"}),
        ("load('toy')", set()),
        ("results.ledger()", {"one", "one.slow", "two"}),
        ("evidence('some lesson')", {"one", "one.slow", "two"}),
        ("results_folder() / 'some'", {"one", "one.slow", "two"}),
    ],
)
def test_the_results_that_are_read_count(project, code, read):
    before = key(project, code)
    for name in ("one", "one.slow", "two"):
        path = project / f"results/toy.{name}.json"
        path.write_text("2")
        assert (key(project, code) != before) == (name in read), name
        path.write_text("1")


def test_the_installed_versions_count(project, monkeypatch):
    before = key(project, "1")
    monkeypatch.setattr(dependencies, "distributions", list)
    assert key(project, "1") != before
