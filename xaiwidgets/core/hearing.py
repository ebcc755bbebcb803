"""What the network says of inputs while a method works on them, so that nobody asks it again."""

from __future__ import annotations

import contextvars
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch


@dataclass
class Heard:
    """The scores that the network gave the inputs `x`, whole or batch after batch."""

    x: torch.Tensor
    _said: dict[int, torch.Tensor] = field(default_factory=dict)

    def hear(self, x: torch.Tensor, outputs: torch.Tensor) -> None:
        """Keep what the network says of exactly these inputs, or of some of their rows."""
        start = _start(x, self.x)
        if start is None or len(outputs) != len(x):
            return
        if len(outputs) > len(self._said.get(start, ())):
            self._said[start] = outputs.detach()

    @property
    def outputs(self) -> torch.Tensor | None:
        """The scores (batch, classes), once every row was asked."""
        found: list[torch.Tensor] = []
        rows = 0
        while rows < len(self.x):
            if rows not in self._said:
                return None
            found.append(self._said[rows])
            rows += len(found[-1])
        return torch.cat(found)


def _start(part: torch.Tensor, whole: torch.Tensor) -> int | None:
    """The row of `whole` at which `part` begins, a view of it; None for any other tensor."""
    if _layout(part) != _layout(whole) or (len(part) > 1 and part.stride(0) != whole.stride(0)):
        return None
    step = max(whole.stride(0) * whole.element_size(), 1)
    start, beyond = divmod(part.data_ptr() - whole.data_ptr(), step)
    return start if not beyond and 0 <= start <= len(whole) - len(part) else None


def _layout(x: torch.Tensor) -> tuple[object, ...]:
    """What a row is, and how it lies in memory."""
    return x.dtype, x.device, x.shape[1:], x.stride()[1:]


_listening: contextvars.ContextVar[Heard | None] = contextvars.ContextVar(
    "xaiwidgets_heard", default=None
)


@contextmanager
def hearing(x: torch.Tensor) -> Iterator[Heard]:
    """Hear what the network says of `x`, should the work in this block ask it."""
    heard = Heard(x)
    with _listen(heard):
        yield heard


@contextmanager
def unheard() -> Iterator[None]:
    """What is said in this block is not the network's own word: operations or outputs of layers are
    replaced."""
    with _listen(None):
        yield


def say(x: torch.Tensor, outputs: torch.Tensor) -> None:
    """Tell whoever listens that the network answered `x` with these scores."""
    heard = _listening.get()
    if heard is not None:
        heard.hear(x, outputs)


@contextmanager
def _listen(heard: Heard | None) -> Iterator[None]:
    before = _listening.set(heard)
    try:
        yield
    finally:
        _listening.reset(before)
