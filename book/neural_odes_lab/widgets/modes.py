"""A widget of a GalNODE: how many functions its weights need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import traitlets
from torch import Tensor

from neural_odes.depth import Galerkin
from neural_odes.ode import NeuralODE
from neural_odes_lab.widgets.base import (
    ModelWidget,
    bundled,
    fixed_depth,
)


class ModesWidget(ModelWidget):
    """How many functions theta(s) needs: weights of a GalNODE and their flow.

    The reader sets how many functions of the basis are kept, and sees the
    weights that vary most, beside the data's flow with the functions that are
    left.

    Args:
        models: a NeuralODE whose field is a Galerkin, of which the first
            m = 1, 2, ... functions are kept; or several, each trained with
            its own number of functions. Each has one depth for all inputs.
        x: data, shape (N, 1) or (N, 2), N <= 300.
        y: labels -1 and +1, N numbers.
        point: where the movable point starts; by default the first of the
            data.
        title: above the figure.

    Raises:
        TypeError: a field is no Galerkin, or a model cannot be exported.
        ValueError: the data do not fit, or an argument is out of range.
    """

    _esm = bundled("modes")
    modes = traitlets.Int().tag(sync=True)
    s = traitlets.Float().tag(sync=True)

    def __init__(
        self,
        models: NeuralODE | Sequence[NeuralODE],
        x: Tensor,
        y: Tensor,
        *,
        point: Sequence[float] | None = None,
        title: str = "How many functions do the weights need?",
    ) -> None:
        several: Any = models if isinstance(models, list | tuple) else [models]
        for one in several:
            field = getattr(one, "field", one)
            if not isinstance(field, Galerkin):
                kind = type(field).__name__
                raise TypeError(f"models must have Galerkin fields, got {kind}")
        ranked = sorted(several, key=lambda one: one.field.basis.size)
        named = {str(i): one for i, one in enumerate(ranked)}
        super().__init__(named, x, y, title=title, point=point)
        self.models = [
            (one.field.basis.size, state)
            for one, (_, state) in zip(ranked, self.models, strict=True)
        ]
        self.modes = self.models[-1][0]
        self.s = max(fixed_depth(state) for _, state in self.models)
