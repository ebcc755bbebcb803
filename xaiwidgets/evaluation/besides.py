"""Evaluations that take more than knobs: another network, other pictures, the name of a setting."""

import inspect
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn
from typing_extensions import Self

from xaiwidgets.core.evaluation import Evaluation
from xaiwidgets.core.fingerprint import tensor_fingerprint
from xaiwidgets.core.subject import Subject


class Besides(Evaluation):
    """An evaluation with things besides its knobs, named in `besides`; each is None by default.

    They are part of its value like knobs, compared by identity, but no part of `settings`.
    """

    besides: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **declared: Any) -> None:
        """Name what is taken besides knobs in the signature."""
        super().__init_subclass__(**declared)
        own = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None)
            for name in cls.besides
        ]
        knobs = list(inspect.signature(cls).parameters.values())
        cls.__signature__ = inspect.Signature(own + knobs)  # type: ignore[attr-defined]

    def __init__(self, **settings: Any) -> None:
        """Set what is given besides, then the knobs."""
        for name in self.besides:
            object.__setattr__(self, name, settings.pop(name, None))
        super().__init__(**settings)

    @property
    def beside(self) -> dict[str, Any]:
        """What was given besides knobs, by name."""
        return {name: getattr(self, name) for name in self.besides}

    def having(self, **changes: Any) -> Self:
        """A copy with some settings changed."""
        return type(self)(**{**self.beside, **self.settings, **changes})

    def __repr__(self) -> str:
        """The Python that makes it, with what was given besides knobs in short."""
        given = [f"{name}={_short(it)}" for name, it in self.beside.items() if it is not None]
        knobs = super().__repr__().partition("(")[2][:-1]
        return f"{type(self).__name__}({', '.join([*given, knobs] if knobs else given)})"

    def __eq__(self, other: object) -> bool:
        """Equal with the same settings and the very same things besides."""
        return super().__eq__(other) and _identities(self) == _identities(other)  # type: ignore[arg-type]

    def __hash__(self) -> int:
        """Follows from settings and things besides."""
        return hash((super().__hash__(), *_identities(self)))


def _identities(evaluation: Besides) -> list[Any]:
    return [it if isinstance(it, str) else id(it) for it in evaluation.beside.values()]


def _short(thing: Any) -> str:
    """A word for it that no other of its kind shares: with it, finished work is found again."""
    if isinstance(thing, nn.Module):
        thing = Subject.of(thing)
    if isinstance(thing, Subject):
        return f"<{thing.title} {thing.glance()}>"
    if isinstance(thing, torch.Tensor):
        return f"<{'×'.join(map(str, thing.shape))} {tensor_fingerprint(thing)}>"
    if isinstance(thing, np.ndarray):
        return _short(torch.as_tensor(np.ascontiguousarray(thing)))
    if isinstance(thing, (list, tuple)):
        return f"[{', '.join(_short(one) for one in thing)}]"
    return repr(thing)
