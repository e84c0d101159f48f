"""A playground: a Neural ODE that the page itself trains."""

from __future__ import annotations

from typing import Any, Literal, get_args

import traitlets

from neural_odes.checks import at_least, one_of
from neural_odes.lab.widgets.base import Widget, bundled, within

Variant = Literal[
    "depth-invariant",
    "concat",
    "GalNODE",
    "data-controlled",
    "augmented",
    "second order",
    "ResNet",
    "network",
]
Data = Literal["disc in a ring", "half-moons", "spirals", "exclusive or"]


class PlaygroundWidget(Widget):
    """Train a small model in the page and watch its boundary bend.

    Fields of two hidden layers, tanh, on points of the plane with labels -1
    and +1; fixed steps, gradients by backpropagation through them, Adam on
    the whole batch, mean squared error. Everything else can be set in the
    page, whose address keeps it. No kernel is needed.

    Args:
        variant: the first model shown.
        data: the first data set.
        width: of the field's hidden layers, 2 to 32.
        steps: of the solver, 1 to 16.
        title: above the figure.

    Raises:
        ValueError: an argument out of range, by its name.
    """

    _esm = bundled("playground")
    settings = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        variant: Variant = "depth-invariant",
        data: Data = "disc in a ring",
        *,
        width: int = 16,
        steps: int = 8,
        title: str = "A playground",
    ) -> None:
        one_of("variant", variant, get_args(Variant))
        one_of("data", data, get_args(Data))
        for name, size, (low, high) in (
            ("width", width, (2, 32)),
            ("steps", steps, (1, 16)),
        ):
            at_least(name, size, low)
            within(name, size, low, high)
        settings: dict[str, Any] = {
            "variant": variant,
            "data": data,
            "width": width,
            "steps": steps,
            "method": "rk4",
            "lr": 0.01,
            "decay": 0,
            "extra": 1,
            "seed": 0,
            "points": 120,
        }
        super().__init__(title=title, settings=settings)
