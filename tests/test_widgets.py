"""Exported states and the Python side of the widgets."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
import torch
from torch import nn

from neural_odes import (
    AdaptiveDepth,
    DataControlled,
    DepthConcat,
    Fourier,
    Galerkin,
    Hypernetwork,
    NeuralODE,
    data,
    mlp,
)
from neural_odes.widgets import FlowWidget, ModesWidget, SolverWidget, export


def unpack(packed: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["data"]), packed["dtype"])


def moons() -> tuple[torch.Tensor, torch.Tensor]:
    return data.half_moons(20, seed=0)


def test_state_holds_the_weights_exactly_and_compactly() -> None:
    model = NeuralODE(mlp(2, 16, 16, 2), depth=2, readout=nn.Linear(2, 1))
    state = export(model)
    packed = state["field"]["weights"]["weights"]
    flat = torch.cat([p.flatten() for p in model.field.parameters()])
    assert (unpack(packed) == flat.detach().numpy()).all()
    assert state["version"] == 1
    assert (state["features"], state["size"], state["depth"]) == (2, 2, 2.0)
    assert state["lift"] is None
    assert len(json.dumps(state)) < 1.4 * 4 * len(flat) + 800


def test_double_precision_stays() -> None:
    state = export(NeuralODE(mlp(2, 3, 2)).double())
    assert state["field"]["weights"]["weights"]["dtype"] == "float64"


def test_field_sees_its_inputs_in_order() -> None:
    field = Galerkin(DataControlled(DepthConcat(mlp(5, 4, 2))), Fourier(3))
    state = export(NeuralODE(field))
    assert state["field"]["inputs"] == ["z", "x", "s"]
    assert state["field"]["weights"]["basis"] == {
        "name": "Fourier",
        "size": 3,
        "domain": [0.0, 1.0],
    }


class Strange(nn.Module):
    def forward(self, z):
        return z**3


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (mlp(2, 2), "model is a Sequential"),
        (NeuralODE(Strange()), "field is a Strange"),
        (NeuralODE(lambda s, z, x: z), "field is a function"),
        (NeuralODE(nn.Conv2d(1, 1, 1)), "field is a Conv2d"),
        (NeuralODE(nn.Tanh()), "field is a Tanh"),
        (NeuralODE(mlp(2, 2, last=lambda: nn.ELU(2.0))), "field is a ELU"),
        (NeuralODE(mlp(2, 2), depth=AdaptiveDepth(2)), "depth is a Adaptive"),
        (NeuralODE(mlp(2, 2), lift=Strange()), "lift is a Strange"),
        (NeuralODE(mlp(2, 2), readout=Strange()), "readout is a Strange"),
        (
            NeuralODE(DataControlled(mlp(4, 2), embed=nn.Linear(2, 2))),
            "embed is a Linear",
        ),
        (
            NeuralODE(Galerkin(Hypernetwork(mlp(2, 2)), Fourier(2))),
            "one set of moving weights",
        ),
    ],
)
def test_what_cannot_be_exported_is_named(model, named: str) -> None:
    with pytest.raises(TypeError, match=named):
        export(model)


def test_weights_that_are_not_numbers_are_refused() -> None:
    model = NeuralODE(mlp(2, 2))
    with torch.no_grad():
        model.field.module[0].weight[0, 0] = torch.nan
    with pytest.raises(ValueError, match="NaN"):
        export(model)


def test_flow_widget_holds_all_that_a_page_needs() -> None:
    x, y = moons()
    models = {"a": NeuralODE(mlp(2, 4, 2)), "b": NeuralODE(mlp(2, 4, 2))}
    widget = FlowWidget(models, x, y, point=(0.1, 0.2), title="A title")
    state = json.loads(json.dumps(widget.get_state(drop_defaults=False)))
    assert [label for label, _ in state["models"]] == ["a", "b"]
    assert np.allclose(unpack(state["data"]["x"]), x.flatten())
    assert (state["selected"], state["s"]) == ("a", 1.0)
    assert state["point"] == [0.1, 0.2]
    assert "export default" in state["_esm"]
    assert "data-dark" in state["_css"]


def test_modes_widget_takes_galerkins_alone() -> None:
    x, y = moons()
    galerkin = NeuralODE(Galerkin(mlp(2, 4, 2), Fourier(5)))
    assert ModesWidget(galerkin, x, y).modes == 5
    sizes = [NeuralODE(Galerkin(mlp(2, 4, 2), Fourier(m))) for m in (3, 1)]
    assert [m for m, _ in ModesWidget(sizes, x, y).models] == [1, 3]
    with pytest.raises(TypeError, match="takes a Galerkin"):
        ModesWidget(NeuralODE(mlp(2, 2)), x, y)


def test_solver_widget_takes_a_linear_system() -> None:
    widget = SolverWidget(NeuralODE(nn.Linear(2, 2)), (1, 0))
    assert widget.point == [1.0, 0.0]
    assert widget.method == "rk4"


def test_bad_arguments_are_named() -> None:
    x, y = moons()
    model = NeuralODE(mlp(2, 4, 2))
    lifted = NeuralODE(mlp(2, 4, 2), lift=nn.Linear(2, 2))
    with pytest.raises(ValueError, match="x has shape"):
        FlowWidget(model, torch.zeros(5, 3), y)
    with pytest.raises(ValueError, match="y has shape"):
        FlowWidget(model, x, y[:3])
    with pytest.raises(ValueError, match="point is"):
        FlowWidget(model, x, y, point=(1,))
    with pytest.raises(ValueError, match="tolerance is"):
        FlowWidget(model, x, y, tolerance=0)
    with pytest.raises(ValueError, match="models is empty"):
        FlowWidget({}, x, y)
    with pytest.raises(ValueError, match="lift moves x"):
        FlowWidget(lifted, x, y)
    with pytest.raises(ValueError, match="method is"):
        SolverWidget(model, (0, 1), method="guess")
