"""`make book` builds when something has changed that a build reads."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = (
    "book/chapter.ipynb",
    "book/assets/book.css",
    "lib/neural_odes/nets.py",
    "results/one.json",
    "results/benchmarks/one.json",
    "tools/build_book.py",
    "_config.yml",
    "_toc.yml",
    "pyproject.toml",
)
UNREAD = (
    "results/tasks/one/1.json",
    "lib/neural_odes/__pycache__/nets.pyc",
    "lib/neural_odes.egg-info/PKG-INFO",
    "book/vendor/node_modules/mathjax/index.js",
    "README.md",
)
INSTALLED = (".venv/.installed", "book/vendor/node_modules/.installed")
BUILT = "_build/html/.built"

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="needs make")


class Project:
    """A copy of the Makefile where a build only leaves a line."""

    def __init__(self, folder):
        self.folder = folder
        self.changed = 0
        self.settings = {"NEURAL_ODES_RESULTS": str(folder / "elsewhere")}
        shutil.copy(ROOT / "Makefile", folder)
        for name in (*FILES, *UNREAD, *INSTALLED, "elsewhere/one.json"):
            self.write(name)
        python = folder / ".venv/bin/python"
        python.parent.mkdir()
        python.write_text(
            "#!/bin/sh\nmkdir -p _build/html\necho $@ >> _build/log\n"
        )
        python.chmod(0o755)
        self.make()

    def write(self, name):
        """Change a file, later than anything before."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(self.changed))
        self.changed += 1
        after = path.stat().st_mtime_ns + 10**9 * (
            self.changed if (self.folder / BUILT).exists() else -1000
        )
        os.utime(path, ns=(after, after))

    def make(self):
        old = [f"--old-file={name}" for name in INSTALLED]
        unset = ("BOOK_REPOSITORY", "GITHUB_REPOSITORY", "GITHUB_SHA", "CI")
        subprocess.run(
            ["make", "book", f"PYTHON={sys.executable}", *old],
            cwd=self.folder,
            check=True,
            capture_output=True,
            env=os.environ | dict.fromkeys(unset, "") | self.settings,
        )

    def builds(self):
        """How often the book was built, after one more `make book`."""
        self.make()
        return (self.folder / "_build/log").read_text().count("build_book")


@pytest.fixture
def project(tmp_path):
    one = Project(tmp_path)
    assert one.builds() == 1
    return one


@pytest.mark.parametrize("name", [*FILES, "elsewhere/one.json"])
def test_a_file_that_changes_has_the_book_built(project, name):
    if "results/" in name:
        project.settings = {"NEURAL_ODES_RESULTS": ""}
        assert project.builds() == 2
    before = project.builds()
    project.write(name)
    assert project.builds() == before + 1


def test_a_file_that_goes_or_comes_has_the_book_built(project):
    (project.folder / "lib/neural_odes/nets.py").unlink()
    assert project.builds() == 2
    (project.folder / "book/new.ipynb").touch()
    os.utime(project.folder / "book/new.ipynb", (0, 0))
    assert project.builds() == 3
    assert project.builds() == 3


def test_what_no_page_reads_may_change(project):
    for name in UNREAD:
        project.write(name)
    assert project.builds() == 1


@pytest.mark.parametrize("name", ["BOOK_REPOSITORY", "GITHUB_SHA", "CHROMIUM"])
def test_a_setting_that_changes_has_the_book_built(project, name):
    shutil.copy(
        Path(__file__).parents[1] / "tools/chromium.py",
        project.folder / "tools",
    )
    assert project.builds() == 2
    project.settings[name] = shutil.which("env")
    assert project.builds() == 3
    assert project.builds() == 3


def test_a_build_that_fails_or_loses_its_pages_is_done_again(project):
    shutil.rmtree(project.folder / "_build/html")
    assert project.builds() == 2
    python = project.folder / ".venv/bin/python"
    works = python.read_text()
    python.write_text(f"{works}exit 1\n")
    project.write(FILES[0])
    with pytest.raises(subprocess.CalledProcessError):
        project.make()
    python.write_text(works)
    assert project.builds() == 4


def test_a_change_during_the_build_is_not_missed(project):
    python = project.folder / ".venv/bin/python"
    works = python.read_text()
    python.write_text(f"{works}touch {FILES[0]}\n")
    project.write(FILES[1])
    os.utime(project.folder / FILES[1])  # now
    assert project.builds() == 2
    python.write_text(works)
    assert project.builds() == 3
