"""One setting of a method through a row of values: how much of a map is the setting's doing?"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from xaiwidgets.core.declare import Knob
from xaiwidgets.core.errors import ExplainError, nearest
from xaiwidgets.core.method import Attribution, FromFunction
from xaiwidgets.core.subject import Subject

from ..experiment import Circumstances, Course, Experiment, Outcome, Step
from ..knobs import similarity_knob
from .settings import spread

STEPS, SPAN = 7, 4.0
_MOST_LAYERS = 12


class Sweep(Experiment, title="Sweep", source="bansal2020"):
    """Give one setting of every method one value after another, `values`, and leave the rest.

    The number at a value is the similarity to the map with the method's own setting; Bansal et al.
    (2020) take SSIM. A method without that setting stays as it is and says so.

    Use it to see what one setting does to the maps of several methods.

    It misleads as a verdict on a method: two values may ask two questions, and both maps be right.

    It costs the explanation once a value.

    >>> sweep = Sweep(SmoothGrad.knobs["noise"], [0.05, 0.1, 0.3])
    >>> Followed(SmoothGrad(), sweep)(subject, x).frames  # doctest: +SKIP
    """

    origin = "as set"
    call = "sweep"
    draws = 1
    seed = 0

    measure: str = similarity_knob("ssim")

    setting: str
    values: tuple[Any, ...]

    def __init__(self, entry: Knob, values: Sequence[Any], **settings: Any) -> None:
        super().__init__(**settings)
        name = entry.name.replace("_", " ")
        found: dict[str, Any] = {
            "entry": entry, "setting": entry.name, "values": tuple(values), "slider": name,
            "hint": f"drag: every method's {name} takes one value after the other",
        }  # fmt: skip
        for key, value in found.items():
            object.__setattr__(self, key, value)

    entry: Knob

    def having(self, **changes: Any) -> "Sweep":
        """A copy with some settings changed."""
        return Sweep(self.entry, self.values, **{**self.settings, **changes})

    def on(self, subject: Subject, x: torch.Tensor) -> "Values":
        """The values in order."""
        return Values(self, subject, x)

    def apart(self, method: Attribution) -> Attribution:
        """What the setting is now makes no difference at a step."""
        entry = method.knobs.get(self.setting)
        return method if entry is None else method.having(**{self.setting: entry.default})

    @property
    def changed(self) -> dict[str, Any]:
        """The setting, its values, and the similarity where it is not the usual one."""
        return {"setting": self.setting, "values": list(self.values), **super().changed}

    @property
    def key(self) -> Hashable:
        """Which setting it is: a value is the same in every row of values."""
        return type(self), self.setting

    def __eq__(self, other: object) -> bool:
        """Equal for the same setting, values and similarity."""
        same = isinstance(other, Sweep) and self.setting == other.setting
        return same and self.values == other.values and super().__eq__(other)  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        """Follows from setting, values and similarity."""
        return hash((self.setting, self.values, super().__hash__()))


class Values(Course):
    """The course of a method through the values of one of its settings."""

    switches = "single"
    asks_anew = False

    def __init__(self, experiment: Sweep, subject: Subject, x: torch.Tensor) -> None:
        self.experiment, self.subject, self.x = experiment, subject, x
        self.values = {str(value): value for value in experiment.values}
        steps = [
            Step(key, value_words(experiment.entry, value)) for key, value in self.values.items()
        ]
        super().__init__(steps, names=[step.label for step in steps])

    def at(self, key: str, draw: int, method: Attribution) -> Circumstances:
        """The method with that value."""
        self.check(key)
        setting, value = self.experiment.setting, self.values[key]
        if setting not in method.knobs:
            raise ExplainError(f"It has no {setting} to vary: its map stays as it is.")
        words = value_words(method.knobs[setting], value)
        return Circumstances(method.having(**{setting: value}), self.subject, self.x, words)

    def random(self, key: str) -> bool:
        """A value is what it is."""
        return False

    def said(self, key: str, outcome: Outcome) -> str:
        """How alike the map is to the one with the method's own setting."""
        if np.isnan(outcome.likeness):
            return f"No map is left to compare at {self._where(key)}."
        return (
            f"At {self._where(key)} it is {outcome.likeness:.2f} like the map as set; it changes "
            f"by {100 * outcome.change:.0f} % of its length."
        )

    def verdict(self, outcomes: Mapping[str, Outcome]) -> str:
        """Where the map is least like the one as set; "" until every value is there."""
        known = {
            key: outcomes[key].likeness
            for key in self.values
            if key in outcomes and not np.isnan(outcomes[key].likeness)
        }
        if len(known) < len(self.values):
            return ""
        key, least = min(known.items(), key=lambda entry: entry[1])
        name = self.experiment.slider
        if least >= 0.999:
            return f"The maps are all the same: {name} does nothing here."
        reading = (
            f"the choice of {name} hardly matters here"
            if least >= 0.8
            else f"name the {name} beside this map"
            if least >= 0.5
            else f"the choice of {name} makes this map as much as the network does"
        )
        said = f"At {self._where(key)} it is {least:.2f} like the map as set, the least of all"
        return f"{said}: {reading}."

    def _where(self, key: str) -> str:
        """A value without its unit, which methods may have each their own."""
        entry = replace(self.experiment.entry, unit="")
        return f"{self.experiment.slider} {value_words(entry, self.values[key])}"


