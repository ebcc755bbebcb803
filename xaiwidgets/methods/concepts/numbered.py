"""Units of a layer by their numbers, as people give them."""

from collections.abc import Iterable
from operator import index
from typing import Any

from xaiwidgets.core.errors import ExplainError


def unit_of(unit: Any, layer: str, count: int) -> int:
    """A unit's number; an ExplainError where the layer, of so many units, has none of that."""
    try:
        number = index(unit)
    except TypeError:
        number = -1
    if not 0 <= number < count:
        raise ExplainError(f"{layer!r} has {count} units, counted from 0; there is no {unit!r}.")
    return number


def units_of(units: Any, layer: str, count: int) -> list[int]:
    """The numbers of several."""
    if isinstance(units, str) or not isinstance(units, Iterable):
        raise ExplainError(f"units= is {units!r}; it takes a list of numbers, such as [3, 17].")
    return [unit_of(each, layer, count) for each in units]
