"""What every widget of explanations is opened with, said once for all of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any, TypeVar

from typing_extensions import TypedDict

from . import code

Opens = TypeVar("Opens", bound=Callable[..., Any])


class Known(TypedDict, total=False):
    """What is known of the images; see `compare`."""

    truths: Sequence[Any] | Any
    masks: Any


class Beside(Known, total=False):
    """What is given beside the subject, the images, the target and the methods; see `compare`."""

    display: Mapping[str, Any] | None
    trust: bool | str


class Given(Beside, total=False):
    """The same, and how the masking is opened, for all but `masking` itself."""

    masking: Mapping[str, Any] | None


DEFAULTS: Given = {"truths": None, "masks": None, "display": None, "masking": None, "trust": False}


def spelt_out(kind: type) -> Callable[[Opens], Opens]:
    """Show `**given: Unpack[kind]` in a signature as the arguments that it stands for, to help()
    and to what completes a call."""
    given = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=known)
        for name, default in DEFAULTS.items()
        if (known := kind.__annotations__.get(name))
    ]

    def shown(opens: Opens) -> Opens:
        signature = inspect.signature(opens)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        opens.__signature__ = signature.replace(parameters=own + given)  # type: ignore[attr-defined]
        return opens

    return shown


def names_of(frame: FrameType, given: Known, **things: Any) -> dict[str, str]:
    """The names by which the caller in that frame knows what was given, for the code that makes the
    widget again."""
    known = code.known_in(frame, truths=given.get("truths"), masks=given.get("masks"))
    return code.names_in(frame, **things) | known
