"""`make book` builds when something has changed that a build reads."""

import shutil
import sys
from pathlib import Path

import pytest
import up_to_date

TOOLS = Path(__file__).parents[1] / "tools"
FILES = (
    "book/chapter.ipynb",
    "book/assets/book.css",
    "book/vendor/node_modules/.package-lock.json",
    "lib/neural_odes/nets.py",
    "book/neural_odes_lab/widgets/bundled/cover.js",
    "results/one.json",
    "results/benchmarks/one.json",
    "tools/build_book.py",
    "_config.yml",
    "_toc.yml",
    "pyproject.toml",
    "_build/html/index.html",
)
UNREAD = (
    "results/tasks/one/1.json",
    "lib/neural_odes/__pycache__/nets.pyc",
    "book/vendor/node_modules/mathjax/index.js",
    "README.md",
)


@pytest.fixture
def built(tmp_path: Path, monkeypatch) -> Path:
    """A project that was built, with a folder of results elsewhere."""
    for name in (*FILES, *UNREAD, "elsewhere/one.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("as it was")
    monkeypatch.setattr(up_to_date, "TOOLS", tmp_path / "tools")
    monkeypatch.setenv("CHROMIUM", sys.executable)  # asks nothing of it
    for name in up_to_date.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NEURAL_ODES_RESULTS", str(tmp_path / "elsewhere"))
    up_to_date.note(tmp_path, up_to_date.inputs(tmp_path))
    assert up_to_date.up_to_date(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", [*FILES, "elsewhere/one.json"])
def test_a_file_that_changes_has_the_book_built(built, name):
    (built / name).write_text("is changed")
    assert not up_to_date.up_to_date(built)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_goes_or_comes_has_the_book_built(built, name):
    (built / name).unlink()
    assert not up_to_date.up_to_date(built)
    (built / name).with_suffix(".new").write_text("as it was")
    assert not up_to_date.up_to_date(built)


@pytest.mark.parametrize("name", UNREAD)
def test_what_no_page_reads_may_change(built, name):
    (built / name).write_text("is changed")
    assert up_to_date.up_to_date(built)


@pytest.mark.parametrize("name", [*up_to_date.VARIABLES, "CHROMIUM"])
def test_a_setting_that_changes_has_the_book_built(built, name, monkeypatch):
    monkeypatch.setenv(name, shutil.which("env") or "env")
    assert not up_to_date.up_to_date(built)


def test_a_package_that_changes_has_the_book_built(built, monkeypatch):
    monkeypatch.setattr(
        up_to_date.sysconfig, "get_path", lambda _: built / "site"
    )
    assert not up_to_date.up_to_date(built)


def test_a_change_during_the_build_is_not_missed(built):
    before = up_to_date.inputs(built)
    (built / FILES[0]).write_text("is changed")
    up_to_date.note(built, before)
    assert not up_to_date.up_to_date(built)


def test_a_build_that_began_and_did_not_end_is_not_up_to_date(built):
    up_to_date.forget(built)
    assert not up_to_date.up_to_date(built)
    (built / up_to_date.STAMP).write_text("{")
    assert not up_to_date.up_to_date(built)
