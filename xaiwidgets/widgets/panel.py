"""One panel as Python keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from xaiwidgets.core.answers import Heatmap
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.target import BoundTarget
from xaiwidgets.evaluation.ordering import one_valued

from .wire import PanelStatus


@dataclass
class Panel:
    """A method, its newest request, and its newest answer with what that answer was asked for."""

    id: str
    slot: int
    method: Attribution
    pinned: bool = False
    request: int = 0
    status: PanelStatus = field(
        default_factory=lambda: PanelStatus(status="waiting", request=0, progress=0.0, message="")
    )
    answer: Heatmap | None = None
    made_by: Attribution | None = None
    answered: int = 0
    finished: bool = False
    """Whether the answer is all that its method had to say, or what was known so far."""

    input: int = 0
    bound: BoundTarget | None = None
    levels: np.ndarray | None = None
    """At which step of the mask slider each pixel goes; found when masking is on."""

    flat: bool = False
    """Whether the answer's map puts no pixel before another."""

    def take(
        self,
        answer: Heatmap,
        method: Attribution,
        request: int,
        index: int,
        bound: BoundTarget,
        finished: bool = True,
    ) -> None:
        """Keep an answer; what was worked out from the one before is forgotten."""
        self.answer, self.made_by, self.finished = answer, method, finished
        self.answered, self.input, self.bound = request, index, bound
        self.levels = None
        self.flat = bool(one_valued(answer.map()[:1])[0])
