"""Random numbers from a generator of one's own, also where the code that draws takes none."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch.utils import _python_dispatch
from torch.utils._python_dispatch import TorchDispatchMode

_aten = torch.ops.aten


class DrawnBy(TorchDispatchMode):
    """Random operations in this block draw from `generator`, and torch's own generators stay where
    they are: layers' initialisers, dropout, noise, attention that drops.

    It holds for this thread alone, so that blocks run side by side. On another device than the
    generator's, one of the same seed takes its place.

    >>> with DrawnBy(torch.Generator().manual_seed(3)):
    ...     network = build()
    """

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self._generators = {generator.device: generator}
        self._seed = generator.initial_seed()

    def __enter__(self) -> Any:
        with _flags.lock:
            _flags.enter()
            return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        with _flags.lock:
            super().__exit__(*error)
            _flags.leave()

    def __torch_dispatch__(  # type: ignore[no-untyped-def]
        self, func, types, args=(), kwargs=None
    ) -> Any:
        """Called by torch for every operation."""
        draw = _drawing(func)
        if draw is None or (kwargs or {}).get("generator") is not None:
            return func(*args, **(kwargs or {}))
        return draw(*args, **(kwargs or {}), generator=self._on(args, kwargs or {}))

    def _on(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Generator:
        first = next((a for a in args if isinstance(a, torch.Tensor)), None)
        device = first.device if first is not None else kwargs.get("device") or "cpu"
        device = torch.device(device)
        if device not in self._generators:
            self._generators[device] = torch.Generator(device).manual_seed(self._seed)
        return self._generators[device]


class _Flags:
    """Whether any mode is on, as torch notes it down for its compiler: once for the whole process.
    A mode that ends puts back what it found, which was another thread's."""

    def __init__(self) -> None:
        self.lock, self.users = threading.RLock(), 0
        self.before: dict[str, bool] = {}

    def enter(self) -> None:
        if self.users == 0:
            self.before = _noted()
        self.users += 1

    def leave(self) -> None:
        self.users -= 1
        right = dict.fromkeys(self.before, True) if self.users else self.before
        if _noted() != right:
            vars(_python_dispatch).update(right)
            with _Nothing():  # puts back what it found, and tells the compiler
                pass


class _Nothing(TorchDispatchMode):
    """Lets every operation be."""


def _noted() -> dict[str, bool]:
    names = vars(_python_dispatch).items()
    return {name: value for name, value in names if name.startswith("_is_in_") and value in _BOTH}


_BOTH = (True, False)
_flags = _Flags()


@functools.cache
def _drawing(func: Any) -> Callable[..., Any] | None:
    """The same operation with a generator, or None for one that draws nothing."""
    packet = func.overloadpacket
    if packet in _WITHOUT:
        return _WITHOUT[packet]
    if _takes_generator(func):
        return func  # type: ignore[no-any-return]
    kin = (getattr(packet, name) for name in packet.overloads())
    return packet if any(_takes_generator(each) for each in kin) else None


def _takes_generator(func: Any) -> bool:
    return any(argument.name == "generator" for argument in func._schema.arguments)


# --- operations that take no generator, or did not in every torch that is supported --------------


def _dropout(
    x: torch.Tensor, p: float, train: bool | None, *, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    kept = torch.ones_like(x, dtype=torch.bool)
    if train is False or p == 0:
        return x.clone(), kept
    kept.bernoulli_(1 - p, generator=generator)
    return x * kept * (1 / (1 - p) if p < 1 else 0.0), kept


def _rand_like(x: torch.Tensor, *, generator: torch.Generator, **like: Any) -> torch.Tensor:
    return torch.empty_like(x, **like).uniform_(generator=generator)


def _randn_like(x: torch.Tensor, *, generator: torch.Generator, **like: Any) -> torch.Tensor:
    return torch.empty_like(x, **like).normal_(generator=generator)


_WITHOUT: dict[Any, Callable[..., Any]] = {
    _aten.native_dropout: _dropout,
    _aten.rand_like: _rand_like,
    _aten.randn_like: _randn_like,
}
