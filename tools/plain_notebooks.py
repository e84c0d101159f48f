"""Chapters for readers of notebooks: plain Markdown, solutions folded.

JupyterLab, Colab and Binder show the book's directives as they are written.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

DIRECTIVE = re.compile(r"^:::\{([a-z:]+)\} ?([^\n]*)\n(.*?)^:::$", re.M | re.S)
ROLE = re.compile(r"\{([a-z:]+)\}`([^`]+)`")
ENTRY = re.compile(r"^@\w+\{(\w+),(.*?)^\}$", re.M | re.S)


def make_plain(notebook: Path, named: dict[str, str]) -> None:
    """Rewrite a notebook in place, its directives and roles as Markdown.

    Args:
        notebook: the file.
        named: what roles show, as returned by :func:`names`.
    """
    content = json.loads(notebook.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        if cell["cell_type"] == "markdown":
            text = plain("".join(cell["source"]), named)
            cell["source"] = text.splitlines(keepends=True)
    notebook.write_text(
        json.dumps(content, indent=1, ensure_ascii=False) + "\n",
        encoding="utf-8",
    )


def plain(text: str, named: dict[str, str]) -> str:
    """Markdown without directives; roles become what named gives for them."""
    text = DIRECTIVE.sub(_block, text)
    text = re.sub(r"\$\$ \([a-z-]+\)$", "$$", text, flags=re.M)
    return ROLE.sub(lambda role: _inline(role[1], role[2], named), text)


def _block(found: re.Match[str]) -> str:
    kind, title, body = found[1], found[2], found[3]
    body = re.sub(r"^:[a-z]+:.*\n", "", body, flags=re.M).strip()
    if kind == "solution":
        return f"<details>\n<summary>Solution</summary>\n\n{body}\n\n</details>"
    name = kind.rpartition(":")[2].capitalize()
    heading = f"{name}: {title}" if title else name
    end = "" if heading[-1] in "?!" else "."
    return f"**{heading}{end}** {body}"


def _inline(role: str, target: str, named: dict[str, str]) -> str:
    given = re.fullmatch(r"(.*?)\s*<(.*)>", target, re.S)
    if role.startswith("py:"):
        name = given[1] if given else target.rpartition(".")[2]
        return f"`{name.strip('`')}`"
    if role in ("term", "ref"):  # the glossary's terms, the index
        return given[1] if given else target
    if given:
        return f"[{given[1]}]({given[2]}.ipynb)"
    return ", ".join(named[key.strip()] for key in target.split(","))


def names(book: Path) -> dict[str, str]:
    """What roles show, by what they name: chapters, papers, labels."""
    found = {}
    for path in sorted(book.glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        text = "\n".join(
            "".join(cell["source"])
            for cell in cells
            if cell["cell_type"] == "markdown"
        )
        title = re.search(r"^# (.*)$", text, re.M)
        found[path.stem] = f"[{title[1] if title else path.stem}]({path.name})"
        for kind, name, body in DIRECTIVE.findall(text):
            if label := re.search(r"^:label: (\S+)$", body, re.M):
                word = kind.rpartition(":")[2]
                found[label[1]] = f"the {word} “{name}”"
        for cell in cells:
            figure = cell["metadata"].get("mystnb", {}).get("figure", {})
            if "name" in figure:
                caption = figure["caption"].split(".")[0]
                found[figure["name"]] = f"the figure “{caption}”"
    for path in sorted(book.glob("*.md")):
        title = path.read_text(encoding="utf-8").partition("\n")[0]
        found[path.stem] = f"[{title.removeprefix('# ')}]({path.name})"
    entries = (book / "references.bib").read_text(encoding="utf-8")
    for key, body in ENTRY.findall(entries):
        found[key] = _reference(body)
    return found


def _reference(body: str) -> str:
    """A paper's authors and year, with a link where there is one."""
    fields = dict(re.findall(r"(\w+)\s*=\s*\{(.*)\},?$", body, re.M))
    authors = [name.split(",")[0] for name in fields["author"].split(" and ")]
    who = " and ".join(authors) if len(authors) < 3 else f"{authors[0]} et al."
    text = f"{who} {fields['year']}".replace("{", "").replace("}", "")
    return f"[{text}]({fields['url']})" if "url" in fields else text
