"""Exported states and the Python side of the widgets."""

from __future__ import annotations

import base64
import json
import math
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import traitlets
from torch import nn

from neural_odes import (
    AdaptiveDepth,
    DataControlled,
    DepthConcat,
    Fourier,
    Galerkin,
    Hypernetwork,
    LinearControl,
    NeuralODE,
    data,
    mlp,
)
from neural_odes.bases import PiecewiseConstant
from neural_odes_lab.widgets import (
    BackwardWidget,
    BallWidget,
    CoverWidget,
    CrossingWidget,
    DepthsWidget,
    EulerWidget,
    FlowWidget,
    GaugeWidget,
    GenerationWidget,
    LiftWidget,
    LorenzWidget,
    MeltWidget,
    ModesWidget,
    NeighbourWidget,
    PatchWidget,
    PlaygroundWidget,
    SolverWidget,
    SweepWidget,
    export,
)


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
    assert state["version"] == 2
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


class Own(PiecewiseConstant):
    """A basis of one's own, which the page does not know by name."""

    def __init__(self) -> None:
        super().__init__(2)


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (mlp(2, 2), "model must"),
        (NeuralODE(Strange()), "field must"),
        (NeuralODE(lambda s, z, x: z), "field must"),
        (NeuralODE(nn.Conv2d(1, 1, 1)), "field must"),
        (NeuralODE(nn.Tanh()), "field must"),
        (NeuralODE(mlp(2, 2, last=lambda: nn.ELU(2.0))), "field must"),
        (NeuralODE(mlp(2, 2), depth=lambda x: x[:, 0].abs()), "depth must"),
        (
            NeuralODE(mlp(2, 2), depth=AdaptiveDepth(Strange())),
            "depth must",
        ),
        (
            NeuralODE(mlp(2, 2), depth=AdaptiveDepth(nn.Linear(2, 2))),
            "depth must",
        ),
        (
            NeuralODE(Galerkin(mlp(2, 2), Own()), depth=AdaptiveDepth(2)),
            "basis must",
        ),
        (NeuralODE(mlp(2, 2), lift=Strange()), "lift must"),
        (NeuralODE(mlp(2, 2), readout=Strange()), "readout must"),
        (
            NeuralODE(DataControlled(mlp(4, 2), embed=torch.abs)),
            "embed must",
        ),
        (
            NeuralODE(
                Galerkin(
                    DataControlled(mlp(4, 2), embed=nn.Linear(2, 2)), Fourier(2)
                )
            ),
            "embed must",
        ),
        (
            NeuralODE(DataControlled(mlp(4, 2), dim=0)),
            "dim of DataControlled must",
        ),
        (
            NeuralODE(DepthConcat(LinearControl()), lift=nn.Linear(2, 2)),
            "field must",
        ),
        (
            NeuralODE(LinearControl(), lift=nn.Linear(2, 3)),
            "lift must",
        ),
        (
            NeuralODE(Galerkin(Hypernetwork(mlp(2, 2)), Fourier(2))),
            "moving weights must",
        ),
    ],
)
def test_what_cannot_be_exported_is_named(model, named: str) -> None:
    with pytest.raises(TypeError, match=named):
        export(model)


def test_depths_embeddings_and_linear_control_are_exported() -> None:
    field = DepthConcat(DataControlled(mlp(6, 2), embed=mlp(2, 5, 3)))
    state = export(NeuralODE(field, depth=AdaptiveDepth(2, hidden=3)))
    z, s, embed = state["field"]["inputs"]
    assert (z, s) == ("z", "s")
    assert len(unpack(embed["weights"])) == 2 * 5 + 5 + 5 * 3 + 3
    assert [layer for layer in state["depth"]["net"] if layer != "relu"] == [
        {"in": 2, "out": 3, "bias": True},
        {"in": 3, "out": 1, "bias": False},
    ]
    state = export(NeuralODE(LinearControl(3.0)), features=2)
    assert state["field"]["inputs"] == ["z", "x"]
    assert unpack(state["field"]["weights"]["weights"]) == [3.0]
    with pytest.raises(ValueError, match="features must"):
        export(NeuralODE(LinearControl()))


