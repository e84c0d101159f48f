"""Figures and animations of the book, in one style.

Call :func:`use_style` once, then compose: every function draws on the Axes it
is given, or on new ones, and returns them::

    from neural_odes import plot

    plot.use_style()
    ax = plot.vector_field(model, box=(-2, 2, -2, 2))
    plot.flow(model, x, y, ax)
"""

from neural_odes_lab.plot.animation import animate_boundary, animate_flow
from neural_odes_lab.plot.crossings import crossings
from neural_odes_lab.plot.curves import (
    convergence,
    means,
    memory,
    training_curves,
    weights,
)
from neural_odes_lab.plot.depth import depth_evolution, slope_field
from neural_odes_lab.plot.exponents import exponent_map
from neural_odes_lab.plot.plane import (
    box_around,
    decision_boundary,
    flow,
    scatter,
    snapshots,
    vector_field,
)
from neural_odes_lab.plot.preimage import boundary_curve
from neural_odes_lab.plot.space import space
from neural_odes_lab.plot.style import (
    CLASS_COLORS,
    CLASS_MARKERS,
    legend,
    use_style,
)

__all__ = [
    "CLASS_COLORS",
    "CLASS_MARKERS",
    "animate_boundary",
    "animate_flow",
    "boundary_curve",
    "box_around",
    "convergence",
    "crossings",
    "decision_boundary",
    "depth_evolution",
    "exponent_map",
    "flow",
    "legend",
    "means",
    "memory",
    "scatter",
    "slope_field",
    "snapshots",
    "space",
    "training_curves",
    "use_style",
    "vector_field",
    "weights",
]
