"""TCAV: testing with concept activation vectors (Kim et al. 2018)."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xaiwidgets.core.activations import layer_gradients
from xaiwidgets.core.answers import Provenance, Seen
from xaiwidgets.core.declare import Declared, knob
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.job import CancelToken, Job, working
from xaiwidgets.core.subject import Inputs, Subject, differentiating
from xaiwidgets.core.target import BoundTarget

from .answer import ConceptScore, ConceptScores
from .classifiers import CLASSIFIERS
from .pooling import POOLING, pooled_gradient
from .significance import against_random, as_published, interval_of_share
from .space import Direction, Recipe, Space
from .store import Activations, Store

LEVEL = 0.05
TELLING = 0.6
_FEWEST = 6
_FEW_SETS = 8
_SAME = 0.999


class TCAV(Declared, title="TCAV", source="kim2018"):
    """Which human idea does the network's answer go by: how does a class's score change as the
    picture becomes more like a concept?

    A linear classifier tells the activations of a concept's examples from those of random pictures;
    its vector v, the CAV, points to the concept. S = ∂h/∂a · v is the score's derivative along it,
    the TCAV score the share of inputs with S > 0, the magnitude the mean of S along the mean of the
    unit CAVs.

    Every concept stands against half of the random sets; the other half stand in for concepts, and
    a concept counts as significant where one more random set would hardly lie (a prediction
    interval, Bonferroni over concepts × layers). The paper's t-test takes CAVs that share a concept
    for independent, and on networks with random weights calls a third of all concepts significant;
    it is reported beside. What is tested is the magnitude: the share soon sticks at 0 or 1, for
    random sets as well.

    True concepts are missed: of eight that the zoo's networks go by seven come out, and with the
    mean over the picture, which maps need, fewer. What is significant need not be the *cause*
    either: concepts that speak against the class, or look like it to this layer, come out too.

    A concept that held-out examples show to be told apart in less than 60 % gets no score. Scores
    differ between layers, classifiers and poolings, and a class's pictures of one colour make that
    colour a concept.

    >>> TCAV()(subject, zebras, "zebra", concepts={"stripes": "pictures/stripes"}, random=others,
    ...        layers="layer3").table()
    """

    classifier: str = knob(
        default="ridge", choices=CLASSIFIERS, help="what tells a concept from the others"
    )
    pooling: str = knob(
        default="max", choices=POOLING,
        help="one number a channel, its maximum or mean over the picture, or all numbers",
    )  # fmt: skip
    output: str = knob(
        default="logit", choices=("logit", "log-probability"), help="what is differentiated"
    )
    against: str = knob(
        default="random", choices=("random", "other concepts"),
        help="what a concept is told from: random pictures, or the union of the other concepts "
        "(a relative CAV)",
    )  # fmt: skip
    judged: str = knob(
        default="magnitude", choices=("magnitude", "score"), help="what is tested for significance"
    )
    size: int = knob(
        default=50, low=_FEWEST, high=1000, unit="pictures", log=True,
        help="how large random sets are; a concept with fewer examples is compared with sets "
        "as small as itself, and of one with more so many are taken",
    )  # fmt: skip
    penalty: float = knob(
        default=1.0, low=1e-6, high=1000.0, log=True, unit="of the spread",
        help="ridge's penalty, as a share of the mean squared distance from the centre",
    )  # fmt: skip
    seed: int = knob(default=0, low=0, high=9999, help="which examples are dealt and held out")

    def __call__(
        self,
        subject: Any,
        inputs: Any,
        target: Any = None,
        *,
        concepts: Mapping[str, Any],
        random: Any,
        layers: str | Sequence[str],
        folder: str | Path | None = None,
        progress: Callable[[float], None] | None = None,
        cancel: CancelToken | None = None,
    ) -> ConceptScores:
        """Score `concepts` for `inputs`, pictures of the class `target` (default: the predicted).

        Each concept, and `random`, is a set of examples: anything Subject.prepare takes, a folder
        of pictures, a data set or an iterable of batches. `random` is dealt into sets of `size`, or
        given as sets: a mapping, or a list of lists, batches or folders. Activations are kept in
        `folder` for the next call, or in a temporary one. Raises ExplainError for what cannot be
        used, Cancelled when stopped.
        """
        subject = Subject.of(subject)
        ready = subject.prepare(inputs)
        names = self._checked(subject, ready, concepts, layers)
        job = Job(progress, cancel or CancelToken())
        start = time.perf_counter()
        with working(job), differentiating():
            bound = subject.bind(target, ready.x)
            job.expected = _passes(ready, concepts, random) + job.forwards
            store = Store(subject, names, self.pooling, folder)
            gradients = self._gradients(subject, ready.x, bound, names)
            read = {name: store.read(data) for name, data in concepts.items()}
            others = [store.read(data) for data in _as_sets(random)]
            sets = _Sets.dealt(read, others, self.size, self.seed)
            everything = [*read.values(), *others]
            spaces = {name: Space.of(everything, name, gradients[name]) for name in names}
            entries = self._entries(spaces, sets)
        job.finish()
        seen = Seen(subject.preprocessing, ready.x.to("cpu", copy=True))
        settings = {
            **self.settings, "layers": names, "random": [each.fingerprint for each in others],
            "concepts": {name: each.fingerprint for name, each in read.items()},
        }  # fmt: skip
        made = Provenance.of_work(
            type(self).__name__, settings, bound.labels, subject.title, store.network, seen, job,
            time.perf_counter() - start,
        )  # fmt: skip
        return ConceptScores(
            entries, made, self._facts(sets), self._warnings(spaces, sets, entries),
            store, everything, tuple(ready.x.shape[1:]),
        )  # fmt: skip

    # --- what the network says ----------------------------------------------------------------

    def _gradients(
        self, subject: Subject, x: torch.Tensor, bound: BoundTarget, names: list[str]
    ) -> dict[str, np.ndarray]:
        """∂ score / ∂ pooled activation of every layer (inputs, features)."""
        aim = bound if self.output == "logit" else _LogProbability.of(bound)
        known = subject.layers(x)
        rows = torch.arange(len(x))
        size = subject.batch_size(x)
        found: dict[str, list[torch.Tensor]] = {name: [] for name in names}
        for part, which in zip(x.split(size), rows.split(size), strict=True):
            for name, (a, g) in layer_gradients(subject, part, aim, names, which).items():
                found[name].append(pooled_gradient(a, g, known[name], self.pooling).cpu())
        return {name: torch.cat(parts).double().numpy() for name, parts in found.items()}

    # --- what follows from it -----------------------------------------------------------------

    def _entries(self, spaces: dict[str, Space], sets: "_Sets") -> list[ConceptScore]:
        """Every concept at every layer. Concepts of one size share what stands in for them."""
        recipe = Recipe(self.classifier, self.penalty, self.seed)
        nulls: dict[Any, list[Direction]] = {}
        entries = []
        for layer, space in spaces.items():
            for concept, positive in sets.concepts.items():
                negatives, stand_ins = sets.around(concept, self.against)
                shared = len(positive) if self.against == "random" else concept
                if (layer, shared) not in nulls:
                    nulls[layer, shared] = [
                        space.direction(rows, negatives, recipe) for rows in stand_ins
                    ]
                found = space.direction(positive, negatives, recipe)
                tests = len(spaces) * len(sets.concepts)
                entries.append(self._entry(concept, layer, found, nulls[layer, shared], tests))
        return entries

    def _entry(
        self, concept: str, layer: str, found: Direction, null: list[Direction], tests: int
    ) -> ConceptScore:
        """One concept at one layer, refused where its examples cannot be told apart."""
        verdict = against_random(self._tested(found), np.array([self._tested(n) for n in null]))
        apart = np.array([n.shares[i % len(n.shares)] for i, n in enumerate(null)])
        refusal = ""
        if found.accuracy < TELLING:
            refusal = f"told apart in {found.accuracy:.0%} of held-out examples"
        elif not found.sensitivities.any():
            refusal = "the score does not depend on this layer"
        return ConceptScore(
            concept, layer, found.share, *interval_of_share(found.shares), found.magnitude,
            verdict.low, verdict.high, found.accuracy, found.agreement, verdict.p,
            as_published(found.shares, apart), not refusal and verdict.p < LEVEL / tests, refusal,
            found,
        )  # fmt: skip

    def _tested(self, found: Direction) -> float:
        return found.magnitude if self.judged == "magnitude" else found.share

    def _checked(
        self, subject: Subject, ready: Inputs, concepts: Mapping[str, Any], layers: Any
    ) -> list[str]:
        """The layers' names, once everything is what it should be."""
        if subject.black_box:
            raise ExplainError(
                f"TCAV needs the network's layers, and {subject.title} is a black box without any."
            )
        if not isinstance(concepts, Mapping) or not concepts:
            raise ExplainError(
                "concepts= takes a mapping from a concept's name to its examples, such as "
                "{'stripes': pictures}, with at least one."
            )
        if self.against == "other concepts" and len(concepts) < 2:
            raise ExplainError("TCAV(against='other concepts') takes at least two concepts.")
        names = list(dict.fromkeys([layers] if isinstance(layers, str) else layers))
        known = subject.layers(ready.x)
        if not names:
            maps = ", ".join(repr(layer.name) for layer in known.maps)
            raise ExplainError(f"layers= names no layer; layers with a map here are {maps}.")
        return [known[name].name for name in names]

    def _facts(self, sets: "_Sets") -> list[str]:
        return [
            f"S is the derivative of the {self.output} along a CAV of unit length.",
            f"{len(sets.negatives)} random sets are negatives and {len(sets.stand_ins)} stand in "
            f"for concepts; p is of the {self.judged}, and {LEVEL} ÷ (concepts × layers) counts.",
        ]

    def _warnings(
        self, spaces: dict[str, Space], sets: "_Sets", entries: list[ConceptScore]
    ) -> list[str]:
        found = [
            f"At {layer!r} the gradient is the same for every input (mean cosine "
            f"{space.alike:.3f}), as before a pooling and a linear layer: a CAV's share can only "
            "be 0 or 1. Choose an earlier layer."
            for layer, space in spaces.items()
            if space.alike > _SAME
        ]
        if len(sets.stand_ins) < _FEW_SETS:
            found.append(
                f"Only {len(sets.stand_ins)} random sets stand in for concepts, so that little can "
                f"be significant; {_FEW_SETS} and more take {2 * _FEW_SETS * self.size} random "
                "pictures."
            )
        if any(np.isnan(entry.p) for entry in entries):
            found.append(
                "Where all random sets have the same score there is no p; judge magnitude."
            )
        return found


