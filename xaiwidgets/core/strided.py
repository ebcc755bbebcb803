"""The gradient that a convolution with a stride sends back to few channels, made in one go.

A network's first convolution has three channels to send a gradient to, and libraries take up to
five times as long for that as they took forward: they go tap by tap. With a stride s, though, the
pixels of a picture are of s × s kinds, and those of one kind get their gradient through the same
taps, each from its own places. So the gradients of all kinds are the s² · channels outputs of one
plain convolution over the gradient that arrived, and only have to be laid side by side.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

_FEW, _TAPS = 4, 4


def gains(module: nn.Module) -> bool:
    """Whether a convolution is one whose gradient is sooner made so: with a stride, few channels
    to send it to, and a filter of 4 × 4 or more (3 × 3 takes as long either way)."""
    if type(module) is not nn.Conv2d or module.groups > 1 or module.in_channels > _FEW:
        return False
    steps, taps, apart = set(module.stride), set(module.kernel_size), set(module.dilation)
    plain = isinstance(module.padding, tuple) and module.padding_mode == "zeros" and apart == {1}
    return plain and len({*module.padding}) == len(steps) == len(taps) == 1 and (
        min(steps) > 1 and min(taps) >= _TAPS
    )  # fmt: skip


class StridedConvolution(nn.Module):
    """A convolution that `gains`: the same numbers up to rounding, forward and for its input; its
    filters get no gradient."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        weight = convolution.weight.detach()
        self.weight, self.bias = weight, convolution.bias
        self.step, self.padding = convolution.stride[0], int(convolution.padding[0])
        taps, self.first = _by_kind(weight, self.step, self.padding)
        last = weight.is_contiguous(memory_format=torch.channels_last)
        self.taps = taps.contiguous(
            memory_format=torch.channels_last if last else torch.contiguous_format
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the convolution makes of x."""
        made: torch.Tensor = _Convolved.apply(x, self)
        return made

    def back(self, gradient: torch.Tensor, height: int, width: int) -> torch.Tensor:
        """From the gradient of what it made to that of its input."""
        step, reach = self.step, self.taps.shape[-1]
        rows, columns = -(-height // step), -(-width // step)
        beyond = [
            wanted + reach - 1 + self.first - given
            for wanted, given in zip((rows, columns), gradient.shape[2:], strict=True)
        ]
        around = max(-self.first, *beyond)
        kinds = F.conv2d(gradient, self.taps, padding=around)
        start = around + self.first
        own = kinds[:, :, start : start + rows, start : start + columns]
        return F.pixel_shuffle(own, step)[:, :, :height, :width]


class _Convolved(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, own: StridedConvolution) -> torch.Tensor:
        ctx.own, ctx.size = own, x.shape[2:]
        return F.conv2d(x, own.weight, own.bias, own.step, own.padding)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return ctx.own.back(gradient, *ctx.size), None


def _by_kind(weight: torch.Tensor, step: int, padding: int) -> tuple[torch.Tensor, int]:
    """Filters (channels · step², made, reach, reach) from places of the gradient to each kind of
    pixel, and the first place that they read, relative to the pixel's own.

    Pixel y = step · u + kind gets from place u + d what tap kind + padding − step · d sent there.
    """
    made, channels, taps, _ = weight.shape
    first, last = -((taps - 1 - padding) // step), (step - 1 + padding) // step
    kinds, places = torch.arange(step), torch.arange(first, last + 1)
    tap = kinds[:, None] + padding - step * places  # (kind, place)
    real = (tap >= 0) & (tap < taps)
    at = tap.clamp(0, taps - 1)
    picked = weight[:, :, at[:, None, :, None], at[None, :, None, :]]  # made, channels, 2 kinds, 2
    picked = picked * (real[:, None, :, None] & real[None, :, None, :])
    ordered = picked.permute(1, 2, 3, 0, 4, 5)
    return ordered.reshape(channels * step * step, made, len(places), len(places)), first
