"""Errors that are read by people: what came, what is taken, what to do next."""

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class ExplainError(ValueError):
    """Something the user handed over cannot be used; the message is one clear sentence."""

    def _render_traceback_(self) -> list[str]:
        """In a notebook cell: the sentence alone, without the way down to it."""
        return [f"{type(self).__name__}: {self}"]


class InPlaceError(ExplainError):
    """The network works in place where torch would have needed what it overwrites."""

    def __init__(self) -> None:
        super().__init__(
            "The network overwrites, by an operation in place, what its gradient is made from, so "
            "that torch cannot differentiate it; write that operation out of place (x = x * 2 for "
            "x *= 2). Occlusion works as it is."
        )

    @staticmethod
    def told_by(error: BaseException) -> bool:
        """Whether torch says so, on the way forward (a view, a leaf) or on the way back."""
        return isinstance(error, RuntimeError) and any(words in str(error) for words in _IN_PLACE)


_IN_PLACE = (
    "modified by an inplace operation",
    "is being modified inplace",
    "is being used in an in-place operation",
)


class Cancelled(Exception):  # noqa: N818 - not an error: the reader asked for it
    """The work was stopped on request, or a newer request took its place."""

    def __init__(self) -> None:
        super().__init__("Cancelled before it was finished.")


def one_line(error: BaseException) -> str:
    """The first meaningful line of an error, for a panel that has room for one sentence."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    if isinstance(error, (ExplainError, Cancelled)):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


@contextmanager
def blamed(who: str, given: object) -> Iterator[None]:
    """Name whose fault it is where a small function of the user's fails on what it is given."""
    try:
        yield
    except (ExplainError, Cancelled):
        raise
    except Exception as error:
        if InPlaceError.told_by(error):
            raise InPlaceError from error
        said = one_line(error).rstrip(".")
        raise ExplainError(f"{who} fails on {shown(given)}: {said}.") from error


def shown(value: object) -> str:
    """A value as a sentence can hold it: as Python writes it, or what it is where that is long."""
    shape = getattr(value, "shape", ())
    if shape:
        return f"a {type(value).__name__} of shape {tuple(shape)}"
    written = repr(value)
    short = len(written) <= 60 and "\n" not in written
    return written if short else f"a {type(value).__name__}"


def alike(name: object, names: Iterable[str], count: int = 3) -> str:
    """A closing clause that offers the names most like `name`; nothing where none is."""
    by_lower = {entry.lower(): entry for entry in names}
    hits = difflib.get_close_matches(str(name).lower(), by_lower, n=count)
    found = ", ".join(repr(by_lower[hit]) for hit in hits)
    return f"The nearest names are {found}." if found else ""


def nearest(name: object, names: Iterable[str], count: int = 3) -> str:
    """A closing clause that offers the names most like `name`, or a few of those there are."""
    known = list(names)
    if found := alike(name, known, count):
        return found
    if not known:
        return "There are none."
    few = ", ".join(repr(entry) for entry in known[:count])
    return f"Names here are {few}{' ...' if len(known) > count else ''}."


def no_such_name(module: str, name: str, names: Iterable[str]) -> AttributeError:
    """What a module raises for a name that it lacks, with those most like it."""
    advice = "" if name.startswith("_") else f" {nearest(name, names)}"
    return AttributeError(f"{module} has no {name!r}.{advice}", name=name)
