"""Max pooling by proportion: a window's relevance is shared as its values are, not given to the
one that won."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.intercept import Operation

MAX_POOLS = (
    "max_pool1d", "max_pool2d", "max_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d",
)  # fmt: skip


def shared_by_proportion(operation: Operation) -> torch.Tensor:
    """R_j = Σ over windows of x_j⁺ ÷ Σ x⁺ · R; where the winner is below 0, all of a window are,
    and its values x⁻ share in the same way."""
    x, y = operation.input, operation.run()
    if not isinstance(y, torch.Tensor):
        raise ExplainError(
            "A max pooling that returns its winners' places cannot share by proportion, since they "
            "are used elsewhere; take pooling='winner'."
        )
    windows = _Windows(operation, x, y)
    for_it = _portion(windows, x, y, x > 0)
    linear = torch.where(y > 0, for_it, _portion(windows, x, y, x < 0))
    return y.detach() + linear - linear.detach()


def _portion(
    windows: _Windows, x: torch.Tensor, y: torch.Tensor, part: torch.Tensor
) -> torch.Tensor:
    """Sums of a part of every window, times what makes them y."""
    whole = windows.sums(torch.where(part, x, 0))
    below = whole.detach()
    return whole * torch.where(below == 0, 0, y.detach() / torch.where(below == 0, 1, below))


class _Windows:
    """The windows of one pooling, whose output is y."""

    def __init__(self, operation: Operation, x: torch.Tensor, y: torch.Tensor) -> None:
        self.rank = int(operation.kind[-2])
        self.out = y.shape[-self.rank :]
        inside = x.shape[-self.rank :]
        if operation.kind.startswith("adaptive"):
            self.kernel = self.stride = _even(inside, self.out)
            self.padding, self.dilation = (0,) * self.rank, (1,) * self.rank
        else:
            self.kernel = self._each(operation.argument(1, "kernel_size"))
            self.stride = self._each(operation.argument(2, "stride") or self.kernel)
            self.padding = self._each(operation.argument(3, "padding", 0))
            self.dilation = self._each(operation.argument(4, "dilation", 1))

    def _each(self, value: Any) -> tuple[int, ...]:
        return (
            (value,) * self.rank
            if isinstance(value, int)
            else tuple(value) * (self.rank // len(value))
        )

    def sums(self, values: torch.Tensor) -> torch.Tensor:
        """Σ over every window, by a convolution with ones."""
        plain = values.reshape(-1, 1, *values.shape[-self.rank :])
        sides = zip(plain.shape[2:], self.out, self.kernel, self.stride, self.padding,
                    self.dilation, strict=True)  # fmt: skip
        around = [
            side
            for size, out, kernel, stride, before, step in reversed(list(sides))
            for side in (before, max(before, (out - 1) * stride + step * (kernel - 1) + 1
                                     - size - before))
        ]  # fmt: skip
        ones = values.new_ones(1, 1, *self.kernel)
        convolve = (F.conv1d, F.conv2d, F.conv3d)[self.rank - 1]
        found = convolve(F.pad(plain, around), ones, None, self.stride, 0, self.dilation)
        for dim, out in enumerate(self.out, start=2):
            found = found.narrow(dim, 0, out)
        return found.reshape(*values.shape[: -self.rank], *self.out)


def _even(inside: Sequence[int], out: Sequence[int]) -> tuple[int, ...]:
    if any(size % count for size, count in zip(inside, out, strict=True)):
        raise ExplainError(
            f"An adaptive max pooling makes {tuple(out)} of {tuple(inside)} with windows of "
            "several sizes, which cannot share by proportion; take pooling='winner'."
        )
    return tuple(size // count for size, count in zip(inside, out, strict=True))
