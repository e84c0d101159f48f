"""Functions of one member of a stack, mapped over all of them.

What :func:`torch.vmap` does, without what it does at each entry: a field is
evaluated often, and its operations are small. functorch's own calls are used
here and in ``checks.py`` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch._functorch.vmap import lazy_load_decompositions
from torch.utils._pytree import tree_map_only

_functorch = torch._C._functorch


def over_members(
    function: Callable[..., Any], members: int, tensors: Sequence[Tensor]
) -> Any:
    """``function(*tensors)`` of each of M members, as torch.vmap maps it.

    The function is one of a member's tensors, and returns tensors in any
    containers; those given and those returned have shape (M, ...).
    """
    lazy_load_decompositions()
    level = _functorch._vmap_increment_nesting(members, "error")
    try:
        own = [_functorch._add_batch_dim(one, 0, level) for one in tensors]
        return tree_map_only(
            Tensor,
            lambda one: _functorch._remove_batch_dim(one, level, members, 0),
            function(*own),
        )
    finally:
        _functorch._vmap_decrement_nesting()


def mapped(tensors: Sequence[Tensor]) -> tuple[int, int] | None:
    """The level and the number of members that tensors are mapped over.

    None if they are not, or if another transform is between them and that.
    """
    levels = {
        _functorch.maybe_get_level(one)
        for one in tensors
        if _functorch.is_batchedtensor(one)
    }
    if len(levels) != 1 or levels != {_functorch.maybe_current_level()}:
        return None
    (level,) = levels
    one = next(one for one in tensors if _functorch.is_batchedtensor(one))
    inner = _functorch.get_unwrapped(one)
    if _functorch.is_functorch_wrapped_tensor(inner):
        return None
    return level, inner.shape[_functorch.maybe_get_bdim(one)]


def together(one: Tensor, level: int, members: int) -> Tensor:
    """All members' values, shape (M, ...), of a tensor of one."""
    return _functorch._remove_batch_dim(one, level, members, 0)


def apart(one: Tensor, level: int) -> Tensor:
    """A tensor of one member, of all members' values (M, ...)."""
    return _functorch._add_batch_dim(one, 0, level)


class MemberLinear(nn.Linear):
    """A linear layer of stacked members as one product.

    Samples are put in the last, longest dimension: products of many small
    matrices are twice as fast that way.
    """

    def __init__(self, layer: nn.Linear) -> None:
        nn.Module.__init__(self)
        self.in_features = layer.in_features
        self.out_features = layer.out_features
        # Where weights move with depth, they are buffers.
        self._parameters.update(layer._parameters)
        self._buffers.update(layer._buffers)
        self._non_persistent_buffers_set = layer._non_persistent_buffers_set

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim != 2:
            return super().forward(input)
        found = mapped([input, self.weight])
        if found is None or self.bias is None:
            output = self.weight @ input.mT
            column = 0 if self.bias is None else self.bias[:, None]
            return (output + column).mT
        level, members = found
        x, weight, bias = (
            together(one, level, members)
            for one in (input, self.weight, self.bias)
        )
        output = torch.baddbmm(bias[:, :, None], weight, x.mT)
        return apart(output.mT, level)


def use_member_layers(model: nn.Module) -> None:
    """Replace linear layers of a model that is stacked, in place."""
    for part in model.modules():
        for name, child in part.named_children():
            if type(child) is nn.Linear:
                setattr(part, name, MemberLinear(child))


class Slots:
    """Where a model keeps what has these names, to put other values there.

    The values of the model are lost; :meth:`fill` takes the names' order.
    """

    def __init__(self, model: nn.Module, names: Sequence[str]) -> None:
        places: dict[int, list[tuple[dict[str, Any], str]]] = {}
        named = {
            **dict(model.named_parameters()),
            **dict(model.named_buffers()),
        }
        for part in model.modules():
            for kept in (part._parameters, part._buffers):
                for leaf, value in kept.items():
                    places.setdefault(id(value), []).append((kept, leaf))
        self._places = [places[id(named[name])] for name in names]

    def fill(self, values: Sequence[Tensor]) -> None:
        """Put a value wherever the model has that parameter or buffer."""
        for places, value in zip(self._places, values, strict=True):
            for kept, leaf in places:
                kept[leaf] = value
