"""Where the browser is: ``python tools/chromium.py`` prints it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = (
    "no Chromium found: `.venv/bin/playwright install chromium` gets one, "
    "or set CHROMIUM to its path"
)


def find() -> str | None:
    """CHROMIUM's value, a browser on the path, or playwright's own."""
    for name in (os.environ.get("CHROMIUM"), *NAMES):
        if name and (path := shutil.which(name)):
            return path
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


if __name__ == "__main__":
    path = find()
    if path is None:
        sys.exit(MISSING)
    print(path)
