"""Trainings that are killed, in processes forked from one that is warm.

Called with a folder and what to try; prints what came of it.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
from torch import nn

from neural_odes import NeuralODE, Solver, fit, mlp, nested_spheres, seeded

EPOCHS, KILLS = 30, 8
X, Y = nested_spheres(20, seed=0)


def train(checkpoint=None):
    """A model and its history, as numbers that can be compared."""
    model = seeded(
        lambda: NeuralODE(
            mlp(2, 6, 2),
            readout=nn.Linear(2, 1),
            solver=Solver("rk4", step_size=0.5),
        ),
        0,
    )
    history = fit(
        *(model, X, Y),
        epochs=EPOCHS,
        batch_size=16,
        progress=False,
        checkpoint=checkpoint,
    )
    return [*model.state_dict().values(), history.loss]


def forked(path):
    pid = os.fork()
    if pid == 0:
        train(path)
        os._exit(0)
    return pid


def saved(path):
    return path.stat().st_mtime_ns if path.exists() else 0


def killed_often(path):
    """How many were killed, each after a save or within one."""
    draw, kills = random.Random(0), 0
    while kills < KILLS:
        before, pid, ended = saved(path), forked(path), 0
        while saved(path) == before and not ended:
            time.sleep(0.0005)
            ended, _ = os.waitpid(pid, os.WNOHANG)
        if ended:  # nothing was left to train
            path.unlink()
            continue
        time.sleep(draw.uniform(0, 0.01))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        kills += 1
    return kills


def two_writers(path):
    """How many of two that train on one file at once end well."""
    ends = [os.waitpid(pid, 0)[1] for pid in (forked(path), forked(path))]
    return ends.count(0)


if __name__ == "__main__":
    path = Path(sys.argv[1]) / "state.pt"
    count = {"kills": killed_often, "writers": two_writers}[sys.argv[2]](path)
    same = all(map(torch.equal, train(path), train()))
    print(count, same)