def test_weights_that_are_not_numbers_are_refused() -> None:
    model = NeuralODE(mlp(2, 2))
    with torch.no_grad():
        model.field.module[0].weight[0, 0] = torch.nan
    with pytest.raises(ValueError, match="weights and data must"):
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
    assert "as default" in state["_esm"]
    assert "data-dark" in state["_css"]


def test_a_saved_notebook_says_what_was_there() -> None:
    x, y = moons()
    widget = FlowWidget(NeuralODE(mlp(2, 4, 2)), x, y)
    assert repr(widget) == "Interactive figure; run this cell to see it."


def test_modes_widget_takes_galerkins_alone() -> None:
    x, y = moons()
    galerkin = NeuralODE(Galerkin(mlp(2, 4, 2), Fourier(5)))
    assert ModesWidget(galerkin, x, y).modes == 5
    sizes = [NeuralODE(Galerkin(mlp(2, 4, 2), Fourier(m))) for m in (3, 1)]
    assert [m for m, _ in ModesWidget(sizes, x, y).models] == [1, 3]
    twice = [galerkin, galerkin]
    assert [m for m, _ in ModesWidget(twice, x, y).models] == [5, 5]
    with pytest.raises(TypeError, match="models must"):
        ModesWidget(NeuralODE(mlp(2, 2)), x, y)


def test_solver_widget_takes_a_linear_system() -> None:
    widget = SolverWidget(NeuralODE(nn.Linear(2, 2)), (1, 0))
    assert widget.point == [1.0, 0.0]
    assert widget.method == "rk4"


def test_euler_widget_waits_for_an_answer() -> None:
    x, y = moons()
    model = NeuralODE(mlp(2, 4, 2))
    widget = EulerWidget(model, x, y, point=(0.1, 0.2))
    assert (widget.answer, widget.doublings) == ("", 0)
    assert widget.point == [0.1, 0.2]
    with pytest.raises(TypeError, match="depth must"):
        EulerWidget(NeuralODE(mlp(2, 2), depth=AdaptiveDepth(2)), x, y)
    with pytest.raises(ValueError, match=r"^y must"):
        EulerWidget(model, x, y[:3])


def test_backward_widget_waits_for_an_answer() -> None:
    model = NeuralODE(mlp(2, 4, 2))
    widget = BackwardWidget({"a": model, "b": model}, (0.1, 0.2), digits=3)
    assert (widget.selected, widget.answer, widget.digits) == ("a", "", 3)
    with pytest.raises(TypeError, match="depth must"):
        BackwardWidget(NeuralODE(mlp(2, 2), depth=AdaptiveDepth(2)), (0, 1))
    for call, named in (
        (lambda: BackwardWidget(model, (0.1,)), "point must"),
        (lambda: BackwardWidget(model, (0.1, 0.2), digits=9), "digits must"),
    ):
        with pytest.raises(ValueError, match=named):
            call()


def test_ball_widget_takes_a_plane_with_a_readout() -> None:
    x, y = moons()
    model = NeuralODE(mlp(2, 4, 2), readout=nn.Linear(2, 1))
    widget = BallWidget(model, x, y, point=(0.1, 0.2), radius=0.3)
    assert (widget.answer, widget.radius) == ("", 0.3)
    bare = NeuralODE(mlp(2, 4, 2))
    for call, named in (
        (lambda: BallWidget(bare, x, y), "models must"),
        (lambda: BallWidget(model, x[:, :1], y), "^x must"),
        (lambda: BallWidget(model, x, y, radius=2), "radius must"),
        (lambda: BallWidget(model, x, y, point=(1,)), "point must"),
    ):
        with pytest.raises(ValueError, match=named):
            call()


