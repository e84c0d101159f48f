"""Files that are written whole or not at all."""

from __future__ import annotations

import glob
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ABANDONED = 3600.0
"""Seconds after which a draft counts as left behind by a killed process."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A draft that takes a file's place when the block ends.

    Until then the file is as it was, and it stays so if the block fails. Each
    process has a draft of its own. Drafts left by killed processes are removed.

    Args:
        path: of the file; its folder is made if missing. A link stays a link.

    Raises:
        OSError: the file cannot be written; names it.
    """
    target = Path(path).resolve()
    prefix = f".{target.name}-"
    draft = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for left in target.parent.glob(f"{glob.escape(prefix)}*.part"):
            with suppress(FileNotFoundError):  # another process is done with it
                if time.time() - left.stat().st_mtime > ABANDONED:
                    left.unlink()
        handle, draft = tempfile.mkstemp(".part", prefix, target.parent)
        os.close(handle)
        yield Path(draft)
        os.chmod(draft, 0o644)  # a temporary file is private to its owner
        os.replace(draft, target)
    except BaseException as error:
        if draft is not None:
            Path(draft).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(f"{path} cannot be written ({error})") from error
        raise
