"""A pretend accelerator, on which GPU code is tried without a GPU.

Its tensors compute on the CPU, say that they are on the device "pretend", and
refuse to be mixed with the CPU's, as a GPU's do. Operations are counted: views
aside, each would start a kernel, and each number that is read back is a wait.
It uses torch's own registration of Python backends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

NAME = "pretend"
VIEWS = {
    *("view", "_unsafe_view", "t", "transpose", "expand", "slice", "select"),
    *("unsqueeze", "squeeze", "permute", "alias", "detach", "split"),
    *("split_with_sizes", "unbind", "as_strided", "diagonal", "lift_fresh"),
    *("_reshape_alias", "narrow", "movedim", "size", "is_same_size", "unfold"),
}
WAIT = "_local_scalar_dense"


# Once for all: autograd counts devices at its first backward pass.
if torch._C._get_privateuse1_backend_name() != NAME:
    backend_registration._setup_privateuseone_for_python_backend(NAME)


class PretendTensor(torch.Tensor):
    """A tensor that holds another, on the CPU."""

    inner: torch.Tensor

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> PretendTensor:
        made: PretendTensor = torch.Tensor._make_wrapper_subclass(
            *(cls, inner.shape),
            dtype=inner.dtype,
            device=torch.device(NAME, 0),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
        )
        made.inner = inner
        return made

    def __repr__(self) -> str:
        return f"PretendTensor({self.inner!r})"

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {}, Counter())


def _inner(one: Any) -> Any:
    return one.inner if isinstance(one, PretendTensor) else one


def _run(func: Any, args: Any, kwargs: Any, counts: Counter[str]) -> Any:
    name = func._overloadpacket.__name__
    leaves = tree_leaves((args, kwargs))
    ours = [one for one in leaves if isinstance(one, PretendTensor)]
    asked = kwargs.get("device")
    device = None if asked is None else torch.device(asked).type
    if ours or device == NAME:
        counts[name] += 1
    if ours and name not in ("copy_", "_to_copy"):
        for one in leaves:
            cpu = not isinstance(one, PretendTensor)
            if cpu and isinstance(one, torch.Tensor) and one.ndim:
                raise RuntimeError(
                    "Expected all tensors to be on the same device, found "
                    f"{NAME} and cpu ({name})"
                )
    given = dict(kwargs)
    if device == NAME:
        given["device"] = torch.device("cpu")
    found = func(*tree_map(_inner, args), **tree_map(_inner, given))
    if name == "copy_":
        return args[0]
    same = {id(one.inner): one for one in ours}
    wraps = device == NAME or (bool(ours) and device != "cpu")

    def wrapped(one: Any) -> Any:
        if not isinstance(one, torch.Tensor) or isinstance(one, PretendTensor):
            return one
        if id(one) in same:  # an operation in place
            return same[id(one)]
        return PretendTensor(one) if wraps else one

    return tree_map(wrapped, found)


class _Dispatch(TorchDispatchMode):
    """Sees every operation, those that make tensors included."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {}, self.counts)


class _Functions(TorchFunctionMode):
    """What torch does in C++ before operations are dispatched."""

    def __init__(self, counts: Counter[str]) -> None:
        super().__init__()
        self.counts = counts

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        ours = bool(args) and _is_ours(args[0])
        if func in (torch.tensor, torch.as_tensor):
            device = kwargs.get("device")
            if device is not None and torch.device(device).type == NAME:
                del kwargs["device"]
                if _is_ours(args[0]):
                    dtype = kwargs.get("dtype", args[0].dtype)
                    return args[0].to(dtype)
                return func(*args, **kwargs).to(NAME)
        if name == "new_tensor" and ours:
            kwargs.setdefault("dtype", args[0].dtype)
            return torch.tensor(*args[1:], **kwargs).to(NAME)
        if name in ("__getitem__", "__setitem__") and ours:
            args = (args[0], _on_device(args[1]), *args[2:])
            if name == "__setitem__" and not isinstance(args[2], torch.Tensor):
                value = torch.tensor(args[2], dtype=args[0].dtype)
                args = (*args[:2], value.to(NAME))
        if name in ("matmul", "__matmul__") and ours and args[0].ndim == 1:
            # It would squeeze in place, which a tensor that holds one cannot.
            return torch.mv(args[1].mT, args[0])
        if name in ("tolist", "numpy") and ours:
            self.counts[WAIT] += 1
            return getattr(_plain(args[0]), name)()
        return func(*args, **kwargs)


def _is_ours(one: Any) -> bool:
    return isinstance(one, torch.Tensor) and one.device.type == NAME


def _on_device(index: Any) -> Any:
    if isinstance(index, list):
        return torch.tensor(index).to(NAME)
    if isinstance(index, tuple):
        return tuple(map(_on_device, index))
    return index


def _plain(one: Any) -> torch.Tensor:
    one = one.detach()
    while not hasattr(one, "inner"):
        one = torch._C._functorch.get_unwrapped(one)
    return one.inner


def on_cpu(value: Any) -> Any:
    """A value of containers, with its pretend tensors on the CPU."""
    return tree_map(
        lambda one: _plain(one).clone() if _is_ours(one) else one, value
    )


@contextmanager
def pretend() -> Iterator[Counter[str]]:
    """The device "pretend" exists; yields how often each operation ran."""
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    mode = _Dispatch()
    try:
        with _Functions(mode.counts), mode:
            yield mode.counts
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(before)


def launches(counts: Counter[str]) -> int:
    """Operations that would start a kernel."""
    return sum(n for name, n in counts.items() if name not in {*VIEWS, WAIT})
