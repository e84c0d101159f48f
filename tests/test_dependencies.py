"""A chapter runs again when what it depends on changes, and only then."""

import json
from pathlib import Path

import dependencies
import pytest

LIBRARY = {
    "__init__.py": "from neural_odes.nets import mlp, other",
    "nets.py": "from neural_odes.checks import least\nmlp = 1",
    "checks.py": "least = 1",
    "chaos.py": "import torch",
    "lab/widgets/__init__.py": "from neural_odes.lab.widgets.cover import A",
    "lab/widgets/cover.py": "def f():\n    import neural_odes.chaos",
    "lab/widgets/widgets.css": "1",
    "lab/widgets/cover.js": "1",  # what counts is the bundle made of it
    "lab/widgets/shared/plot.js": "1",
    "lab/widgets/bundled/cover.js": "1",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in LIBRARY.items():
        path = tmp_path / "lib/neural_odes" / name
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
    return dependencies.chapter_key(
        chapter, project / "lib", project / "results"
    )


@pytest.mark.parametrize(
    ("code", "files"),
    [
        ("from neural_odes import mlp", {"nets.py", "checks.py"}),
        ("from neural_odes import mlp as net", {"nets.py", "checks.py"}),
        ("import neural_odes.chaos", {"chaos.py"}),
        ("from neural_odes import chaos", {"chaos.py"}),
        (
            "if 1:\n    %pip install x\nfrom neural_odes.lab.widgets import A",
            {
                "lab/widgets/cover.py",
                "lab/widgets/widgets.css",
                "lab/widgets/bundled/cover.js",
                "chaos.py",
            },
        ),
        ("import neural_odes", {"__init__.py", "nets.py", "checks.py"}),
        ("import torch", set()),
    ],
)
def test_the_modules_behind_the_imports_count(project, code, files):
    before = key(project, code)
    for name, text in LIBRARY.items():
        path = project / "lib/neural_odes" / name
        path.write_text(text + "\nx = 2")
        assert (key(project, code) != before) == (name in files), name
        path.write_text(text)


def test_comments_do_not_count(project):
    before = key(project, "from neural_odes import mlp")
    path = project / "lib/neural_odes/nets.py"
    path.write_text("# Why.\n" + path.read_text())
    assert key(project, "from neural_odes import mlp") == before


@pytest.mark.parametrize(
    ("code", "read"),
    [
        ("load('toy.one')", {"one", "one.slow"}),
        ("load(f'toy.one.{tag}')", {"one.slow"}),
        ("load('toy')", set()),
        ("results.ledger()", {"one", "one.slow", "two"}),
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
