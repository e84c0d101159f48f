"""Several models that differ only in their parameters, as one program."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from neural_odes.ode import NeuralODE
from neural_odes.solver import Solution, SolverError

Loss = Callable[[Tensor, Tensor], Tensor]
"""``loss(output, y)``, a scalar: a mean over the samples."""

Penalty = Callable[[NeuralODE, Solution, Tensor], Tensor]
"""``penalty(model, solution, x)``, a scalar added to the loss; ``solution`` is
the batch's solve, at the depths 0 and S or at those that ``fit`` was given."""


class Ensemble:
    """M models solved together, M = 1 included: inputs of shape (M, N, ...).

    The parameters of several models are stacked, and a whole model with its
    solver is mapped over the stack. So an adaptive method takes one step size
    for all, the one that the member with the largest error needs: each
    member's error stays below the tolerances, as it does alone. With a
    fixed-step method, each member computes what it would alone.

    Args:
        models: one, or several for which :func:`stackable` is true.
        penalty: evaluated along with the outputs; by default none.
        depths: where outputs are read, shape (T,); by default only at the end.

    Attributes:
        parameters: those that are trained; for several models leaves of shape
            (M, ...), copies that :meth:`write_back` takes to the models.
        alive: the members that are still solved, counted from 0; at first all.
    """

    def __init__(
        self,
        models: Sequence[NeuralODE],
        penalty: Penalty | None = None,
        depths: Tensor | None = None,
    ) -> None:
        self.models, self.penalty = list(models), penalty
        self.alive = list(range(len(self.models)))
        self._call = _Call(self.models[0], depths)
        self._state: Any = None
        stacked = dict(self._call.named_parameters())
        if len(self.models) > 1:
            self._state = stack_module_state(
                [_Call(model, depths) for model in self.models]
            )
            stacked = self._state[0]
            self._call = copy.deepcopy(self._call)
            for module in self._call.modules():
                if type(module) is nn.Linear:
                    module.__class__ = _Linear
        self.parameters: list[Tensor] = [
            p for p in stacked.values() if p.requires_grad
        ]

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor, int]:
        """Solve the M members that are alive.

        Args:
            x: their inputs, shape (M, N, ...).

        Returns:
            outputs, shape (M, N, ...), or (M, N, T, ...) for paths; penalties,
            shape (M,); and the number of evaluations of the solve that they
            share.

        Raises:
            SolverError: the solve could not be finished.
        """
        if self._state is None:
            output, extra, nfe = self._call(x[0], self.penalty)
            return output[None], extra[None], nfe
        nfe = 0

        def alone(state: Any, x: Tensor) -> tuple[Tensor, Tensor]:
            nonlocal nfe
            output, extra, nfe = functional_call(
                self._call, state, (x, self.penalty)
            )
            return output, extra

        state = self._state
        if len(self.alive) < len(self.models):
            state = tuple(
                {name: value[self.alive] for name, value in part.items()}
                for part in state
            )
        outputs, penalties = torch.vmap(alone)(state, x)
        return outputs, penalties, nfe

    def train(self, mode: bool) -> None:
        """Set all models to ``train()`` or ``eval()`` mode."""
        for module in (self._call, *self.models):
            module.train(mode)

    def losses(self, loss: Loss, outputs: Tensor, y: Tensor) -> Tensor:
        """The loss of each model, shape (M,)."""
        if self._state is None:
            return loss(outputs[0], y[0])[None]
        return torch.vmap(loss)(outputs, y)

    def gradient_norms(self) -> Tensor:
        """The gradient norm of each member that is alive, shape (M,)."""
        members = len(self.models)
        norms = [
            p.grad.reshape(members, -1).norm(dim=1)
            for p in self.parameters
            if p.grad is not None
        ]
        return torch.stack(norms).norm(dim=0)[self.alive]

    @torch.no_grad()
    def hold(self, before: Sequence[Tensor]) -> None:
        """Reset the members that are not alive to earlier parameters."""
        frozen = sorted(set(range(len(self.models))) - set(self.alive))
        if not frozen:
            return
        for now, old in zip(self.parameters, before, strict=True):
            part = ... if self._state is None else frozen
            now[part] = old[part]

    @torch.no_grad()
    def write_back(self) -> None:
        """Copy stacked parameters into the models."""
        if self._state is None:
            return
        stacked = self._state[0].values()
        for model, *own in zip(self.models, *stacked, strict=True):
            for parameter, value in zip(model.parameters(), own, strict=True):
                parameter.copy_(value)


