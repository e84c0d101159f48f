"""A study in a folder of its own: run, judged, mapped, reported."""

import os
import sys
import traceback
from html.parser import HTMLParser
from pathlib import Path

import pytest

from neural_odes_lab import records, results, sources, study
from neural_odes_lab.cli import main

HELPER = """
def better(seed):
    return 0.1 + 0.01 * (seed % 3)
"""
STUDY = '''
from dataclasses import dataclass
from pathlib import Path

from neural_odes_lab.config import Config, Count, option
from neural_odes_lab.judges import Claim, above
from neural_odes_lab.study import grid, per_seed, study


@dataclass(frozen=True)
class Spirals(Config):
    """Settings of spirals."""

    turns: Count = option(1, "turns of each arm (chosen)")
    samples: Count = option(8, "points (chosen)")


@study(
    "spirals", paper="a question of my own", config=Spirals,
    variants=("flow", "network"), files=("noise.txt",),
    claims=[Claim("flow-best", "The flow is better than <b>a network</b>.",
                  above("accuracy", "flow", "network"))],
    settings={"multiverse": grid(turns=(1, 2), samples=(8, 16))},
)
@per_seed
def spirals(config, variant, seed, device):
    """Two models on spirals."""
    from proj import helper  # only once it is needed

    noise = float((Path(__file__).parent / "noise.txt").read_text())
    gain = helper.better(seed) if variant == "flow" else 0.0
    return {"accuracy": noise / config.turns + gain}
'''


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "proj").mkdir()
    (tmp_path / "proj/__init__.py").touch()
    (tmp_path / "proj/helper.py").write_text(HELPER)
    (tmp_path / "noise.txt").write_text("0.5")
    (tmp_path / "spirals.py").write_text(STUDY)
    return tmp_path


def command(folder, *arguments):
    """What a command prints, in a process forked from this warm one."""
    said = folder / "said"
    child = os.fork()
    if child == 0:
        try:
            with said.open("w") as sys.stdout:
                os.chdir(folder)
                os.environ["COLUMNS"] = "80"
                sys.path.insert(0, str(folder))
                done = main(list(arguments))
        except BaseException:
            traceback.print_exc()
            done = 1
        os._exit(done or 0)
    assert os.waitpid(child, 0)[1] == 0
    return said.read_text()


def kept(folder):
    return {p: p.stat().st_mtime_ns for p in folder.rglob("results/tasks/*/*")}


def test_the_command_line_alone(folder):
    run = ("run", "spirals.py", "--no-progress", "--seeds")
    assert "a question of my own  Two models" in command(
        folder, "list", "spirals.py"
    )
    assert "✓ held: The flow is better" in command(folder, *run, "6")
    first = kept(folder)
    assert len(first) == 12
    # More seeds cost only the new ones.
    command(folder, *run, "8")
    assert {p: t for p, t in kept(folder).items() if p in first} == first
    assert len(kept(folder)) == 16
    # What the study imports decides, and so do its data.
    helper = folder / "proj/helper.py"
    helper.write_text(HELPER.replace("0.1 +", "-0.1 -"))
    assert "✗ not held: The flow" in command(folder, *run, "8")
    assert len(kept(folder)) == 32
    helper.write_text(f"# As before.\n{HELPER}")
    assert "✓ held" in command(folder, *run, "8")
    assert len(kept(folder)) == 32
    (folder / "noise.txt").write_text("0.25")
    assert "0.25" in command(folder, *run, "8")
    assert len(kept(folder)) == 48

    multiverse = ("--setting", "multiverse", "--workers", "2")
    said = command(folder, *run, "4", *multiverse)
    assert "held in 4, not held in 0, undecided in 0 of 4" in said

    command(folder, "report", "results/spirals.json")
    page = (folder / "results/spirals.html").read_text()
    assert "✓ held" in page
    assert "of 4" not in page
    assert page.count("<caption>The flow is better") == 1  # the map
    assert 'id="claim-spirals-flow-best"' in page  # the ledger's line
    assert "&lt;b&gt;a network&lt;/b&gt;" in page
    seen = Links()
    seen.feed(page)
    assert seen.links == {"spirals.json", "spirals.multiverse.json"}
    assert not seen.loaded