def test_generation_widget_takes_what_the_page_can_train() -> None:
    assert GenerationWidget("your drawing").data == "your drawing"
    widget = GenerationWidget("spirals", pairs="transport", steps=4)
    assert (widget.data, widget.pairs) == ("spirals", "transport")
    assert widget.doublings == 2
    for call, named in (
        (lambda: GenerationWidget("moons"), "data must"),
        (lambda: GenerationWidget(pairs="own"), "pairs must"),
        (lambda: GenerationWidget(steps=3), "steps must"),
    ):
        with pytest.raises(ValueError, match=named):
            call()


def test_gauge_widget_takes_a_plane_with_a_linear_readout() -> None:
    x, y = moons()
    model = NeuralODE(mlp(2, 4, 2), readout=nn.Linear(2, 1))
    widget = GaugeWidget({"a": model, "b": model}, x, y, point=(0.1, 0.2), c=-2)
    assert (widget.selected, widget.answer, widget.c) == ("a", "", -2.0)
    assert widget.point == [0.1, 0.2]
    json.dumps(widget.get_state(drop_defaults=False))
    bare = NeuralODE(mlp(2, 4, 2))
    curved = NeuralODE(mlp(2, 4, 2), readout=mlp(2, 4, 1))
    pair = NeuralODE(mlp(2, 4, 2), readout=nn.Linear(2, 2))
    wide = NeuralODE(
        mlp(3, 4, 3),
        lift=lambda x: nn.functional.pad(x, (0, 1)),
        readout=nn.Linear(3, 1),
    )
    for call, named in (
        (lambda: GaugeWidget({}, x, y), "models must"),
        (lambda: GaugeWidget(bare, x, y), "models must"),
        (lambda: GaugeWidget(curved, x, y), "models must"),
        (lambda: GaugeWidget(pair, x, y), "models must"),
        (lambda: GaugeWidget(wide, x, y), "models must"),
        (lambda: GaugeWidget(model, x[:, :1], y), "^x must"),
        (lambda: GaugeWidget(model, x, y[:3]), "^y must"),
        (lambda: GaugeWidget(model, x, y, c=2.1), "^c must"),
        (lambda: GaugeWidget(model, x, y, c=float("nan")), "^c must"),
        (lambda: GaugeWidget(model, x, y, point=(1,)), "point must"),
    ):
        with pytest.raises(ValueError, match=named):
            call()
    adaptive = NeuralODE(
        mlp(2, 2), depth=AdaptiveDepth(2), readout=nn.Linear(2, 1)
    )
    with pytest.raises(TypeError, match="depth must"):
        GaugeWidget(adaptive, x, y)


def test_lift_widget_holds_its_numbers() -> None:
    widget = LiftWidget(0.5, point=-0.3, s=0.2)
    assert (widget.height, widget.point, widget.s) == (0.5, [-0.3], 0.2)
    assert widget.answer == ""
    for call, named in (
        (lambda: LiftWidget(0), "height must"),
        (lambda: LiftWidget(point=2), "point must"),
        (lambda: LiftWidget(s=-1), "^s must"),
    ):
        with pytest.raises(ValueError, match=named):
            call()


def test_flow_widget_takes_depths_of_their_own() -> None:
    x, y = moons()
    model = NeuralODE(mlp(2, 4, 2), depth=AdaptiveDepth(2))
    assert FlowWidget(model, x, y).s == 1.0
    with pytest.raises(TypeError, match="depth must"):
        SolverWidget(model, (0, 1))
    galerkin = NeuralODE(Galerkin(mlp(2, 2), Fourier(2)), depth=model.depth)
    with pytest.raises(TypeError, match="depth must"):
        ModesWidget(galerkin, x, y)


def test_crossing_and_cover_hold_their_numbers() -> None:
    assert CrossingWidget(1e-4).eps == 1e-4
    assert CrossingWidget(np.float32(0.5)).eps == 0.5
    crossing = CrossingWidget(0.05, 3, point=-0.5)
    assert (crossing.eps, crossing.theta, crossing.point) == (0.05, 3, [-0.5])
    cover = CoverWidget(200, r=0.7, n=4)
    assert (cover.points, cover.r, cover.n) == (200, 0.7, 4)
    for call, named in (
        (lambda: CrossingWidget(0), "eps must"),
        (lambda: CrossingWidget(theta=11), "theta must"),
        (lambda: CrossingWidget(point=2), "point must"),
        (lambda: CoverWidget(1), "points must"),
        (lambda: CoverWidget(r=1.5), "^r must"),
        (lambda: CoverWidget(n=1), "^n must"),
    ):
        with pytest.raises(ValueError, match=named):
            call()


