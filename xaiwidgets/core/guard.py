"""A network handed to code that is not ours comes out as it went in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from .errors import ExplainError
from .fingerprint import NetworkFingerprint

_HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_pre_hooks_with_kwargs",
    "_forward_hooks_always_called",
)


@contextmanager
def guarded(network: nn.Module, who: str) -> Iterator[None]:
    """Put back flags, gradients, hooks, parameters and buffers, whatever happens inside.

    Parameters that `who` changed are restored from a copy, and that is an ExplainError: an answer
    that changes the network it explains is about another network.
    """
    fingerprint = NetworkFingerprint()
    before = fingerprint.of(network)
    training = [(module, module.training) for module in network.modules()]
    hooks = [
        (module, name, dict(getattr(module, name)))
        for module in network.modules()
        for name in _HOOKS
        if hasattr(module, name)
    ]
    parameters = [(p, p.requires_grad, p.grad) for p in network.parameters()]
    grads = [None if grad is None else grad.clone() for _, _, grad in parameters]
    tensors = [*network.parameters(), *network.buffers()]
    copies = [tensor.detach().clone() for tensor in tensors]
    try:
        yield
    finally:
        for module, flag in training:
            module.training = flag
        for module, name, saved in hooks:
            kept = getattr(module, name)
            kept.clear()
            kept.update(saved)
        for (parameter, needs, grad), saved_grad in zip(parameters, grads, strict=True):
            parameter.requires_grad_(needs)
            if grad is not None and saved_grad is not None:
                with torch.no_grad():
                    grad.copy_(saved_grad)
            parameter.grad = grad
        changed = fingerprint.of(network) != before
        if changed:
            with torch.no_grad():
                for tensor, copy in zip(tensors, copies, strict=True):
                    tensor.data.copy_(copy)
    if changed:
        raise ExplainError(
            f"{who} changed the network's parameters or buffers while it ran; they were restored "
            "and its answer was thrown away."
        )
