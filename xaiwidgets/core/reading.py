"""How attention's weights read values, in whatever product of two tensors a network writes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from .intercept import Operation

Axes = tuple[list[str], list[str], list[str]]

_LETTERS = "ABCDEFGH"
_TURNING = (
    "permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "adjoint", "mT", "mH",
)  # fmt: skip
_KEEPING = (
    "dropout", "mul", "div", "masked_fill", "clone", "contiguous", "to", "type", "type_as", "float",
    "double", "half", "bfloat16", "nan_to_num", "view", "reshape", "flatten", "unflatten",
    "squeeze", "unsqueeze",
)  # fmt: skip


@dataclass(frozen=True)
class Reading:
    """A product in which weights (..., queries, keys) read values; `run` gives what was read
    (..., queries, width), and `laid` lays that as the network asked for it."""

    weights: torch.Tensor
    run: Callable[[], torch.Tensor]
    laid: Callable[[torch.Tensor], torch.Tensor]


def factors(operation: Operation) -> tuple[torch.Tensor, ...]:
    """The tensors that a product is of."""
    if operation.kind == "einsum":
        given = operation.args[1:]
        return tuple(given[0] if len(given) == 1 and isinstance(given[0], (tuple, list)) else given)
    return operation.input, operation.argument(1, "other", operation.argument(1, "mat2"))


def read_reading(
    operation: Operation, weights: torch.Tensor, axis: int, rows: int
) -> Reading | None:
    """The reading of `rows` examples that a product stands for, whose weights add up to 1 along
    `axis`; None where it mixes them in another way."""
    given = factors(operation)
    axes = axes_of(operation, given)
    if axes is None:
        return None
    first, second, out = axes
    values = given[1]
    if weights is values:
        values, first, second = given[0], second, first
    roles = _roles((first, second, out), axis, [size == rows for size in weights.shape])
    if roles is None:
        return None
    key, shared, query, width = roles
    before, after = [*shared, query, key], [*shared, query, *width]
    if [first, second, out] == [before, [*shared, key, *width], after]:
        return Reading(weights, operation.run, lambda read: read)
    behind = [each for each in shared if each in second]
    values = values.permute([second.index(each) for each in [*behind, key, *width]])
    for place, each in enumerate(shared):
        values = values if each in second else values.unsqueeze(place)
    sizes, flat = values.shape[-len(width) :], values.flatten(-len(width))
    laid = weights.permute([first.index(each) for each in before])
    return Reading(
        laid,
        lambda: laid @ flat,
        lambda read: read.unflatten(-1, sizes).permute([after.index(each) for each in out]),
    )


def _roles(axes: Axes, axis: int, fits: list[bool]) -> tuple[str, list[str], str, list[str]] | None:
    """The axis of keys, those that weights and what is read share, examples first, that of queries,
    and those of the values' width. `fits` says which axes of the weights are as long as there are
    examples: heads may stand before them."""
    first, second, out = axes
    key = first[axis]
    own = [each for each in first if each != key]
    query = [each for each in own if each not in second][-1:]
    width = [each for each in second if each not in first]
    shared = [each for each in own if each not in query]
    shared.sort(key=lambda each: not fits[first.index(each)])
    once = all(len({*each}) == len(each) for each in axes)
    whole = sorted([*own, *width]) == sorted(out)
    if not (query and width and shared and once and whole) or not {key, shared[0]} <= {*second}:
        return None
    return key, shared, query[0], width


def axes_of(operation: Operation, given: tuple[torch.Tensor, ...]) -> Axes | None:
    """The axes of two factors and of their product, each by a letter; None for other products."""
    if len(given) != 2 or not all(isinstance(each, torch.Tensor) for each in given):
        return None
    if operation.kind != "einsum":
        ranks = {each.ndim for each in given}
        shared = _LETTERS[: ranks.pop() - 2]
        if ranks or not shared:
            return None
        return [*shared, "i", "j"], [*shared, "j", "k"], [*shared, "i", "k"]
    equation = operation.args[0]
    if not isinstance(equation, str):
        return None
    return _spelt_out(equation.replace(" ", ""), [each.ndim for each in given])


def _spelt_out(equation: str, ranks: list[int]) -> Axes:
    """An equation of two terms with letters in place of dots and of a result left out."""
    terms, arrow, out = equation.partition("->")
    parts = terms.split(",")
    if not arrow:
        out = "..." * ("..." in terms)
        out += "".join(sorted(e for e in {*terms} - {*",."} if terms.count(e) == 1))
    hidden = [rank - len(part.replace("...", "")) if "..." in part else 0
              for part, rank in zip(parts, ranks, strict=True)]  # fmt: skip
    free = [each for each in _LETTERS if each not in equation][: max(hidden)]
    first, second, made = (
        [*part.replace("...", "".join(free[len(free) - count :]))]
        for part, count in zip([*parts, out], [*hidden, max(hidden)], strict=True)
    )
    return first, second, made


def axis_after(operation: Operation, axis: int, result: torch.Tensor) -> int | None:
    """Where the axis of weights lies behind an operation on them; None where they are no longer
    weights."""
    name = operation.kind or getattr(operation.function, "__name__", "")
    if name == "__get__":
        name = getattr(getattr(operation.function, "__self__", None), "__name__", "")
    name, given = name.strip("_"), operation.args[0]
    if name in _TURNING:
        probe = torch.empty(tuple(range(2, 2 + given.ndim)), device="meta")
        turned = operation.function(probe, *operation.args[1:], **operation.kwargs)
        return list(turned.shape).index(axis + 2)
    if name not in _KEEPING:
        return None
    if result.shape == given.shape:
        return axis
    last = axis == given.ndim - 1 and result.shape[-2:] == given.shape[-2:]
    return result.ndim - 1 if last else None
