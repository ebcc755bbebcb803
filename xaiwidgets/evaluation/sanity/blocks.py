"""The parts of a network that can be made to forget, in the order in which a pass uses them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from xaiwidgets.core.errors import ExplainError, nearest
from xaiwidgets.core.intercept import COMPOSITE, plain_body
from xaiwidgets.core.subject import Subject, uncounted


@dataclass(frozen=True)
class Block:
    """A part of the network under one name, with the full names of its parameters."""

    name: str
    parameters: tuple[str, ...]


def blocks_of(subject: Subject, x: torch.Tensor, most: int = 20) -> list[Block]:
    """The network's parameters in blocks, from the input to the output, by the order of first use
    in one pass on an input of `x`.

    Names are cut at the greatest depth that gives at most `most` blocks (ResNet-18: conv1, bn1,
    layer1.0 ... fc); parameters outside of any layer (tokens, scales) count too. Raises
    ExplainError for a network without parameters.
    """
    order = _parameter_order(subject, x)
    if not order:
        raise ExplainError("The network has no parameters, so there is nothing to forget.")
    found = _grouped(order, 1)
    for depth in range(2, 1 + max(name.count(".") for name in order)):
        finer = _grouped(order, depth)
        if len(finer) > most:
            break
        found = finer
    return found


def chosen(blocks: list[Block], names: Any) -> list[Block]:
    """The blocks of these names, in the network's own order."""
    wanted = [names] if isinstance(names, str) else list(names)
    known = [block.name for block in blocks]
    for name in wanted:
        if name not in known:
            raise ExplainError(f"No block is called {name!r}. {nearest(str(name), known)}")
    return [block for block in blocks if block.name in wanted]


def _grouped(order: list[str], depth: int) -> list[Block]:
    """Parameters by the first parts of their owner's name; a block stands where it is first
    used."""
    groups: dict[str, list[str]] = {}
    for name in order:
        owner = name.split(".")[:-1][:depth] or name.split(".")
        groups.setdefault(".".join(owner), []).append(name)
    return [Block(name, tuple(parameters)) for name, parameters in groups.items()]


def _parameter_order(subject: Subject, x: torch.Tensor) -> list[str]:
    """Every parameter's name, by first use; one whose use is not seen follows its neighbour. Looked
    up once for every network and size of input."""
    names = {id(p): name for name, p in subject.model.named_parameters()}
    known = _ORDERS.setdefault(subject.model, {})
    key = (tuple(x.shape[1:]), *names.values())
    if key not in known:
        known[key] = _order_of_use(subject, x, names)
    return known[key]


_ORDERS: WeakKeyDictionary[nn.Module, dict[tuple[object, ...], list[str]]] = WeakKeyDictionary()


def _order_of_use(subject: Subject, x: torch.Tensor, names: dict[int, str]) -> list[str]:
    watch = _Uses(set(names))
    with uncounted(), torch.no_grad(), watch:
        subject(x[:1])
    place = {names[key]: float(i) for i, key in enumerate(watch.met)}
    last = -1.0
    for name in names.values():
        last = place.setdefault(name, last + 1e-6)
    return sorted(names.values(), key=lambda name: place[name])


class _Uses(TorchFunctionMode):
    """Notes the parameters that operations receive, each once."""

    def __init__(self, wanted: set[int]) -> None:
        super().__init__()
        self.wanted = wanted
        self.met: dict[int, None] = {}

    def __torch_function__(  # type: ignore[no-untyped-def]
        self, func, types, args=(), kwargs=None
    ) -> Any:
        """Called by torch for every operation."""
        kwargs = kwargs or {}
        if func in COMPOSITE:
            with self:
                return plain_body(func)(*args, **kwargs)
        if getattr(func, "__name__", "") != "__get__":  # looking at a shape is not using it
            for value in _parameters((*args, *kwargs.values())):
                if id(value) in self.wanted:
                    self.met.setdefault(id(value))
        return func(*args, **kwargs)


def _parameters(values: Any) -> Iterator[nn.Parameter]:
    for value in values:
        if isinstance(value, nn.Parameter):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from _parameters(value)
