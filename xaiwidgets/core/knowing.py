"""Which code can come to a network by itself, and not only through what it is handed."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import torch
from torch import nn

_DEPTH = 4
_LIBRARIES = ("torch", "numpy", "captum", __name__.partition(".")[0])


def knows(code: Any, network: nn.Module) -> bool:
    """Whether a function or an object can come to a network's modules by itself: by variables
    around it, names in its cells, arguments with a default, attributes, or functions that it calls.
    """
    own = {id(module) for module in network.modules()}
    seen: set[int] = set()

    def found(thing: Any, depth: int) -> bool:
        if id(thing) in seen or isinstance(thing, (str, bytes, int, float, torch.Tensor)):
            return False
        seen.add(id(thing))
        if isinstance(thing, nn.Module) and any(id(module) in own for module in thing.modules()):
            return True
        return depth > 0 and any(found(each, depth - 1) for each in _known(thing))

    return found(code, _DEPTH)


def _known(thing: Any) -> Iterable[Any]:
    """What a thing leads to at once."""
    if isinstance(thing, FunctionType):
        return _named(thing)
    if isinstance(thing, MethodType):
        return thing.__self__, thing.__func__
    if isinstance(thing, functools.partial):
        return thing.func, *thing.args, *thing.keywords.values()
    if isinstance(thing, Mapping):
        return list(thing.values())
    if isinstance(thing, (list, tuple, set, frozenset)):
        return list(thing)
    if isinstance(thing, ModuleType):
        return ()
    classes = thing.__mro__ if isinstance(thing, type) else type(thing).__mro__
    theirs = [vars(each) for each in classes if not _of_a_library(each)]
    functions = [f for each in theirs for f in each.values() if isinstance(f, FunctionType)]
    return [*getattr(thing, "__dict__", {}).values(), *functions]


def _named(function: FunctionType) -> list[Any]:
    """What a function has names for: of a module that it names, what it takes from it."""
    if _of_a_library(function):
        return []
    cells = function.__closure__ or ()
    found = [cell.cell_contents for cell in cells if _filled(cell)]
    found += [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    names = _names(function.__code__)
    spaces = [function.__globals__]
    spaces += [
        vars(space)
        for name in names
        if isinstance(space := function.__globals__.get(name), ModuleType)
        and not _of_a_library(space)
    ]
    return found + [space[name] for space in spaces for name in names if name in space]


def _names(code: CodeType) -> set[str]:
    inner = [_names(const) for const in code.co_consts if isinstance(const, CodeType)]
    return set(code.co_names).union(*inner)


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:  # a variable that has no value yet
        return False


def _of_a_library(thing: Any) -> bool:
    name = thing.__name__ if isinstance(thing, ModuleType) else thing.__module__
    return str(name).partition(".")[0] in (*_LIBRARIES, "builtins")
