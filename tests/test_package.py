"""What a wheel carries: the modules, what lies beside them, the results."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "lib" / "neural_odes"


def wheel(root: Path) -> subprocess.CompletedProcess[str]:
    """Build a wheel of a copy of the project into its folder dist."""
    code = "import setuptools.build_meta as b; b.build_wheel('dist')"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What a zip download holds: files, no links, no history."""
    for name in ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in"):
        shutil.copy(ROOT / name, tmp_path)
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("lib", "results"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    return tmp_path


def test_a_wheel_carries_code_assets_and_results(copy: Path) -> None:
    done = wheel(copy)
    assert done.returncode == 0, done.stdout
    (path,) = (copy / "dist").glob("*.whl")
    names = {
        Path(name).relative_to("neural_odes").as_posix()
        for name in zipfile.ZipFile(path).namelist()
        if name.startswith("neural_odes/")
    }
    files = [p for p in LIBRARY.rglob("*") if p.is_file()]
    needed = {
        path.relative_to(LIBRARY).as_posix()
        for path in files
        if path.suffix in (".py", ".js", ".css", ".mplstyle", ".typed")
    }
    assert needed <= names
    measured = {f"measured/{p.name}" for p in (ROOT / "results").glob("*.json")}
    assert {n for n in names if n.startswith("measured/")} == measured


def test_a_project_without_its_results_is_not_built(copy: Path) -> None:
    shutil.rmtree(copy / "results")
    done = wheel(copy)
    assert done.returncode != 0
    assert "results" in done.stdout


def test_every_package_is_declared() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    declared = set(tomllib.loads(text)["tool"]["setuptools"]["packages"])
    found = {
        ".".join(path.parent.relative_to(LIBRARY.parent).parts)
        for path in LIBRARY.rglob("__init__.py")
    }
    assert declared == found | {"neural_odes.measured"}
