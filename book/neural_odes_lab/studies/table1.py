"""Table 1: augmentation on images of digits."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from types import SimpleNamespace

import pandas as pd

from neural_odes.training import History, accuracy
from neural_odes_lab.judges import Claim, every_seed, highest, lowest
from neural_odes_lab.studies.common import count
from neural_odes_lab.studies.images import (
    SPLITS,
    Table1,
    evaluations,
    load,
    matmul,
    trained,
)
from neural_odes_lab.study import Row, per_seed, study


def claims(config: Table1) -> Sequence[Claim]:
    found = []
    if "IL-NODE" in config.models and len(config.models) > 1:
        best = (
            ("accuracy", highest, "is the most accurate"),
            ("nfe", lowest, "takes the fewest evaluations"),
        )
        found = [
            Claim(
                f"il-node-{quantity}",
                f"A learned input layer (IL-NODE) {what}.",
                judge(quantity, "IL-NODE", config.models),
                "table 1",
            )
            for quantity, judge, what in best
        ]
    if "2nd order" in config.models and len(config.models) > 1:
        found.append(
            Claim(
                "second-order-per-parameter",
                "Second order is the most accurate per thousand parameters.",
                highest("per parameter", "2nd order", config.models),
                "table 1",
            )
        )
    if "vanilla" in config.models:
        found.append(
            Claim(
                "vanilla-spikes",
                "Without augmentation (vanilla), training shows no spikes in "
                "loss or evaluations.",
                every_seed("spikes", "vanilla", below=0),
                "figure 9",
            )
        )
    return found


def with_ratio(config: Table1, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with the accuracy per 1000 parameters."""
    ratio = 1000 * rows["accuracy"] / rows["parameters"]
    return rows.assign(**{"per parameter": ratio})


@study(
    "augmentation.table1",
    paper="section 4, table 1, figure 9",
    matters={"accuracy": 0.005},
    config=Table1,
    variants=lambda config: config.models,
    claims=claims,
    derive=with_ratio,
    label="model",
    settings={
        "mnist-small": [
            {
                "dataset": "mnist",
                "samples": 4000,
                "size": 14,
                "channels": 16,
                "epochs": 8,
                "channels_last": True,
            }
        ],
        "mnist": [
            {
                "dataset": "mnist",
                "batch_size": 256,
                "adjoint": True,
                "precision": "tf32",
            }
        ],
    },
    quick={"samples": 300, "channels": 16, "epochs": 8, "batch_size": 32},
    tiny={
        "samples": 20,
        "size": 4,
        "channels": 2,
        "batch_size": 10,
    },
    words={"seconds": "seconds of training", "spikes": "spikes"},
)
@per_seed
def table1(config: Table1, variant: str, seed: int, device: str) -> Row:
    """Accuracy and cost of four augmentations on images of digits.

    ``accuracy`` is that on the test images. ``nfe`` counts the evaluations of f
    in a forward solve of the first ``batch_size`` of them after training,
    ``backward`` those in the adjoint's backward solve, both by torchdiffeq,
    however the model was trained. ``per parameter`` is the accuracy per 1000
    parameters. ``spikes`` is the number of epochs whose loss is more than 1.5
    times that of the epoch before, plus the same count for the evaluations;
    ``loss`` and ``evaluations`` are those of each epoch.
    """
    train, test = (load(config, split, device) for split in SPLITS)
    with matmul(config.precision):
        model, history = trained(config, variant, seed, train)
        batch = [part[: config.batch_size] for part in test]
        forward, backward = evaluations(model, *batch)
        parts = zip(*(part.split(500) for part in test), strict=True)
        right = sum(accuracy(model, x, y) * len(y) for x, y in parts)
    return {
        "accuracy": right / len(test[1]),
        "nfe": forward,
        "backward": backward,
        "parameters": count(model),
        "seconds": history.seconds,
        "spikes": spikes(history),
        "trained on": len(train[0]),
        "tested on": len(test[0]),
        "loss": history.loss.tolist(),
        "evaluations": history.nfe.tolist(),
    }


def curves(rows: pd.DataFrame) -> dict[str, list[SimpleNamespace]]:
    """Loss and evaluations of each epoch, a list of runs for each model."""
    return {
        name: [
            SimpleNamespace(loss=loss, nfe=nfe)
            for loss, nfe in zip(own["loss"], own["evaluations"], strict=True)
        ]
        for name, own in rows.groupby("variant", sort=False)
    }


SPIKE = 1.5
"""How far above the epoch before a spike is (chosen)."""


def spikes(history: History) -> int:
    """Epochs whose loss or nfe is above SPIKE times that of the one before."""
    return sum(
        b > SPIKE * a
        for values in (history.loss, history.nfe)
        for a, b in pairwise(values.tolist())
    )
