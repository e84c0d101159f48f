"""Interactive figures that compute in the page, with or without a kernel.

Each widget holds trained models as an exported state, or just numbers, and
evaluates them in JavaScript, so that readers of the published book can move
what they see. A widget is two files of the same name: flow.py is what it is
given and holds, and flow.js what it shows, with the help of shared/. Python
reads the bundle that ``make widgets`` makes of the latter, bundled/flow.js.
"""

from neural_odes_lab.widgets.backward import BackwardWidget
from neural_odes_lab.widgets.ball import BallWidget
from neural_odes_lab.widgets.cover import CoverWidget
from neural_odes_lab.widgets.crossing import CrossingWidget
from neural_odes_lab.widgets.depths import DepthsWidget
from neural_odes_lab.widgets.euler import EulerWidget
from neural_odes_lab.widgets.export import export
from neural_odes_lab.widgets.flow import FlowWidget
from neural_odes_lab.widgets.gauge import GaugeWidget
from neural_odes_lab.widgets.generation import GenerationWidget
from neural_odes_lab.widgets.lift import LiftWidget
from neural_odes_lab.widgets.lorenz import LorenzWidget
from neural_odes_lab.widgets.melt import MeltWidget
from neural_odes_lab.widgets.modes import ModesWidget
from neural_odes_lab.widgets.neighbour import NeighbourWidget
from neural_odes_lab.widgets.patch import PatchWidget
from neural_odes_lab.widgets.playground import PlaygroundWidget
from neural_odes_lab.widgets.seeds import SeedsWidget
from neural_odes_lab.widgets.solver import SolverWidget
from neural_odes_lab.widgets.sweep import SweepWidget
from neural_odes_lab.widgets.variants import load_model, make_model

__all__ = [
    "BackwardWidget",
    "BallWidget",
    "CoverWidget",
    "CrossingWidget",
    "DepthsWidget",
    "EulerWidget",
    "FlowWidget",
    "GaugeWidget",
    "GenerationWidget",
    "LiftWidget",
    "LorenzWidget",
    "MeltWidget",
    "ModesWidget",
    "NeighbourWidget",
    "PatchWidget",
    "PlaygroundWidget",
    "SeedsWidget",
    "SolverWidget",
    "SweepWidget",
    "export",
    "load_model",
    "make_model",
]
