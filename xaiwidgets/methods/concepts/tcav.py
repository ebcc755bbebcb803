"""TCAV: testing with concept activation vectors (Kim et al. 2018)."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xaiwidgets.core.activations import layer_gradients
from xaiwidgets.core.answers import Seen
from xaiwidgets.core.declare import Declared, knob
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.job import CancelToken, Job, working
from xaiwidgets.core.subject import Inputs, Subject, differentiating
from xaiwidgets.core.target import BoundTarget

from .answer import ConceptScores
from .classifiers import CLASSIFIERS
from .pooling import POOLING, pooled_gradient
from .run import Run
from .score import MEASURES
from .sets import FEWEST, as_sets, need_concepts
from .store import Store, read_concepts


class TCAV(
    Declared,
    title="TCAV",
    source="kim2018",
    taxonomy={"representation": "feature (concept)", "formulation": "proxy", "scope": "global"},
):
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
    mean over the picture fewer.

    A concept that held-out examples show to be told apart in less than 60 % gets no score.

    Use it to ask in your own words, by pictures of an idea, whether that idea moves a class's
    score.

    It misleads when what is significant is taken for the cause: concepts that speak against the
    class, or look like it to this layer, come out too. Scores differ between layers, classifiers
    and poolings, and a class's pictures of one colour make that colour a concept.

    It costs one forward pass for every picture of a concept or a random set, one forward and
    backward pass for every input.

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
        default="magnitude", choices=MEASURES, help="what is tested for significance"
    )
    size: int = knob(
        default=50, low=FEWEST, high=1000, unit="pictures", log=True,
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
            read = read_concepts(store, concepts)
            others = [store.named("Random sets", data) for data in as_sets(random)]
            seen = Seen(subject.preprocessing, ready.x.to("cpu", copy=True))
            run = Run.begun(self, store, bound.labels, seen, gradients, read, others)
            answer = run.answer(job, start)
        job.finish()
        return answer

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

    # --- what can be asked --------------------------------------------------------------------

    def _checked(
        self, subject: Subject, ready: Inputs, concepts: Mapping[str, Any], layers: Any
    ) -> list[str]:
        """The layers' names, once everything is what it should be."""
        names = checked_layers(subject, ready.x, layers)
        need_concepts(concepts)
        if self.against == "other concepts" and len(concepts) < 2:
            raise ExplainError("TCAV(against='other concepts') takes at least two concepts.")
        return names


def checked_layers(subject: Subject, x: torch.Tensor, layers: str | Sequence[str]) -> list[str]:
    """Names of layers that inputs like x meet; others, and none, are refused in words."""
    if subject.black_box:
        raise ExplainError(
            f"TCAV needs the network's layers, and {subject.title} is a black box without any."
        )
    return [layer.name for layer in subject.layers(x).named(layers)]


@dataclass
class _LogProbability(BoundTarget):
    """The same target, read from log-probabilities instead of logits."""

    @classmethod
    def of(cls, bound: BoundTarget) -> "_LogProbability":
        return cls(*(getattr(bound, entry.name) for entry in fields(bound)))

    def score(self, outputs: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        return super().score(outputs.log_softmax(1), rows)


def _passes(ready: Inputs, concepts: Mapping[str, Any], random: Any) -> int:
    """Passes at most, as far as sets tell their length."""
    sets = [*concepts.values(), *as_sets(random)]
    known = [len(each) for each in sets if hasattr(each, "__len__") and not isinstance(each, str)]
    return 2 * len(ready) + sum(known)
