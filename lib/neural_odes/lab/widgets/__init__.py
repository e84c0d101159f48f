"""Figures to play with: they compute in the page, with or without a kernel.

Each widget holds trained models as an exported state, or just numbers, and
evaluates them by JavaScript, so that readers of the published book can move
what they see.
"""

from neural_odes.lab.widgets.covers import CoverWidget
from neural_odes.lab.widgets.export import export
from neural_odes.lab.widgets.neighbours import LorenzWidget, NeighbourWidget
from neural_odes.lab.widgets.reflection import CrossingWidget, DepthsWidget
from neural_odes.lab.widgets.sweep import SweepWidget
from neural_odes.lab.widgets.views import FlowWidget, ModesWidget, SolverWidget

__all__ = [
    "CoverWidget",
    "CrossingWidget",
    "DepthsWidget",
    "FlowWidget",
    "LorenzWidget",
    "ModesWidget",
    "NeighbourWidget",
    "SolverWidget",
    "SweepWidget",
    "export",
]