class Links(HTMLParser):
    """Where a page leads, and what it loads."""

    def __init__(self):
        super().__init__()
        self.links, self.loaded = set(), set()

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "a":
            self.links.add(found["href"])
        elif tag in ("script", "link", "img", "iframe") or "src" in found:
            self.loaded.add(tag)


def test_a_result_runs_its_study_only_from_where_one_works(folder, monkeypatch):
    command(folder, "run", "spirals.py", "--seeds", "3", "--no-progress")
    (folder / "else").mkdir()
    path = folder / "results/spirals.json"
    assert records.read(path).source == str(folder / "spirals.py")
    monkeypatch.chdir(folder / "else")
    with pytest.raises(ValueError, match="not below the working directory"):
        results.load(path)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path])
    found = results.load("results/spirals.json")
    assert [one.word for one in found.verdicts] == ["held"]
    assert "chosen: held" in repr(found.ledger)
    del sys.modules["spirals"]
    (folder / "spirals.py").rename(folder / "other.py")
    with pytest.raises(FileNotFoundError, match=r"no file .*spirals\.py"):
        results.load("results/spirals.json")


def test_files_that_declare_nothing_or_are_hidden_are_named(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "nothing_here.py").write_text("x = 1\n")
    with pytest.raises(ValueError, match="declares no study"):
        study.declared(tmp_path / "nothing_here.py")
    (tmp_path / "random.py").write_text(STUDY)
    with pytest.raises(ValueError, match="random is a module already"):
        study.declared(tmp_path / "random.py")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        study.declared(tmp_path / "none.py")


@pytest.mark.parametrize(
    "text",
    [
        "from aid.inner import x",
        "import aid.inner",
        "import aid.inner as y",
        "from aid import inner",
        "from aid import y",
        "def f():\n    from aid import inner",
        "import single",
    ],
)
def test_what_is_imported_decides(tmp_path, monkeypatch, text):
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("aid", "aid.inner", "single"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "aid").mkdir()
    init, inner = tmp_path / "aid/__init__.py", tmp_path / "aid/inner.py"
    init.write_text("from .inner import x as y\n")
    inner.write_text("from json import dumps\nx = 1\n")
    (tmp_path / "single.py").write_text("import aid\n")
    mine = tmp_path / "mine.py"
    mine.write_text(f"{text}\n")

    def code():
        return sources._code.__wrapped__("mine", mine)

    before = code()
    assert code() == before
    inner.write_text('"""Words."""\nfrom json import dumps\nx = 1  # one\n')
    assert code() != before  # a docstring where there was none
    inner.write_text("from json import dumps  # text\n\nx = 1\n")
    assert code() == before
    inner.write_text("from json import dumps\nx = 2\n")
    assert code() != before
    behind = sources._behind("mine", mine)
    assert {p.name for p in behind.values()} <= {
        *("mine.py", "single.py", "__init__.py", "inner.py"),
    }


def test_the_environments_packages_and_the_judges_do_not_decide():
    files = sources._behind(
        "neural_odes_lab.studies.figure7",
        Path(sources.__file__).parent / "studies/figure7.py",
    )
    assert set(files) == {
        f"neural_odes_lab.studies.{name}" if name != "figure7" else name
        for name in ("boundary", "common", "estimators", "figure7", "stability")
    }


def test_a_change_of_the_core_decides(monkeypatch, tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper/b.py").write_text("x = 1\n")
    monkeypatch.setattr(sources, "CORE", tmp_path)
    found = {sources._core.__wrapped__()}
    for name in ("a.py", "deeper/b.py"):
        (tmp_path / name).write_text("x = 2\n")
        found.add(sources._core.__wrapped__())
    assert len(found) == 3
