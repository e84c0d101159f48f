"""Font Awesome, reduced to the icons that the pages show."""

from __future__ import annotations

import re
from pathlib import Path

import pydata_sphinx_theme
from fontTools.subset import Options, Subsetter, load_font, save_font

SHEETS = sorted(
    Path(pydata_sphinx_theme.__file__).parent.glob(
        "theme/*/static/vendor/fontawesome/*/css/all.min.css"
    )
)
ICON = re.compile(r'((?:\.fa-[\w-]+::?before,?)+)\{content:"\\?(\w+)"\}')
PRIVATE = re.compile(r"[\ue000-\uf8ff]")
"""A style sheet may contain an icon's character instead of its code."""

WOFF2 = re.compile(r'url\([^)]*\.woff2\) format\("woff2"\),')


def subset_icons(html: Path) -> None:
    """Keep only the icons named by a folder's pages, scripts and style sheets.

    The theme's own files are read each time, so that an icon can come back.
    """
    texts = [
        path.read_text(encoding="utf-8")
        for path in html.rglob("*")
        if path.suffix in {".html", ".js", ".css"}
        and "vendor" not in path.parts
    ]
    names = {f".{name}" for t in texts for name in re.findall(r"fa-[\w-]+", t)}
    codes = {
        int(code, 16)
        for text in texts
        for code in re.findall(r"\\(f[0-9a-f]{3})\b", text)
    } | {ord(c) for text in texts for c in PRIVATE.findall(text)}

    def shown(rule: re.Match[str]) -> str:
        known = {part.split(":")[0] for part in rule[1].split(",")}
        if not known & names:
            return ""
        code = rule[2]
        codes.add(int(code, 16) if len(code) > 1 else ord(code))
        return rule[0]

    for source in SHEETS:
        theme = source.parents[4]
        sheet = html / "_static" / source.relative_to(theme)
        text = ICON.sub(shown, source.read_text(encoding="utf-8"))
        sheet.write_text(WOFF2.sub("", text), encoding="utf-8")
        for font in (source.parents[1] / "webfonts").glob("*.ttf"):
            reduce(font, sheet.parents[1] / "webfonts" / font.name, codes)


def reduce(font: Path, target: Path, codes: set[int]) -> None:
    """Write a font that has only the glyphs of some codes."""
    options = Options(notdef_outline=True)
    opened = load_font(str(font), options)
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=codes)
    subsetter.subset(opened)
    save_font(opened, str(target), options)
