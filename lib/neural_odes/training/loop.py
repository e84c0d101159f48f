"""The training loop, for one model or several at once."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss
from tqdm.auto import tqdm

from neural_odes.by_torchdiffeq import given_up
from neural_odes.ode import NeuralODE
from neural_odes.solver import SolverError
from neural_odes.training.checkpoint import Checkpoint
from neural_odes.training.ensemble import Ensemble, Loss, scalar

Callback = Callable[[int, Sequence[NeuralODE], Tensor], bool | None]
"""``callback(epoch, models, row)`` after an epoch, counted from 0: the row has
losses, norms of gradients and evaluations, shape (3, M), NaN for frozen models.
Returning True ends the training."""


@dataclass(frozen=True)
class History:
    """What training measured: tensors of shape (epochs,), float64, on the CPU.

    Attributes:
        loss: mean over the epoch's samples, each before its step; without the
            penalty.
        grad_norm: Euclidean norm of the objective's gradient in all
            parameters, mean over the epoch's steps.
        nfe: evaluations of the field in a forward solve, mean over the
            epoch's steps. Models trained as one program share them;
            ``model.solve(x).nfe`` gives what a model costs alone.
        seconds: wall time; for one program, that of all its models.
        error: why a model was frozen (``fit(..., on_failure="freeze")``), in
            which case the tensors end before the epoch in which it failed;
            otherwise None.
    """

    loss: Tensor
    grad_norm: Tensor
    nfe: Tensor
    seconds: float
    error: TrainingError | None = None


class TrainingError(ArithmeticError):
    """A training that could not continue.

    The model holds the parameters of the last step that had a finite loss and
    gradient.

    Attributes:
        reason: what happened.
        epoch: counted from 0.
        step: within the epoch, counted from 0.
        depth: where the forward solve stopped; None if it succeeded.
        member: which of several models, counted from 0; None for a single one,
            or if each can be solved alone.
        history: of the epochs before; for several models trained as one
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
        # By default, unpickling remakes exceptions from their message alone.
        names = ("epoch", "step", "depth", "member", "history")
        known = {name: getattr(self, name) for name in names}
        return partial(type(self), self.reason, **known), ()


class _StopError(Exception):
    def __init__(
        self, reason: str, member: int | None, depth: float | None = None
    ) -> None:
        self.reason, self.member, self.depth = reason, member, depth
        super().__init__(reason)


class _Log:
    """What a training measured, and which members failed.

    Attributes:
        rows: of each epoch, (loss, gradient norm, nfe) x M.
        failed: what errors say, by member; None if the member is unknown.
    """

    def __init__(self, members: int, number: int | None) -> None:
        self.members, self.number = members, number
        self.start = time.perf_counter()
        self.rows: list[Tensor] = []
        self.failed: dict[int | None, dict[str, Any]] = {}

    def fail(self, epoch: int, step: int, stop: _StopError) -> TrainingError:
        where = {"epoch": epoch, "step": step, "depth": stop.depth}
        self.failed[stop.member] = {"reason": stop.reason, **where}
        return self.error(stop.member)

    def error(self, member: int | None) -> TrainingError:
        number = self.number if self.members == 1 else member
        past = self._history(member)
        return TrainingError(**self.failed[member], member=number, history=past)

    def histories(self) -> list[History]:
        return [
            replace(
                self._history(i),
                error=self.error(i) if i in self.failed else None,
            )
            for i in range(self.members)
        ]

    def _history(self, member: int | None) -> History:
        """The history of a member before the epoch in which it failed."""
        end = self.failed.get(member, {}).get("epoch")
        empty = torch.zeros(0, 3, self.members).double()
        table = torch.stack(self.rows[:end]) if self.rows[:end] else empty
        loss, grad_norm, nfe = table[..., member or 0].unbind(1)
        seconds = time.perf_counter() - self.start
        return History(loss, grad_norm, nfe, seconds)


