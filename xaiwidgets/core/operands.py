"""What an intercepted operation works on, where its arguments have to be read with care."""

from __future__ import annotations

import math
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
