"""The JavaScript that Python hands out is what its sources make today."""

from pathlib import Path

import bundle_widgets
import pytest

from neural_odes_lab import widgets

FOLDER = bundle_widgets.WIDGETS
BUNDLES = FOLDER / "bundled"
CLASSES = [
    getattr(widgets, name) for name in widgets.__all__ if "Widget" in name
]


def names(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.js")}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_widget_is_a_pair_of_files_and_a_bundle(kind: type) -> None:
    name = kind.__name__.removesuffix("Widget").lower()
    assert kind.__module__ == f"{widgets.__name__}.{name}"
    assert (FOLDER / f"{name}.py").is_file()
    assert (FOLDER / f"{name}.js").is_file()
    assert kind._esm == (BUNDLES / f"{name}.js").read_text(encoding="utf-8")


def test_there_is_a_bundle_for_each_widget_and_no_other() -> None:
    assert CLASSES
    assert len(names(FOLDER)) == len(CLASSES)
    assert names(BUNDLES) == names(FOLDER)


@pytest.mark.skipif(
    not bundle_widgets.ESBUILD.exists(),
    reason="no esbuild: `make widgets` installs it, as do `make book` and "
    "`make test`",
)
def test_bundles_are_what_esbuild_makes_of_the_sources(tmp_path: Path) -> None:
    bundle_widgets.bundle(tmp_path)
    assert names(tmp_path) == names(BUNDLES)
    for path in sorted(BUNDLES.glob("*.js")):
        text = path.read_text(encoding="utf-8")
        made = (tmp_path / path.name).read_text(encoding="utf-8")
        assert "`make widgets`" in text.splitlines()[0]
        assert text == made, f"{path.name} is out of date: run `make widgets`"