def train(
    program: Ensemble,
    x: Tensor,
    y: Tensor,
    *,
    optimizer: torch.optim.Optimizer,
    loss: Loss,
    epochs: int,
    batches: Callable[[], Iterable[slice | Tensor]],
    progress: bool,
    slower: Sequence[float] = (),
    number: int | None = None,
    checkpoint: Checkpoint | None = None,
    callback: Callback | None = None,
    freeze: bool = False,
) -> list[History]:
    """Train models on inputs and targets of shape (M, N, ...).

    Args:
        program: what is trained, in place.
        x: inputs.
        y: targets.
        optimizer: of the program's parameters.
        loss: of one model's outputs and targets.
        epochs: passes over the data.
        batches: returns an epoch's batches, as indices of samples.
        progress: show a progress bar.
        slower: learning rates of the members as fractions of the optimizer's.
        number: of a single model among others, for errors.
        checkpoint: keeps the state after each epoch; training resumes from it.
        callback: called after each epoch; returning True ends the training.
        freeze: continue without a member that fails, if it can be identified.

    Raises:
        ValueError: the loss is not a scalar, outputs and y differ in shape, or
            the kept state does not fit.
        TrainingError: as for ``fit``.
    """
    log = _Log(len(program.models), number)
    parameters: list[Tensor] = program.parameters
    if checkpoint is not None and checkpoint.path.exists():
        log.rows, spent, log.failed = checkpoint.load(
            parameters, program.models, optimizer, epochs
        )
        log.start -= spent
        program.alive = [m for m in program.alive if m not in log.failed]
        if log.failed and not freeze:
            raise log.error(next(iter(log.failed)))
    good = [p.detach().clone() for p in parameters]
    differ = any(share != 1 for share in slower)
    program.train(True)
    bar = tqdm(
        range(len(log.rows), epochs),
        desc="epochs",
        leave=False,
        disable=not progress,
    )
    try:
        for epoch in bar:
            steps: list[Tensor] = []
            weights: list[float] = []
            for step, index in enumerate(batches()):
                inputs, targets = x[:, index], y[:, index]
                found = _attempt(
                    *(program, inputs, targets, loss),
                    optimizer=optimizer,
                    good=good,
                    freeze=freeze,
                    fail=partial(log.fail, epoch, step),
                    labels=None if steps or log.rows else y,
                )
                if found is None:
                    return log.histories()
                steps.append(found)
                weights.append(inputs.shape[1] / x.shape[1])
                torch._foreach_copy_(good, [p.detach() for p in parameters])
                optimizer.step()
                if differ:
                    _slow_down(parameters, good, slower)
                program.hold(good)
            row = torch.stack(steps).cpu().double()
            row[:, 0] *= len(steps) * torch.tensor(weights)[:, None]
            row = row.mean(0)
            log.rows.append(row)
            bar.set_postfix(loss=row[0].nanmean().item(), refresh=False)
            if checkpoint is not None:
                checkpoint.save(
                    parameters,
                    program.models,
                    optimizer,
                    log.rows,
                    time.perf_counter() - log.start,
                    failed=log.failed,
                )
            if callback is not None:
                program.write_back()
                program.train(False)
                if callback(epoch, program.models, row):
                    break
                program.train(True)
    finally:
        program.write_back()
        program.train(False)
    return log.histories()


def _attempt(
    program: Ensemble,
    x: Tensor,
    y: Tensor,
    loss: Loss,
    *,
    optimizer: torch.optim.Optimizer,
    good: list[Tensor],
    freeze: bool,
    fail: Callable[[_StopError], TrainingError],
    labels: Tensor | None,
) -> Tensor | None:
    """As :func:`_gradient`, without members that fail; None if all fail."""
    while program.alive:
        optimizer.zero_grad()
        try:
            return _gradient(program, x, y, loss, labels)
        except _StopError as stop:
            error = fail(stop)
            if not freeze or stop.member is None:
                with torch.no_grad():
                    torch._foreach_copy_(program.parameters, good)
                raise error from stop.__cause__
            warnings.warn(str(error), stacklevel=4)
            program.alive.remove(stop.member)
            program.hold(good)
    return None


