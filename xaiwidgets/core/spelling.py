"""Exported programs ask for operations by the names that torch has for them inside
(`torch.ops.aten.relu.default`); here they get the spelling that people use."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

_OWNERS = (torch, torch._C._nn, torch.Tensor)


def usual(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function that people call for it; itself where it is called like that already."""
    return _usual(function) if isinstance(function, torch._ops.OpOverload) else function


@functools.cache
def _usual(operator: torch._ops.OpOverload) -> Callable[..., Any]:
    if operator.namespace != "aten":
        return operator
    name = bare_name(operator)
    return next((getattr(each, name) for each in _OWNERS if hasattr(each, name)), operator)


def bare_name(operator: torch._ops.OpOverload) -> str:
    """ "add" for `torch.ops.aten.add.Tensor`."""
    return operator._schema.name.partition("::")[2]


def is_exported(network: nn.Module) -> bool:
    """Whether `torch.export` made it, so that what it computes does not depend on its flags."""
    module = sys.modules.get("torch.export._unlift")
    return isinstance(network, getattr(module, "_StatefulGraphModule", ()))


def is_quantised(function: Callable[..., Any]) -> bool:
    """Whether it computes with whole numbers: torch then warns of a gradient, and makes up none."""
    operator = isinstance(function, (torch._ops.OpOverload, torch._ops.OpOverloadPacket))
    return operator and str(function).startswith("quantized.")


# the inner functions take a normalisation's weight before its statistics
_STATISTICS_FIRST = 0, 3, 4, 1, 2, 5, 6, 7
_ORDER: dict[Callable[..., Any], Callable[..., Any]] = {
    torch.batch_norm: F.batch_norm,
    torch.instance_norm: F.instance_norm,
}


def in_usual_order(
    function: Callable[..., Any], args: tuple[Any, ...]
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """A normalisation with its arguments as `torch.nn.functional` has them; others as they are."""
    outer = _ORDER.get(function)
    if outer is None or len(args) <= max(_STATISTICS_FIRST):
        return function, args
    return outer, tuple(args[place] for place in _STATISTICS_FIRST)
