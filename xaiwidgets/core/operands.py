"""What an intercepted operation works on, where its arguments have to be read with care."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch

from .intercept import Operation


def over_and_under(operation: Operation) -> tuple[Any, Any]:
    """Dividend and divisor, also where Python turned them round."""
    values = operation.args[:2]
    turned = getattr(operation.function, "__name__", "") in ("__rdiv__", "__rtruediv__")
    over, under = values[::-1] if turned else values
    return over, under


def heads(operation: Operation) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """An attention's query, scaled, its key, transposed, and its value; the latter two repeated
    where several queries share them."""
    query, key, value = operation.args[:3]
    scale = operation.kwargs.get("scale") or 1 / math.sqrt(query.shape[-1])
    if operation.kwargs.get("enable_gqa"):
        repeats = query.shape[-3] // key.shape[-3]
        key, value = (part.repeat_interleave(repeats, -3) for part in (key, value))
    return query * scale, key.transpose(-2, -1), value


def masked(logits: torch.Tensor, operation: Operation) -> torch.Tensor:
    """An attention's logits under the mask that it was given."""
    mask = operation.argument(3, "attn_mask")
    if operation.argument(5, "is_causal", False):
        mask = torch.ones(logits.shape[-2:], dtype=torch.bool, device=logits.device).tril()
    if mask is None:
        return logits
    if mask.dtype == torch.bool:
        return logits.masked_fill(~mask, torch.finfo(logits.dtype).min)
    return logits + mask


@dataclass(frozen=True)
class Norm:
    """What a norm by the input's own statistics does: over which dimensions of the input, laid as
    `shape`, whether it takes away the mean, and what scales and shifts the outcome."""

    shape: tuple[int, ...]
    dims: tuple[int, ...]
    eps: float
    centres: bool = True
    weight: torch.Tensor | None = None
    bias: torch.Tensor | None = None

    def finished(self, standardised: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        """The standardised input laid like the input itself, scaled and shifted."""
        y = standardised.reshape(like.shape)
        y = y if self.weight is None else y * self.weight
        return y if self.bias is None else y + self.bias


def read_norm(operation: Operation) -> Norm:
    """A layer, RMS, group, instance or batch norm; the latter two by the input's statistics."""
    x, kind = operation.input, operation.kind
    if kind in ("layer_norm", "rms_norm"):
        last = tuple(range(-len(operation.argument(1, "normalized_shape")), 0))
        weight = operation.argument(2, "weight")
        if kind == "layer_norm":
            eps, bias = operation.argument(4, "eps", 1e-5), operation.argument(3, "bias")
            return Norm(tuple(x.shape), last, eps, True, weight, bias)
        eps = operation.argument(3, "eps")
        eps = torch.finfo(x.dtype).eps if eps is None else eps
        return Norm(tuple(x.shape), last, eps, False, weight)
    shape: tuple[int, ...]
    dims: tuple[int, ...]
    if kind == "group_norm":
        shape, dims = (len(x), operation.argument(1, "num_groups"), -1), (2,)
        weight, bias = operation.argument(2, "weight"), operation.argument(3, "bias")
        eps = operation.argument(4, "eps", 1e-5)
    else:
        shape, dims = tuple(x.shape), tuple(range(2, x.ndim))
        dims = (0, *dims) if kind == "batch_norm" else dims
        weight, bias = operation.argument(3, "weight"), operation.argument(4, "bias")
        eps = operation.argument(7, "eps", 1e-5)
    return Norm(shape, dims, eps, True, _by_channel(weight, x), _by_channel(bias, x))


def _by_channel(values: torch.Tensor | None, x: torch.Tensor) -> torch.Tensor | None:
    return None if values is None else values.view(-1, *[1] * (x.ndim - 2))