def test_depths_widget_takes_depths_on_the_line() -> None:
    x, y = data.crossing(20)
    field = DepthConcat(mlp(2, 4, 1))
    model = NeuralODE(field, depth=AdaptiveDepth(1))
    widget = DepthsWidget({"learned": model}, x, y, point=(0.5,))
    assert (widget.selected, widget.point) == ("learned", [0.5])
    with pytest.raises(TypeError, match="depth of 'model' must"):
        DepthsWidget(NeuralODE(field), x, y)
    with pytest.raises(ValueError, match=r"^x must"):
        DepthsWidget(model, torch.zeros(5, 1), y[:5])
    with pytest.raises(ValueError, match=r"^x must"):
        DepthsWidget(model, torch.rand(5, 2), y[:5])
    with pytest.raises(ValueError, match="point must"):
        DepthsWidget(model, x, y, point=(2,))
    wide = NeuralODE(
        mlp(2, 2),
        lift=lambda x: nn.functional.pad(x, (0, 1)),
        depth=AdaptiveDepth(1),
    )
    with pytest.raises(ValueError, match="must have one component"):
        DepthsWidget(wide, x, y)


def test_neighbours_hold_models_of_the_plane() -> None:
    x, y = moons()
    models = {"0": NeuralODE(mlp(2, 4, 2)), "0.1": NeuralODE(mlp(2, 4, 2))}
    widget = NeighbourWidget(models, x, y, point=(0.1, 0.2), distance=1e-3)
    assert (widget.selected, widget.distance, widget.s) == ("0", 1e-3, 1.0)
    assert [label for label, _ in widget.models] == ["0", "0.1"]
    json.dumps(widget.get_state(drop_defaults=False))
    model = models["0"]
    adaptive = NeuralODE(mlp(2, 2), depth=AdaptiveDepth(2))
    for call, named in (
        (lambda: NeighbourWidget({}, x, y), "models must"),
        (lambda: NeighbourWidget(model, x[:, :1], y), "^x must"),
        (lambda: NeighbourWidget(model, x, y[:3]), "^y must"),
        (lambda: NeighbourWidget(model, x, y, point=(1,)), "point must"),
        (lambda: NeighbourWidget(model, x, y, distance=1), "distance must"),
        (lambda: NeighbourWidget(model, x, y, direction=360), "direction must"),
    ):
        with pytest.raises(ValueError, match=named):
            call()
    with pytest.raises(TypeError, match="depth must"):
        NeighbourWidget(adaptive, x, y)


def test_lorenz_needs_no_network() -> None:
    alone = LorenzWidget(point=(5, 20), distance=1e-6, span=3)
    assert (alone.models, alone.selected) == ([], "")
    assert (alone.point, alone.span) == ([5.0, 20.0], 3.0)
    model = NeuralODE(mlp(2, 4, 2))
    beside = LorenzWidget(model, start=(0.3, 0.1))
    assert (beside.selected, beside.start) == ("model", [0.3, 0.1])
    line = NeuralODE(mlp(1, 4, 1))
    for call, named in (
        (lambda: LorenzWidget({}), "models must"),
        (lambda: LorenzWidget(start=(1,)), "start must"),
        (lambda: LorenzWidget(start=(1, np.nan)), "start must"),
        (lambda: LorenzWidget(point=(0, 60)), "point must"),
        (lambda: LorenzWidget(point=(0, 1, 2)), "point must"),
        (lambda: LorenzWidget(distance=0), "distance must"),
        (lambda: LorenzWidget(span=np.inf), "span must"),
    ):
        with pytest.raises(ValueError, match=named):
            call()
    with pytest.raises(ValueError, match="models must"):
        LorenzWidget(line)


