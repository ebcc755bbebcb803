"""What somebody hands over as marks in pictures, and as answers for each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xaiwidgets.core.brush import strokes_of
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.marks import Shapes, read_shapes
from xaiwidgets.core.masks import boolean


def read_mark(mark: Any, size: tuple[int, int]) -> Shapes:
    """What somebody hands over as a mark, as shapes: an array (height, width) that is true inside,
    one box, or a list of boxes and strokes."""
    if mark is None:
        return []
    if hasattr(mark, "shape") and len(mark.shape) == 2 and tuple(mark.shape) == size:
        return strokes_of(boolean(mark, "A mark"))
    return read_shapes(mark, size, "A mark")


def by_picture(given: Any, count: int, what: str) -> dict[int, Any]:
    """What was given for each picture, by its number: of one picture the thing itself; of several a
    list with None for those left out; of any a dict by number."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        found = {_number(index): one for index, one in given.items()}
    elif count == 1:
        found = {0: given}
    else:
        if isinstance(given, str) or not isinstance(given, Sequence) or len(given) != count:
            raise ExplainError(
                f"{what} takes a dict by the number of the picture, such as {{0: ...}}, or a list "
                f"with one entry for each of the {count} pictures, None where there is none."
            )
        found = dict(enumerate(given))
    outside = [index for index in found if index not in range(count)]
    if outside:
        raise ExplainError(
            f"{what} is given for picture {outside[0]!r}; there are {count}, counted from 0."
        )
    return {index: one for index, one in found.items() if one is not None}


def _number(index: Any) -> Any:
    """A picture's number, also where JSON made it a word; what is none stays, to be refused."""
    return int(index) if str(index).isdigit() else index
