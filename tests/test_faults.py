"""Killed processes and full disks: nothing is lost, nothing half-written."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from neural_odes import NeuralODE, Solver, fit, mlp, nested_spheres
from neural_odes.files import ABANDONED, replacing
from neural_odes_lab.records import write_json

# Windows has neither fork nor limits of a process.
resource = pytest.importorskip("resource")


def in_a_process(folder: Path, what: str) -> list[str]:
    script = Path(__file__).with_name("killed.py")
    done = subprocess.run(
        [sys.executable, str(script), str(folder), what],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_training_killed_again_and_again_ends_as_if_it_had_not_been(
    tmp_path,
):
    assert in_a_process(tmp_path, "kills") == ["8", "True"]


def test_two_that_write_one_checkpoint_do_not_harm_each_other(tmp_path):
    assert in_a_process(tmp_path, "writers") == ["2", "True"]
    assert [p.name for p in tmp_path.iterdir()] == ["state.pt"]


@contextmanager
def full_disk():
    """Files of this process cannot grow beyond 500 bytes, nor can its log."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_named_and_the_old_file_stays(tmp_path):
    result, state = tmp_path / "result.json", tmp_path / "state.pt"
    write_json(result, {"numbers": [1]})
    before = result.read_text()
    refused = partial(pytest.raises, OSError)
    with full_disk(), refused(match=r"result\.json cannot be written"):
        write_json(result, {"numbers": list(range(1000))})
    solver = Solver("euler", step_size=1.0)
    model = NeuralODE(mlp(2, 8, 2), readout=nn.Linear(2, 1), solver=solver)
    with full_disk(), refused(match=r"state\.pt cannot be written"):
        fit(
            *(model, *nested_spheres(8)),
            epochs=1,
            progress=False,
            checkpoint=state,
        )
    assert result.read_text() == before
    assert list(tmp_path.iterdir()) == [result]
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_drafts_that_killed_processes_left_are_removed(tmp_path):
    path = tmp_path / "file"
    old, new = tmp_path / ".file-old.part", tmp_path / ".file-new.part"
    for draft in (old, new):
        draft.write_text("half")
    long_ago = time.time() - ABANDONED - 1
    os.utime(old, (long_ago, long_ago))
    with replacing(path) as draft:
        draft.write_text("whole")
    assert sorted(tmp_path.iterdir()) == [new, path]
    assert path.read_text() == "whole"


def test_a_draft_is_not_removed_under_the_hands_of_its_writer(tmp_path):
    """However old it looks: clocks are set, and servers have their own."""
    path = tmp_path / "file"
    with replacing(path) as slow:
        slow.write_text("slow")
        long_ago = time.time() - ABANDONED - 1
        os.utime(slow, (long_ago, long_ago))
        with replacing(path) as quick:
            quick.write_text("quick")
        assert slow.exists()
    assert path.read_text() == "slow"
    assert list(tmp_path.iterdir()) == [path]


def test_age_is_told_by_the_clock_of_the_files(tmp_path, monkeypatch):
    left = tmp_path / ".file-left.part"
    left.write_text("half")
    behind = os.fstat

    class Behind:
        st_mtime = left.stat().st_mtime - 10 * ABANDONED

    monkeypatch.setattr(os, "fstat", lambda handle: Behind)
    with replacing(tmp_path / "file") as draft:
        draft.write_text("whole")
    assert left.exists()
    monkeypatch.setattr(os, "fstat", behind)


def test_a_file_keeps_its_mode(tmp_path):
    path = tmp_path / "file"
    for mode in (None, 0o600, 0o664):
        if mode is not None:
            path.chmod(mode)
        with replacing(path) as draft:
            draft.write_text("whole")
        assert path.stat().st_mode & 0o777 == (mode or 0o644)