def test_layers_and_patches_are_of_the_plane() -> None:
    x, y = moons()
    model = NeuralODE(mlp(2, 4, 2), readout=nn.Linear(2, 1))
    melt = MeltWidget(model, x, y, point=(0.1, 0.2), at=0.5)
    patch = PatchWidget(model, x, y, point=(0.1, 0.2), radius=0.1)
    assert (melt.point, melt.at) == ([0.1, 0.2], 0.5)
    assert (patch.point, patch.radius, patch.s) == ([0.1, 0.2], 0.1, 0)
    for one in (melt, patch):
        json.dumps(one.get_state(drop_defaults=False))
    line = NeuralODE(mlp(1, 4, 1))
    for call, named in (
        (lambda: MeltWidget(model, x, y, at=2), "at must"),
        (lambda: MeltWidget(line, x[:, :1], y), "model must"),
        (lambda: MeltWidget(model, x, y, point=(1,)), "point must"),
        (lambda: PatchWidget(model, x, y, radius=0), "radius must"),
        (lambda: PatchWidget(line, x[:, :1], y), "^x must"),
        (lambda: PatchWidget(model, x, y[:3]), "^y must"),
    ):
        with pytest.raises(ValueError, match=named):
            call()
    adaptive = NeuralODE(mlp(2, 2), depth=AdaptiveDepth(2))
    for kind in (MeltWidget, PatchWidget):
        with pytest.raises(TypeError, match="depth must"):
            kind(adaptive, x, y)


def test_sweeps_come_from_measured_rows() -> None:
    frame = pd.DataFrame(
        {
            "strength": [0.1, 0.1, 0.0, 0.0],
            "exponent": [-0.2, 0.0, 0.0, 0.0],
            "fresh": [0.9, 0.9, 0.8, 0.7],
            "attacked": 0.5,
            "model": "concat",
        }
    )
    first = {"exponent": {"exponent": "exponent"}}
    both = {"accuracy": {"fresh": "fresh", "under attack": "attacked"}}

    def sweep(frame: pd.DataFrame, **changed: dict) -> SweepWidget:
        curves = first | both | changed
        return SweepWidget(frame, over="strength", curves=curves)

    widget = sweep(frame)
    assert (widget.name, widget.values) == ("strength", [0, 0.1])
    left, right = widget.panels
    assert left["curves"][0]["mean"] == [0, -0.1]
    assert [c["name"] for c in right["curves"]] == ["fresh", "under attack"]
    for call, named in (
        (lambda: sweep(frame[:2]), "frame must"),
        (lambda: sweep(frame[::2]), "frame must"),
        (lambda: sweep(frame, exponent={"a": "model"}), "frame must"),
        (lambda: sweep(frame, exponent={"cost": "nfe"}), "frame must"),
        (lambda: sweep(frame, accuracy={}), "curves must"),
        (lambda: sweep(frame, third={"a": "fresh"}), "curves must"),
    ):
        with pytest.raises(ValueError, match=named):
            call()


def test_a_playground_starts_where_it_is_told() -> None:
    widget = PlaygroundWidget("concat", "spirals", width=8, steps=4)
    assert widget.settings["variant"] == "concat"
    assert (widget.settings["width"], widget.settings["steps"]) == (8, 4)
    for call, named in (
        (lambda: PlaygroundWidget("vanilla"), "variant must"),
        (lambda: PlaygroundWidget(data="digits"), "data must"),
        (lambda: PlaygroundWidget(width=99), "width must"),
        (lambda: PlaygroundWidget(steps=0), "steps must"),
    ):
        with pytest.raises(ValueError, match=named):
            call()


