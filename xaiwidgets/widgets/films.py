"""The films of a walk: what every answer became on the way, kept while there is room."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch

from xaiwidgets.core.answers import Frame, Heatmap
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.target import BoundTarget
from xaiwidgets.evaluation.experiment import Comparison, Experiment, Outcome, first_outcome

from . import wire
from .panel import Panel

_KEPT_BYTES = 400_000_000
_NUMBERS = itertools.count(1)


@dataclass
class Film:
    """What one answer became on the way: maps of the first draw, and every draw's outcome by step,
    draw and measure."""

    number: int
    method: Attribution
    origin: Heatmap
    input: int
    bound: BoundTarget
    whole: Outcome
    frames: dict[str, Frame] = field(default_factory=dict)
    outcomes: dict[tuple[str, int, str], Outcome] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    ready: Comparison | None = None

    def lacks(self, key: str, draw: int, measure: str) -> bool:
        """Whether a step is still to be looked at."""
        return key not in self.problems and (key, draw, measure) not in self.outcomes

    def compared(self, measure: str) -> Comparison:
        """The origin's map, made ready once to be compared."""
        ready, origin = self.ready, self.origin.values
        if ready is None or ready.measure != measure or ready.origin is not origin:
            ready = self.ready = Comparison(measure, origin)
        return ready

    def draws(self, key: str, measure: str) -> list[Outcome]:
        """The outcomes at a step, as far as they are known."""
        return [v for (name, _, by), v in self.outcomes.items() if (name, by) == (key, measure)]

    @property
    def nbytes(self) -> int:
        """The memory that its maps take."""
        return sum(f.values.numel() * f.values.element_size() for f in self.frames.values())


class Glance(NamedTuple):
    """What the network says at a step (1, classes), and the input as a picture where it is another
    than the origin's."""

    outputs: torch.Tensor
    picture: wire.Array | None


class Films:
    """The film of every panel, `shown` by its id; those of earlier answers and settings are kept up
    to a number of bytes, and so is what the network was seen to say."""

    def __init__(self) -> None:
        self.shown: dict[str, Film] = {}
        self._kept: OrderedDict[tuple[Any, ...], Film] = OrderedDict()
        self._glances: dict[tuple[Hashable, ...], dict[str, Glance]] = {}

    def __iter__(self) -> Iterator[Film]:
        return iter(self.shown.values())

    def follow(
        self, panel: Panel, experiment: Experiment, scores: Callable[[int], torch.Tensor]
    ) -> None:
        """Find or begin the film of a panel's answer; `scores` are the network's for an input."""
        if panel.answer is None or panel.made_by is None or panel.bound is None:
            return
        network, method = panel.answer.provenance.network, panel.made_by
        key = (type(method), method, network, panel.input, panel.bound.key, experiment.key)
        film = self._kept.pop(key, None)
        if film is None:
            whole = first_outcome(scores(panel.input), panel.bound)
            number = next(_NUMBERS)
            film = Film(number, method, panel.answer, panel.input, panel.bound, whole)
            film.frames.update(self._frames_like(key, experiment))
        film.origin = panel.answer
        film.problems.clear()
        self._kept[key] = self.shown[panel.id] = film
        self._make_room()

    def glances(self, experiment: Experiment, film: Film) -> dict[str, Glance]:
        """What the network was seen to say where a film plays, by step; to be added to."""
        return self._glances.setdefault(_place(experiment.key, film), {})

    def seen(self, experiment: Experiment, index: int) -> dict[str, Glance]:
        """What it was seen to say of an input, by step."""
        found: dict[str, Glance] = {}
        for film in self:
            if film.input == index:
                found.update(self._glances.get(_place(experiment.key, film), {}))
        return found

    def clear(self) -> None:
        """Let go of every map."""
        self.shown.clear()
        self._kept.clear()
        self._glances.clear()

    def _frames_like(self, key: tuple[Any, ...], experiment: Experiment) -> dict[str, Frame]:
        """Maps at the steps that are there already: the method may differ in what makes no
        difference there."""
        apart = experiment.apart
        for (_, method, *rest), film in self._kept.items():
            if rest == list(key[2:]) and apart(method) == apart(key[1]):
                return film.frames
        return {}

    def _make_room(self) -> None:
        """Let go of what was seen longest ago, and of glances where no film plays."""
        shown = {film.number for film in self}
        for old, one in list(self._kept.items()):
            if sum(film.nbytes for film in self._kept.values()) <= _KEPT_BYTES:
                break
            if one.number not in shown:
                del self._kept[old]
        alive = {_place(key[-1], film) for key, film in self._kept.items()}
        self._glances = {at: seen for at, seen in self._glances.items() if at in alive}


def _place(experiment: Hashable, film: Film) -> tuple[Hashable, ...]:
    """Where a network was looked at: in which experiment, in which state, on which input."""
    return experiment, film.origin.provenance.network, film.input
