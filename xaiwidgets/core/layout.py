"""How pixels lie in memory while a network works on them.

On a CPU, convolutions take up to a fifth less time when a pixel's channels lie side by side
("channels last") than plane by plane, and give the same numbers up to rounding. Filters are put in
order for it in every pass, which pays where there are more outputs than weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from .fingerprint import every_module
from .layers import hooked

NEVER = math.inf
_OUTPUTS_A_WEIGHT = 0.85
_WEIGHTS_AN_INPUT = 2
_MANY_ROWS = 32


def pays_from(network: nn.Module, one: torch.Tensor, run: Callable[[Any], torch.Tensor]) -> float:
    """The smallest number of pictures like `one` (1, channels, height, width) with which channels
    last is faster; NEVER where the network cannot take it or answers otherwise. `run` gives the
    network's scores."""
    convolutions = [part for part in every_module(network) if isinstance(part, nn.Conv2d)]
    if len(convolutions) < 2 or one.device.type != "cpu" or one.dtype != torch.float32:
        return NEVER
    outputs: list[int] = []
    with torch.no_grad():
        with hooked(list(convolutions), lambda _, __, output: outputs.append(output.numel())):
            plain = run(one.clone())
        if not _alike(plain, run(channels_last(one))):
            return NEVER
    weights = sum(convolution.weight.numel() for convolution in convolutions)
    return _OUTPUTS_A_WEIGHT * weights / max(sum(outputs), 1)


def _alike(plain: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two outputs differ by rounding alone; never where one is NaN."""
    off = (plain - other).abs().max()
    return bool(off <= 1e-3 * plain.abs().max())


def channels_last(x: torch.Tensor) -> torch.Tensor:
    """A copy with the channels last in memory; gradients come back plane by plane."""
    return _ChannelsLast.apply(x)


def by_planes(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """A convolution's input (batch, channels, height, width), laid plane by plane where its filters
    are wider than a pixel and have more numbers than twice the input: to order them for channels
    last then takes longer than the pass gains by it."""
    return x.contiguous() if weight.is_contiguous() and _outweighs(weight, x, x.numel()) else x


def _outweighs(weight: torch.Tensor, x: torch.Tensor, numbers: int) -> bool:
    """Whether a layer's filters are wider than a pixel and more than twice so many numbers."""
    wide = weight.ndim == 4 and weight[0, 0].numel() > 1
    return wide and weight.numel() > _WEIGHTS_AN_INPUT * numbers and x.device.type == "cpu"


class PlanesConvolution(nn.Module):
    """A convolution whose filters lie in planes, and its input with them where `by_planes` says
    so; the same numbers up to rounding."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = convolution.weight.detach().contiguous(), convolution.bias
        self.way: tuple[Any, ...] = (
            convolution.stride, convolution.padding, convolution.dilation, convolution.groups,
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the convolution makes of x."""
        return F.conv2d(by_planes(x, self.weight), self.weight, self.bias, *self.way)


def wants_planes(convolution: nn.Module, x: torch.Tensor) -> bool:
    """Whether a convolution that reads x (rows, channels, height, width) takes less time so, also
    with many rows."""
    if type(convolution) is not nn.Conv2d or convolution.padding_mode != "zeros":
        return False
    return _outweighs(convolution.weight, x, _MANY_ROWS * x[:1].numel())


class _ChannelsLast(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        with torch._C.DisableTorchFunction():  # no doing of the network's, which somebody may watch
            return x.clone(memory_format=torch.channels_last)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        return gradient.contiguous()
