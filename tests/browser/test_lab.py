"""Chapters in JupyterLab: what a student with a kernel sees."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT, TIMEOUT, new_visit, wait_until
from playwright.sync_api import Browser, Page

from neural_odes_lab.evidence import lesson_of
from neural_odes_lab.studies import STUDIES

CHAPTERS = sorted(set(map(lesson_of, STUDIES)))
WIDGET = """\
from neural_odes_lab.widgets import CrossingWidget
CrossingWidget(eps=0.1)"""
SETTINGS = {
    # All cells at once, so that a test need not scroll to them.
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false"},
}


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """JupyterLab on the notebooks of a folder; its address."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    own = folder / ".own"
    for name, values in SETTINGS.items():
        file = own / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyterlab", "--no-browser"),
            *("--allow-root", f"--port={port}", "--IdentityProvider.token="),
            f"--ServerApp.root_dir={folder}",
        ],
        env=os.environ
        | {
            "JUPYTER_CONFIG_DIR": str(own / "config"),
            "JUPYTER_DATA_DIR": str(own / "data"),
            "JUPYTERLAB_SETTINGS_DIR": str(own / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(own / "workspaces"),
            "IPYTHONDIR": str(own / "ipython"),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        address = f"http://localhost:{port}"
        try:
            answers(f"{address}/api", server)
            yield address
        finally:
            server.terminate()


def answers(address: str, server: subprocess.Popen) -> None:
    """Wait until a server answers, or fail with it."""
    while server.poll() is None:
        with suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return
    pytest.fail(f"JupyterLab ended with {server.returncode}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chapters, and a notebook with one widget."""
    made = tmp_path_factory.mktemp("lab")
    for name in CHAPTERS:
        shutil.copy(ROOT / "book" / f"{name}.ipynb", made)
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(WIDGET)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python"}},
    )
    nbformat.write(notebook, made / "widget.ipynb")
    return made


@pytest.fixture(scope="module")
def lab(folder: Path) -> Iterator[str]:
    with running(folder) as address:
        yield address


@contextmanager
def opened(browser: Browser, address: str, name: str) -> Iterator[Page]:
    """A notebook, open by itself."""
    with new_visit(browser, address) as visit:
        page = visit.page
        page.set_viewport_size({"width": 1400, "height": 1000})
        page.goto(f"{address}/lab/workspaces/{name}/tree/{name}.ipynb")
        page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        yield page


@pytest.mark.parametrize("name", ["background", "gradients"])
def test_directives_are_rendered_and_solutions_folded(
    name: str, browser: Browser, lab: str
) -> None:
    with opened(browser, lab, name) as page:
        text = page.locator(".jp-MarkdownCell .jp-MarkdownOutput")
        solutions = page.locator("details", has_text="Solution")
        wait_until(page, lambda: solutions.count() > 0)
        for shown in text.all_inner_texts():
            assert not re.search(r"^:::|\{[\w:]+\}`", shown, re.MULTILINE)
        for solution in solutions.all():
            assert solution.get_attribute("open") is None


def test_a_widget_keeps_its_keys_and_leaves_a_picture(
    browser: Browser, lab: str, folder: Path
) -> None:
    file = folder / "widget.ipynb"
    with opened(browser, lab, "widget") as page:
        page.get_by_text("| Idle").wait_for()  # before, it runs nothing
        page.locator(".jp-Cell").first.click()
        page.keyboard.press("Shift+Enter")
        handle = page.locator(".ode-handle").first
        handle.wait_for()
        assert not page.get_by_text("run this cell").first.is_visible()
        cells = page.locator(".jp-Cell").count()
        handle.focus()
        for key in "ddxabmyz":
            page.keyboard.press(key)
        page.keyboard.press("ArrowUp")
        assert page.locator(".jp-Cell").count() == cells
        wait_until(page, lambda: page.locator(".ode-saved img").count() > 0)
        page.keyboard.press("Control+s")
        wait_until(page, lambda: "image/jpeg" in file.read_text())
    # Another server has another kernel, which knows nothing of the widget.
    with (
        running(folder) as address,
        opened(browser, address, "widget") as page,
    ):
        page.get_by_text("run this cell").first.wait_for(timeout=TIMEOUT)
        assert page.locator(".ode-saved img").is_visible()
        error = page.get_by_text("model not found")
        error.wait_for(state="attached", timeout=TIMEOUT)
        assert not error.is_visible()
