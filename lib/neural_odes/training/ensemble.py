"""Several models that differ only in their parameters, as one program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from neural_odes.ode import JointField, NeuralODE, jumps_of
from neural_odes.solver import METHODS, integrate


class Ensemble:
    """M models solved together: one state of shape (M, N, ...).

    Their parameters are stacked, and field, lift and readout are mapped over
    the stack. An adaptive method takes one step size for all, the one that
    the member with the largest error needs: each member's error (the root-
    mean-square over its own state) stays below the tolerances, as it does
    alone. With a fixed-step method, each member is what it is alone.

    Args:
        models: two or more, of which :func:`stackable` holds.

    Attributes:
        parameters: those that are trained, leaves of shape (M, ...). They are
            copies: :meth:`write_back` takes them to the models.
    """

    def __init__(self, models: Sequence[NeuralODE]) -> None:
        self.models = models
        self.members: Sequence[int | None] = range(len(models))
        self._call = _Call(models[0])
        self._state = stack_module_state([_Call(model) for model in models])
        self.parameters: list[Tensor] = [
            p for p in self._state[0].values() if p.requires_grad
        ]

    def __call__(self, x: Tensor) -> tuple[Tensor, int]:
        """Outputs and cost for inputs of shape (M, N, ...).

        Returns:
            the outputs, shape (M, N, ...), and the number of evaluations of
            the shared solve.

        Raises:
            SolverError: the solve could not be finished.
        """
        first = self.models[0]
        z0 = self._map("lift", x)
        z, nfe = integrate(
            lambda s, z: self._map("field", s, z, x),
            z0,
            torch.tensor([0.0, first.depth], dtype=z0.dtype, device=z0.device),
            solver=first.solver,
            params=[*self.parameters, x],
            norm=_worst_member,
            jumps=jumps_of(first.field),
        )
        return self._map("readout", z[-1]), nfe

    def run(
        self, x: Tensor, measure: bool
    ) -> tuple[Tensor, None, list[int] | None]:
        """Outputs, no penalties, and what each member's own solve costs.

        With an adaptive method that is no part of the shared solve: each is
        solved alone where ``measure`` says so, else the cost is None.
        """
        output, nfe = self(x)
        if not METHODS[self.models[0].solver.method].adaptive:
            return output, None, [nfe] * len(self.models)
        return output, None, self._own_nfe(x) if measure else None

    def gradients(self) -> list[Tensor]:
        """Of all that are trained, each of shape (M, ...)."""
        return [p.grad for p in self.parameters if p.grad is not None]

    def _own_nfe(self, x: Tensor) -> list[int]:
        self.write_back()
        with torch.no_grad():
            return [
                model.solve(own).nfe
                for model, own in zip(self.models, x, strict=True)
            ]

    def write_back(self) -> None:
        """Copy the stacked parameters into the models."""
        with torch.no_grad():
            for model, *own in zip(
                self.models, *self._state[0].values(), strict=True
            ):
                for parameter, value in zip(
                    model.parameters(), own, strict=True
                ):
                    parameter.copy_(value)

    def _map(self, part: str, *inputs: Tensor) -> Tensor:
        """A part of all models at their own inputs; a scalar s is shared."""

        def alone(state: Any, inputs: tuple[Tensor, ...]) -> Tensor:
            return functional_call(self._call, state, (part, *inputs))

        where = tuple(0 if each.ndim else None for each in inputs)
        return torch.vmap(alone, in_dims=(0, where))(self._state, inputs)


class _Call(nn.Module):
    """A part of a model by its name, as functional_call wants a module."""

    def __init__(self, model: NeuralODE) -> None:
        super().__init__()
        self.model = model

    def forward(self, part: str, *inputs: Tensor) -> Tensor:
        return getattr(self.model, part)(*inputs)


def _worst_member(error: Tensor) -> Tensor:
    return error.flatten(1).square().mean(dim=1).sqrt().max()


def pays(members: int, batch: Tensor) -> bool:
    """Whether an :class:`Ensemble` is likely faster than its members alone.

    It saves overhead and loses arithmetic, as ``torch.vmap`` turns a linear
    layer into a product and a sum. The rule reads off what
    ``benchmarks/ensemble.py`` measured on a CPU: two members lose at any size,
    five gain at 256 points of the plane but not at 1024, twenty gain there
    too. On other devices it is taken to pay.

    Args:
        members: how many.
        batch: a batch of one member's inputs.
    """
    if batch.device.type != "cpu":
        return True
    return members > 2 and batch.numel() <= 250 * members


_UNSTACKABLE: tuple[type, ...] = (
    nn.modules.batchnorm._NormBase,
    nn.modules.dropout._DropoutNd,
)


def stackable(models: Sequence[NeuralODE], x: Tensor) -> bool:
    """Whether an :class:`Ensemble` of these models does what they do alone.

    This is about what it computes; see :func:`pays` for how fast.

    It does not for one model, for models that differ in more than the values
    of their parameters or share some, for a :class:`JointField` or a depth
    per sample, for layers that draw random numbers or keep running means, and
    for modules that ``torch.vmap`` cannot take.

    Args:
        models: one or more.
        x: inputs, shape (N, ...), to try them on.
    """
    first = models[0]
    if (
        len(models) < 2
        or callable(first.depth)
        or isinstance(first.field, JointField)
        or any(isinstance(part, _UNSTACKABLE) for part in first.modules())
        or not all(_alike(first, other) for other in models[1:])
    ):
        return False
    ids = [id(p) for model in models for p in model.parameters()]
    if not ids or len(set(ids)) < len(ids):
        return False
    ensemble = Ensemble(models)
    sample = x[:1].expand(len(models), *x[:1].shape)
    try:
        with torch.no_grad():
            z = ensemble._map("lift", sample)
            s = torch.zeros((), dtype=z.dtype, device=z.device)
            z = ensemble._map("field", s, z, sample)
            ensemble._map("readout", z)
    except (
        RuntimeError,
        ValueError,
    ):  # if it is an error alone, it shows there
        return False
    return True


def _alike(a: nn.Module, b: nn.Module) -> bool:
    """Equal in all but the values of parameters and buffers."""
    ours, theirs = list(a.named_modules()), list(b.named_modules())
    if len(ours) != len(theirs):
        return False
    for (name, one), (other_name, other) in zip(ours, theirs, strict=True):
        try:
            settings = _settings(one) == _settings(other)
        except RuntimeError:  # tensors, of which torch cannot say it
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
