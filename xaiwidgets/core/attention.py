"""Attention, however a network writes it: the weights of its heads, and what they read.

`scaled_dot_product_attention`, `nn.MultiheadAttention` and a softmax followed by a product are all
met as the same two tensors. Hooks may be put on them, also under the rules of another method.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from .intercept import Operation, replacing
from .operands import heads, masked


@dataclass(frozen=True)
class Attention:
    """One attention of a pass over `rows` examples, the `number`-th that the network does.

    `weights` (..., queries, keys) say how much every query takes of every key, and `read`
    (..., queries, width) is what it took, both as the network lays them.
    """

    number: int
    rows: int
    weights: torch.Tensor
    read: torch.Tensor

    def by_head(self, values: torch.Tensor) -> torch.Tensor:
        """Values laid like `weights` or `read` as `by_head` has them."""
        return by_head(values, self.rows)


def by_head(values: torch.Tensor, rows: int) -> torch.Tensor:
    """Values of an attention over so many examples as a view (rows, heads, windows, queries, last);
    there is one window where every token may look at all others."""
    parts = values.unflatten(0, (rows, -1))
    return parts.unsqueeze(2) if values.ndim == 3 else parts.transpose(1, 2)


Visit = Callable[[Attention], torch.Tensor | None]


@contextmanager
def attending(network: nn.Module, rows: int, visit: Visit) -> Iterator[None]:
    """Have `visit` see every attention of the forward pass over `rows` examples that is made in
    this block and this thread, in order. It may return something else for the heads to have read,
    laid like `read`."""
    seen = _Seen(rows, visit)
    rules = {
        "softmax": seen.softmax,
        "dropout": seen.dropout,
        "matmul": seen.product,
        "bmm": seen.product,
        "scaled_dot_product_attention": seen.whole,
    }
    with replacing(network, rules):
        yield


class _Seen:
    """The rules of one pass."""

    def __init__(self, rows: int, visit: Visit) -> None:
        self.rows, self.visit, self.number = rows, visit, 0

    def softmax(self, operation: Operation) -> torch.Tensor:
        """Over the last of three or four dimensions: weights, if they are multiplied."""
        ndim = operation.input.ndim
        last = operation.argument(1, "dim") in (-1, ndim - 1)
        return _marked(operation.run(), last and ndim in (3, 4))

    def dropout(self, operation: Operation) -> torch.Tensor:
        """Weights stay weights."""
        return _marked(operation.run(), hasattr(operation.input, "_attends"))

    def product(self, operation: Operation) -> torch.Tensor:
        """Weights times values."""
        weights, read = operation.argument(0, "input"), operation.run()
        return self._shown(weights, read) if hasattr(weights, "_attends") else read

    def whole(self, operation: Operation) -> torch.Tensor:
        """An attention in one operation, opened."""
        query, key, value = heads(operation)
        weights = masked(query @ key, operation).softmax(-1)
        return self._shown(weights, weights @ value)

    def _shown(self, weights: torch.Tensor, read: torch.Tensor) -> torch.Tensor:
        if weights.shape[0] % self.rows:
            return read
        instead = self.visit(Attention(self.number, self.rows, weights, read))
        self.number += 1
        return read if instead is None else instead


def _marked(tensor: torch.Tensor, attends: bool) -> torch.Tensor:
    if attends:
        tensor._attends = True  # type: ignore[attr-defined]
    return tensor
