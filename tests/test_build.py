"""tools/build_book.py on a book of one chapter."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat.v4 as notebook_format
import pytest
from build_book import Worker, basic, derived_config

from neural_odes_lab.records import Record, write

ROOT = Path(__file__).parents[1]
UNSET = ("GITHUB_REPOSITORY", "BOOK_REPOSITORY", "NEURAL_ODES_RESULTS")
INTRO = "# Intro\n\nSome text, some $x^2$.\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose one chapter prints a result."""
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
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'neural-odes'")
    write_result(tmp_path, "the first answer")
    write_chapter(
        tmp_path,
        "from pathlib import Path\n"
        "from neural_odes_lab.records import file_name, read, results_folder\n"
        "path = results_folder() / file_name('toy.one')\n"
        "print(read(path).rows[0]['answer'])",
    )
    return tmp_path


def write_result(project: Path, outcome: str) -> None:
    (project / "results").mkdir(exist_ok=True)
    rows = [{"variant": "toy", "seed": 0, "answer": outcome}]
    tasks = [{"seconds": 1.0, "provenance": 0}]
    made = [{"date": "2026-01-02", "device": "cpu"}]
    write(
        Record("toy.one", "chosen", {}, [0], rows, tasks, made),
        project / "results",
    )


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
        env=os.environ | dict.fromkeys(UNSET, ""),
    )


def page(project: Path) -> str:
    return (project / "_build/html/book/chapter.html").read_text()


def test_chapters_run_again_when_their_results_changed(project: Path) -> None:
    first = build(project)
    assert first.returncode == 0, first.stdout
    assert "Executing: " in first.stdout
    assert "the first answer" in page(project)

    (project / "book/assets/book.css").write_text("/* other colours */")
    second = build(project)
    assert second.returncode == 0, second.stdout
    assert "Executing: " not in second.stdout
    shown = (project / "_build/html/_static/book.css").read_text()
    assert shown == "/* other colours */"

    write_result(project, "another answer")
    third = build(project)
    assert third.returncode == 0, third.stdout
    assert "another answer" in page(project)


@pytest.mark.skipif(os.name != "posix", reason="needs process groups")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_build_that_is_ended_leaves_no_process(
    project: Path, how: signal.Signals
) -> None:
    """By Ctrl-C, which all its processes get, or by kill -9."""
    write_chapter(
        project,
        "import os, pathlib, time\n"
        "pathlib.Path('half').write_text(str(os.getpid()))\n"
        "pathlib.Path('half').rename('kernel')\n"
        "time.sleep(3600)",
    )
    with subprocess.Popen(
        [sys.executable, ROOT / "tools/build_book.py", "--root", project],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | dict.fromkeys(UNSET, ""),
        start_new_session=True,
        # A shell that starts this in the background has it ignored.
        preexec_fn=lambda: signal.signal(  # noqa: PLW1509
            signal.SIGINT, signal.SIG_DFL
        ),
    ) as process:
        kernel = project / "book/kernel"
        while not kernel.exists():
            assert process.poll() is None
            time.sleep(0.1)
        if how == signal.SIGINT:
            os.killpg(process.pid, how)
        else:
            process.kill()
        status = process.wait()
    assert status == (130 if how == signal.SIGINT else -how)
    while alive(int(kernel.read_text())) or alive(-process.pid):
        time.sleep(0.1)


def alive(pid: int) -> bool:
    """Whether there is a process, or one of a group (-pid), but for zombies."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    if pid > 0 and (stat := Path(f"/proc/{pid}/stat")).exists():
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    return True


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


def test_a_kernel_that_does_not_start_is_started_once_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = []

    def execute(*arguments: object) -> str:
        tried.append(arguments)
        if len(tried) == 1:
            raise RuntimeError("Kernel died before replying to kernel_info")
        return "done"

    plain = basic.ExecutionWorkerLocalMProc
    monkeypatch.setattr(plain, "execute", staticmethod(execute))
    assert Worker.execute(1, 2) == "done"
    assert tried == [(1, 2)] * 2
