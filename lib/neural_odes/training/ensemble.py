"""Several models that differ only in their parameters, as one program."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import stack_module_state
from torch.utils._pytree import tree_flatten, tree_unflatten

from neural_odes.fields import step_limits
from neural_odes.initial_value import solve
from neural_odes.members import Slots, over_members, use_member_layers
from neural_odes.ode import NeuralODE, Start
from neural_odes.solver import METHODS, Solution, SolverError
from neural_odes.states import describe, rebuild, tensors

Loss = Callable[[Tensor, Tensor], Tensor]
"""``loss(output, y)``, a scalar: a mean over the samples."""

Penalty = Callable[[NeuralODE, Solution, Tensor], Tensor]
"""``penalty(model, solution, x)``, a scalar added to the loss; ``solution`` is
the batch's solve, at the depths 0 and S or at those that ``fit`` was given."""

Group = Sequence[Tensor]


class Ensemble:
    """M models solved together, M = 1 included: inputs of shape (M, N, ...).

    The parameters of several models are stacked, and what one of them computes
    is mapped over the stack. Each takes the steps that it takes alone, so that
    it computes what it does alone, up to rounding.

    Args:
        models: one, or several for which :func:`stackable` is true.
        penalty: evaluated along with the outputs; by default none.
        depths: where outputs are read, shape (T,); by default only at the end.

    Attributes:
        parameters: those that are trained; for several models leaves of shape
            (M, ...), copies that :meth:`write_back` takes to the models.
    """

    def __init__(
        self,
        models: Sequence[NeuralODE],
        penalty: Penalty | None = None,
        depths: Tensor | None = None,
    ) -> None:
        self.models, self.penalty, self.depths = list(models), penalty, depths
        self._model = self.models[0]
        self._weights: list[Tensor] = []
        stacked = dict(self._model.named_parameters())
        if len(self.models) > 1:
            stacked, buffers = stack_module_state(self.models)
            self._weights = [*stacked.values(), *buffers.values()]
            self._model = copy.deepcopy(self._model)
            use_member_layers(self._model)
            self._slots = Slots(self._model, [*stacked, *buffers])
        self.parameters: list[Tensor] = [
            p for p in stacked.values() if p.requires_grad
        ]

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Solve the M members, of inputs x of shape (M, N, ...).

        Returns:
            outputs, shape (M, N, ...), or (M, N, T, ...) for paths; penalties,
            shape (M,); and how many evaluations each took, shape (M,).

        Raises:
            SolverError: a member could not be solved; names which.
        """
        model, s = self._model, self.depths
        if not self._weights:
            solution = model.follow(x[0], s)
            output, extra = self._read(solution, x[0])
            return output[None], extra[None], torch.tensor([solution.nfe])

        def begin(x: Group) -> Any:
            start = model.start(*x)
            return start.state, start.control, start.sample_depths

        start = Start(*self._map(begin, self._weights, [x]))
        s, depths = model.output_depths(s, start)
        held, join = _split((start.control, start.sample_depths))
        count = len(self._weights)

        def field(along: Group, s: Tensor, state: Any) -> Any:
            def slope(held: Group, parts: Group, at: Group) -> Any:
                slopes = model.slopes(*join(held))
                return slopes(*(at or [s]), rebuild(state, parts))

            own, held = along[:count], along[count:]
            at = [s] if s.ndim else []
            return self._map(slope, own, held, tensors(state), at)

        each = start.sample_depths
        limits = (
            [step_limits(model.field)] * len(x)
            if each is None
            else [step_limits(model.field, own) for own in each]
        )
        found, progress = solve(
            *(field, [*self._weights, *held], start.whole),
            [0.0] * (depths[0] > 0) + depths,
            solver=model.solver,
            jumps=[own["jumps"] for own in limits],
            max_step=[own["max_step"] for own in limits],
            stacked=True,
        )
        nfe = torch.tensor([one.nfe for one in progress], device=x.device)

        def end(x: Group, held: Group, parts: Group) -> tuple[Tensor, Tensor]:
            *solved, nfe = parts
            own = Start(start.state, *join(held))
            return self._read(model.solution(s, own, solved, nfe), *x)

        outputs, extra = self._map(
            end, self._weights, [x], held, [*tensors(found), nfe]
        )
        return outputs, extra, nfe

    def _map(
        self, function: Callable[..., Any], weights: Group, *groups: Group
    ) -> Any:
        """A function of groups of tensors, of each member with its weights."""
        given = [one for group in groups for one in group]

        def alone(*own: Tensor) -> Any:
            self._slots.fill(own[: len(weights)])
            rest = iter(own[len(weights) :])
            return function(*([next(rest) for _ in each] for each in groups))

        return over_members(alone, len(weights[0]), [*weights, *given])

    def _read(self, solution: Solution, x: Tensor) -> tuple[Tensor, Tensor]:
        """The output and the penalty of one model."""
        output = self._model.read(solution, path=self.depths is not None)
        if self.penalty is None:
            return output, output.new_zeros(())
        extra = self.penalty(self._model, solution, x)
        return output, scalar("penalty", extra)

    def train(self, mode: bool) -> None:
        """Set all models to ``train()`` or ``eval()`` mode."""
        for model in (self._model, *self.models):
            model.train(mode)

    def losses(self, loss: Loss, outputs: Tensor, y: Tensor) -> Tensor:
        """The loss of each model, shape (M,)."""
        if not self._weights:
            return loss(outputs[0], y[0])[None]
        return over_members(loss, len(y), [outputs, y])

    def gradient_norms(self) -> Tensor:
        """The gradient norm of each member, shape (M,)."""
        members = len(self.models)
        norms = [
            p.grad.reshape(members, -1).norm(dim=1)
            for p in self.parameters
            if p.grad is not None
        ]
        return torch.stack(norms).norm(dim=0)

    @torch.no_grad()
    def write_back(self) -> None:
        """Copy stacked parameters into the models."""
        if not self._weights:
            return
        stacked = self._weights[: len(list(self.models[0].parameters()))]
        for model, *own in zip(self.models, *stacked, strict=True):
            for parameter, value in zip(model.parameters(), own, strict=True):
                parameter.copy_(value)


def _split(tree: Any) -> tuple[list[Tensor], Callable[[Any], Any]]:
    """The tensors of containers, and a function that puts others there."""
    leaves, spec = tree_flatten(tree)
    places = [i for i, one in enumerate(leaves) if isinstance(one, Tensor)]

    def join(tensors: Sequence[Tensor]) -> Any:
        filled = list(leaves)
        for i, one in zip(places, tensors, strict=True):
            filled[i] = one
        return tree_unflatten(filled, spec)

    return [leaves[i] for i in places], join


def scalar(name: str, value: Any) -> Tensor:
    """What a caller's function returned, if it is a scalar."""
    if not isinstance(value, Tensor) or value.ndim != 0:
        raise ValueError(
            f"{name} must return a scalar tensor, got {describe(value)}"
        )
    return value


