"""Where the browser is: ``python tools/chromium.py`` prints it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = (
    "no Chromium found: `.venv/bin/playwright install chromium` gets one, "
    "or set CHROMIUM to its path"
)


def find() -> str | None:
    """The path in CHROMIUM, a browser on the PATH, or playwright's own."""
    for name in (os.environ.get("CHROMIUM"), *NAMES):
        if name and (path := shutil.which(name)):
            return path
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


@contextmanager
def launched(*flags: str) -> Iterator[Browser | None]:
    """A headless browser; None if none is installed."""
    executable = find()  # before the next line: playwright does not nest
    if executable is None:
        yield None
        return
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable,
            args=["--no-sandbox", "--disable-gpu", *flags],
        )
        yield browser
        browser.close()


if __name__ == "__main__":
    path = find()
    if path is None:
        sys.exit(MISSING)
    print(path)
