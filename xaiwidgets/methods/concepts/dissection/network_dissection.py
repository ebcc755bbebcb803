"""Network dissection (Bau et al. 2017): which units of a layer are detectors of which concepts."""

import math
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xaiwidgets.core.answers import Provenance, versions
from xaiwidgets.core.declare import Declared, knob
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.job import CancelToken, Job, working
from xaiwidgets.core.layers import Layer
from xaiwidgets.core.subject import Subject

from ..store import code_of
from .anchors import ANCHORS, Sides, parts_of
from .annotated import checked, examples
from .answer import Dissection, Source
from .counting import Counting, Limits, lacking
from .receptive import receptive_centres
from .shard import Part, Watch, gather
from .shards import Shards

_FIRST, _FEWEST, _SHARD = 128, 16, 64  # pictures read at once
_HELD = 256_000_000  # bytes of activations that the first pictures may take
_AHEAD = 16  # parts that workers are asked for before the first of them is back


class NetworkDissection(
    Declared,
    title="Network dissection",
    source="bau2017",
    taxonomy={
        "models": "specific: CNN", "representation": "feature (concept)", "scope": "global",
    },
):  # fmt: skip
    """Which units of a layer are detectors of which concepts?

    A unit's mask in a picture is where its activation, brought to the size of the concepts' masks,
    exceeds the number T that a share `quantile` of all its activations exceeds. IoU is the pixels
    that the masks of unit and concept share in all pictures ÷ those of either, where the unit's
    count only in pictures in which the concept's category was annotated. The best concept of a unit
    is its label, and from `iou` on the unit is a detector of it.

    T is exact: it is the quantile of all activations, and the network reads every picture once.
    What lies below a cautious bound, taken from the first pictures in a random order, is dropped
    as it comes, the rest waits on disk until T is known; memory does not grow with the data.

    IoU cannot exceed the smaller of the two areas ÷ the larger: a concept over 12.5 % of the pixels
    is out of reach at the published settings, so that every IoU stands beside its bound, and beside
    what it would be by chance, with the masks of other pictures.

    Use it with pictures whose concepts are marked pixel by pixel, to name the units of a layer.

    It misleads when a label is taken for a meaning: it is the best of the concepts that were
    offered, no more, and a network with random weights has detectors of colours.

    It costs one forward pass a picture, for all layers together.

    >>> NetworkDissection()(subject, zoo.ShapeScenes(600, size=96), "conv4").table()
    """

    quantile: float = knob(
        default=0.005, low=1e-4, high=0.2, log=True, unit="of its activations",
        help="how much of a unit's activations counts as active",
    )  # fmt: skip
    iou: float = knob(
        default=0.04, low=0.0, high=1.0, help="from which IoU on a unit is a detector"
    )
    anchors: str = knob(
        default="receptive fields", choices=ANCHORS,
        help="where cells lie in the picture, for bilinear interpolation between them: at the "
        "centres of their receptive fields, or of equal parts of the picture (NetDissect-Lite)",
    )  # fmt: skip
    shuffles: int = knob(
        default=20, low=0, high=1000,
        help="how often masks of concepts are dealt to other pictures, to see what chance gives",
    )  # fmt: skip
    rotations: int = knob(
        default=0, low=0, high=50,
        help="along how many random sets of axes the same layer is looked at beside",
    )  # fmt: skip
    seed: int = knob(default=0, low=0, high=9999, help="which order, shuffles and rotations")

    def __call__(
        self,
        subject: Any,
        data: Any,
        layers: str | Sequence[str],
        *,
        concepts: Collection[str] | None = None,
        folder: str | Path | None = None,
        executor: Executor | None = None,
        progress: Callable[[float], None] | None = None,
        cancel: CancelToken | None = None,
        watch: Watch | None = None,
    ) -> Dissection:
        """Dissect `layers` with the pictures and masks of `data`: ShapeScenes, `Broden`,
        `CocoMasks`, `MaskFolder`, a list of pairs (picture, {"category:concept": mask}), or any
        data set with a length whose items have `image` and `masks`. A mask is (height, width), or
        True for the whole picture.

        `concepts` names the concepts or categories to look for, otherwise those that the data set
        names as its `concepts`, or all. What is read is kept in `folder`, so that a run that was
        stopped goes on where it was; or in a temporary one. Parts of the data are tasks for
        `executor`, any of concurrent.futures', and give the same numbers there. `watch` hears once
        what the layers say of every picture, but for those that are in the folder already and those
        that an executor reads: other work on the same pass. Raises ExplainError
        for what cannot be used, Cancelled when stopped.
        """
        subject, job = Subject.of(subject), Job(progress, cancel or CancelToken())
        start = time.perf_counter()
        job.expected = len(checked(data))
        with working(job):
            x = subject.prepare(examples(data, [0])[0].picture).x
            known = self._checked(subject, x, layers)
            named = tuple(getattr(data, "concepts", ()))
            wanted = frozenset(named if concepts is None else concepts)
            quick = subject.quick(x, len(data), layers=True)
            reading = _Reading(self, subject, quick, data, known, wanted, executor, job, watch)
            sides, anchored = self._anchors(subject, x, known)
            counting = Counting(Shards(folder), sides, anchored, self.rotations, named)
            counted = counting.counted(reading.limits(counting), self.shuffles, self.seed)
        job.finish()
        settings = {**self.settings, "layers": list(sides), "concepts": sorted(wanted)}
        made = Provenance(
            type(self).__name__, settings, [], subject.title, subject.fingerprint,
            counting.shards.fingerprint, versions(), time.perf_counter() - start, job.forwards,
            seed=self.seed,
        )  # fmt: skip
        return Dissection.of(Source(subject, data, counting), counted, made, reading.facts)

    def _anchors(
        self, subject: Subject, x: torch.Tensor, layers: list[Layer]
    ) -> tuple[dict[str, Sides], str]:
        """Where each layer's cells are anchored, and the same in words."""
        centres = {}
        if self.anchors == "receptive fields":
            centres = receptive_centres(subject, x, [layer.name for layer in layers])
        sides = {
            layer.name: centres.get(layer.name) or parts_of(layer.grid, (x.shape[2], x.shape[3]))
            for layer in layers
        }
        words = "centres of equal parts of the picture"
        if len(centres) == len(layers):
            words = "centres of receptive fields"
        elif centres:
            words += f", and at {', '.join(map(repr, centres))} the centres of receptive fields"
        return sides, words

    def _checked(
        self, subject: Subject, x: torch.Tensor, layers: str | Sequence[str]
    ) -> list[Layer]:
        """The layers, once they have maps."""
        if subject.black_box:
            raise ExplainError(
                f"Dissection needs the network's layers, and {subject.title} is a black box "
                "without any."
            )
        known = subject.layers(x)
        chosen = known.named(layers)
        for layer in chosen:
            if not layer.layout:
                maps = ", ".join(repr(each.name) for each in known.maps)
                raise ExplainError(
                    f"Layer {layer.name!r} gives {layer.shape} numbers and no map; dissection "
                    f"takes layers with one, here {maps}."
                )
        return chosen