_UNSTACKABLE: tuple[type, ...] = (
    nn.modules.batchnorm._NormBase,
    nn.modules.dropout._DropoutNd,
)


def stackable(
    models: Sequence[NeuralODE],
    x: Tensor,
    y: Tensor,
    *,
    loss: Loss = nn.functional.mse_loss,
    penalty: Penalty | None = None,
    depths: Tensor | None = None,
) -> bool:
    """Whether an :class:`Ensemble` of several models does what they do alone.

    It does not for models that differ in more than the values of their
    parameters or share some, for layers that draw random numbers or keep
    running means, for solves by torchdiffeq (and so by the adjoint), for fixed
    steps that end on jumps at depths of each member's own, and for operations
    that ``torch.vmap`` does not support; a few samples of x and y, shape
    (N, ...), are tried.
    """
    first, members = models[0], len(models)
    parameters = [p for model in models for p in model.parameters()]
    fixed = not METHODS[first.solver.method].adaptive
    limits = step_limits(first.field)
    if (
        members < 2
        or not first.solver.uses_own_methods
        or (callable(first.depth) and fixed and limits["jumps"])
        or any(isinstance(part, _UNSTACKABLE) for part in first.modules())
        or not all(_alike(first, other) for other in models[1:])
        or not 0 < len(parameters) == len({id(p) for p in parameters})
    ):
        return False
    few = [part[:2].expand(members, *part[:2].shape) for part in (x, y)]
    try:
        with torch.no_grad():
            ensemble = Ensemble(models, penalty, depths)
            ensemble._model.train()  # a copy
            outputs, _, _ = ensemble(few[0])
            ensemble.losses(loss, outputs, few[1])
    except SolverError:  # training will say which model's
        return True
    except (RuntimeError, ValueError, TypeError):
        return False  # an error of a model alone shows in training
    return True


def _alike(a: nn.Module, b: nn.Module) -> bool:
    """Equal in all but the values of parameters and buffers."""
    try:
        return _settings(a) == _settings(b)
    except (RuntimeError, ValueError):  # tensors or arrays among settings
        return False


def _settings(model: nn.Module) -> tuple[list[Any], list[Any]]:
    """Those of a model's parts, and of what kind its tensors are."""
    hidden = ("_parameters", "_buffers", "_modules")
    tensors = (*model.named_parameters(), *model.named_buffers())
    kinds = [
        (k, t.shape, t.dtype, t.device, t.requires_grad) for k, t in tensors
    ]
    parts = []
    for at, part in model.named_modules():
        settings = {k: v for k, v in vars(part).items() if k not in hidden}
        parts.append((at, type(part), settings))
    return parts, kinds
