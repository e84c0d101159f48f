"""A widget in JupyterLab, with a kernel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat.v4 as notebook_format
import pytest
from conftest import TIMEOUT, settle, wait_until
from playwright.sync_api import Browser, Page

CODE = "from neural_odes.lab.widgets import LorenzWidget\nLorenzWidget()"


@pytest.fixture(scope="module")
def lab(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    """A notebook of one widget and two empty cells, run in JupyterLab."""
    folder = tmp_path_factory.mktemp("lab")
    cells = [notebook_format.new_code_cell(code) for code in (CODE, "", "")]
    (folder / "one.ipynb").write_text(
        notebook_format.writes_json(notebook_format.new_notebook(cells=cells))
    )
    command = [sys.executable, "-m", "jupyterlab", "--no-browser"]
    command += ["--allow-root", "--ServerApp.ip=localhost", "--port=0"]
    command += ["--IdentityProvider.token=", f"--notebook-dir={folder}"]
    runtime = folder / "runtime"
    with subprocess.Popen(
        command,
        env={**os.environ, "JUPYTER_RUNTIME_DIR": str(runtime)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            with browser.new_context() as context:
                context.set_default_timeout(TIMEOUT)
                page = context.new_page()
                page.goto(f"{address(runtime)}lab/tree/one.ipynb")
                page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for()
                page.get_by_text("Run", exact=True).first.click()
                page.get_by_text("Run All Cells", exact=True).click()
                page.locator(".ode-widget canvas").first.wait_for()
                yield page
        finally:
            server.terminate()


def address(runtime: Path) -> str:
    """Where the server listens, once it says so."""
    end = time.monotonic() + TIMEOUT / 1000
    while time.monotonic() < end:
        for file in runtime.glob("jpserver-*.json"):
            with_text = file.read_text()
            if with_text.endswith("}"):
                return str(json.loads(with_text)["url"])
    raise AssertionError("JupyterLab did not start")


def test_keys_in_a_widget_leave_its_cell_alone(lab: Page) -> None:
    cells = lab.locator(".jp-NotebookPanel .jp-Cell")
    assert cells.count() == 3
    widget = lab.locator(".ode-widget")
    before = widget.locator(".ode-readout").inner_text()
    widget.locator(".ode-handle").focus()
    for key in ("d", "d", "x", "a", "b", "ArrowUp", "ArrowRight"):
        lab.keyboard.press(key)
    wait_until(
        lab, lambda: widget.locator(".ode-readout").inner_text() != before
    )
    settle(lab)
    assert cells.count() == 3
