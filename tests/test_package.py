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
LABORATORY = ROOT / "book" / "neural_odes_lab"


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
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("lib", "book/neural_odes_lab", "results"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    return tmp_path


def test_a_wheel_carries_code_assets_and_results(copy: Path) -> None:
    done = wheel(copy)
    assert done.returncode == 0, done.stdout
    (path,) = (copy / "dist").glob("*.whl")
    names = set(zipfile.ZipFile(path).namelist())
    kinds = (".py", ".js", ".css", ".mplstyle", ".typed")
    needed = {
        f"{package.name}/{path.relative_to(package).as_posix()}"
        for package in (LIBRARY, LABORATORY)
        for path in package.rglob("*")
        if path.suffix in kinds
    }
    sources = {
        name
        for name in needed
        if name.endswith(".js") and "/bundled/" not in name
    }
    assert needed - sources <= names
    assert not sources & names  # they are bundled
    folder = "neural_odes_lab/measured/"
    carried = {n.removeprefix(folder) for n in names if n.startswith(folder)}
    assert carried == {p.name for p in (ROOT / "results").glob("*.json")}


def test_the_library_is_built_without_results(copy: Path) -> None:
    shutil.rmtree(copy / "results")
    done = wheel(copy)
    assert done.returncode == 0, done.stdout


CORE_ALONE = """
import importlib, sys

class Absent:
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
import neural_odes
for name in {core!r}:
    importlib.import_module(name)
assert not any(name.startswith("neural_odes_lab") for name in sys.modules)
try:
    neural_odes.half_moons(10)
except ImportError as error:
    assert "neural-odes[data]" in str(error), error
else:
    raise AssertionError("half-moons need scikit-learn")
"""
ABSENT = (
    *("sklearn", "networkx", "pooch", "pandas", "matplotlib", "celluloid"),
    *("imageio_ffmpeg", "anywidget", "ipywidgets", "traitlets", "distributed"),
    "IPython",
)


def test_the_core_needs_nothing_of_the_laboratory() -> None:
    core = [
        ".".join(path.relative_to(LIBRARY.parent).with_suffix("").parts)
        for path in LIBRARY.rglob("*.py")
        if "lab" not in path.parts and path.name[:2] != "__"
    ]
    assert "neural_odes.training.fit" in core
    code = CORE_ALONE.format(absent=ABSENT, core=core)
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_command_line_names_its_extra() -> None:
    code = (
        "import runpy, sys; sys.modules['pandas'] = None; "
        "sys.modules['neural_odes_lab.cli'] = None; "
        "runpy.run_module('neural_odes_lab', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True
    )
    assert done.returncode == 1
    assert b"neural-odes[lab]" in done.stderr


def test_every_package_is_declared() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    declared = set(tomllib.loads(text)["tool"]["setuptools"]["packages"])
    found = {
        ".".join(path.parent.relative_to(package.parent).parts)
        for package in (LIBRARY, LABORATORY)
        for path in package.rglob("__init__.py")
    }
    assert declared == found
