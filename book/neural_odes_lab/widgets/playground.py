"""A playground: a Neural ODE that the page itself trains."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch
import traitlets
from torch import Tensor, nn

from neural_odes.ode import NeuralODE
from neural_odes_lab.widgets.base import Widget, bundled, pack_data, style
from neural_odes_lab.widgets.networks import pack
from neural_odes_lab.widgets.variants import (
    Data,
    Settings,
    Variant,
    make_model,
)

REACH = 3
"""Largest coordinate of points of one's own, as in shared/datasets.js."""


class PlaygroundWidget(Widget):
    """Train a small model in the page and watch its boundary bend.

    Data are points of the plane with labels -1 and +1, or the reflection of a
    line. Solvers take fixed steps, and Adam minimises the mean squared error,
    with gradients by backpropagation through the steps. Everything can be set
    in the page, whose address keeps the settings. No kernel is needed.

    Args:
        variant: the first model shown.
        data: the first data set.
        model: a trained model to continue from, made with the settings given
            here; by default a new one.
        x: points of one's own, shape (N, 2), within [-3, 3]; with y.
        y: their classes, -1 or +1, shape (N,) or (N, 1).
        title: above the figure.
        settings: some of :class:`~neural_odes_lab.widgets.variants.Settings`.

    Raises:
        TypeError, ValueError: an argument out of range, by its name; or a
            model of other settings.
    """

    _esm = bundled("playground")
    _css = Widget._css + style("playground")
    settings = traitlets.Dict().tag(sync=True)
    data = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    weights = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)

    def __init__(
        self,
        variant: Variant = "depth-invariant",
        data: Data | None = None,
        *,
        model: NeuralODE | None = None,
        x: Tensor | None = None,
        y: Tensor | None = None,
        title: str = "A playground",
        **settings: Any,
    ) -> None:
        own = x is not None or y is not None
        first: Data = "your own" if own else "disc in a ring"
        data = data if data is not None else first
        full = Settings(variant=variant, data=data, **settings)
        if own != (full.data == "your own"):
            raise ValueError(
                'x and y must be given with data "your own" and no other, got '
                f"data {full.data!r}"
            )
        super().__init__(
            title=title,
            settings=asdict(full),
            data=_points(x, y) if own else None,
            weights=None if model is None else _weights(model, full),
        )


def _points(x: Tensor | None, y: Tensor | None) -> dict[str, Any]:
    if x is None or y is None:
        raise ValueError(
            f"x and y must be given together, got {'y' if x is None else 'x'}"
        )
    if x.ndim != 2 or x.shape[1] != 2 or not bool((x.abs() <= REACH).all()):
        raise ValueError(
            f"x must have shape (N, 2) and lie within [-{REACH}, {REACH}], "
            f"got shape {tuple(x.shape)} up to {float(x.abs().max()):g}"
        )
    if not bool((y.abs() == 1).all()):
        raise ValueError(f"y must be -1 or +1, got {y.unique().tolist()[:5]}")
    return pack_data(x, y)


def _weights(model: NeuralODE, settings: Settings) -> dict[str, str]:
    own = make_model(asdict(settings))
    try:
        own.load_state_dict(model.state_dict())
    except RuntimeError as error:
        raise ValueError(
            "model must be the one that these settings make, see "
            f"neural_odes_lab.widgets.make_model: {error}"
        ) from error
    values = nn.utils.parameters_to_vector(own.parameters())
    return pack(values.detach().to(torch.float64))
