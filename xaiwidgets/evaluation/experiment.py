"""Experiments: one method, followed while its network, its input or a setting changes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import torch

from xaiwidgets.core.answers import Findings, Frame
from xaiwidgets.core.declare import Declared
from xaiwidgets.core.errors import ExplainError, nearest
from xaiwidgets.core.method import Attribution, Passes, as_method
from xaiwidgets.core.scores import mean_known
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .asking import on_scale, single_class
from .similarity import likeness_to

Switches = Literal["", "cascade", "single", "any"]


@dataclass(frozen=True)
class Step:
    """One place on the way: a key of its own, and what the reader calls it."""

    key: str
    label: str


@dataclass(frozen=True)
class Circumstances:
    """What explains at a step: a method, a subject and an input (1 or more, channels, height,
    width). `label` are the method's own words for the step where it has some."""

    method: Attribution
    subject: Subject
    x: torch.Tensor
    label: str = ""

    def values(self, target: BoundTarget) -> torch.Tensor:
        """The map there, on the CPU."""
        return self.method.values(self.subject, self.x, target)


@dataclass(frozen=True)
class Outcome:
    """What became of a map and of the network's answer at a step.

    `likeness` is the similarity to the origin's map and `change` ‖R′ − R‖ ÷ ‖R‖. `score` is the
    target's score there, of the first draw: a probability where the target is one class, as `unit`
    says; NaN where it was not asked for. Of a mean over draws `low` and `high` are the least and
    the greatest likeness.
    """

    likeness: float
    change: float
    score: float = float("nan")
    unit: str = "probability"
    low: float = float("nan")
    high: float = float("nan")


class Experiment(Declared):
    """Circumstances that a method is followed through, step by step.

    Declare your own like a method, with the knobs `measure` (one of SIMILARITIES: how the map at a
    step is compared with the map at the origin), `draws` (how often what is random is drawn) and
    `seed`, and `on`, which says what the steps are. The target stays the origin's.
    """

    slider: ClassVar[str] = ""
    origin: ClassVar[str] = ""
    hint: ClassVar[str] = ""
    call: ClassVar[str] = ""
    measure: str
    draws: int
    seed: int

    def on(self, subject: Subject, x: torch.Tensor) -> Course:
        """The steps for this subject and input."""
        raise NotImplementedError

    @property
    def changed(self) -> dict[str, Any]:
        """The settings that are not at their defaults."""
        return {n: v for n, v in self.settings.items() if v != self.knobs[n].default}

    def apart(self, method: Attribution) -> Attribution:
        """What of a method tells its maps at the steps from those of another."""
        return method

    @property
    def key(self) -> Hashable:
        """What tells the maps of its steps from those that another experiment has under the same
        keys."""
        apart = ("measure", "draws")
        return type(self), tuple((n, v) for n, v in self.settings.items() if n not in apart)


class Course:
    """An experiment on one subject and input: the steps in order, further circumstances `beside`
    them, and where there is a row of switches the `names` on it.

    Switches are a "cascade" (the row up to the step is off), "single" (the step's own one is), or
    "any" (each for itself: the key of a set is its names in their order, joined by JOINED).
    """

    JOINED: ClassVar[str] = " + "
    switches: Switches = ""
    asks_anew: ClassVar[bool] = True
    """Whether the network's answer is another at the steps; not where a method's setting is."""

    def __init__(
        self, steps: Sequence[Step], beside: Sequence[Step] = (), names: Sequence[str] = ()
    ) -> None:
        self.steps, self.beside, self.names = list(steps), list(beside), list(names)

    def at(self, key: str, draw: int, method: Attribution) -> Circumstances:
        """What explains at a step. Raises ExplainError where that makes no sense."""
        raise NotImplementedError

    def random(self, key: str) -> bool:
        """Whether something at this step is drawn by lot."""
        return True

    def rest(self) -> None:
        """Let go of what was kept between steps; it can be made again."""

    def said(self, key: str, outcome: Outcome) -> str:
        """What is left at a step, in a sentence; the outcome is the mean over draws."""
        raise NotImplementedError

    def verdict(self, outcomes: Mapping[str, Outcome]) -> str:
        """The whole way in one sentence, from the outcomes by key; that of "" is the origin's."""
        raise NotImplementedError

    @property
    def every(self) -> list[Step]:
        """The steps, and what stands beside them."""
        return [*self.steps, *self.beside]

    def check(self, key: str) -> None:
        """Refuse a step that there is not, in words."""
        known = [step.key for step in self.every]
        if key not in known:
            raise ExplainError(f"There is no step {key!r}. {nearest(key, known)}")

    def draws(self, experiment: Experiment, key: str) -> int:
        """How many draws a step has."""
        return experiment.draws if self.random(key) else 1


