"""What is declared for some kinds of input, and not for others."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from .declare import Declared
from .errors import ExplainError
from .subject import Kind

EVERY_KIND: tuple[Kind, ...] = ("picture", "text", "table", "volume")


class OfKinds(Declared):
    """A thing with knobs that some kinds of input have no use for, or some of its choices."""

    takes: ClassVar[tuple[Kind, ...]] = ("picture", "text", "table")
    """The kinds of input that it can be asked about."""

    lacks: ClassVar[Mapping[Kind, Collection[str]]] = {}
    """By kind of input the choices of its settings that mean nothing there."""

    _level: ClassVar[str] = "method"

    def _refuse(self, kind: Kind) -> None:
        """Refuse a kind of input that it, or one of its choices, has no use for."""
        refuse_kind(self.label, self.takes, kind, self._level)
        for name, value in self.settings.items():
            if value in self.lacks.get(kind, ()):
                left = [word for word in self.knobs[name].choices if word not in self.lacks[kind]]
                raise ExplainError(
                    f"{type(self).__name__}.{name} is {value!r}, which a {kind} has no use for; it "
                    f"takes {', '.join(repr(word) for word in left)}."
                )


def refuse_kind(who: str, takes: Sequence[Kind], kind: Kind, level: str) -> None:
    """Refuse a kind of input on behalf of what `takes` others; another of its `level` may do."""
    if kind not in takes:
        raise ExplainError(
            f"{who} takes {listed([f'a {one}' for one in takes], 'or')}, and the input is a "
            f"{kind}; choose another {level}."
        )


def listed(names: list[str], last: str = "and") -> str:
    """Names in one clause: a, b and c."""
    return f" {last} ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
