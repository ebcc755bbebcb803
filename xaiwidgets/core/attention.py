"""Attention, however a network writes it: the weights of its heads, and what they read.

`scaled_dot_product_attention`, `nn.MultiheadAttention` and a softmax followed by a product (matmul,
bmm, @, einsum) are all met as the same two tensors. Hooks may be put on them, also under the rules
of another method.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from .errors import ExplainError
from .intercept import Operation, replacing
from .operands import heads, masked
from .reading import axis_after, factors, read_reading


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
    laid like `read`.

    Raises ExplainError at the end of the block for weights from every token to every token that
    nothing read in a way that can be seen.
    """
    seen = _Seen(rows, visit)
    rules = {
        "softmax": seen.softmax,
        **dict.fromkeys(("matmul", "bmm", "einsum"), seen.product),
        "scaled_dot_product_attention": seen.whole,
    }
    with replacing(network, rules, seen.other, opening=False):
        yield
    seen.check()


@dataclass
class _Weights:
    """What a softmax made, until something reads by it."""

    shape: tuple[int, ...]
    read: bool = False


class _Seen:
    """The rules of one pass. Tensors that are weights know it: `_attends` holds which they are, and
    the axis along which they add up to 1."""

    def __init__(self, rows: int, visit: Visit) -> None:
        self.rows, self.visit, self.number = rows, visit, 0
        self.made: list[_Weights] = []

    def softmax(self, operation: Operation) -> torch.Tensor:
        """Of three or four dimensions: weights, if they are multiplied."""
        result, dim = operation.run(), operation.argument(1, "dim")
        if result.ndim in (3, 4) and dim is not None:
            weights = _Weights(tuple(result.shape))
            result._attends = weights, dim % result.ndim
            if result.shape[1:].count(result.shape[dim]) > 1:  # from token to token, by its looks
                self.made.append(weights)
        return result

    def other(self, operation: Operation) -> Any:
        """Weights stay weights when they are masked, scaled, dropped out and laid otherwise."""
        result = operation.run()
        given: Any = operation.args[0] if operation.args else None
        if isinstance(result, torch.Tensor) and hasattr(given, "_attends"):
            weights, axis = given._attends
            axis = axis_after(operation, axis, result)
            if axis is not None:
                result._attends = weights, axis  # type: ignore[attr-defined]
        return result

    def product(self, operation: Operation) -> torch.Tensor:
        """Weights times values."""
        for tensor in factors(operation):
            if hasattr(tensor, "_attends"):
                weights, axis = tensor._attends
                reading = read_reading(operation, tensor, axis, self.rows)
                if reading is not None:
                    weights.read = len(reading.weights) % self.rows == 0
                    return reading.laid(self._shown(reading.weights, reading.run()))
        return operation.run()

    def whole(self, operation: Operation) -> torch.Tensor:
        """An attention in one operation, opened."""
        query, key, value = heads(operation)
        weights = masked(query @ key, operation).softmax(-1)
        return self._shown(weights, weights @ value)

    def check(self) -> None:
        """Refuse weights that went nowhere."""
        lost = next((each for each in self.made if not each.read), None)
        if lost is not None:
            raise ExplainError(
                f"This network's attention weights of shape {lost.shape} are read in a way that "
                "cannot be followed from token to token; matmul, bmm, @, einsum of two tensors, "
                "scaled_dot_product_attention and nn.MultiheadAttention can. "
                "LRP(preset='AttnLRP') explains it as it is."
            )

    def _shown(self, weights: torch.Tensor, read: torch.Tensor) -> torch.Tensor:
        if weights.shape[0] % self.rows:
            return read
        instead = self.visit(Attention(self.number, self.rows, weights, read))
        self.number += 1
        return read if instead is None else instead
