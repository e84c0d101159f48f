"""The training loop, for one model or several at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import mse_loss
from tqdm.auto import tqdm

from neural_odes.ode import NeuralODE
from neural_odes.solver import SolverError, _reason
from neural_odes.training.checkpoint import Checkpoint

Loss = Callable[[Tensor, Tensor], Tensor]
"""``loss(output, y)``, a scalar: a mean over the samples."""

MEASURED = 50
"""How often an ensemble's own evaluations are counted in a training."""


@dataclass(frozen=True)
class History:
    """What training measured. Tensors of shape (epochs,), float64, on the CPU.

    Attributes:
        loss: mean over the epoch's samples, each before its step; without the
            penalty.
        grad_norm: Euclidean norm of the objective's gradient in all
            parameters, mean over the epoch's steps.
        nfe: evaluations of the field in a forward solve, mean over the
            epoch's steps. Of models trained as one program by an adaptive
            method: in the first step of every k-th epoch, solved alone, and
            held in between; k = epochs // 50, at least 1.
        seconds: wall time; of one program, that of all its models.
    """

    loss: Tensor
    grad_norm: Tensor
    nfe: Tensor
    seconds: float


class TrainingError(ArithmeticError):
    """Training that could not go on.

    The model holds the parameters of the last step that had a finite loss and
    gradient.

    Attributes:
        reason: what happened.
        epoch: counted from 0.
        step: within the epoch, counted from 0.
        depth: where the forward solve stopped; None where it got through.
        member: which of several models, counted from 0; None for a single one,
            or if each gets through when solved alone.
        history: of the epochs before; of several models trained as one
            program, the failed one's (the first's, if member is None).
    """

    def __init__(
        self,
        reason: str,
        *,
        epoch: int,
        step: int,
        depth: float | None,
        member: int | None,
        history: History,
    ) -> None:
        self.reason, self.epoch, self.step = reason, epoch, step
        self.depth, self.member, self.history = depth, member, history
        super().__init__(
            f"training {'' if member is None else f'of model {member} '}"
            f"stopped in epoch {epoch}, step {step}"
            f"{'' if depth is None else f', at depth s = {depth:.4g}'}: "
            f"{reason}. What helps: a smaller learning rate, weight decay or "
            "a penalty, a smooth activation, or a fixed-step method."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are made anew from their message alone, unless told.
        names = ("epoch", "step", "depth", "member", "history")
        known = {name: getattr(self, name) for name in names}
        return partial(type(self), self.reason, **known), ()


class Program(Protocol):
    """What the loop trains: M models, M = 1 included."""

    @property
    def models(self) -> Sequence[NeuralODE]: ...

    @property
    def members(self) -> Sequence[int | None]:
        """Their numbers, for error messages."""

    @property
    def parameters(self) -> Sequence[Tensor]:
        """Those that are trained."""

    def run(
        self, x: Tensor, measure: bool
    ) -> tuple[Tensor, Tensor | None, list[int] | None]:
        """Outputs (M, N, ...), penalties (M,), evaluations if counted."""

    def gradients(self) -> list[Tensor]:
        """Of all that are trained, each of shape (M, ...)."""

    def write_back(self) -> None:
        """Take the parameters to the models."""


class _StopError(Exception):
    def __init__(
        self, reason: str, member: int | None, depth: float | None = None
    ) -> None:
        self.reason, self.member, self.depth = reason, member, depth
        super().__init__(reason)


def train(
    program: Program,
    x: Tensor,
    y: Tensor,
    *,
    optimizer: torch.optim.Optimizer,
    loss: Loss,
    epochs: int,
    batches: Callable[[], Iterable[slice | Tensor]],
    progress: bool,
    checkpoint: Checkpoint | None = None,
) -> list[History]:
    """Train a program on inputs and targets of shape (M, N, ...).

    Args:
        program: what is trained, in place.
        x: inputs.
        y: targets.
        optimizer: of the program's parameters.
        loss: of one model's outputs and targets.
        epochs: passes over the data.
        batches: gives an epoch's batches, as indices of samples.
        progress: show a progress bar.
        checkpoint: keeps the state after each epoch, or has one to go on from.

    Raises:
        ValueError: the loss is no scalar, outputs and y differ in shape, or
            the kept state does not fit.
        TrainingError: see there.
    """
    start = time.perf_counter()
    rows: list[Tensor] = []  # of each epoch, (loss, gradient norm, nfe) x M
    if checkpoint is not None and checkpoint.path.exists():
        rows, spent = checkpoint.load(
            program.parameters, program.models, optimizer, epochs
        )
        start -= spent
    good = [p.detach().clone() for p in program.parameters]
    bar = tqdm(
        range(len(rows), epochs),
        desc="epochs",
        leave=False,
        disable=not progress,
    )
    try:
        for epoch in bar:
            losses, norms, counts = [], [], []
            for step, index in enumerate(batches()):
                batch = x[:, index], y[:, index]
                measure = step == 0 and epoch % max(1, epochs // MEASURED) == 0
                optimizer.zero_grad()
                try:
                    value, norm, nfe = _gradient(program, *batch, loss, measure)
                except _StopError as stop:
                    _restore(program.parameters, good)
                    past = _histories(rows, len(x), start)
                    raise TrainingError(
                        stop.reason,
                        epoch=epoch,
                        step=step,
                        depth=stop.depth,
                        member=stop.member,
                        history=past[(stop.member or 0) % len(past)],
                    ) from stop.__cause__
                losses.append(value * batch[0].shape[1] / x.shape[1])
                norms.append(norm)
                counts += [] if nfe is None else [nfe]
                good = [p.detach().clone() for p in program.parameters]
                optimizer.step()
            rows.append(
                torch.stack(
                    [
                        torch.stack(losses).sum(0),
                        torch.stack(norms).mean(0),
                        torch.tensor(counts, dtype=torch.float64).mean(0)
                        if counts
                        else rows[-1][2],
                    ]
                )
            )
            bar.set_postfix(loss=rows[-1][0].mean().item(), refresh=False)
            if checkpoint is not None:
                checkpoint.save(
                    program.parameters,
                    program.models,
                    optimizer,
                    rows,
                    time.perf_counter() - start,
                )
    finally:
        program.write_back()
    return _histories(rows, len(x), start)


def _gradient(
    program: Program, x: Tensor, y: Tensor, loss: Loss, measure: bool
) -> tuple[Tensor, Tensor, list[int] | None]:
    """Leaves the gradients; returns the losses, their norms and the nfe."""
    try:
        outputs, penalties, nfe = program.run(x, measure)
    except SolverError as error:
        raise _StopError(
            error.reason, _culprit(program, x), error.depth
        ) from error
    losses = torch.stack(
        [_loss(loss, *each) for each in zip(outputs, y, strict=True)]
    )
    objectives = losses if penalties is None else losses + penalties
    _check_finite(program, objectives, "the loss")
    try:
        objectives.sum().backward()
    except AssertionError as error:  # torchdiffeq's adjoint gives up
        member = program.members[0] if len(x) == 1 else None
        raise _StopError(f"backwards, {_reason(error)}", member) from error
    norms = torch.stack(
        [g.reshape(len(g), -1).norm(dim=1) for g in program.gradients()]
    ).norm(dim=0)
    _check_finite(program, norms, "the gradient")
    return losses.detach().cpu().double(), norms.cpu().double(), nfe


def _culprit(program: Program, x: Tensor) -> int | None:
    """Which model it is that cannot be solved."""
    if len(x) == 1:
        return program.members[0]
    program.write_back()
    each = zip(program.members, program.models, x, strict=True)
    for member, model, own in each:
        try:
            with torch.no_grad():
                model.solve(own)
        except SolverError:
            return member
    return None


def _check_finite(program: Program, values: Tensor, name: str) -> None:
    finite = torch.isfinite(values).tolist()
    if not all(finite):
        member = program.members[finite.index(False)]
        raise _StopError(f"{name} is NaN or infinite", member)


def _loss(loss: Loss, output: Tensor, y: Tensor) -> Tensor:
    # Where they differ, losses would broadcast; labels of classes may.
    classes = output.shape[:1] + output.shape[2:]
    labelled = y.shape == classes and output.shape[1:2] > (1,)
    if y.is_floating_point() or loss is mse_loss or not labelled:
        check_shapes(output, y)
    return scalar("loss", loss(output, y))


def scalar(name: str, value: Tensor) -> Tensor:
    """What a caller's function returned, if it is a scalar."""
    if not isinstance(value, Tensor) or value.ndim != 0:
        got = (
            f"shape {tuple(value.shape)}"
            if isinstance(value, Tensor)
            else type(value).__name__
        )
        raise ValueError(f"{name} returned {got}; it takes a scalar tensor")
    return value


def check_shapes(output: Tensor, y: Tensor) -> None:
    """Refuse to compare outputs and targets of different shapes."""
    if output.shape != y.shape:
        raise ValueError(
            f"y has shape {tuple(y.shape)}, the model's output "
            f"{tuple(output.shape)}; they must agree"
        )


def _restore(parameters: Iterable[Tensor], good: Iterable[Tensor]) -> None:
    with torch.no_grad():
        for parameter, value in zip(parameters, good, strict=True):
            parameter.copy_(value)


def _histories(rows: list[Tensor], members: int, start: float) -> list[History]:
    seconds = time.perf_counter() - start
    table = torch.stack(rows) if rows else torch.zeros(0, 3, members).double()
    return [
        History(
            loss=each[:, 0],
            grad_norm=each[:, 1],
            nfe=each[:, 2],
            seconds=seconds,
        )
        for each in table.unbind(2)
    ]
