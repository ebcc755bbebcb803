"""A network handed to code that is not ours comes out as it went in."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from .errors import ExplainError
from .fingerprint import NetworkFingerprint
from .layers import is_ours

_locks: weakref.WeakKeyDictionary[nn.Module, threading.RLock] = weakref.WeakKeyDictionary()


@contextmanager
def guarded(network: nn.Module, who: str) -> Iterator[None]:
    """Put back flags, gradients, hooks, submodules, parameters and buffers, whatever happens.

    Parameters that `who` changed are restored from a copy, and that is an ExplainError: an answer
    that changes the network it explains is about another network. One guard at a time: two would
    take each other's changes for the network's own state.
    """
    with _locks.setdefault(network, threading.RLock()):
        fingerprint = NetworkFingerprint()
        before = fingerprint.of(network)
        attributes = [(module, _copied(vars(module))) for module in network.modules()]
        tensors = [_Kept(tensor) for tensor in (*network.parameters(), *network.buffers())]
        try:
            yield
        finally:
            for module, kept in attributes:
                _put_back(vars(module), kept)
            changed = fingerprint.of(network) != before
            for tensor in tensors:
                tensor.put_back(changed)
    if changed:
        raise ExplainError(
            f"{who} changed the network's parameters or buffers while it ran; they were restored "
            "and its answer was thrown away."
        )


class _Kept:
    """A tensor's storage, numbers, flag and gradient as they were."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor, self.data, self.numbers = tensor, tensor.data, tensor.detach().clone()
        self.needs, grad = tensor.requires_grad, tensor.grad if tensor.is_leaf else None
        self.grad = None if grad is None else _Kept(grad)

    def put_back(self, numbers: bool = True) -> None:
        tensor = self.tensor
        if tensor.data_ptr() != self.data.data_ptr():
            tensor.data = self.data
        if numbers:
            self.data.copy_(self.numbers)
        if tensor.requires_grad != self.needs:
            tensor.requires_grad_(self.needs)
        if self.grad is not None:
            self.grad.put_back()
        if tensor.is_leaf:
            tensor.grad = None if self.grad is None else self.grad.tensor


def _copied(attributes: dict[str, Any]) -> dict[str, Any]:
    """A module's attributes, with the dictionaries among them (hooks, parameters) copied too."""
    return {
        name: (value, _foreign(value) if isinstance(value, dict) else None)
        for name, value in attributes.items()
    }


def _put_back(attributes: dict[str, Any], kept: dict[str, Any]) -> None:
    for name in set(attributes) - set(kept):
        del attributes[name]
    for name, (value, entries) in kept.items():
        if entries is not None:
            present = _ours(value)
            value.clear()
            value.update({**entries, **present})
        attributes[name] = value


def _foreign(entries: dict[Any, Any]) -> dict[Any, Any]:
    """All but the hooks of our own that another thread has in place for the moment."""
    return {key: value for key, value in list(entries.items()) if not is_ours(value)}


def _ours(entries: dict[Any, Any]) -> dict[Any, Any]:
    return {key: value for key, value in list(entries.items()) if is_ours(value)}
