"""Layers that are linear up to a bias: dense ones and convolutions, forward and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
import torch.nn.functional as F

from xaiwidgets.core.intercept import Operation
from xaiwidgets.core.layout import by_planes
from xaiwidgets.core.reading import axes_of, factors

_CONVOLUTION_BACKWARD = torch.ops.aten.convolution_backward.default
Kind = Literal["convolution", "dense"]


@dataclass(frozen=True)
class Affine:
    """One such layer as the network called it: y = scale · (W x + b) + shift, where `scale` and
    `shift` come from a batch normalisation that follows it at once."""

    kind: Kind
    weight: torch.Tensor
    bias: torch.Tensor | None
    geometry: tuple[Any, ...] = ()  # stride, padding, dilation, transposed, output padding, groups
    around: tuple[int, ...] = ()  # padding by zeros that is not the same on both sides
    scale: torch.Tensor | None = None
    shift: torch.Tensor | None = None

    def by_channel(self, values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        """One value a channel, shaped to go with an output: (batch, channels, ...) of a
        convolution, (..., channels) of a dense layer."""
        return values if self.kind == "dense" else values.view(-1, *[1] * (like.ndim - 2))

    def normalised(self, scale: torch.Tensor, shift: torch.Tensor) -> Affine:
        """This layer with a batch normalisation behind it: scale and shift for every channel."""
        return replace(self, scale=scale, shift=shift)

    def unbiased(self) -> Affine:
        """This layer without its bias and without the normalisation's shift."""
        shift = None if self.shift is None else torch.zeros_like(self.shift)
        return replace(self, bias=None, shift=shift)

    def merged(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Weight and bias with the normalisation merged into them."""
        if self.scale is None or self.shift is None:
            return self.weight, self.bias
        bias = self.shift if self.bias is None else torch.addcmul(self.shift, self.bias, self.scale)
        return self._scaled(self.scale), bias

    def _scaled(self, scale: torch.Tensor) -> torch.Tensor:
        weight = self.weight
        if self.kind == "convolution" and self.geometry[3]:
            groups = self.geometry[5]
            parts = weight.unflatten(0, (groups, -1))
            by_group = scale.view(groups, 1, -1, *[1] * (weight.ndim - 2))
            return (parts * by_group).flatten(0, 1)
        return weight * scale.view(-1, *[1] * (weight.ndim - 1))

    def forward(
        self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None
    ) -> torch.Tensor:
        """W x + b with other numbers in place of the layer's own."""
        if self.kind == "dense":
            return F.linear(x, weight, bias)
        return torch.convolution(by_planes(self.padded(x), weight), weight, bias, *self.geometry)

    def padded(self, x: torch.Tensor) -> torch.Tensor:
        """The input with the zeros around it that `geometry` does not speak of."""
        return F.pad(x, self.around) if self.around else x

    def back(self, s: torch.Tensor, weight: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        """Wᵀ s, shaped like the layer's input."""
        if self.kind == "dense":
            return _product_of_rows(s, weight)
        unbiased = (True, False, False)
        if self.around:
            padded = replace(self, around=()).back(s, weight, self.padded(like))
            return F.pad(padded, [-side for side in self.around])
        laid = by_planes(like, weight)
        found = _CONVOLUTION_BACKWARD(s, laid, weight, None, *self.geometry, unbiased)[0]
        return found if laid is like else found.contiguous(memory_format=torch.channels_last)

    def pull(self, s: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        """Wᵀ s by the layer's own weights, normalisation included; s is used up."""
        if self.scale is not None:
            s = s.mul_(self.by_channel(self.scale, s))
        return self.back(s, self.weight, like)


def _product_of_rows(s: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """s · weight (rows, inputs). Of one picture, the time is that of reading the weight: the rows
    whose s is 0, a ReLU's units that are off, are then left out."""
    single = s.ndim == 2 and len(s) == 1 and weight.device.type == "cpu" and weight.is_contiguous()
    if not single or weight.numel() < _WORTH_CHOOSING:
        return s @ weight
    rows = s[0].nonzero().squeeze(1)
    if len(rows) > _FEW * len(weight):
        return s @ weight
    product = s.new_zeros(1, weight.shape[1])
    for some in rows.split(_AT_ONCE):
        product.addmm_(s[:, some], weight.index_select(0, some))
    return product


_WORTH_CHOOSING = 1 << 20  # weights
_FEW = 0.6
_AT_ONCE = 64  # rows, which stay in the processor's memory


def read_affine(operation: Operation) -> tuple[torch.Tensor, Affine] | None:
    """The input and the layer that an operation stands for, or None when it is not one: a product
    of two tensors that both depend on the picture, for one."""
    reader = _READERS.get(operation.kind)
    return None if reader is None else reader(operation)


def _constant(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and not value.requires_grad


def _dense(operation: Operation) -> tuple[torch.Tensor, Affine] | None:
    weight, bias = operation.argument(1, "weight"), operation.argument(2, "bias")
    if not _constant(weight) or weight.ndim != 2:
        return None
    return operation.input, Affine("dense", weight, bias)


def _product(operation: Operation) -> tuple[torch.Tensor, Affine] | None:
    x = operation.argument(0, "input")
    weight = operation.argument(1, "other", operation.argument(1, "mat2"))
    reversed_ = getattr(operation.function, "__name__", "") == "__rmatmul__"
    if reversed_ or not _constant(weight) or weight.ndim != 2 or _constant(x):
        return None
    return x, Affine("dense", weight.t(), None)


def _addmm(operation: Operation) -> tuple[torch.Tensor, Affine] | None:
    bias, x, weight = operation.input, operation.argument(1, "mat1"), operation.argument(2, "mat2")
    plain = operation.kwargs.get("beta", 1) == 1 and operation.kwargs.get("alpha", 1) == 1
    if not plain or not _constant(weight) or not _constant(bias) or bias.ndim != 1:
        return None
    return x, Affine("dense", weight.t(), bias)


@dataclass(frozen=True)
class Equation:
    """A layer that an einsum writes, as a dense one: its input (..., inputs), its weight
    (outputs, inputs) with the tensor that it is made of, and what lays its output as the network
    asked for it."""

    x: torch.Tensor
    weight: torch.Tensor
    made_of: torch.Tensor
    laid: Callable[[torch.Tensor], torch.Tensor]


def read_equation(operation: Operation) -> Equation | None:
    """The dense layer that an einsum of the input and a constant stands for; None for others."""
    given = factors(operation)
    axes = axes_of(operation, given)
    if axes is None or _constant(given[0]) == _constant(given[1]):
        return None
    (first, second, out), (x, weight) = axes, given
    if _constant(x):
        x, weight, first, second = weight, x, second, first
    inputs = [each for each in second if each in first and each not in out]
    outputs = [each for each in second if each not in first]
    kept = [each for each in first if each not in inputs]
    order = [*kept, *outputs]
    whole = len(inputs) + len(outputs) == len(second) and sorted(order) == sorted(out)
    if not inputs or not outputs or not whole:
        return None
    sizes = [weight.shape[second.index(each)] for each in outputs]
    dense = weight.permute([second.index(each) for each in [*outputs, *inputs]])
    return Equation(
        x.permute([first.index(each) for each in [*kept, *inputs]]).flatten(len(kept)),
        dense.flatten(len(outputs)).flatten(0, len(outputs) - 1),
        weight,
        lambda y: y.unflatten(-1, sizes).permute([order.index(each) for each in out]),
    )


def _convolution(rank: int) -> Callable[[Operation], tuple[torch.Tensor, Affine] | None]:
    def read(operation: Operation) -> tuple[torch.Tensor, Affine] | None:
        x, weight = operation.input, operation.argument(1, "weight")
        if not _constant(weight):
            return None
        stride = _tuple(operation.argument(3, "stride", 1), rank)
        dilation = _tuple(operation.argument(5, "dilation", 1), rank)
        padding, around = operation.argument(4, "padding", 0), _NOTHING
        if isinstance(padding, str):
            padding, around = _padding(padding, dilation, weight.shape[2:])
        groups = operation.argument(6, "groups", 1)
        geometry = (stride, _tuple(padding, rank), dilation, False, (0,) * rank, groups)
        return x, Affine("convolution", weight, operation.argument(2, "bias"), geometry, around)

    return read


_NOTHING: tuple[int, ...] = ()


def _padding(
    padding: str, dilation: tuple[int, ...], kernel: torch.Size
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What "same" or "valid" stand for: zeros on both sides, or around the input where the sides
    differ."""
    total = [d * (k - 1) if padding == "same" else 0 for d, k in zip(dilation, kernel, strict=True)]
    if not any(each % 2 for each in total):
        return tuple(each // 2 for each in total), ()
    around = [side for each in reversed(total) for side in (each // 2, each - each // 2)]
    return (0,) * len(total), tuple(around)


def _transposed(rank: int) -> Callable[[Operation], tuple[torch.Tensor, Affine] | None]:
    def read(operation: Operation) -> tuple[torch.Tensor, Affine] | None:
        x, weight = operation.input, operation.argument(1, "weight")
        if not _constant(weight):
            return None
        names = ((3, "stride", 1), (4, "padding", 0), (7, "dilation", 1), (5, "output_padding", 0))
        stride, padding, dilation, output = (
            _tuple(operation.argument(*name), rank) for name in names
        )
        groups = operation.argument(6, "groups", 1)
        geometry = (stride, padding, dilation, True, output, groups)
        return x, Affine("convolution", weight, operation.argument(2, "bias"), geometry)

    return read


def _tuple(value: Any, rank: int) -> tuple[int, ...]:
    return (int(value),) * rank if isinstance(value, int) else tuple(int(each) for each in value)


_READERS: dict[str, Callable[[Operation], tuple[torch.Tensor, Affine] | None]] = {
    "linear": _dense,
    "matmul": _product,
    "mm": _product,
    "addmm": _addmm,
    **{f"conv{rank}d": _convolution(rank) for rank in (1, 2, 3)},
    **{f"conv_transpose{rank}d": _transposed(rank) for rank in (1, 2, 3)},
}
AFFINE_KINDS = tuple(_READERS)
