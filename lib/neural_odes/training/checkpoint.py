"""The state of a training in one file, so that a killed run can resume."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from neural_odes.files import replacing

VERSION = "5"
GENERATORS = ("generator", "global generator")


@dataclass(frozen=True)
class Checkpoint:
    """A file with all that the remaining epochs depend on.

    Attributes:
        path: of the file.
        generator: of the order of mini-batches, saved as well.
        settings: what a resumed training must agree with, as plain values or,
            where these are long, as their :func:`fingerprint`.
    """

    path: Path
    generator: torch.Generator
    settings: Mapping[str, Any]

    def save(
        self,
        parameters: Sequence[Tensor],
        models: Sequence[nn.Module],
        optimizer: torch.optim.Optimizer,
        rows: Sequence[Tensor],
        seconds: float,
        *,
        failed: Mapping[int | None, Mapping[str, Any]],
    ) -> None:
        """Replace the file as a whole, or leave it as it is.

        Args:
            parameters: those that are trained.
            models: their owners, whose buffers are saved as well.
            optimizer: of the parameters.
            rows: the measurements of each epoch, all of one shape.
            seconds: spent so far.
            failed: where and why members were frozen.
        """
        tensors = {f"parameter.{i}": p for i, p in enumerate(parameters)}
        tensors |= _buffers(models)
        tensors |= {
            f"optimizer.{i}.{key}": torch.as_tensor(value)
            for i, own in optimizer.state_dict()["state"].items()
            for key, value in own.items()
        }
        tensors["generator"] = self.generator.get_state()
        tensors["global generator"] = torch.random.get_rng_state()
        tensors["rows"] = torch.stack(list(rows))
        whole = {
            # safetensors refuses tensors that share memory, such as views.
            key: value.detach().contiguous().clone()
            for key, value in tensors.items()
        }
        meta = {
            "version": VERSION,
            "seconds": str(seconds),
            "settings": json.dumps(dict(self.settings)),
            "names": json.dumps([_names(model) for model in models]),
            "failed": json.dumps(list(failed.items())),
        }
        meta["checksum"] = _checksum(meta, whole)
        with replacing(self.path) as draft:
            try:
                save_file(whole, draft, metadata=meta)
            except SafetensorError as error:  # from a full disk, say
                raise OSError(str(error)) from error

    @torch.no_grad()
    def load(
        self,
        parameters: Sequence[Tensor],
        models: Sequence[nn.Module],
        optimizer: torch.optim.Optimizer,
        epochs: int,
    ) -> tuple[list[Tensor], float, dict[int | None, dict[str, Any]]]:
        """Restore the file's state for a training that resumes from it.

        Returns:
            rows, seconds and failed, as they were passed to :meth:`save`.

        Raises:
            ValueError: the file cannot be read or is damaged, is of another
                version, or of a training with other settings, another model
                or more epochs than this one.
        """
        meta, tensors = _read(self.path)
        found = json.loads(meta["settings"])
        rows = list(tensors["rows"])
        if len(rows) > epochs:
            raise ValueError(
                f"checkpoint {self.path} is of a training that has run "
                f"{len(rows)} epochs; this one has {epochs}"
            )
        into = {f"parameter.{i}": p for i, p in enumerate(parameters)}
        into |= _buffers(models)
        kept = {
            key: (value.shape, value.dtype)
            for key, value in tensors.items()
            if key.startswith(("parameter.", "buffer."))
        }
        if kept != {k: (v.shape, v.dtype) for k, v in into.items()}:
            raise ValueError(f"checkpoint {self.path} is of another model")
        for name, value in self.settings.items():
            if found.get(name) != value:
                raise ValueError(
                    f"checkpoint {self.path} is of a training with {name} = "
                    f"{found.get(name)}; this one has {value}"
                )
        for key, value in into.items():
            value.copy_(tensors[key])
        _restore_optimizer(optimizer, tensors)
        self.generator.set_state(tensors["generator"])
        torch.random.set_rng_state(tensors["global generator"])
        return rows, float(meta["seconds"]), dict(json.loads(meta["failed"]))


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            meta = file.metadata() or {}
            names = list(file.keys())
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"checkpoint {path} cannot be read ({error}); remove it "
            "to start anew"
        ) from error
    if meta.get("version") != VERSION:
        raise ValueError(
            f"checkpoint {path} has version {meta.get('version')}; "
            f"this library reads {VERSION}"
        )
    if meta.get("checksum") != _checksum(meta, tensors):
        raise ValueError(
            f"checkpoint {path} is damaged; remove it to start anew"
        )
    try:
        json.loads(meta["settings"]), json.loads(meta["names"])
        dict(json.loads(meta["failed"]))
        float(meta["seconds"])
        _ = [tensors[name] for name in ("rows", *GENERATORS)]
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"checkpoint {path} is not of a training ({error!r}); remove it "
            "to start anew"
        ) from error
    return meta, tensors


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
    meta, tensors = _read(Path(path))
    names = json.loads(meta["names"])
    if not 0 <= member < len(names):
        raise ValueError(
            f"member must be below {len(names)}, the models of {path}, got "
            f"{member}"
        )
    found = {
        name: tensors[f"buffer.{member}.{name}"] for name in names[member][1]
    }
    for i, name in enumerate(names[member][0]):
        value = tensors[f"parameter.{i}"]
        found[name] = value if len(names) == 1 else value[member]
    return found


def fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """A hash of named tensors: their names, types, shapes and values."""
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        flat = value.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _buffers(models: Sequence[nn.Module]) -> dict[str, Tensor]:
    return {
        f"buffer.{i}.{name}": buffer
        for i, model in enumerate(models)
        for name, buffer in model.named_buffers()
    }


def _checksum(meta: Mapping[str, str], tensors: Mapping[str, Tensor]) -> str:
    rest = sorted((k, v) for k, v in meta.items() if k != "checksum")
    text = f"{rest} {fingerprint(tensors)}"
    return hashlib.sha256(text.encode()).hexdigest()


def _names(model: nn.Module) -> tuple[list[str], list[str]]:
    """The names of trained parameters, in order, and of saved buffers."""
    trained = [n for n, p in model.named_parameters() if p.requires_grad]
    saved = set(model.state_dict()) - dict(model.named_parameters()).keys()
    return trained, sorted(saved)


def _restore_optimizer(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]
) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        kind, _, rest = key.partition(".")
        if kind == "optimizer":
            number, _, name = rest.partition(".")
            state.setdefault(int(number), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