class _Call(nn.Module):
    """A model's output, penalty and number of evaluations."""

    def __init__(self, model: NeuralODE, depths: Tensor | None) -> None:
        super().__init__()
        self.model, self.depths = model, depths

    def forward(
        self, x: Tensor, penalty: Penalty | None
    ) -> tuple[Tensor, Tensor, int]:
        solution = self.model.solve(x, self.depths)
        if self.depths is None:
            output = self.model.readout(solution.z[-1])
        else:
            path = solution.z.transpose(0, 1)
            read = self.model.readout(path.flatten(0, 1))
            output = read.unflatten(0, path.shape[:2])
        if penalty is None:
            return output, solution.z.new_zeros(()), solution.nfe
        extra = penalty(self.model, solution, x)
        return output, scalar("penalty", extra), solution.nfe


class _Linear(nn.Linear):
    """A linear layer that puts samples in the last, longest dimension.

    Products of many small matrices are twice as fast that way.
    """

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim != 2:
            return super().forward(input)
        output = self.weight @ input.mT
        return (output if self.bias is None else output + self.bias[:, None]).mT


def scalar(name: str, value: Any) -> Tensor:
    """What a caller's function returned, if it is a scalar."""
    if not isinstance(value, Tensor) or value.ndim != 0:
        got = (
            f"shape {tuple(value.shape)}"
            if isinstance(value, Tensor)
            else type(value).__name__
        )
        raise ValueError(f"{name} must return a scalar tensor, got {got}")
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
    running means, for solves by torchdiffeq (and so by the adjoint), and for
    operations that ``torch.vmap`` does not support.

    Args:
        models: one or more.
        x: inputs, shape (N, ...), for a trial.
        y: targets, shape (N, ...).
        loss: of the training.
        penalty: of the training.
        depths: where outputs are read.
    """
    first, members = models[0], len(models)
    parameters = [p for model in models for p in model.parameters()]
    if (
        members < 2
        or not first.solver.own
        or any(isinstance(part, _UNSTACKABLE) for part in first.modules())
        or not all(_alike(first, other) for other in models[1:])
        or not 0 < len(parameters) == len({id(p) for p in parameters})
    ):
        return False
    few = [part[:2].expand(members, *part[:2].shape) for part in (x, y)]
    try:
        with torch.no_grad():
            ensemble = Ensemble(models, penalty, depths)
            outputs, _, _ = ensemble(few[0])
            ensemble.losses(loss, outputs, few[1])
    except SolverError:  # training will say which model's
        return True
    except (RuntimeError, ValueError, TypeError):
        return False  # an error of a model alone shows in training
    return True


def _alike(a: nn.Module, b: nn.Module) -> bool:
    """Equal in all but the values of parameters and buffers."""
    ours, theirs = list(a.named_modules()), list(b.named_modules())
    if len(ours) != len(theirs):
        return False
    for (name, one), (other_name, other) in zip(ours, theirs, strict=True):
        try:
            settings = _settings(one) == _settings(other)
        except (RuntimeError, ValueError):  # tensors or arrays among them
            return False
        same = name == other_name and type(one) is type(other) and settings
        if not same or _kinds(one) != _kinds(other):
            return False
    return True


def _settings(module: nn.Module) -> dict[str, Any]:
    kept = ("_parameters", "_buffers", "_modules")
    return {k: v for k, v in vars(module).items() if k not in kept}


def _kinds(module: nn.Module) -> dict[str, Any]:
    tensors = (
        *module.named_parameters(recurse=False),
        *module.named_buffers(recurse=False),
    )
    return {
        name: (t.shape, t.dtype, t.device, t.requires_grad)
        for name, t in tensors
    }
