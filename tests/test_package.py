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
    sources = {
        path.relative_to(LIBRARY).as_posix()
        for path in files
        if path.suffix == ".js" and path.parent.name != "bundled"
    }
    assert needed - sources <= names
    assert not sources & names  # they are bundled
    measured = {p.name for p in (ROOT / "results").glob("*.json")}
    folder = "lab/measured/"
    carried = {n for n in names if n.startswith(folder)}
    assert {name.removeprefix(folder) for name in carried} == measured


def test_a_project_without_its_results_is_not_built(copy: Path) -> None:
    shutil.rmtree(copy / "results")
    done = wheel(copy)
    assert done.returncode != 0
    assert "results" in done.stdout


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
assert not any(name.startswith("neural_odes.lab") for name in sys.modules)
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
        "sys.modules['neural_odes.lab.cli'] = None; "
        "runpy.run_module('neural_odes', run_name='__main__')"
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
        ".".join(path.parent.relative_to(LIBRARY.parent).parts)
        for path in LIBRARY.rglob("__init__.py")
    }
    assert declared == found | {"neural_odes.lab.measured"}
