"""A picture that drowns in noise: does the map hold where the network's answer holds?"""

import numbers
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from xaiwidgets.core.declare import knob
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.subject import Subject

from ..experiment import Circumstances, Course, Experiment, Outcome, Step
from ..knobs import seed_knob, similarity_knob
from ..sanity.kept import kept
from .nearby import noisy

LEVELS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
_HOLDS = 0.1
"""An answer holds while the score stays within this share of the whole picture's."""


class RisingNoise(Experiment, title="Noise", source="alvarezmelis2018"):
    """Let the picture drown in noise, level by level, while the target stays what it was.

    At a level r the input is x + ε, ε ~ U[−r, r] × the picture's range: the noise of Continuity and
    of the sensitivities, whose radius r is. `noise` are the levels as shares of the range, or one
    number: the last of the usual ones (1, 2, 5, 10, 20, 30 %).

    Use it to see at which noise a map lets go, and whether the answer let go first.

    It misleads when it is read alone: a map may move because the answer does. Read it beside the
    class's probability at the same level.

    It costs the explanation once for every level and draw.
    """

    slider = "Noise"
    origin = "no noise"
    hint = "drag: the input gets more and more noise, and its map then stands here"
    call = "stability"

    measure: str = similarity_knob("spearman")
    draws: int = knob(default=3, low=1, high=50, help="how many times noise is drawn")
    seed: int = seed_knob("which noise is drawn")

    levels: tuple[float, ...]

    def __init__(self, noise: Any = None, **settings: Any) -> None:
        super().__init__(**settings)
        object.__setattr__(self, "levels", checked_levels(noise))

    def having(self, **changes: Any) -> "RisingNoise":
        """A copy with some settings changed."""
        return RisingNoise(self.levels, **{**self.settings, **changes})

    def on(self, subject: Subject, x: torch.Tensor) -> "Drowning":
        """The levels, from little noise to much."""
        return Drowning(self, subject, x)

    @property
    def changed(self) -> dict[str, Any]:
        """The levels where they are not the usual ones, and the settings that were changed."""
        own = {} if self.levels == LEVELS else {"noise": self.levels}
        return {**own, **super().changed}

    @property
    def key(self) -> Hashable:
        """A level is the same in every set of levels."""
        return type(self), self.seed

    def __eq__(self, other: object) -> bool:
        """Equal with the same levels and settings."""
        same = isinstance(other, RisingNoise) and self.levels == other.levels
        return same and super().__eq__(other)

    def __hash__(self) -> int:
        """Follows from levels and settings."""
        return hash((self.levels, super().__hash__()))


class Drowning(Course):
    """The course of one input through rising noise."""

    def __init__(self, experiment: RisingNoise, subject: Subject, x: torch.Tensor) -> None:
        self.experiment, self.subject, self.x = experiment, subject, x
        self.levels = {f"{level:g}": level for level in experiment.levels}
        super().__init__([Step(key, _percent(level)) for key, level in self.levels.items()])

    def at(self, key: str, draw: int, method: Attribution) -> Circumstances:
        """The method, on the noisy input."""
        self.check(key)
        moved = noisy(self.x, self.levels[key], self.experiment.seed)(draw)
        return Circumstances(method, self.subject, moved)

    def said(self, key: str, outcome: Outcome) -> str:
        """How much of the map is left at a level, and how fast it moved beside the picture."""
        level = self.levels[key]
        said = kept(outcome.likeness, f"noise reaches {_percent(level)}", self.experiment.measure)
        if np.isnan(outcome.likeness):
            return said
        speed = outcome.change / (level / 3**0.5)  # the root of the mean square of U[−r, r]
        return (
            f"{said[:-1]}; it changes by {100 * outcome.change:.0f} % of its length, {speed:.2g} × "
            f"as fast as the {self.subject.words.whole}."
        )

    def verdict(self, outcomes: Mapping[str, Outcome]) -> str:
        """The map at the most noise that leaves the answer alone; "" until every level is there."""
        if "" not in outcomes or any(key not in outcomes for key in self.levels):
            return ""
        found = [outcomes[key] for key in self.levels]
        return verdict(self.experiment.levels, found, outcomes[""], self.experiment.measure)


def checked_levels(noise: Any = None) -> tuple[float, ...]:
    """The largest change of a pixel at every level, as growing shares of the picture's range: those
    given, or the usual ones up to one number."""
    if noise is None:
        return LEVELS
    if _is_level(noise):
        noise = [*(level for level in LEVELS if level < noise), noise]
    several = isinstance(noise, Sequence | np.ndarray) and not isinstance(noise, str)
    if not several or not len(noise) or not all(_is_level(level) for level in noise):
        raise ExplainError(
            f"noise is {noise!r}; it takes shares of the picture's range above 0 and up to 1, such "
            "as 0.3 or (0.05, 0.1, 0.2)."
        )
    return tuple(sorted({float(level) for level in noise}))


def verdict(
    levels: Sequence[float], outcomes: Sequence[Outcome], whole: Outcome, measure: str
) -> str:
    """One sentence: how much of the map is left at the most noise that leaves the answer alone."""
    near = [abs(one.score - whole.score) <= _HOLDS * abs(whole.score) for one in outcomes]
    held = near.index(False) if False in near else len(near)
    if not held:
        return (
            f"Noise of {_percent(levels[0])} of the range already takes the {whole.unit} from "
            f"{whole.score:.2f} to {outcomes[0].score:.2f}: the network's own answer moves first."
        )
    last = outcomes[held - 1]
    when = (
        f"noise of {_percent(levels[held - 1])} of the range leaves the {whole.unit} at "
        f"{last.score:.2f} ({whole.score:.2f} without)"
    )
    said = kept(last.likeness, when, measure)
    if np.isnan(last.likeness):
        return said
    reading = (
        "it holds as the answer does"
        if last.likeness >= 0.7
        else "it holds in part"
        if last.likeness >= 0.4
        else "it moves where the answer does not"
    )
    return f"{said[:-1]}: {reading}."


def _is_level(level: Any) -> bool:
    number = isinstance(level, numbers.Real) and not isinstance(level, bool | np.bool_)
    return number and 0 < float(level) <= 1


def _percent(level: float) -> str:
    return f"{100 * level:.3g} %"
