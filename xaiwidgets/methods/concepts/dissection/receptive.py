"""The centres of receptive fields, followed through a pass operation by operation.

`units.reach` measures what a cell sees, with NaN, for any operation. Centres cannot be had from
that: what a cell sees ends where the picture ends, and in a deep layer every cell sees all of it,
while its centre goes on by its stride, beyond the picture too.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from xaiwidgets.core.intercept import Operation, replacing
from xaiwidgets.core.layers import first_tensor, hooked
from xaiwidgets.core.subject import Subject, uncounted

from .anchors import Sides, Spacing

_SLIDING = ("conv2d", "max_pool2d", "max_pool2d_with_indices", "avg_pool2d")
_ADAPTIVE = ("adaptive_avg_pool2d", "adaptive_max_pool2d", "adaptive_max_pool2d_with_indices")


def receptive_centres(subject: Subject, x: torch.Tensor, names: list[str]) -> dict[str, Sides]:
    """Where the cells of layers see the picture from: the centre of the first cell's receptive
    field and the step to the next, down and across, in pixels of the input.

    Convolutions and pooling move them, what keeps a map's size leaves them where they are. Layers
    behind anything else that changes the size are left out.
    """
    trail = _Trail(x)
    modules = dict(subject.model.named_modules())
    wanted: dict[nn.Module, str] = {modules[name]: name for name in names}
    found: dict[str, Sides] = {}

    def note(module: nn.Module, _: Any, output: Any) -> None:
        value = first_tensor(output)
        sides = None if value is None else trail.of(value)
        if sides is not None:
            found[wanted[module]] = sides

    watched = hooked(list(wanted), note), replacing(subject.model, {}, trail.step)
    with uncounted(), torch.no_grad(), watched[0], watched[1]:
        subject(x[:1])
    return found


class _Trail:
    """Which tensors of a pass lie where in the picture."""

    def __init__(self, x: torch.Tensor) -> None:
        self._shape = tuple(x.shape[2:])
        self._known: dict[int, Sides] = {}
        self._kept: list[torch.Tensor] = []  # an id is free for another once its tensor is gone

    def of(self, tensor: torch.Tensor) -> Sides | None:
        """The anchors of a map; one as large as the picture lies as the picture does."""
        if tensor.ndim != 4:
            return None
        own = tuple(tensor.shape[2:]) == self._shape
        return self._known.get(id(tensor), (Spacing(0, 1), Spacing(0, 1)) if own else None)

    def step(self, operation: Operation) -> Any:
        """Do an operation, and note where its result lies."""
        result = operation.run()
        made = first_tensor(result) if isinstance(result, (torch.Tensor, tuple)) else None
        if made is not None and made.ndim == 4:
            sides = self._moved(operation, made)
            if sides is not None:
                self._known[id(made)] = sides
                self._kept.append(made)
        return result

    def _moved(self, operation: Operation, made: torch.Tensor) -> Sides | None:
        name = getattr(operation.function, "__name__", "")
        for source in _tensors([*operation.args, *operation.kwargs.values()]):
            sides = self.of(source)
            if sides is None:
                continue
            if name in _SLIDING:
                return _slid(sides, operation, name)
            if name in _ADAPTIVE:
                return _parted(sides, source, made)
            if made.shape[2:] == source.shape[2:]:
                return sides
        return None


def _tensors(values: list[Any]) -> list[torch.Tensor]:
    inner = [one for v in values for one in (v if isinstance(v, (tuple, list)) else [v])]
    return [one for one in inner if isinstance(one, torch.Tensor)]


def _slid(sides: Sides, operation: Operation, name: str) -> Sides:
    """A window of k cells, `padding` of them outside, moves the centre by (k − 1) ÷ 2 − padding."""
    if name == "conv2d":
        kernel = tuple(operation.argument(1, "weight").shape[2:])
        stride = operation.argument(3, "stride", 1)
        padding = operation.argument(4, "padding", 0)
        dilation = operation.argument(5, "dilation", 1)
    else:
        kernel = _pair(operation.argument(1, "kernel_size"))
        stride = operation.argument(2, "stride") or kernel
        padding = operation.argument(3, "padding", 0)
        dilation = operation.argument(4, "dilation", 1) if name != "avg_pool2d" else 1
    found = []
    for side, (anchors, k, step, spread) in enumerate(
        zip(sides, kernel, _pair(stride), _pair(dilation), strict=True)
    ):
        reach = (k - 1) * spread
        if isinstance(padding, str):
            outside = reach // 2 if padding == "same" else 0
        else:
            outside = _pair(padding)[side]
        first = anchors.first + (reach / 2 - outside) * anchors.step
        found.append(Spacing(first, anchors.step * step))
    return found[0], found[1]


def _parted(sides: Sides, source: torch.Tensor, made: torch.Tensor) -> Sides:
    """Equal parts of a map."""
    down, across = (
        Spacing(a.first + (old / new - 1) / 2 * a.step, a.step * old / new)
        for a, old, new in zip(sides, source.shape[2:], made.shape[2:], strict=True)
    )
    return down, across


def _pair(value: Any) -> tuple[int, int]:
    numbers = (value,) if isinstance(value, int) else tuple(value)
    return (numbers[0], numbers[-1])