class _Reading:
    """All pictures through the network, part by part."""

    def __init__(
        self, method: NetworkDissection, subject: Subject, quick: Subject, data: Any,
        layers: list[Layer], wanted: frozenset[str], executor: Executor | None, job: Job,
        watch: Watch | None,
    ) -> None:  # fmt: skip
        self.method, self.subject, self.quick, self.data = method, subject, quick, data
        self.layers, self.wanted, self.executor, self.job = layers, wanted, executor, job
        self.watch = watch if executor is None else None
        self.facts: list[str] = []
        order = np.random.default_rng(method.seed).permutation(len(data))
        self.first, self.rest = np.split(order, [self._together()])

    def limits(self, counting: Counting) -> Limits:
        """Read, and read again with a lower bound should a threshold lie below what was kept."""
        share = self.method.quantile * (1 + 6 * math.sqrt(_FIRST / max(1, len(self.first))))
        while True:
            self._read(counting.shards, min(share, 1.0))
            limits = counting.limits(self.method.quantile)
            if not (few := lacking(limits)):
                return limits
            self.watch = None
            self.facts.append(f"The data was read again: of {few} units too little was kept.")
            share *= 8

    def _read(self, shards: Shards, share: float) -> None:
        method = self.method
        shards.begin()
        network = self.subject.fingerprint + code_of(self.subject.model)
        part = Part(
            self.quick, network, self.data, self.first,
            tuple(layer.name for layer in self.layers), self.wanted, method.rotations, method.seed,
            share, size=getattr(self.data, "mask_size", None), known=shards.known, watch=self.watch,
        )  # fmt: skip
        first = shards.add(part.gather(self.job))
        whole = max(0, len(self.rest) - _FEWEST)  # a last shard too small to shuffle joins another
        cuts = range(_SHARD, whole + 1, _SHARD)
        parts = [part.after(first, rows) for rows in np.split(self.rest, cuts) if len(rows)]
        for gathered in self._gathered(parts):
            shards.add(gathered)

    def _gathered(self, parts: list[Part]) -> Iterator[Any]:
        """What becomes of the parts, in their order; few wait at a time."""
        if self.executor is None:
            yield from (part.gather(self.job) for part in parts)
            return
        waiting: deque[Future[Any]] = deque()
        try:
            for part in parts:
                waiting.append(self.executor.submit(gather, part))
                if len(waiting) >= _AHEAD:
                    yield self._back(waiting.popleft())
            while waiting:
                yield self._back(waiting.popleft())
        finally:
            for future in waiting:
                future.cancel()

    def _back(self, future: Future[Any]) -> Any:
        self.job.check()
        gathered = future.result()
        self.job.forward(gathered.forwards)
        self.job.report()
        return gathered

    def _together(self) -> int:
        """How many pictures are read first: as many as are needed to see what is usual, and no
        more than can be held."""
        each = sum(layer.channels * math.prod(layer.grid) * 4 for layer in self.layers)
        return max(_FEWEST, min(_FIRST, _HELD // (each * (1 + self.method.rotations))))
