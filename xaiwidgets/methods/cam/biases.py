"""What an operation adds to the score besides what its inputs carry: its bias, said or implied."""

from __future__ import annotations

from typing import Any

import torch

from xaiwidgets.core.intercept import ELEMENTWISE, Operation

_HOMOGENEOUS = ("relu", "leaky_relu", "abs")  # f(x) = f′(x) · x: no bias
_CURVED = tuple(kind for kind in ELEMENTWISE if kind not in _HOMOGENEOUS)
BIASED = (
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
    "linear", "addmm", "batch_norm", "add", "sub", "mul", *_CURVED,
)  # fmt: skip


def bias_of(operation: Operation) -> torch.Tensor | None:
    """f(x) − f′(x) · x of an operation that is about to run, in a shape that spreads over what it
    makes; None where it is 0, or where this is not known how to work out."""
    kind = operation.kind
    if kind.startswith("conv"):
        return _of_channels(operation.argument(2, "bias"), operation.input.ndim)
    if kind == "linear":
        return operation.argument(2, "bias")
    if kind == "addmm":
        return operation.argument(0, "input")
    if kind == "batch_norm":
        x = operation.input
        return _at(operation, x.new_zeros(1, x.shape[1], *[1] * (x.ndim - 2)))
    if kind in ("add", "sub"):
        return _of_a_sum(operation)
    if kind == "mul":
        a, b = operation.args[:2]
        return -(a * b).detach() if depends(a) and depends(b) else None
    return _of_a_curve(operation) if kind in _CURVED else None


def depends(value: Any) -> bool:
    """Whether a tensor depends on the network's input."""
    return isinstance(value, torch.Tensor) and value.requires_grad


def _of_channels(bias: torch.Tensor | None, ndim: int) -> torch.Tensor | None:
    return None if bias is None else bias.view(-1, *[1] * (ndim - 2))


def _at(operation: Operation, x: torch.Tensor) -> torch.Tensor:
    """What the operation makes of another input."""
    return operation.function(x, *operation.args[1:], **operation.kwargs)


def _of_a_sum(operation: Operation) -> torch.Tensor | None:
    """A constant that is added or subtracted: the sum with nothing in the other's place."""
    sides = operation.args[:2]
    if len(sides) < 2 or all(map(depends, sides)):
        return None
    empty = [torch.zeros_like(side) if depends(side) else side for side in sides]
    return operation.function(*empty, *operation.args[2:], **operation.kwargs).detach()


def _of_a_curve(operation: Operation) -> torch.Tensor:
    """f(x) − f′(x) · x of a function of one number."""
    with torch.enable_grad():
        x = operation.input.detach().clone().requires_grad_()
        made = _at(operation, x.clone())  # it may work in place
        (slope,) = torch.autograd.grad(made.sum(), x)
    return (made - slope * x).detach()
