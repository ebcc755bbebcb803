"""Compiled networks run uncompiled while somebody looks at their operations.

torch keeps one stance for all threads: the first who wants it sets it, and the last one puts back
what was before.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import nn


def is_compiled(module: nn.Module) -> bool:
    """Whether `torch.compile(module)` made it, or `module.compile()` was called."""
    own = getattr(module, "_compiled_call_impl", None)
    return own is not None or type(module).__name__ == "OptimizedModule"


def _compiler_is_loaded() -> bool:
    """Whether anything may be compiled. A compiled function inside a forward pass does not show,
    but whoever compiles has loaded torch's compiler; nobody else needs to pay for loading it."""
    return "torch._dynamo.eval_frame" in sys.modules


class _Stance:
    """torch's stance, held for as long as anybody needs it."""

    def __init__(self) -> None:
        self.lock, self.users = threading.Lock(), 0
        self.held: AbstractContextManager[None] = nullcontext()

    def take(self) -> None:
        with self.lock:
            if self.users == 0:
                forced = getattr(torch.compiler, "set_stance", None)  # from torch 2.6 on
                self.held = nullcontext() if forced is None else forced("force_eager")
                self.held.__enter__()
            self.users += 1

    def give_back(self) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0:
                self.held.__exit__(None, None, None)


_stance = _Stance()


@contextmanager
def uncompiled() -> Iterator[None]:
    """Run what is compiled as the Python that it was made from."""
    if not _compiler_is_loaded():
        yield
        return
    _stance.take()
    try:
        yield
    finally:
        _stance.give_back()
