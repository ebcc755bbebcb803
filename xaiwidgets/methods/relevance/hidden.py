"""Parts of a network that nobody can look into: its own autograd Functions, scripted functions.

Interception sees what Python asks of torch. Nothing is asked inside these, so that no rule could be
applied there; and the way back of an autograd Function is what its author wrote, which need not be
a gradient. Relevance that passed would be wrong without a sign of it, hence the refusal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.nn.modules._functions import BackwardHookFunction

from xaiwidgets.core.errors import ExplainError

_OURS = __name__.partition(".")[0]
_CHECKPOINTS = "torch.utils.checkpoint"  # torch refuses these itself, on the way back


def refuse_functions(score: torch.Tensor) -> None:
    """Raise ExplainError where an autograd Function of the network's own made the score."""
    for node in nodes_below(score.grad_fn):
        _refuse_function(node)


def refuse_unseen(tensor: torch.Tensor) -> None:
    """Raise ExplainError for a tensor that depends on the input and that no operation made which
    was seen. Whole tensors that were written into by their parts are known by what was written."""
    whole = tensor._base if tensor._is_view() and tensor._base is not None else tensor
    node = whole.grad_fn
    if node is None or hasattr(whole, "_depth") or node.name().endswith("CopySlices"):
        return
    if _function(node) is None:
        raise ExplainError(
            "The network computes a part of itself where no rule of relevance can look: in a "
            f"scripted function or an extension (torch calls it {node.name()}). Use the Python "
            "function that it was made from, or a method that only asks the network, such as "
            "occlusion."
        )
    _refuse_function(node)


def unhooked(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor as an operation made it: a module with hooks on its way back hands on another."""
    hooked = _function(tensor.grad_fn) is BackwardHookFunction
    return tensor._base if hooked and tensor._base is not None else tensor


def nodes_below(node: Any) -> Iterator[Any]:
    """Every node of the graph from here down, once."""
    open_, seen = [node], {None}
    while open_:
        node = open_.pop()
        if node not in seen:
            seen.add(node)
            yield node
            open_ += [below for below, _ in node.next_functions]


def _function(node: Any) -> type | None:
    """The autograd Function that is written in Python and made this node, if one did."""
    written = isinstance(node, torch.autograd.function.BackwardCFunction)
    return node._forward_cls if written else None


def _refuse_function(node: Any) -> None:
    function = _function(node)
    if function is None or function is BackwardHookFunction:
        return
    if function.__module__ == _CHECKPOINTS or function.__module__.partition(".")[0] == _OURS:
        return
    raise ExplainError(
        f"The network computes a part of itself by an autograd Function of its own "
        f"({function.__name__}), into which no rule of relevance can look and whose way back need "
        "not be its gradient. Write that part with torch's own operations (many networks have a "
        "switch for it), or use a method that only asks the network, such as occlusion."
    )
