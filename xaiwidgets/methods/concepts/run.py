"""What a TCAV was asked, with all that its answer is made of: so that concepts can be added."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xaiwidgets.core.answers import Provenance, Seen
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.job import CancelToken, Job, working
from xaiwidgets.core.subject import differentiating

from .answer import ConceptScores
from .score import LEVEL, ConceptScore
from .sets import FEW_SETS, Sets, need_concepts
from .space import Direction, Recipe, Space
from .store import Activations, Store, read_concepts
from .vector import ConceptVector

if TYPE_CHECKING:
    from .tcav import TCAV

_SAME = 0.999


@dataclass(frozen=True, eq=False)
class Run:
    """A question, the class's gradients, and every set's activations with their inner products.

    `sets` are the sets in the order in which their examples lie in the `spaces`; `concepts` and
    `others` say which of them are concepts and which are random.
    """

    tcav: TCAV
    store: Store
    labels: list[str]
    seen: Seen
    gradients: dict[str, np.ndarray]
    sets: list[Activations]
    concepts: dict[str, int]
    others: list[int]
    spaces: dict[str, Space]
    nulls: dict[Any, list[Direction]] = field(default_factory=dict)
    """What stood in for concepts, by layer and size, or by layer and concept."""

    @classmethod
    def begun(
        cls,
        tcav: TCAV,
        store: Store,
        labels: list[str],
        seen: Seen,
        gradients: dict[str, np.ndarray],
        concepts: Mapping[str, Activations],
        others: list[Activations],
    ) -> Run:
        """With concepts and random sets that were read."""
        sets = [*concepts.values(), *others]
        spaces = {layer: Space.of(sets, layer, g) for layer, g in gradients.items()}
        named = {name: i for i, name in enumerate(concepts)}
        drawn = list(range(len(concepts), len(sets)))
        return cls(tcav, store, labels, seen, gradients, sets, named, drawn, spaces)

    # --- other concepts -----------------------------------------------------------------------

    def adding(
        self,
        concepts: Mapping[str, Any],
        progress: Callable[[float], None] | None = None,
        cancel: CancelToken | None = None,
    ) -> ConceptScores:
        """The answer with more concepts, for the forward passes of their examples alone."""
        need_concepts(concepts)
        for name in concepts:
            if name in self.concepts:
                raise ExplainError(
                    f"A concept is called {name!r} already; give another name, or leave that one "
                    "out first with without()."
                )
        if self.store.subject.fingerprint != self.store.network:
            raise ExplainError("The network has changed since it was asked; ask TCAV again.")
        job = Job(progress, cancel or CancelToken())
        start = time.perf_counter()
        with working(job), differentiating():
            job.expected = sum(len(data) for data in concepts.values() if hasattr(data, "__len__"))
            read = read_concepts(self.store, concepts)
            answer = self._with(read).answer(job, start)
        job.finish()
        return answer

    def without(self, concept: str) -> ConceptScores:
        """The answer without a concept."""
        kept = {name: at for name, at in self.concepts.items() if name != concept}
        if len(kept) < (1 if self.tcav.against == "random" else 2):
            raise ExplainError(f"Without {concept!r} too few concepts are left to be asked about.")
        start, job = time.perf_counter(), Job()
        fewer = replace(self, concepts=kept, nulls=self._lasting)
        return fewer.answer(job, start)

    def _with(self, more: Mapping[str, Activations]) -> Run:
        new = list(more.values())
        spaces = {
            layer: space.widened(self.sets, new, layer, self.gradients[layer])
            for layer, space in self.spaces.items()
        }
        named = {name: len(self.sets) + i for i, name in enumerate(more)}
        return replace(
            self, sets=[*self.sets, *new], concepts={**self.concepts, **named}, spaces=spaces,
            nulls=self._lasting,
        )  # fmt: skip

    @property
    def _lasting(self) -> dict[Any, list[Direction]]:
        """What does not depend on which concepts there are."""
        return dict(self.nulls) if self.tcav.against == "random" else {}

    # --- the answer ---------------------------------------------------------------------------

    def answer(self, job: Job, start: float) -> ConceptScores:
        """Every concept's score at every layer; `start` is when the work of `job` began."""
        sets = self._dealt()
        entries = self._entries(sets)
        given = {
            **self.tcav.settings, "layers": list(self.spaces),
            "random": [self.sets[at].fingerprint for at in self.others],
            "concepts": {name: self.sets[at].fingerprint for name, at in self.concepts.items()},
        }  # fmt: skip
        made = Provenance.of_work(
            type(self.tcav).__name__, given, self.labels, self.store.subject.title,
            self.store.network, self.seen, job, time.perf_counter() - start,
        )  # fmt: skip
        return ConceptScores(entries, made, self._facts(sets), self._warnings(sets, entries), self)

    def _dealt(self) -> Sets:
        ends = np.cumsum([each.count for each in self.sets])
        rows = np.split(np.arange(ends[-1]), ends[:-1])
        named = {name: rows[at] for name, at in self.concepts.items()}
        drawn = [rows[at] for at in self.others]
        return Sets.dealt(named, drawn, self.tcav.size, self.tcav.seed)

    def _entries(self, sets: Sets) -> list[ConceptScore]:
        """Every concept at every layer. Concepts of one size share what stands in for them."""
        tcav, entries = self.tcav, []
        recipe = Recipe(tcav.classifier, tcav.penalty, tcav.seed)
        for layer, space in self.spaces.items():
            for concept, positive in sets.concepts.items():
                negatives, stand_ins = sets.around(concept, tcav.against)
                shared = layer, len(positive) if tcav.against == "random" else concept
                if shared not in self.nulls:
                    self.nulls[shared] = [
                        space.direction(rows, negatives, recipe) for rows in stand_ins
                    ]
                found = space.direction(positive, negatives, recipe)
                null = self.nulls[shared]
                entries.append(ConceptScore.of(concept, layer, len(positive), found, null))
        return [entry.judged(tcav.judged, len(entries)) for entry in entries]

    def vector(self, entry: ConceptScore) -> ConceptVector:
        """An entry's direction in its layer, put together from the examples."""
        sets, layer = self._dealt(), entry.layer
        told_from = np.concatenate(sets.around(entry.concept, self.tcav.against)[0])
        others = np.bincount(told_from, minlength=len(entry.direction.weights)) / len(told_from)
        return ConceptVector(
            entry.concept, layer, self.store.pooling, self._sum(layer, entry.direction.weights),
            entry.direction.border, self._sum(layer, others), tuple(self.seen.x.shape[1:]),
            self.store.subject, self.store.network,
        )  # fmt: skip

    def _sum(self, layer: str, weights: np.ndarray) -> np.ndarray:
        """The weighted sum of all examples' activations at a layer (features,)."""
        bounds = np.cumsum([each.count for each in self.sets])[:-1]
        found = np.zeros(self.sets[0].width(layer))
        for part, each in zip(np.split(weights, bounds), self.sets, strict=True):
            if part.any():
                found += part @ each.columns(layer, 0, each.width(layer))
        return found

    # --- words --------------------------------------------------------------------------------

    def _facts(self, sets: Sets) -> list[str]:
        return [
            f"S is the derivative of the {self.tcav.output} along a CAV of unit length.",
            f"{len(sets.negatives)} random sets are negatives and {len(sets.stand_ins)} stand in "
            f"for concepts; p is of the {self.tcav.judged}, and {LEVEL} ÷ (concepts × layers) "
            "counts.",
        ]

    def _warnings(self, sets: Sets, entries: list[ConceptScore]) -> list[str]:
        found = [
            f"At {layer!r} the gradient is the same for every input (mean cosine "
            f"{space.alike:.3f}), as before a pooling and a linear layer: a CAV's share can only "
            "be 0 or 1. Choose an earlier layer."
            for layer, space in self.spaces.items()
            if space.alike > _SAME
        ]
        if len(sets.stand_ins) < FEW_SETS:
            found.append(
                f"Only {len(sets.stand_ins)} random sets stand in for concepts, so that little can "
                f"be significant; {FEW_SETS} and more take {2 * FEW_SETS * self.tcav.size} random "
                "pictures."
            )
        if any(np.isnan(entry.p) for entry in entries):
            found.append(
                "Where all random sets have the same score there is no p; judge magnitude."
            )
        return found