def knob_of(methods: Sequence[Attribution], setting: str) -> tuple[Attribution, Knob]:
    """The first of the methods that has the setting, and its knob; an ExplainError that says which
    settings there are where none has."""
    if not isinstance(setting, str) or not methods:
        what = f"setting is a {type(setting).__name__}" if methods else "No method came"
        raise ExplainError(f"{what}; a sweep takes methods, and one of their settings by name.")
    for method in methods:
        if setting in method.knobs:
            return method, method.knobs[setting]
    names = " and ".join(dict.fromkeys(_name(method) for method in methods))
    verb = "has" if len(methods) == 1 else "have"
    known = list(dict.fromkeys(name for method in methods for name in method.knobs))
    if not known:
        raise ExplainError(f"{names} {verb} no settings, so that none can be swept.")
    raise ExplainError(f"{names} {verb} no setting {setting!r} to sweep. {nearest(setting, known)}")


def sweep_of(
    methods: Sequence[Attribution],
    setting: str,
    subject: Subject,
    x: torch.Tensor,
    values: Sequence[Any] | None = None,
    measure: str = "ssim",
) -> Sweep:
    """A sweep of one setting that some of the methods have.

    Without `values` it goes through every choice, both ways of a switch, layers from the input to
    the output, or seven numbers from a quarter of the first such method's own to four times it.
    What that method has now is among them.
    """
    method, entry = knob_of(methods, setting)
    owner, now = _name(method), getattr(method, setting)
    found = _usual(method, entry, subject, x) if values is None else _checked(owner, entry, values)
    if entry.kind != "layer" and now not in found:
        found.append(now)
    found = list(dict.fromkeys(found))
    if entry.kind in ("integer", "number"):
        found.sort()
    if len(found) < 2:
        raise ExplainError(f"{owner}.{setting} would take only {found}; give two values or more.")
    return Sweep(entry, found, measure=measure)


def value_words(entry: Knob, value: Any) -> str:
    """A value as a reader sees it: "16 pixels", "on", "blur"."""
    if entry.kind == "switch":
        return "on" if value else "off"
    if entry.kind in ("integer", "number"):
        return f"{value:.4g} {entry.unit}".rstrip()
    return str(value)


def _name(method: Attribution) -> str:
    return method.label if isinstance(method, FromFunction) else type(method).__name__


def _checked(owner: str, entry: Knob, values: Any) -> list[Any]:
    if not isinstance(values, Sequence | np.ndarray) or isinstance(values, str):
        raise ExplainError(
            f"values is a {type(values).__name__}; a sweep takes a list of what {owner}."
            f"{entry.name} takes: {entry.takes()}."
        )
    return [entry.check(owner, value) for value in values]


def _usual(method: Attribution, entry: Knob, subject: Subject, x: torch.Tensor) -> list[Any]:
    if entry.kind == "layer":
        names = [layer.name for layer in subject.layers(x).maps]
        return _thinned(names, getattr(method, entry.name))
    found = spread(method, entry.name, STEPS, SPAN)
    if entry.kind in ("integer", "number"):
        now = getattr(method, entry.name)
        near = min(found, key=lambda value: abs(value - now))
        return [now if value == near else _round(entry, value) for value in found]
    lacks = {*subject.lacks, *method.lacks.get(subject.kind, ())}
    if subject.absent is None:
        lacks.add("given")
    return [value for value in found if value not in lacks]


def _round(entry: Knob, value: float) -> float:
    """Two digits, as far as the knob takes them."""
    assert entry.low is not None
    assert entry.high is not None
    near = min(entry.high, max(entry.low, float(f"{value:.2g}")))
    return round(near) if entry.kind == "integer" else near


def _thinned(names: list[str], now: str) -> list[str]:
    """A dozen from the first to the last where there are more, the present one in its place."""
    last = len(names) - 1
    dozen = {round(i * last / (_MOST_LAYERS - 1)) for i in range(_MOST_LAYERS)}
    return [name for i, name in enumerate(names) if i in dozen or name == now]
