"""The state of a training in one file, so that a killed run can resume."""

from __future__ import annotations

import hashlib
import inspect
import pickle
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neural_odes.files import replacing
from neural_odes.training.identity import numbers, referred

VERSION = 7


@dataclass(frozen=True)
class Checkpoint:
    """A file with all that the remaining epochs depend on.

    Attributes:
        path: of the file.
        generator: of the order of mini-batches, saved as well.
        settings: what a resumed training must agree with, as plain values.
        made_of: likewise, hashes by name: of its model, data, loss, ...
        keepers: what else has a state that training changes, such as
            schedules; see :func:`stateful`.
    """

    path: Path
    generator: torch.Generator
    settings: Mapping[str, Any]
    made_of: Mapping[str, str]
    keepers: Sequence[Any] = ()

    def save(
        self,
        parameters: Sequence[Tensor],
        models: Sequence[nn.Module],
        optimizer: torch.optim.Optimizer,
        rows: Sequence[Tensor],
        seconds: float,
    ) -> None:
        """Replace the file as a whole, or leave it as it is.

        The models' buffers are saved with the parameters that are trained; rows
        are the measurements of each epoch, all of one shape.
        """
        content = {
            "version": VERSION,
            "settings": dict(self.settings),
            "made of": dict(self.made_of),
            "names": [_names(model) for model in models],
            "parameters": [p.detach() for p in parameters],
            "buffers": [dict(model.named_buffers()) for model in models],
            "optimizer": optimizer.state_dict(),
            "kept": [keeper.state_dict() for keeper in self.keepers],
            "generators": [self.generator.get_state(), torch.get_rng_state()],
            "rows": list(rows),
            "seconds": seconds,
        }
        with replacing(self.path) as draft, draft.open("wb") as file:
            torch.save(content, file)

    @torch.no_grad()
    def load(
        self,
        parameters: Sequence[Tensor],
        models: Sequence[nn.Module],
        optimizer: torch.optim.Optimizer,
        epochs: int,
    ) -> tuple[list[Tensor], float]:
        """Restore the file's state for a training that resumes from it.

        Returns:
            rows and seconds, as they were passed to :meth:`save`.

        Raises:
            ValueError: the file cannot be read or is damaged, is of another
                version, or of a training with other settings, another model
                or more epochs than this one.
        """
        found = _read(self.path)
        ran = len(found["rows"])
        now = [*parameters, *(b for model in models for b in model.buffers())]
        kept = [b for each in found["buffers"] for b in each.values()]
        then = [*found["parameters"], *kept]
        kinds = [[(t.shape, t.dtype) for t in ts] for ts in (now, then)]
        of = f"checkpoint {self.path} is of"
        if ran > epochs:
            raise ValueError(
                f"{of} a training that has run {ran} epochs; this one has "
                f"{epochs}"
            )
        if kinds[0] != kinds[1] or len(found["kept"]) != len(self.keepers):
            raise ValueError(f"{of} another model")
        for name, value in self.settings.items():
            before = found["settings"].get(name)
            if before != value:
                raise ValueError(
                    f"{of} a training with {name} = {before}; this one has "
                    f"{value}"
                )
        for name, value in self.made_of.items():
            if found["made of"].get(name) != value:
                raise ValueError(f"{of} a training with another {name}")
        for one, value in zip(now, then, strict=True):
            one.copy_(value)
        optimizer.load_state_dict(found["optimizer"])
        for keeper, state in zip(self.keepers, found["kept"], strict=True):
            keeper.load_state_dict(state)
        own, everywhere = found["generators"]
        self.generator.set_state(own)
        torch.set_rng_state(everywhere)
        return found["rows"], found["seconds"]


def stateful(
    optimizer: torch.optim.Optimizer, callback: Any, models: Sequence[Any]
) -> list[Any]:
    """What has a state that is to be saved besides an optimizer's and models'.

    The optimizer's hooks and the callback may step a learning rate's schedule
    or an average of weights that they refer to.
    """
    found: list[Any] = []
    for function in (
        *optimizer._optimizer_step_pre_hooks.values(),
        *optimizer._optimizer_step_post_hooks.values(),
        callback,
    ):
        inner = getattr(function, "__func__", function)
        seen = [getattr(function, "__self__", None)]
        if inspect.isfunction(inner):
            seen += referred(inner).values()
        found += [
            one
            for one in seen
            if not isinstance(one, type)
            and hasattr(one, "state_dict")
            and hasattr(one, "load_state_dict")
            and not any(one is other for other in (optimizer, *models, *found))
        ]
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
        if broken is not None:
            raise ValueError(f"{broken} is damaged")
        with path.open("rb") as file:
            found: Any = torch.load(file, "cpu", weights_only=True)
        if not isinstance(found, dict) or "version" not in found:
            raise ValueError("it is not of a training")
    except (
        *(OSError, ValueError, RuntimeError, EOFError),
        *(zipfile.BadZipFile, pickle.UnpicklingError),
    ) as error:
        raise ValueError(
            f"checkpoint {path} cannot be read ({error}); remove it to start "
            "anew"
        ) from error
    if found["version"] != VERSION:
        raise ValueError(
            f"checkpoint {path} has version {found['version']}; this library "
            f"reads {VERSION}"
        )
    return found


def weights(path: str | Path, member: int = 0) -> dict[str, Tensor]:
    """A checkpoint's weights, as a model's ordinary state dict.

    Frozen weights are not kept: if the model has some, load the state dict with
    ``strict=False``.

    Args:
        path: of the file.
        member: which of the models that were trained together.

    Raises:
        ValueError: the file cannot be read or is damaged, or has fewer models.
    """
    found = _read(Path(path))
    members = len(found["names"])
    if not 0 <= member < members:
        raise ValueError(
            f"member must be below {members}, the models of {path}, got "
            f"{member}"
        )
    trained, saved = found["names"][member]
    state = {name: found["buffers"][member][name] for name in saved}
    for name, value in zip(trained, found["parameters"], strict=True):
        state[name] = value if members == 1 else value[member]
    return state


def fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """A hash of named tensors: their names, types, shapes and values."""
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(numbers(value))
    return digest.hexdigest()


def _names(model: nn.Module) -> tuple[list[str], list[str]]:
    """The names of trained parameters, in order, and of saved buffers."""
    trained = [n for n, p in model.named_parameters() if p.requires_grad]
    saved = set(model.state_dict()) - dict(model.named_parameters()).keys()
    return trained, sorted(saved)
