"""The training loop, for one model or several at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss
from tqdm.auto import tqdm

from neural_odes.ode import NeuralODE
from neural_odes.solver import SolverError
from neural_odes.torchdiffeq_backend import given_up
from neural_odes.training.checkpoint import Checkpoint
from neural_odes.training.ensemble import Ensemble, Loss, scalar

Callback = Callable[[int, Sequence[NeuralODE], Tensor], bool | None]
"""``callback(epoch, models, row)`` after an epoch, counted from 0: the row has
losses, norms of gradients and evaluations, shape (3, M). Returning True ends
the training."""


@dataclass(frozen=True)
class History:
    """What training measured: tensors of shape (epochs,), float64, on the CPU.

    Attributes:
        loss: mean over the epoch's samples, each before its step; without the
            penalty.
        grad_norm: Euclidean norm of the objective's gradient in all
            parameters, mean over the epoch's steps.
        nfe: evaluations of the field in a forward solve, mean over the
            epoch's steps.
        seconds: wall time; for one program, that of all its models.
    """

    loss: Tensor
    grad_norm: Tensor
    nfe: Tensor
    seconds: float


class TrainingError(ArithmeticError):
    """A training that could not continue.

    The model holds the parameters of the last step that had a finite loss and
    gradient.

    Attributes:
        reason: what happened.
        epoch: counted from 0.
        step: within the epoch, counted from 0.
        depth: where the forward solve stopped; None if it succeeded.
        member: which of several models, counted from 0; None for a single one.
        history: of the epochs before.
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
            "a penalty, a smooth activation."
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # By default, unpickling remakes exceptions from their message alone.
        names = ("epoch", "step", "depth", "member", "history")
        known = {name: getattr(self, name) for name in names}
        return partial(type(self), self.reason, **known), ()


class MemberFailed(Exception):
    """A step of training that failed: why, in which member, at what depth."""


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
    lr_share: Sequence[float] = (),
    number: int | None = None,
    checkpoint: Checkpoint | None = None,
    callback: Callback | None = None,
) -> list[History]:
    """Train a program on inputs and targets of shape (M, N, ...), in place.

    Args, errors and what is returned are those of ``fit``, but for: ``batches``
    returns an epoch's batches, as indices of samples; ``lr_share`` has the
    members' learning rates as fractions of the optimizer's; ``number`` is that
    of a single model among others, for errors.
    """
    start = time.perf_counter()
    rows: list[Tensor] = []
    parameters: list[Tensor] = program.parameters
    if checkpoint is not None and checkpoint.path.exists():
        rows, spent = checkpoint.load(
            parameters, program.models, optimizer, epochs
        )
        start -= spent
    good = [p.detach().clone() for p in parameters]
    program.train(True)
    left = range(len(rows), epochs)
    bar = tqdm(left, desc="epochs", leave=False, disable=not progress)
    try:
        for epoch in bar:
            steps: list[Tensor] = []
            for step, index in enumerate(batches()):
                inputs, targets = x[:, index], y[:, index]
                first = not steps and not rows
                optimizer.zero_grad()
                try:
                    found = _gradient(
                        program, inputs, targets, loss, y if first else None
                    )
                except MemberFailed as failed:
                    with torch.no_grad():
                        torch._foreach_copy_(parameters, good)
                    reason, member, depth = failed.args
                    raise TrainingError(
                        reason,
                        epoch=epoch,
                        step=step,
                        depth=depth,
                        member=member if len(program.models) > 1 else number,
                        history=_histories(program, rows, start)[member],
                    ) from failed.__cause__
                # An epoch's loss is a mean over samples, not over steps.
                found[0] *= inputs.shape[1] / x.shape[1]
                steps.append(found)
                torch._foreach_copy_(good, [p.detach() for p in parameters])
                optimizer.step()
                torch.clear_autocast_cache()  # which keeps cast weights
                if any(share != 1 for share in lr_share):
                    _scale_step(parameters, good, lr_share)
            row = torch.stack(steps).cpu().double()
            row[:, 0] *= len(steps)
            rows.append(row.mean(0))
            bar.set_postfix(loss=rows[-1][0].mean().item(), refresh=False)
            stop = None
            if callback is not None:
                program.write_back()
                program.train(False)
                stop = callback(epoch, program.models, rows[-1])
                program.train(True)
            if checkpoint is not None:  # with what the callback changed
                seconds = time.perf_counter() - start
                checkpoint.save(
                    *(parameters, program.models, optimizer, rows, seconds)
                )
            if stop:
                break
    finally:
        program.write_back()
        program.train(False)
    return _histories(program, rows, start)


def _histories(
    program: Ensemble, rows: Sequence[Tensor], start: float
) -> list[History]:
    members, seconds = len(program.models), time.perf_counter() - start
    empty = torch.zeros(3, members, 0).double()
    table = torch.stack(list(rows), dim=-1) if rows else empty
    return [
        History(loss, grad_norm, nfe, seconds)
        for loss, grad_norm, nfe in table.unbind(1)
    ]


@torch.no_grad()
def _scale_step(
    parameters: Sequence[Tensor],
    before: Sequence[Tensor],
    share: Sequence[float],
) -> None:
    """Shorten each member's step: in Adam and AdamW it is linear in lr."""
    for now, old in zip(parameters, before, strict=True):
        part = now.new_tensor(share).reshape(-1, *[1] * (now.ndim - 1))
        now.copy_(torch.lerp(old, now, part))


def _gradient(
    program: Ensemble, x: Tensor, y: Tensor, loss: Loss, labels: Tensor | None
) -> Tensor:
    """Backpropagate the objectives of M members on a batch.

    Returns losses, gradient norms and nfe, shape (3, M). The labels are those
    of the whole training, if they are still to be checked.
    """
    try:
        outputs, penalties, nfe = program(x)
    except SolverError as error:
        member = error.member or 0
        raise MemberFailed(error.reason, member, error.depth) from error
    check_targets(loss, outputs[0], y[0], labels)
    losses = program.losses(lambda o, t: scalar("loss", loss(o, t)), outputs, y)
    objectives = losses + penalties
    try:
        objectives.sum().backward()
    except AssertionError as error:  # torchdiffeq's adjoint gave up
        reason = f"backwards, {given_up(error)}"
        raise MemberFailed(reason, 0, None) from error
    norms = program.gradient_norms()
    finite = torch.isfinite(torch.stack([objectives, norms]).detach())
    if not finite.all():
        what = "gradient" if finite[0].all() else "loss"
        member = int((~finite).any(0).nonzero()[0])
        raise MemberFailed(f"the {what} is NaN or infinite", member, None)
    return torch.stack([losses.detach(), norms, nfe.to(norms)])


def check_targets(
    loss: Loss, output: Tensor, y: Tensor, labels: Tensor | None
) -> None:
    """Refuse targets that a loss would broadcast, except class labels."""
    if y.dtype == torch.float64 != output.dtype:
        raise ValueError(
            f"y must have the type of the model's output, {output.dtype}, got "
            f"{y.dtype}"
        )
    if loss is cross_entropy and not y.is_floating_point():
        check_classes(output, y, labels)
    elif y.is_floating_point() or loss is mse_loss or not _labelled(output, y):
        check_shapes(output, y)


def check_classes(output: Tensor, y: Tensor, labels: Tensor | None) -> None:
    """Refuse labels y that are not classes of the outputs (N, classes, ...).

    The range is checked of all ``labels``, which makes the CPU wait for a GPU;
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
