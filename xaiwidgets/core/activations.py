"""A layer's output, and the gradient of the score with respect to it."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from .errors import ExplainError
from .layers import first_tensor, hooked
from .subject import Subject, differentiating
from .target import BoundTarget


def layer_gradients(
    subject: Subject,
    x: torch.Tensor,
    target: BoundTarget,
    names: list[str],
    rows: torch.Tensor | None = None,
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Outputs of the named layers and ∂ score / ∂ output, each (batch, ...) as the layer lays it.

    One forward pass; the backward pass stops at the layers. A layer that is used several times is
    taken at its last use. A gradient is 0 where the score does not depend on the layer.
    """
    wanted = {_module(subject, name, x): name for name in names}
    caught: dict[str, torch.Tensor] = {}

    def catch(module: nn.Module, _: Any, output: Any) -> Any:
        value = first_tensor(output)
        if value is None or not value.is_floating_point():
            return None
        apart = len(wanted) == 1 or not value.requires_grad
        kept = value.detach().requires_grad_() if apart else value
        caught[wanted[module]] = kept
        return _replaced(output, value, kept.clone())

    with differentiating():
        with hooked(list(wanted), catch):
            score = target.score(subject(x), rows)
        missing = [name for name in names if name not in caught]
        if missing:
            raise ExplainError(f"Layer {missing[0]!r} gave no tensor in this pass; choose another.")
        outputs = [caught[name] for name in names]
        if not score.requires_grad:
            return {name: (o.detach(), torch.zeros_like(o)) for name, o in caught.items()}
        gradients = torch.autograd.grad(score.sum(), outputs, allow_unused=True)
    return {
        name: (output.detach(), torch.zeros_like(output) if grad is None else grad)
        for name, output, grad in zip(names, outputs, gradients, strict=True)
    }


def _module(subject: Subject, name: str, x: torch.Tensor) -> nn.Module:
    modules = dict(subject.model.named_modules())
    if name not in modules or not name:
        subject.layers(x)[name]
        raise ExplainError(f"No layer is called {name!r}.")
    return modules[name]


def _replaced(output: Any, value: torch.Tensor, other: torch.Tensor) -> Any:
    """`output` with one tensor exchanged, in the container that it came in."""
    if output is value:
        return other
    if isinstance(output, (tuple, list)):
        parts = [other if part is value else part for part in output]
        return type(output)(*parts) if hasattr(output, "_fields") else type(output)(parts)
    for key in list(output.keys()):
        if output[key] is value:
            output[key] = other
    return output
