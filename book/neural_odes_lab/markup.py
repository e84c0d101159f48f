"""HTML, escaped in one place: what is no :class:`Html` is text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any


class Html(str):
    """Markup that was made here, which :func:`tag` takes as it is."""

    __slots__ = ()


def join(*parts: Any) -> Html:
    """Parts one after the other; None is left out, lists are taken apart."""
    found = ""
    for one in parts:
        if isinstance(one, Html):
            found += one
        elif isinstance(one, Iterable) and not isinstance(one, str):
            found += join(*one)
        elif one is not None:
            found += escape(str(one))
    return Html(found)


def tag(name: str, *inside: Any, **attributes: Any) -> Html:
    """An element, with underscores for hyphens in its attributes' names.

    Args:
        name: of the element.
        inside: what it holds; all but :class:`Html` is escaped.
        attributes: None leaves one out; "class" is written ``class_``.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name == "path":  # of which a page holds thousands
        return Html(f"<{name}{given}/>")
    return Html(f"<{name}{given}>{join(*inside)}</{name}>")


def row(*cells: Any, titles: int = 1, **attributes: Any) -> Html:
    """A line of a table, whose first cells are its titles.

    Args:
        cells: what they hold, or a cell made by ``tag("td", …)``.
        titles: how many of the first.
        attributes: of the line.
    """
    made = [
        tag("th", one, scope="row")
        if i < titles
        else one
        if isinstance(one, Html) and one.startswith("<td")
        else tag("td", one)
        for i, one in enumerate(cells)
    ]
    return tag("tr", made, **attributes)


def table(
    head: Sequence[Any], rows: Iterable[Html], *, caption: Any = None
) -> Html:
    """A table of lines made by :func:`row`."""
    titles = [tag("th", one, scope="col") for one in head]
    return tag(
        "table",
        None if caption is None else tag("caption", caption),
        tag("thead", tag("tr", titles)),
        tag("tbody", *rows),
    )


def link(file: str) -> Html:
    """A link to a result's file."""
    return tag("a", file, href=f"../results/{file}")


def hidden(text: str) -> Html:
    """What only a screen reader says."""
    return tag("span", text, class_="visually-hidden")