class Followed(Attribution):
    """`method`, followed through an experiment: all steps in one answer.

    The answer's values are the method's own; its strip holds the map at every step (of the first
    draw), with the mean similarity over draws as its number, and a verdict in words stands among
    its facts. With several draws `numbers` holds the lowest and highest too. Its settings are the
    method's.
    """

    method: Attribution
    experiment: Experiment

    def __init__(self, method: Any, experiment: Experiment) -> None:
        super().__init__()
        if not isinstance(experiment, Experiment):
            raise ExplainError(
                f"The experiment is {experiment!r}; Followed takes one such as RisingNoise()."
            )
        inner = method.method if isinstance(method, Followed) else as_method(method)
        found = {"method": inner, "experiment": experiment, "title": inner.label}
        for name, value in {**found, "knobs": inner.knobs}.items():
            object.__setattr__(self, name, value)

    @property
    def settings(self) -> dict[str, Any]:
        """The method's own."""
        return self.method.settings

    def having(self, **changes: Any) -> Followed:
        """The same experiment with other settings of the method."""
        return Followed(self.method.having(**changes), self.experiment)

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """The method once, and once more a step and draw; the score at every step."""
        own, course = self.method.cost(subject, x), self.experiment.on(subject, x)
        times = 1 + sum(course.draws(self.experiment, step.key) for step in course.every)
        asked = 1 + len(course.every) if course.asks_anew else 0
        return Passes(own.forward * times + asked, own.backward * times)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """The method's own findings, with the strip of steps and the verdict."""
        found = self.method._found(subject, x, target)
        origin = self.method._checked(found.values, x)
        comparison = Comparison(self.experiment.measure, origin)
        course = self.experiment.on(subject, x)
        frames: dict[str, Frame] = {}
        outcomes: dict[str, list[Outcome]] = {step.key: [] for step in course.every}
        if course.asks_anew:
            outcomes[""] = [first_outcome(subject.outputs(x), target)]
        for draw in range(self.experiment.draws):
            for step in course.every:
                if draw and not course.random(step.key):
                    continue
                there = course.at(step.key, draw, self.method)
                values = there.values(target)
                asked = there.subject.outputs(there.x) if course.asks_anew and not draw else None
                outcomes[step.key].append(comparison.outcome(values, asked, target))
                frames.setdefault(step.key, Frame(there.label or step.label, values))
        return told(found, course, frames, outcomes)

    def _name(self) -> str:
        return self.method._name()

    def __repr__(self) -> str:
        return repr(self.method)

    def __eq__(self, other: object) -> bool:
        same = isinstance(other, Followed)
        return same and (self.method, self.experiment) == (other.method, other.experiment)  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((self.method, self.experiment))


class Comparison:
    """The maps at the origin, made ready to be compared with those at the steps by one measure."""

    def __init__(self, measure: str, origin: torch.Tensor) -> None:
        self.measure, self.origin = measure, origin
        self._likeness = likeness_to(measure, origin.numpy())
        length = _lengths(origin)
        self._length = length.where(length > 0, torch.nan)

    def outcome(
        self, values: torch.Tensor, outputs: torch.Tensor | None, target: BoundTarget
    ) -> Outcome:
        """How the maps at a step differ, and the target's score in the network's outputs there;
        means over inputs, NaN where all maps are constant."""
        alike = mean_known(self._likeness(values.numpy()))
        change = mean_known((_lengths(values - self.origin) / self._length).numpy())
        return Outcome(alike, change, *_score(outputs, target))


def _lengths(maps: torch.Tensor) -> torch.Tensor:
    return torch.linalg.vector_norm(maps.flatten(1), dim=1, dtype=torch.float64)


def first_outcome(outputs: torch.Tensor, target: BoundTarget) -> Outcome:
    """The origin's own."""
    return Outcome(1.0, 0.0, *_score(outputs, target))


def mean_outcome(outcomes: Sequence[Outcome]) -> Outcome:
    """The mean over draws, of each number over those that have it."""
    alike, change, score = (
        mean_known(np.array([getattr(one, name) for one in outcomes]))
        for name in ("likeness", "change", "score")
    )
    known = [one.likeness for one in outcomes if not np.isnan(one.likeness)] or [float("nan")]
    return Outcome(alike, change, score, outcomes[0].unit, min(known), max(known))


def _score(outputs: torch.Tensor | None, target: BoundTarget) -> tuple[float, str]:
    unit = "probability" if single_class(target) else "score"
    if outputs is None:
        return float("nan"), unit
    return float(on_scale(outputs, target, None, "probability").mean()), unit


def told(
    found: Any,
    course: Course,
    frames: Mapping[str, Frame],
    outcomes: Mapping[str, Sequence[Outcome]],
) -> Any:
    """Findings (or a Heatmap) with what was found on the way: the strip, the numbers, the verdict.
    `outcomes` holds those of every draw by key, and the origin's under ""."""
    strip, numbers = [], dict(found.numbers)
    means = {key: mean_outcome(made) for key, made in outcomes.items()}
    for step in course.every:
        if step.key not in frames:
            continue
        frame, mean = frames[step.key], means[step.key]
        strip.append(Frame(frame.label, frame.values, mean.likeness))
        numbers[f"similarity, {frame.label}"] = mean.likeness
        numbers[f"change, {frame.label}"] = mean.change
        if course.asks_anew:
            numbers[f"{mean.unit}, {frame.label}"] = mean.score
        values = [one.likeness for one in outcomes[step.key]]
        if len(values) > 1:
            numbers[f"lowest similarity, {frame.label}"] = float(np.min(values))
            numbers[f"highest similarity, {frame.label}"] = float(np.max(values))
    said = course.verdict(means)
    facts = [*found.facts, said] if said else found.facts
    return replace(found, frames=strip, numbers=numbers, facts=facts)
