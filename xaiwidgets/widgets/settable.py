"""What Python may set on a widget, and what is said of a name that it may not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from xaiwidgets.core.errors import ExplainError, nearest


class Settable:
    """Whose settings are its properties: once it is made, a name that is none of them is refused.

    What Python reads and a reader's deeds change is written by `_put`; `instead` says of such a
    name what changes it. Names of a parent from elsewhere, such as a widget's layout, and those
    that begin with "_" are let pass.
    """

    instead: ClassVar[Mapping[str, str]] = {}
    also: ClassVar[Sequence[str]] = ()
    """Settings that are no properties."""

    _settled = False

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse what would be kept and never looked at, or shown and not so."""
        if self._settled and not name.startswith("_"):
            self._check_settable(name)
        super().__setattr__(name, value)

    def _put(self, **values: Any) -> None:
        """Write what Python reads."""
        for name, value in values.items():
            super().__setattr__(name, value)

    def _check_settable(self, name: str) -> None:
        owner = next((cls for cls in type(self).__mro__ if name in vars(cls)), None)
        if owner is None and name not in vars(self):
            own = [found for cls in type(self).__mro__ for found in _settings(cls)]
            known = dict.fromkeys([*own, *self.also])
            raise ExplainError(
                f"{type(self).__name__} has no setting {name!r}. {nearest(name, known)}"
            )
        if owner is not None and not _ours(owner):
            return
        found = vars(owner).get(name) if owner is not None else None
        if not isinstance(found, property) or found.fset is None:
            more = f": {self.instead[name]}" if name in self.instead else ""
            raise ExplainError(f"{type(self).__name__}.{name} is read, not set{more}.")


def _ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == __name__.partition(".")[0]


def _settings(cls: type) -> list[str]:
    """The properties of one of our classes that can be set."""
    own = vars(cls).items() if _ours(cls) else ()
    return [name for name, found in own if isinstance(found, property) and found.fset]