@torch.no_grad()
def _slow_down(
    parameters: Sequence[Tensor],
    before: Sequence[Tensor],
    share: Sequence[float],
) -> None:
    """Shorten each member's step: in Adam and AdamW it is linear in lr."""
    for now, old in zip(parameters, before, strict=True):
        part = now.new_tensor(share).reshape(-1, *[1] * (now.ndim - 1))
        now.copy_(old + part * (now - old))


def _gradient(
    program: Ensemble,
    x: Tensor,
    y: Tensor,
    loss: Loss,
    labels: Tensor | None,
) -> Tensor:
    """Backpropagate the objectives of the members that are alive.

    Args:
        program: of M models.
        x: inputs, shape (M, N, ...).
        y: targets.
        loss: of one model.
        labels: of the whole training, if they are still to be checked.

    Returns:
        losses, gradient norms and nfe, shape (3, M); NaN for the others.
    """
    alive, members = program.alive, len(x)
    if len(alive) < members:
        x, y = x[alive], y[alive]
    try:
        outputs, penalties, nfe = program(x)
    except SolverError as error:
        culprit = _culprit(program, x)
        raise _StopError(error.reason, culprit, error.depth) from error
    check_targets(loss, outputs[0], y[0], labels)
    losses = program.losses(lambda o, t: scalar("loss", loss(o, t)), outputs, y)
    objectives = losses + penalties
    try:
        objectives.sum().backward()
    except AssertionError as error:  # torchdiffeq's adjoint gave up
        reason = f"backwards, {given_up(error)}"
        member = alive[0] if len(alive) == 1 else None
        raise _StopError(reason, member) from error
    norms = program.gradient_norms()
    finite = torch.isfinite(torch.stack([objectives, norms]).detach())
    if not finite.all():
        what = "gradient" if finite[0].all() else "loss"
        member = alive[int((~finite).any(0).nonzero()[0])]
        raise _StopError(f"the {what} is NaN or infinite", member)
    row = norms.new_full((3, members), math.nan)
    row[0, alive], row[1, alive], row[2, alive] = losses.detach(), norms, nfe
    return row


def _culprit(program: Ensemble, x: Tensor) -> int | None:
    """The first model that cannot be solved, if one can be found."""
    if len(x) == 1:
        return program.alive[0]
    program.write_back()
    for member, own in zip(program.alive, x, strict=True):
        try:
            with torch.no_grad():
                program.models[member].solve(own)
        except SolverError:
            return member
    return None


def check_targets(
    loss: Loss, output: Tensor, y: Tensor, labels: Tensor | None
) -> None:
    """Refuse targets that a loss would broadcast, except class labels."""
    if loss is cross_entropy and not y.is_floating_point():
        check_classes(output, y, labels)
    elif y.is_floating_point() or loss is mse_loss or not _labelled(output, y):
        check_shapes(output, y)


def check_classes(output: Tensor, y: Tensor, labels: Tensor | None) -> None:
    """Refuse labels that are not classes of the outputs (N, classes, ...).

    Args:
        output: of a batch.
        y: its labels.
        labels: whose range is checked, which makes the CPU wait for a GPU;
            None skips this check.
    """
    shape, classes = tuple(output.shape), (*output.shape, 1)[1]
    whole = y.dtype == torch.int64 and _labelled(output, y)
    least = most = 0
    if whole and labels is not None:
        least, most = map(int, labels.aminmax())
    if not whole or not 0 <= least <= most < classes:
        span = f" from {least} to {most}" if whole else ""
        raise ValueError(
            f"y must be classes, int64 from 0 to {classes - 1}, of shape "
            f"{shape[:1] + shape[2:]} for outputs of shape {shape}, got "
            f"{y.dtype} of shape {tuple(y.shape)}{span}; of outputs with one "
            "feature, y are floating-point numbers of their shape"
        )


def _labelled(output: Tensor, y: Tensor) -> bool:
    shape = output.shape
    return y.shape == shape[:1] + shape[2:] and shape[1:2] > (1,)


def check_shapes(output: Tensor, y: Tensor) -> None:
    """Refuse to compare outputs and targets of different shapes."""
    if output.shape != y.shape:
        raise ValueError(
            f"y must have the shape of the model's output, "
            f"{tuple(output.shape)}, got {tuple(y.shape)}"
        )
