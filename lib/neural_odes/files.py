"""Files that are written whole or not at all."""

from __future__ import annotations

import glob
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform == "win32":  # where an open file cannot be removed

    def flock(fd: int, operation: int, /) -> None: ...

    LOCK_EX = LOCK_NB = 0
else:
    from fcntl import LOCK_EX, LOCK_NB, flock

ABANDONED = 3600.0
"""Seconds after which a draft that no process holds was left behind."""


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A draft that takes a file's place when the block ends.

    Until then the file is as it was, and it stays so if the block fails. Each
    process has a draft of its own. Drafts left by killed processes are removed.

    Args:
        path: of the file, whose mode is kept; its folder is made if missing. A
            link stays a link.

    Raises:
        OSError: the file cannot be written; names it.
    """
    target = Path(path).resolve()
    prefix = f".{target.name}-"
    draft = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(".part", prefix, target.parent)
        try:
            flock(handle, LOCK_EX)
            # By the clock of the files themselves, which may be a server's.
            now = os.fstat(handle).st_mtime
            for left in target.parent.glob(f"{glob.escape(prefix)}*.part"):
                with suppress(OSError):  # another process has done with it
                    if now - left.stat().st_mtime > ABANDONED:
                        _remove_unless_held(left)
            yield Path(draft)
        finally:
            os.close(handle)
        # A temporary file is private to its owner.
        os.chmod(draft, target.stat().st_mode if target.exists() else 0o644)
        os.replace(draft, target)
    except BaseException as error:
        if draft is not None:
            Path(draft).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(f"{path} cannot be written ({error})") from error
        raise


def _remove_unless_held(draft: Path) -> None:
    with draft.open() as file:
        flock(file.fileno(), LOCK_EX | LOCK_NB)
        draft.unlink()
