"""Input networks: what they leave for the flow to do (Figure 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from neural_odes.nets import mlp
from neural_odes.ode import NeuralODE
from neural_odes_lab.config import Count, option
from neural_odes_lab.judges import Claim, below, every_seed
from neural_odes_lab.studies.common import (
    Spheres,
    Trained,
    quality,
    trained_spheres,
)
from neural_odes_lab.study import Row, study


@dataclass(frozen=True)
class InputNetwork(Spheres):
    """Settings of :data:`input_network`."""

    units: Count = option(
        16,
        "hidden units of the input network, ReLU, before its linear second "
        "layer (chosen)",
    )
    layers: Count = option(3, "hidden layers of the deep one (chosen)")


class Still(nn.Module):
    """A field that moves nothing: the model without its flow."""

    def forward(self, z: Tensor) -> Tensor:
        return torch.zeros_like(z)


def model(config: InputNetwork, variant: str) -> NeuralODE:
    """One model of the ablation, untrained.

    Args:
        config: its width and units.
        variant: one of ``VARIANTS``.
    """
    w = config.width
    hidden = [config.units] * (config.layers if "deep" in variant else 1)
    network = mlp(2, *hidden, 2, activation=nn.ReLU)
    return NeuralODE(
        mlp(2, w, w, 2) if "flow" in variant else Still(),
        lift=None if variant == "flow" else network,
        readout=nn.Linear(2, 1),
    )


DEEP = "deep network and flow"
VARIANTS = ("flow", "network and flow", "network", DEEP, "deep network")


@study(
    "dimensionality.input_network",
    paper="section 5, figure 6",
    config=InputNetwork,
    block=10,
    variants=VARIANTS,
    claims=[
        Claim(
            "separable",
            "An input network makes the data linearly separable before the "
            "flow: a linear probe gets 99 % right.",
            every_seed("before", "network and flow", above=0.99),
        ),
        Claim(
            "without-flow",
            "Without a flow, a model with that network gets 99 % right, too.",
            every_seed("accuracy", "network", above=0.99),
        ),
        Claim(
            "moves-less",
            "Behind a deeper input network the flow moves points less.",
            below("moved", DEEP, "network and flow", ratio=True),
        ),
        Claim(
            "superfluous",
            "Behind a deep input network the flow can be left out once trained:"
            " the readout gets 95 % right without it.",
            every_seed("ablated", DEEP, above=0.95),
        ),
    ],
    quick={"samples": 128, "epochs": 60},
    words={
        "before": "probe on z(0)",
        "after": "probe on z(1)",
        "moved": "distance moved",
        "ablated": "accuracy, flow left out",
    },
)
def input_network(
    config: InputNetwork, variant: str, seeds: Sequence[int], device: str
) -> list[Row]:
    """What an input network leaves for the flow to do.

    flow: f and a linear readout. network and flow: the same, preceded by a
    network 2-``units``-2 with ReLU between its layers. network: this network
    and a readout, trained without f, which takes no evaluations. deep: the same
    with ``layers`` hidden layers of ``units`` in the network. ``before`` and
    ``after`` are the accuracies of a linear probe (logistic regression with
    hardly any regularisation, C = 1e4) that is fitted to z(0) or z(1) of the
    training points and evaluated on them; ``moved`` is the root mean square
    distance that the flow moves a point, over the spread of the z(0), their
    root mean square distance from their mean; ``ablated`` is the accuracy when
    the trained readout is applied to z(0), the flow left out.
    """
    found = trained_spheres(
        config,
        lambda: model(config, variant),
        seeds,
        device,
    )
    return [{"seed": one.seed, **_probed(one)} for one in found]


def _probed(trained: Trained) -> Row:
    _, one, x, y, _ = trained
    with torch.no_grad():
        z0, z1 = one.solve(x).z
        left_out = (one.readout(z0).sign() == y).float().mean().item()
    about = (z0 - z0.mean(dim=0)).square().sum()
    still = any(isinstance(part, Still) for part in one.modules())
    return {
        **quality(one, x, y),
        **({"nfe": 0} if still else {}),  # the solver's, of no field
        "before": probe(z0, y),
        "after": probe(z1, y),
        "moved": ((z1 - z0).square().sum() / about).sqrt().item(),
        "ablated": left_out,
    }


def probe(z: Tensor, y: Tensor) -> float:
    """Accuracy of a linear classifier fitted to the states themselves."""
    inputs, labels = z.cpu().numpy(), y[:, 0].cpu().numpy()
    linear = LogisticRegression(C=1e4, max_iter=1000).fit(inputs, labels)
    return float(linear.score(inputs, labels))
