from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from typing_extensions import Self

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .layerwise import Layerwise
from .lrp import relevance
from .patterns import Patterns, checked, of_white_noise
from .presets import Table
from .propagation import Place
from .rules import Flow, Rule
from .start import Start, contributions

_FEW = 100  # inputs: of fewer, maps on the zoo's shapes turn round with the choice of inputs


class PatternNet(
    Layerwise,
    title="PatternNet",
    source="kindermans2018",
    taxonomy={"formulation": "closed form + dependence"},
):
    """What in the picture made the score, the signal, as opposed to what the weights look for.

    The gradient with a pattern a in place of every filter w: w has to cancel distractors and may
    look like nothing in the data, while a, estimated from data, is what varies with the unit's
    output. For a linear model the map is a · y.

    Use it with data at hand, to see the signal that the network picks up in a picture.

    It misleads as a sum of contributions, for it is a picture; and as far as its data does. Without
    patterns it takes those of white noise, w ÷ wᵀw, and says so.

    >>> PatternNet(Patterns.of(subject, pictures))(subject, cat)
    """

    takes = ("picture",)
    times_weight: ClassVar[bool] = False

    def __init__(self, patterns: Patterns | None = None, **settings: Any) -> None:
        if patterns is not None and not isinstance(patterns, Patterns):
            raise ExplainError(
                f"{type(self).__name__} was given a {type(patterns).__name__}; it takes patterns, "
                "which Patterns.of(subject, data) estimates."
            )
        super().__init__(**settings)
        object.__setattr__(self, "patterns", patterns)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """One forward and one backward pass."""
        patterns: Patterns | None = self.patterns  # type: ignore[attr-defined]
        table = _PatternTable([], patterns=patterns, times_weight=self.times_weight)
        found = relevance(subject, x, Start(target, _by_its_output), table)
        if patterns is None:
            found.warnings.append(
                "No patterns were given, so filters stand in for them, as for data that are white "
                f"noise: {type(self).__name__}(Patterns.of(subject, pictures)) takes real ones."
            )
        else:
            found.facts.append(f"Patterns were estimated from {patterns.count} inputs.")
            if patterns.count < _FEW:
                found.warnings.append(
                    f"Patterns from {patterns.count} inputs hold what these few have in common by "
                    "chance: other inputs would give another map. Give some hundred."
                )
        return found

    def having(self, **changes: Any) -> Self:
        """A copy with some settings changed, and the same patterns."""
        return type(self)(self.patterns, **{**self.settings, **changes})  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        patterns = self.patterns  # type: ignore[attr-defined]
        return f"{type(self).__name__}({'' if patterns is None else repr(patterns)})"

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other) and self.patterns is other.patterns  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self), id(self.patterns)))  # type: ignore[attr-defined]


class PatternAttribution(PatternNet, title="PatternAttribution", source="kindermans2018"):
    """How much of the score each pixel's part of the signal made: PatternNet's map, weighed.

    The gradient with w ⊙ a in place of every filter w, where a is its pattern. For a linear model
    the map is w ⊙ a · y, which adds up to the score, since wᵀa = 1. Distractors, which gradient ×
    input counts as evidence, get nothing.

    Use it with data at hand, where distractors should count for nothing.

    It misleads as far as the data does from which its patterns are.

    >>> PatternAttribution(Patterns.of(subject, pictures))(subject, cat)
    """

    times_weight = True


@dataclass(frozen=True)
class _PatternTable(Table):
    """Every layer goes back by its own pattern."""

    patterns: Patterns | None = None
    times_weight: bool = False

    def rule(self, place: Place) -> Rule:
        """The layer's pattern; at the pixels what arrives is the map itself."""
        pattern = None if self.patterns is None else self.patterns.at(place)
        return Patterned(pattern, self.times_weight, place.first)


@dataclass(frozen=True)
class Patterned(Rule):
    """The gradient by a pattern (that of white noise where there is none) in place of the weight,
    or by their product."""

    pattern: torch.Tensor | None = None
    times_weight: bool = False
    at_input: bool = False

    def share(self, flow: Flow) -> torch.Tensor:
        """One backward pass of the layer."""
        layer, weight = flow.layer, flow.layer.merged()[0]
        if self.pattern is None:
            values = of_white_noise(weight, layer)
        else:
            values = checked(self.pattern, weight, layer)
        c = torch.where(flow.z > 0, flow.c, 0) if flow.positive else flow.c
        return layer.back(c, weight * values if self.times_weight else values, flow.x)

    def __str__(self) -> str:
        return "pattern × weight" if self.times_weight else "pattern"


def _by_its_output(
    target: BoundTarget, outputs: torch.Tensor, rows: torch.Tensor | None
) -> torch.Tensor:
    """What makes each output's signal start as the output itself: c = y."""
    return contributions(target, outputs, rows) * outputs
