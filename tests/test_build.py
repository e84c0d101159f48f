"""tools/build_book.py on a book of one chapter."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat.v4 as notebook_format
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from build_book import cache_key, derived_config  # noqa: E402

INTRO = "# Intro\n\nSome text, some $x^2$.\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose one chapter prints what its library says."""
    if not (ROOT / "book/vendor/node_modules").exists():
        pytest.skip("needs what the pages load: run `make book` once")
    shutil.copy(ROOT / "_config.yml", tmp_path)
    shutil.copytree(ROOT / "book/assets", tmp_path / "book/assets")
    shutil.copy(ROOT / "book/references.bib", tmp_path / "book")
    (tmp_path / "book/vendor").symlink_to(ROOT / "book/vendor")
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: book/intro\nchapters:\n- file: book/chapter\n"
    )
    (tmp_path / "book/intro.md").write_text(INTRO)
    (tmp_path / "constraints.txt").write_text("")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/says.py").write_text("print('the first answer')")
    write_chapter(tmp_path, "%run ../lib/says.py")
    return tmp_path


def write_chapter(project: Path, code: str) -> None:
    chapter = notebook_format.new_notebook()
    chapter.cells = [
        notebook_format.new_markdown_cell("# Chapter"),
        notebook_format.new_code_cell(code),
    ]
    (project / "book/chapter.ipynb").write_text(
        notebook_format.writes_json(chapter)
    )


def build(project: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "tools/build_book.py", "--root", project],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        env=os.environ | {"GITHUB_REPOSITORY": "", "BOOK_REPOSITORY": ""},
    )


def page(project: Path) -> str:
    return (project / "_build/html/book/chapter.html").read_text()


def test_chapters_run_again_when_the_library_changed(project: Path) -> None:
    first = build(project)
    assert first.returncode == 0, first.stdout
    assert "Executing: " in first.stdout
    assert "the first answer" in page(project)

    second = build(project)
    assert second.returncode == 0, second.stdout
    assert "Executing: " not in second.stdout

    (project / "lib/says.py").write_text("print('another answer')")
    third = build(project)
    assert third.returncode == 0, third.stdout
    assert "another answer" in page(project)
    assert len(list((project / "_build/cache").iterdir())) == 1


def test_failing_cell_fails_the_build(project: Path) -> None:
    write_chapter(project, "raise RuntimeError('out of order')")
    done = build(project)
    assert done.returncode != 0
    assert "out of order" in done.stdout


def test_warning_fails_the_build_also_when_repeated(project: Path) -> None:
    (project / "book/intro.md").write_text(INTRO + "{doc}`nowhere`\n")
    for _ in range(2):
        done = build(project)
        assert done.returncode != 0
        assert "unknown document: 'nowhere'" in done.stdout


def test_buttons_point_to_the_repository_that_publishes() -> None:
    alone = derived_config(ROOT, Path("cache"), "")
    assert "repository" not in alone
    assert "launch_buttons" not in alone
    assert not any(
        key.startswith("use_") and "button" in key for key in alone["html"]
    )
    published = derived_config(ROOT, Path("cache"), "someone/book")
    assert published["repository"]["url"] == "https://github.com/someone/book"
    assert published["html"]["use_edit_page_button"]


def test_cache_key_ignores_what_python_leaves_behind(tmp_path: Path) -> None:
    (tmp_path / "lib/__pycache__").mkdir(parents=True)
    (tmp_path / "constraints.txt").write_text("torch==2")
    (tmp_path / "lib/a.py").write_text("a")
    before = cache_key(tmp_path)
    (tmp_path / "lib/__pycache__/a.pyc").write_text("x")
    assert cache_key(tmp_path) == before
    (tmp_path / "constraints.txt").write_text("torch==3")
    assert cache_key(tmp_path) != before
