"""Which examples are told apart from which: random pictures dealt into sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xaiwidgets.core.errors import ExplainError

FEWEST = 6
FEW_SETS = 8


@dataclass(frozen=True, eq=False)
class Sets:
    """The rows of a space that belong to each set. Of the random sets those with even numbers are
    negatives, and those with odd ones stand in for concepts."""

    concepts: dict[str, np.ndarray]
    negatives: list[np.ndarray]
    stand_ins: list[np.ndarray]
    seed: int

    @classmethod
    def dealt(
        cls, concepts: Mapping[str, np.ndarray], others: Sequence[np.ndarray], size: int, seed: int
    ) -> Sets:
        """Deal one pool of random pictures into sets; sets that were given are cut to the size."""
        named = {name: _shuffled(rows, seed) for name, rows in concepts.items()}
        drawn = [_shuffled(rows, seed) for rows in others]
        if len(drawn) == 1:
            whole = len(drawn[0]) // size * size
            drawn = list(drawn[0][:whole].reshape(-1, size))
        size = min([size, *map(len, drawn)])
        for name, rows in named.items():
            if len(rows) < FEWEST:
                raise ExplainError(
                    f"The concept {name!r} has {len(rows)} examples; it takes {FEWEST} and more, "
                    f"better {size}."
                )
        if len(drawn) < 6 or size < FEWEST:
            raise ExplainError(
                f"random= gives {len(drawn)} sets of {size} pictures; TCAV takes at least 6 sets "
                f"of {FEWEST}, better {2 * FEW_SETS}: give more pictures, or a smaller size=."
            )
        drawn = [rows[:size] for rows in drawn]
        return cls({n: rows[:size] for n, rows in named.items()}, drawn[::2], drawn[1::2], seed)

    def around(self, concept: str, against: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The sets that a concept is told from, and those that stand in for it, of its size."""
        size = len(self.concepts[concept])
        negatives = self.negatives if against == "random" else self._union_without(concept, size)
        return [n[:size] for n in negatives], [s[:size] for s in self.stand_ins]

    def _union_without(self, concept: str, size: int) -> list[np.ndarray]:
        """The union of the other concepts, dealt into sets of the concept's size."""
        parts = [rows for name, rows in self.concepts.items() if name != concept]
        union = _shuffled(np.concatenate(parts), self.seed)
        whole = max(1, len(union) // size)
        return [union[i * size : (i + 1) * size] for i in range(whole)]


def need_concepts(concepts: Any) -> None:
    """Refuse what is no mapping of concepts, and one without any."""
    if not isinstance(concepts, Mapping) or not concepts:
        raise ExplainError(
            "concepts= takes a mapping from a concept's name to its examples, such as "
            "{'stripes': pictures}, with at least one."
        )


def as_sets(random: Any) -> list[Any]:
    """Random sets one by one: a mapping's values, a list's when each is a set itself, or all in
    one."""
    if isinstance(random, Mapping):
        return list(random.values())
    if isinstance(random, (list, tuple)) and random and all(map(_is_set, random)):
        return list(random)
    return [random]


def _is_set(thing: Any) -> bool:
    if isinstance(thing, (str, Path)):
        return Path(thing).is_dir()
    return isinstance(thing, list) or getattr(thing, "ndim", 0) == 4


def _shuffled(rows: np.ndarray, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(rows)
