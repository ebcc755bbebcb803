"""Copies of networks, made while other threads may be watching the one that is copied."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from torch import nn

from .fingerprint import every_module
from .layers import is_ours


def own_copy(network: nn.Module) -> nn.Module:
    """A copy with parameters and buffers of its own, and with every hook but ours."""
    return _copied(network, {})


def sharing_copy(network: nn.Module, instead: Mapping[int, Any] | None = None) -> nn.Module:
    """A copy of the modules that shares every parameter and buffer with the network, with every
    hook but ours. `instead` of what it holds, by id, the copy holds something else."""
    tensors = [*network.parameters(), *network.buffers()]
    return _copied(network, {id(tensor): tensor for tensor in tensors} | {**(instead or {})})


def _copied(network: nn.Module, memo: dict[int, Any]) -> nn.Module:
    """A deep copy, in which `memo` stands for what has these ids. `deepcopy` must not walk a
    dictionary of hooks: another thread's come and go meanwhile, and are not part of the network."""
    hooks: list[tuple[OrderedDict[int, Any], list[tuple[int, Any]]]] = []
    for module in every_module(network):
        for kept in (module._forward_hooks, module._forward_pre_hooks):
            theirs = [(key, hook) for key, hook in list(kept.items()) if not is_ours(hook)]
            hooks.append((OrderedDict(), theirs))
            memo[id(kept)] = hooks[-1][0]
    twin = copy.deepcopy(network, memo)
    for made, theirs in hooks:  # last: a hook may be a method of the network itself
        made.update(copy.deepcopy(theirs, memo))
    return twin