def calls() -> dict[str, tuple[Any, dict[str, Any]]]:
    """A right call of each widget."""
    x, y = moons()
    plane = NeuralODE(mlp(2, 4, 2), readout=nn.Linear(2, 1))
    line = NeuralODE(mlp(1, 4, 1), depth=AdaptiveDepth(1))
    data = {"models": plane, "x": x, "y": y, "point": (0.1, 0.2), "title": "t"}
    one = {"model": plane} | {k: v for k, v in data.items() if k != "models"}
    galerkin = NeuralODE(Galerkin(mlp(2, 4, 2), Fourier(3)))
    frame = pd.DataFrame({"a": [1, 1, 2, 2], "b": [1.0, 2, 3, 4]})
    return {
        "flow": (
            FlowWidget,
            data | {"tolerance": 1e-3, "circle": 1.0, "together": False},
        ),
        "ball": (BallWidget, data | {"radius": 0.2}),
        "gauge": (GaugeWidget, data | {"c": 0.0}),
        "neighbour": (
            NeighbourWidget,
            data | {"distance": 0.1, "direction": 0.0},
        ),
        "melt": (MeltWidget, one | {"at": 0.5}),
        "patch": (PatchWidget, one | {"radius": 0.1}),
        "euler": (EulerWidget, one),
        "modes": (ModesWidget, data | {"models": galerkin}),
        "depths": (
            DepthsWidget,
            data | {"models": line, "x": x[:, :1], "point": (0.5,)},
        ),
        "backward": (
            BackwardWidget,
            {"models": plane, "point": (0.1, 0.2), "digits": 3},
        ),
        "solver": (
            SolverWidget,
            {"models": plane, "point": (0.1, 0.2), "method": "rk4"},
        ),
        "lorenz": (
            LorenzWidget,
            {"start": (0, 1), "point": (0, 1), "distance": 0.1, "span": 3.0},
        ),
        "crossing": (CrossingWidget, {"eps": 0.1, "theta": 1.0, "point": 0.5}),
        "cover": (CoverWidget, {"points": 9, "r": 0.5, "n": 3}),
        "lift": (LiftWidget, {"height": 1.0, "point": 0.5, "s": 0.5}),
        "sweep": (
            SweepWidget,
            {
                "frame": frame,
                "over": "a",
                "curves": {"b": {"b": "b"}, "c": {"b": "b"}},
            },
        ),
        "playground": (
            PlaygroundWidget,
            {"variant": "concat", "data": "spirals", "width": 8, "steps": 4},
        ),
    }


JUNK = [
    *(None, True, "a", "", -1, 2.5, 10**400, math.nan, math.inf, object()),
    *(dict, [], {}, (1, "a"), [math.nan], {"a": 1}),
    *(torch.zeros(0), torch.zeros(2, 9)),
]


@pytest.mark.parametrize("name", calls())
def test_no_junk_passes_unseen_or_unnamed(name: str) -> None:
    kind, right = calls()[name]
    kind(**right)
    wrong = []
    for argument, value in right.items():
        for junk in JUNK:
            said = ""
            try:
                kind(**right | {argument: junk})
            except (TypeError, ValueError, traitlets.TraitError) as error:
                said = str(error)
            except Exception as error:
                said = f"{type(error)}"
            # What passes is the default, or of the right kind.
            right_kind = type(junk) is type(value) or (
                isinstance(value, float) and type(junk) is int
            )
            passes = not said and (junk is None or right_kind)
            if not passes and not re.search(rf"\b({argument}|model)", said):
                wrong.append((argument, junk, said))
    assert not wrong


def test_bad_arguments_are_named() -> None:
    x, y = moons()
    model = NeuralODE(mlp(2, 4, 2))
    lifted = NeuralODE(mlp(2, 4, 2), lift=nn.Linear(2, 2))
    with pytest.raises(ValueError, match=r"^x must"):
        FlowWidget(model, torch.zeros(5, 3), y)
    with pytest.raises(ValueError, match=r"^y must"):
        FlowWidget(model, x, y[:3])
    with pytest.raises(ValueError, match="point must"):
        FlowWidget(model, x, y, point=(1,))
    with pytest.raises(ValueError, match="tolerance must"):
        FlowWidget(model, x, y, tolerance=0)
    with pytest.raises(ValueError, match="models must"):
        FlowWidget({}, x, y)
    with pytest.raises(ValueError, match="models must"):
        FlowWidget(lifted, x, y)
    with pytest.raises(ValueError, match="method must"):
        SolverWidget(model, (0, 1), method="guess")
