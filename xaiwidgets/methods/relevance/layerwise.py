from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.job import CancelToken, Job, working
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.subject import Subject, differentiating

from .accounts import Watch
from .report import RuleReport


class Layerwise(Attribution):
    """A method that shares the score layer by layer, and can tell where it went."""

    def explain_rules(self, subject: Any, inputs: Any, target: Any = None) -> RuleReport:
        """Which rule each operation of the network receives, and where the relevance of one input
        goes: print it, look at it in a notebook, or `plot()` the maps on the way. Of a method that
        goes down the network twice this is the first way; see `flows`.

        Raises ExplainError for several inputs, and for what cannot be explained.
        """
        return self.flows(subject, inputs, target)[0]

    def flows(
        self, subject: Any, inputs: Any, target: Any = None, *, cancel: CancelToken | None = None
    ) -> list[RuleReport]:
        """A report for every way down the network that this method takes, in its order. `cancel`
        stops the work at its next pass. Raises as `explain_rules` does."""
        subject = Subject.of(subject)
        x = subject.prepare(inputs).x
        if len(x) > 1:
            raise ExplainError(f"explain_rules takes one input; {len(x)} came.")
        return self._recorded(subject, x, target, Recording(accounts=True), cancel).reports

    def units(self, subject: Any, inputs: Any, target: Any = None, *, layer: str) -> torch.Tensor:
        """The relevance of every unit in a layer's output, (batch, ...) as the layer lays them. Its
        sum is what of the score flows through the layer.

        >>> by_channel = LRP().units(subject, pictures, layer="conv3").sum((2, 3))

        Raises ExplainError for a layer that no relevance reaches, and for a method that goes down
        the network twice.
        """
        subject = Subject.of(subject)
        x = subject.prepare(inputs).x
        subject.layers(x)[layer]
        found = self._recorded(subject, x, target, Recording(layer=layer)).units
        if len(found) > 1:
            raise ExplainError(
                f"{self.label} goes down the network {len(found)} times; take the relevance of a "
                "layer's units from LRP or DeepTaylor."
            )
        if not found or found[0] is None:
            raise ExplainError(
                f"No relevance of this score arrives at layer {layer!r}; choose another layer."
            )
        return found[0]

    def _recorded(
        self,
        subject: Subject,
        x: torch.Tensor,
        target: Any,
        recording: "Recording",
        cancel: CancelToken | None = None,
    ) -> "Recording":
        with working(Job(token=cancel or CancelToken())), differentiating(), noting(recording):
            self._found(subject, x, subject.bind(target, x))
        return recording


@dataclass
class Recording:
    """What is to be noted while a method goes down the network, and what was: a report of every way
    when `accounts` are to be kept, the relevance of the units of a `layer` when one is named."""

    accounts: bool = False
    layer: str = ""
    reports: list[RuleReport] = field(default_factory=list)
    units: list[torch.Tensor | None] = field(default_factory=list)

    def watching(
        self, watches: Mapping[str, Watch] | None, seen: list[torch.Tensor]
    ) -> Mapping[str, Watch]:
        """The watches of a way down, and the one of the layer whose relevance is noted in `seen`
        after what they change there."""
        known = dict(watches or {})
        own = known.get(self.layer)

        def see(c: torch.Tensor, value: torch.Tensor) -> torch.Tensor | None:
            changed = None if own is None else own(c, value)
            seen.append((c if changed is None else changed) * value)
            return changed

        return {**known, self.layer: see} if self.layer else known


_recording: ContextVar[Recording | None] = ContextVar("xaiwidgets_relevance", default=None)


def recording_now() -> Recording:
    """What the present work notes; nothing, unless somebody asked."""
    return _recording.get() or Recording()


@contextmanager
def noting(recording: Recording) -> Iterator[None]:
    """Have every way down the network that is gone in this block noted."""
    before = _recording.set(recording)
    try:
        yield
    finally:
        _recording.reset(before)
