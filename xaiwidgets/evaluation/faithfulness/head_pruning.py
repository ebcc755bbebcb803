"""Attention heads switched off, one after another: does relevance know which can be spared?"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch

from xaiwidgets.core.answers import Provenance, Seen
from xaiwidgets.core.attention import Attention, attending
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.job import CancelToken, Job, working
from xaiwidgets.core.scores import Curve, Scores
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget
from xaiwidgets.methods.relevance.heads import Head, HeadTable

from ..asking import SCALES, on_scale, single_class

FOLLOWED = (*SCALES, "accuracy")


def prune_heads(
    subject: Any,
    inputs: Any,
    heads: HeadTable | Sequence[Head],
    target: Any = None,
    *,
    follow: str = "probability",
    seed: int = 0,
    cancel: CancelToken | None = None,
) -> Scores:
    """What becomes of the network when heads are switched off, the most important first, the least
    important first, and in an order drawn by `seed` (Voita et al. 2019).

    >>> scores = prune_heads(subject, pictures, head_relevance(subject, pictures), labels)
    >>> scores.plot()

    `heads` is what `head_relevance` gave, or (block, head) of every head in order, the most
    important first. A head that is off reads nothing, 0 for every token; nothing is retrained.
    Followed is the target's "probability", its "score", or the "accuracy" (1 where the target leads
    all classes). The value of an input is the mean height of its curve with the least important
    first, less that with the most important first: above 0 where the order knows which heads count.
    """
    if follow not in FOLLOWED:
        raise ExplainError(f"follow is {follow!r}; it takes one of {', '.join(FOLLOWED)}.")
    subject = Subject.of(subject)
    ready = subject.prepare(inputs)
    named = heads.order if isinstance(heads, HeadTable) else heads
    try:
        order = [(int(block), int(head)) for block, head in named]
    except (TypeError, ValueError):
        raise ExplainError(
            f"heads is a {type(heads).__name__} that names no heads; give what head_relevance "
            "gave, or (block, head) of each in order."
        ) from None
    if not order:
        raise ExplainError("No heads came to be switched off; give (block, head) of at least one.")
    job, start = Job(token=cancel or CancelToken()), time.perf_counter()
    with working(job):
        bound = subject.bind(target, ready.x)
        pruned = _Pruned(subject, ready.x, bound, follow)
        shuffled = np.random.default_rng(seed).permutation(len(order))
        orders = {
            "most important first": order,
            "least important first": order[::-1],
            "random order": [order[i] for i in shuffled],
        }
        curves = {name: pruned.curve(each) for name, each in orders.items()}
    most, least = (curves[f"{name} important first"].y.mean(1) for name in ("most", "least"))
    seen = Seen(subject.preprocessing, ready.x.cpu())
    made = Provenance.of_work(
        "prune_heads", {"follow": follow, "seed": seed, "explanation": "head relevance"},
        bound.labels, subject.title, subject.fingerprint, seen, job, time.perf_counter() - start,
    )  # fmt: skip
    return Scores(least - most, made, "higher", curves)


class _Pruned:
    """One network and what it says with heads off; no set of heads is asked for twice."""

    def __init__(self, subject: Subject, x: torch.Tensor, target: BoundTarget, follow: str) -> None:
        self.subject, self.x, self.target, self.follow = subject, x, target, follow
        if follow == "accuracy" and not single_class(target):
            raise ExplainError("The accuracy takes one class of each input as the target.")
        self._known: dict[frozenset[Head], np.ndarray] = {}

    def curve(self, order: Sequence[Head]) -> Curve:
        """The network with no head off, with the first, with the first two, ..."""
        y = [self.with_off(frozenset(order[:count])) for count in range(len(order) + 1)]
        return Curve(np.arange(len(y)), np.stack(y, 1), "heads switched off", self.follow)

    def with_off(self, off: frozenset[Head]) -> np.ndarray:
        """What is followed, of every input."""
        if off not in self._known:
            size = self.subject.batch_size(self.x, backward=False)
            rows = torch.arange(len(self.x)).split(size)
            with torch.no_grad():
                parts = [self._asked(which, off) for which in rows]
            self._known[off] = torch.cat(parts).double().cpu().numpy()
        return self._known[off]

    def _asked(self, rows: torch.Tensor, off: frozenset[Head]) -> torch.Tensor:
        silence = _Silence(off)
        with attending(self.subject.model, len(rows), silence) if off else nullcontext():
            outputs = self.subject(self.x[rows])
        silence.check()
        if self.follow != "accuracy":
            return on_scale(outputs, self.target, rows, self.follow)
        classes = self.target.of_rows(rows).classes
        assert classes is not None
        return (outputs.argmax(1) == classes.to(outputs.device)).double()


class _Silence:
    """Heads that read nothing."""

    def __init__(self, off: Iterable[Head]) -> None:
        self.off, self.met = sorted(off), dict[int, int]()

    def __call__(self, attention: Attention) -> torch.Tensor | None:
        mask = torch.ones_like(attention.read)
        by_head = attention.by_head(mask)
        self.met[attention.number] = by_head.shape[1]
        for block, head in self.off:
            if block == attention.number and head < by_head.shape[1]:
                by_head[:, head] = 0
        return attention.read * mask

    def check(self) -> None:
        """Refuse heads that there are not."""
        unknown = [(b, h) for b, h in self.off if not 0 <= h < self.met.get(b, 0)]
        if unknown:
            raise ExplainError(
                f"There is no head {unknown[0][1]} of block {unknown[0][0]}; this network has "
                f"{len(self.met)} blocks with {max(self.met.values(), default=0)} heads, counted "
                "from 0."
            )
