"""Decision boundaries: the readout's line, carried back to the inputs."""

from __future__ import annotations

import copy

import torch
from matplotlib.axes import Axes
from torch import Tensor, nn

from neural_odes.fields import JointField
from neural_odes.ode import NeuralODE
from neural_odes.solver import Solver, SolverError
from neural_odes_lab.plot.states import check_model, to_array
from neural_odes_lab.plot.style import on_axes

SOLVER = Solver(rtol=1e-7, atol=1e-7)
LARGEST_GAP = 0.03
MOST_POINTS = 100_000
REACH = 20.0


def boundary_curve(
    model: NeuralODE, ax: Axes | None = None, *, reach: float = REACH
) -> Axes:
    """The inputs that a flow of the plane takes to the readout's zero line.

    The line is sampled and solved back to depth 0, more finely where the flow
    stretches it. Unlike a grid, this misses no channel, however thin.

    Args:
        model: of the plane, without lift, of one depth for all; its field does
            not see the input, and its readout is linear, to one number.
        ax: where to draw; by default on a new square figure.
        reach: how far along the line, on each side of the point nearest to
            the origin, in units of the state.

    Raises:
        TypeError: model is not a NeuralODE.
        ValueError: its parts are not as described.
    """
    line = preimage(model, reach)
    ax = on_axes(ax, square=True)
    ax.plot(*to_array(line).T, color="#222222", linewidth=1.2)
    return ax


def shared_boundary(model: object, end: float | None = None) -> Tensor | None:
    """The boundary at the end depth, if it is one curve; else None.

    Models whose inputs do not share one flow of the plane have none, nor do
    those that cannot be solved back that far.
    """
    if not isinstance(model, NeuralODE):
        return None
    try:
        return preimage(model, REACH, end)
    except (ValueError, SolverError):
        return None


@torch.no_grad()
def preimage(
    model: NeuralODE, reach: float, end: float | None = None
) -> Tensor:
    """Points of the curve in their order along it, float64, shape (K, 2).

    Args:
        model: as in :func:`boundary_curve`.
        reach: as there.
        end: the depth whose state is read out; by default the model's.
    """
    check_model(model)
    exact = copy.deepcopy(model).cpu().double()
    field, depth, readout = exact.field, exact.depth, exact.readout
    if (
        not isinstance(readout, nn.Linear)
        or (readout.in_features, readout.out_features) != (2, 1)
        or not isinstance(exact.lift, nn.Identity)
        or callable(depth)
        or isinstance(field, JointField)
    ):
        raise ValueError(
            "model must be a flow of the plane with one depth for all samples, "
            "no lift, a field of (s, z, x) and the readout nn.Linear(2, 1)"
        )
    _refuse_control(field)
    last = float(depth) if end is None else end
    weight = readout.weight[0]
    foot = -readout(0 * weight) * weight / weight.square().sum()
    along = torch.stack([-weight[1], weight[0]]) / weight.norm()
    t = torch.linspace(-reach, reach, 2001, dtype=torch.float64)
    if last == 0:
        return foot + t[:, None] * along
    back = NeuralODE(
        lambda s, z, x: -field(last - s, z, x), depth=last, solver=SOLVER
    )
    curve = back(foot + t[:, None] * along)
    while len(t) < MOST_POINTS:
        wide = curve.diff(dim=0).norm(dim=1) > LARGEST_GAP
        between = ((t[1:] + t[:-1]) / 2)[wide]
        if not len(between):
            break
        t, order = torch.cat([t, between]).sort()
        curve = torch.cat([curve, back(foot + between[:, None] * along)])[order]
    return curve


def _refuse_control(field: nn.Module) -> None:
    s = torch.zeros((), dtype=torch.float64)
    z = torch.ones(2, 2, dtype=torch.float64)
    one, other = field(s, z, torch.tensor([[0.0, 0.0], [1.0, -2.0]]).to(z))
    if not torch.allclose(one, other):
        raise ValueError(
            "model.field must not depend on the input x: each input would "
            "have its own flow, and no single curve would be the boundary"
        )
