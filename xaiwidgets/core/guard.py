"""A network handed to code that is not ours comes out as it went in."""

from __future__ import annotations

import threading
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import nn

from .blackbox import BlackBox
from .copies import own_copy, sharing_copy
from .errors import Cancelled, ExplainError
from .fingerprint import Numbers
from .knowing import knows
from .layers import is_ours

if TYPE_CHECKING:
    from .subject import Subject

Found = TypeVar("Found")


@contextmanager
def guarded(subject: Subject, who: str, code: Any) -> Iterator[Subject]:
    """The subject to hand to `code`, a function or a method from elsewhere: one with a copy of the
    network, so that nobody else sees what is done to it, and what others do to the network
    meanwhile stays. Where no copy can be made, or `code` knows the network by another name, it is
    the subject itself, and all is put back afterwards: flags, gradients, hooks, submodules,
    parameters and buffers, also those that others changed meanwhile.

    Raises ExplainError where parameters or buffers were changed: an answer that changes the network
    it explains is about another network.
    """
    twin = None if knows(code, subject.model) else _copied(subject.model, own_copy)
    if twin is None:
        with _put_back(subject.model) as numbers:
            yield subject
    else:
        numbers = Numbers(twin)
        yield subject.with_network(twin)
        numbers.look()
    if numbers.changed:
        raise ExplainError(
            f"{who} changed the network's parameters or buffers while it ran; the network is as it "
            "was, and the answer was thrown away."
        )


def undisturbed(subject: Subject, ask: Callable[[Subject], Found]) -> Found:
    """What `ask` finds on the subject, or on one with a copy of its network while code from
    elsewhere works on the network itself in another thread: its hooks and flags are not a part of
    the network. Where such code began meanwhile, `ask` is asked again on a copy."""
    guard = _guard_of(subject.model)
    began = guard.begun_elsewhere()
    if guard.held_elsewhere() and guard.copy is not None:
        return ask(subject.with_network(guard.copy))
    try:
        found = ask(subject)
    except Cancelled:
        raise
    except Exception:
        if guard.begun_elsewhere() == began or guard.copy is None:
            raise
    else:
        if guard.begun_elsewhere() == began or guard.copy is None:
            return found
    return ask(subject.with_network(guard.copy))


def _copied(network: nn.Module, copy: Callable[[nn.Module], nn.Module]) -> nn.Module | None:
    """A copy; None where none can be made."""
    if isinstance(network, BlackBox):
        return None
    try:
        return copy(network)
    except Exception:  # such as one that keeps what its last pass made
        return None


class _Guard:
    """Who works on a network that is put back afterwards, one at a time: two would take each
    other's changes for the network's own state. `copy` is the network as it was when the last one
    began, with the same numbers."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.copy: nn.Module | None = None
        self._holder = 0
        self._begun: Counter[int] = Counter()

    @contextmanager
    def held(self, network: nn.Module) -> Iterator[None]:
        """Alone with the network."""
        with self.lock:
            outer, mine = self._holder, threading.get_ident()
            if outer != mine:
                self.copy = _copied(network, sharing_copy)
                self._holder = mine
                self._begun[mine] += 1
            try:
                yield
            finally:
                self._holder = outer

    def held_elsewhere(self) -> bool:
        """Whether another thread works on it at this moment."""
        return self._holder not in (0, threading.get_ident())

    def begun_elsewhere(self) -> int:
        """How often other threads began."""
        return self._begun.total() - self._begun[threading.get_ident()]


_guards: weakref.WeakKeyDictionary[nn.Module, _Guard] = weakref.WeakKeyDictionary()


def _guard_of(network: nn.Module) -> _Guard:
    return _guards.get(network) or _guards.setdefault(network, _Guard())


@contextmanager
def _put_back(network: nn.Module) -> Iterator[Numbers]:
    """Put everything back, whatever happens."""
    with _guard_of(network).held(network):
        attributes = [(module, _entries(vars(module))) for module in network.modules()]
        numbers = Numbers(network)
        kept = [_Kept(tensor) for tensor in numbers.tensors]
        try:
            yield numbers
        finally:
            for module, entries in attributes:
                _restore(vars(module), entries)
            numbers.look()
            for tensor in kept:
                tensor.put_back(numbers.changed)


class _Kept:
    """A tensor's storage, numbers, flag and gradient as they were."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor, self.data, self.numbers = tensor, tensor.data, tensor.detach().clone()
        self.needs, grad = tensor.requires_grad, tensor.grad if tensor.is_leaf else None
        self.grad = None if grad is None else _Kept(grad)

    def put_back(self, numbers: bool = True) -> None:
        tensor = self.tensor
        if tensor.data_ptr() != self.data.data_ptr():
            tensor.data = self.data
        if numbers:
            self.data.copy_(self.numbers)
        if tensor.requires_grad != self.needs:
            tensor.requires_grad_(self.needs)
        if self.grad is not None:
            self.grad.put_back()
        if tensor.is_leaf:
            tensor.grad = None if self.grad is None else self.grad.tensor


def _entries(attributes: dict[str, Any]) -> dict[str, Any]:
    """A module's attributes, with what is in the dictionaries among them (hooks, parameters)."""
    return {
        name: (value, _foreign(value) if isinstance(value, dict) else None)
        for name, value in list(attributes.items())
    }


def _restore(attributes: dict[str, Any], kept: dict[str, Any]) -> None:
    """Set and delete only what differs: another thread may read at any time."""
    for value, entries in kept.values():
        if entries is not None:
            _exchange(value, entries)
    _exchange(attributes, {name: value for name, (value, _) in kept.items()})


def _exchange(present: dict[Any, Any], kept: dict[Any, Any]) -> None:
    for key in [key for key in _foreign(present) if key not in kept]:
        del present[key]
    if [key for key in list(present) if key in kept] != list(kept):  # some were taken out
        for key in kept:
            present.pop(key, None)
            present[key] = kept[key]
    for key, value in kept.items():
        if present[key] is not value:
            present[key] = value


def _foreign(entries: dict[Any, Any]) -> dict[Any, Any]:
    """All but the hooks of our own that another thread has in place for the moment."""
    return {key: value for key, value in list(entries.items()) if not is_ours(value)}
