"""Sanity: let the network forget block after block while every map is redrawn."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.subject import Subject
from xaiwidgets.evaluation.sanity.blocks import blocks_of
from xaiwidgets.evaluation.sanity.cascade import MODES
from xaiwidgets.evaluation.sanity.forgetful import Forgetful
from xaiwidgets.evaluation.similarity import SIMILARITIES

from . import code
from .wire import Experiment

if TYPE_CHECKING:
    from .compare import Compare


@dataclass(frozen=True)
class Forgetting:
    """One experiment for every panel: how the network forgets, and how maps are compared."""

    mode: str = "top down"
    measure: str = "spearman"
    start: str = "own"
    seed: int = 0
    others: dict[str, Subject] = field(default_factory=dict)

    def around(self, method: Attribution) -> Forgetful:
        """A method, or the method of an earlier experiment, under this one."""
        inner = method.method if isinstance(method, Forgetful) else method
        return Forgetful(inner, self.mode, self.measure, self.start, self.seed, self.others)

    def changed(self, args: Mapping[str, Any]) -> Forgetting:
        """The same with what a reader chose; the panels' methods check it."""
        known = {name: str(args[name]) for name in ("mode", "measure") if name in args}
        return replace(self, **known)  # type: ignore[arg-type]

    def card(self, subject: Subject, x: torch.Tensor) -> Experiment:
        """What the page shows of it."""
        names = [block.name for block in blocks_of(subject, x)]
        if self.mode != "bottom up":
            names.reverse()
        return {
            "stages": names,
            "others": list(self.others),
            "mode": self.mode,
            "modes": list(MODES),
            "measure": self.measure,
            "measures": list(SIMILARITIES),
        }

    def settings(self) -> dict[str, Any]:
        """What differs from the defaults, for the code that makes it again."""
        plain = Forgetting()
        names = ("mode", "measure", "start", "seed")
        return {n: getattr(self, n) for n in names if getattr(self, n) != getattr(plain, n)}


def sanity(
    subject: Any,
    images: Any,
    target: Any = None,
    methods: Sequence[Any] | None = None,
    *,
    mode: str = "top down",
    measure: str = "spearman",
    start: str = "own",
    seed: int = 0,
    others: Mapping[str, Any] | None = None,
    truths: Sequence[Any] | Any = None,
    masks: Any = None,
    display: Mapping[str, Any] | None = None,
    masking: Mapping[str, Any] | None = None,
) -> Compare:
    """`compare` on a network that forgets: switch its blocks off, and every map is redrawn.

    `mode` is "top down" (a cascade from the output), "bottom up" or "one at a time"; `measure` how
    a map is compared with the trained network's (see xaiwidgets.evaluation.similarity); `start`
    what a forgotten parameter becomes, drawn from `seed`. `others` are networks of the same kind by
    name, such as one trained on permuted labels: `{"labels permuted": other}`. The rest is as for
    `compare`. Every answer holds the maps of all stages in `frames` and the similarities in
    `numbers`, so that an exported page keeps the switches.
    """
    from .compare import Compare

    names = code.names_in(
        sys._getframe(1), subject=subject, images=images, truths=truths, masks=masks
    )
    found = Subject.of(subject)
    beside = {str(name): _beside(found, other, name) for name, other in (others or {}).items()}
    return Compare(
        found, images, target, methods, truths=truths, masks=masks, display=display, names=names,
        masking=masking, experiment=Forgetting(mode, measure, start, seed, beside),
    )  # fmt: skip


def _beside(subject: Subject, other: Any, name: str) -> Subject:
    if isinstance(other, Subject):
        return other
    if not isinstance(other, torch.nn.Module):
        raise ExplainError(
            f"others[{name!r}] is a {type(other).__name__}; it takes a network or a Subject."
        )
    return subject.with_network(other)
