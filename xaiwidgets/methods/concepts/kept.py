"""What a saved TCAV answer holds besides its numbers, and what it cannot do any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject

from .score import ConceptScore, Counterparts
from .space import Direction
from .vector import ConceptVector

_OF_DIRECTION = ("weights", "shares", "magnitudes", "accuracies", "sensitivities")
ARRAYS = (*_OF_DIRECTION, "random shares", "random magnitudes", "vector", "origin")


@dataclass(frozen=True, eq=False)
class Kept:
    """Vectors and the means of what they were told from, by concept and layer, and the network that
    they belong to where it was given."""

    arrays: Mapping[tuple[str, str], tuple[np.ndarray, np.ndarray]]
    pooling: str
    shape: tuple[int, ...]
    subject: Subject | None
    network: str

    def vector(self, entry: ConceptScore) -> ConceptVector:
        """An entry's direction in its layer."""
        if self.subject is None:
            raise ExplainError(
                "These scores were read from a file and know no network; a vector needs it: "
                "ConceptScores.load(path, subject)."
            )
        values, origin = self.arrays[entry.concept, entry.layer]
        return ConceptVector(
            entry.concept, entry.layer, self.pooling, values, entry.direction.border, origin,
            self.shape, self.subject, self.network,
        )  # fmt: skip

    def adding(self, *_: Any) -> NoReturn:
        """Refused: the examples are not kept."""
        raise ExplainError(
            "These scores were read from a file, without their examples; ask TCAV again, with the "
            "same folder= if it had one."
        )

    without = adding


def arrays_of(entry: ConceptScore, vector: ConceptVector) -> dict[str, np.ndarray]:
    """An entry's arrays by name, as in ARRAYS."""
    of_direction = [getattr(entry.direction, name) for name in _OF_DIRECTION]
    return dict(
        zip(ARRAYS, [*of_direction, *entry.random, vector.values, vector.random], strict=True)
    )


def entry_from(
    plain: Mapping[str, Any], border: float, arrays: Mapping[str, np.ndarray]
) -> ConceptScore:
    """An entry from its numbers and its arrays."""
    held = {name: arrays[name] for name in _OF_DIRECTION}
    found = Direction(border=border, agreement=plain["agreement"], **held)
    random = Counterparts(arrays["random shares"], arrays["random magnitudes"])
    return ConceptScore(**plain, direction=found, random=random)
