"""Tell the chapters where the library is to be installed from.

``python tools/publish_notebooks.py OWNER/NAME REF`` rewrites the first cell of
each notebook in book/, in place, and its directives as plain Markdown. The
publishing workflow commits the outcome to the branch that Binder and Colab
open; the sources stay as they are.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from plain_notebooks import make_plain, names

SOURCE = (
    r"library = \"..[lab]\"  # the published book puts its repository here\n"
)
"""The line to fill in, as it stands in a notebook's JSON."""
KEPT = r"for name in (\"torch\", \"numpy\")]"
"""What installing must not replace: a notebook may be opened without it."""


def publish(notebook: Path, repository: str, ref: str) -> None:
    """Write the repository into a notebook's first cell.

    Args:
        notebook: the file, changed in place.
        repository: ``owner/name`` on GitHub.
        ref: the commit, branch or tag to install.

    Raises:
        ValueError: the repository is not of that form, or the notebook has
            not exactly one line to fill in.
    """
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise ValueError(f"repository is {repository!r}; it takes owner/name")
    text = notebook.read_text(encoding="utf-8")
    if text.count(SOURCE) != 1:
        raise ValueError(
            f"{notebook} has {text.count(SOURCE)} lines {SOURCE!r}; it takes 1"
        )
    address = f"neural-odes[lab]@git+https://github.com/{repository}@{ref}"
    draft = notebook.with_suffix(".tmp")
    draft.write_text(
        text.replace(SOURCE, rf"library = \"{address}\"\n").replace(
            KEPT, KEPT.replace("]", " if find_spec(name)]")
        ),
        encoding="utf-8",
    )
    os.replace(draft, notebook)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    book = Path(__file__).parents[1] / "book"
    notebooks = sorted(book.glob("*.ipynb"))
    for path in notebooks:
        publish(path, *sys.argv[1:])
    known = names(book)
    for path in notebooks:
        make_plain(path, known)
        print(path)
