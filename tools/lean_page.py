"""A page without the theme, which opens at once wherever it is sent."""

from __future__ import annotations

import re
from html import escape, unescape
from pathlib import Path
from string import Template

TEMPLATE = Template(
    Path(__file__).with_suffix(".html").read_text(encoding="utf-8")
)
NUMBER = re.compile(r'<span class="section-number">.*?</span>')
FORMULAS = re.compile(
    r"<script>window\.MathJax.*?</script>|<script [^>]*mathjax/[^>]*></script>"
)


def lean(text: str) -> str:
    """Strip the theme from a page; a lean page stays as it is."""
    if "bd-article" not in text:
        return text
    title, article = (
        re.search(pattern, text, re.DOTALL)
        for pattern in (r"<title>(.*?)</title>", r"<article.*?</article>")
    )
    assert title
    assert article
    return TEMPLATE.substitute(
        title=re.sub(r"^\d+\. ", "", title[1]),
        formulas="\n".join(FORMULAS.findall(text)),
        article=NUMBER.sub("", article[0].replace(' class="bd-article"', "")),
        before=neighbour(text, "prev", "Before"),
        after=neighbour(text, "next", "Next"),
    )


def neighbour(text: str, relation: str, word: str) -> str:
    """A link to the page before or after."""
    found = re.search(
        rf'<link rel="{relation}" title="([^"]*)" href="([^"]*)"', text
    )
    if found is None:
        return ""
    name = escape(unescape(re.sub(r"^\d+\. ", "", found[1])))
    return f'<a rel="{relation}" href="{found[2]}">{word}: {name}</a>'