@dataclass(frozen=True, eq=False)
class _Sets:
    """Which examples of the space belong to which set. Concepts come first, then random sets: those
    with even numbers are negatives, those with odd ones stand in for concepts."""

    concepts: dict[str, np.ndarray]
    negatives: list[np.ndarray]
    stand_ins: list[np.ndarray]
    seed: int

    @classmethod
    def dealt(
        cls, concepts: Mapping[str, Activations], others: list[Activations], size: int, seed: int
    ) -> "_Sets":
        """Deal one pool of random pictures into sets; sets that were given are cut to the size."""
        counts = [each.count for each in (*concepts.values(), *others)]
        rows = np.split(np.arange(sum(counts)), np.cumsum(counts)[:-1])
        named = dict(zip(concepts, (_shuffled(part, seed) for part in rows), strict=False))
        drawn = [_shuffled(part, seed) for part in rows[len(concepts) :]]
        if len(drawn) == 1:
            whole = len(drawn[0]) // size * size
            drawn = list(drawn[0][:whole].reshape(-1, size))
        size = min([size, *map(len, drawn)])
        for name, part in named.items():
            if len(part) < _FEWEST:
                raise ExplainError(
                    f"The concept {name!r} has {len(part)} examples; it takes {_FEWEST} and more, "
                    f"better {size}."
                )
        if len(drawn) < 6 or size < _FEWEST:
            raise ExplainError(
                f"random= gives {len(drawn)} sets of {size} pictures; TCAV takes at least 6 sets "
                f"of {_FEWEST}, better {2 * _FEW_SETS}: give more pictures, or a smaller size=."
            )
        drawn = [part[:size] for part in drawn]
        return cls({n: part[:size] for n, part in named.items()}, drawn[::2], drawn[1::2], seed)

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


@dataclass
class _LogProbability(BoundTarget):
    """The same target, read from log-probabilities instead of logits."""

    @classmethod
    def of(cls, bound: BoundTarget) -> "_LogProbability":
        return cls(*(getattr(bound, entry.name) for entry in fields(bound)))

    def score(self, outputs: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        return super().score(outputs.log_softmax(1), rows)


def _as_sets(random: Any) -> list[Any]:
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


def _passes(ready: Inputs, concepts: Mapping[str, Any], random: Any) -> int:
    """Passes at most, as far as sets tell their length."""
    sets = [*concepts.values(), *_as_sets(random)]
    known = [len(each) for each in sets if hasattr(each, "__len__") and not isinstance(each, str)]
    return 2 * len(ready) + sum(known)


def _shuffled(rows: np.ndarray, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(rows)
