"""The question behind the widget `concepts`, brought up to date at the least cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from xaiwidgets.core.batches import batches
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.job import CancelToken, Job, working
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import Target, class_name
from xaiwidgets.methods.concepts import TCAV, ConceptScores
from xaiwidgets.methods.concepts.sets import as_sets
from xaiwidgets.methods.concepts.store import Store

from .concept_pictures import ConceptPictures
from .wire import TargetCard

_GROUNDS = 256
Progress = Callable[[str, float], None]


class Question(NamedTuple):
    """What is asked: the target, its class where it is one, and the pictures of it."""

    aim: Any
    one: int | None
    rows: list[int]

    def same(self, other: Question) -> bool:
        """Whether another asks about the same target."""
        return self.aim is other.aim if self.one is None else self.one == other.one

    def card(self, subject: Subject, answer: ConceptScores | None) -> TargetCard:
        """The target as it travels."""
        if self.one is not None:
            return {"label": class_name(subject.classes, self.one), "indices": [self.one]}
        labels = [] if answer is None else answer.provenance.target
        return {"label": ", ".join(dict.fromkeys(labels)), "indices": []}


@dataclass(frozen=True, eq=False)
class Asked:
    """An answer, the question that it is to, and the examples of the concepts that it knows."""

    answer: ConceptScores
    question: Question
    concepts: Mapping[str, Any]

    def goes_on(self, question: Question, network: str) -> bool:
        """Whether the answer to a question can be made from this one."""
        return question.same(self.question) and self.answer.provenance.network == network


@dataclass(frozen=True, eq=False)
class Asking:
    """What stays the same while concepts come and go and classes change."""

    tcav: TCAV
    subject: Subject
    pictures: ConceptPictures
    random: Any
    layers: list[str]
    folder: Path

    def question(self, aim: Any, progress: Progress, token: CancelToken) -> Question:
        """The target (by default the class that is predicted most) and its pictures; for this, and
        for their maps, each picture goes through the network twice, once and for all."""
        work = Job(lambda share: progress("looking at the pictures", share), token)
        work.expected = 2 * len(self.pictures)
        with working(work):
            self.pictures.follow_network()
            self.pictures.predicted()
            self.pictures.read(Store(self.subject, self.layers, "none", self.folder))
        aim = self.pictures.usual() if aim is None else aim
        target = Target(aim)
        named = isinstance(aim, (int, np.integer, str))
        if not named or target.needs_outputs(self.subject.classes):
            return Question(aim, None, list(range(len(self.pictures))))
        bound = target.bind(1, self.pictures.classes, self.subject.classes, None)
        index = bound.indices(0)[0]
        rows = self.pictures.of_class(index)
        if not rows:
            raise ExplainError(
                f"None of the {len(self.pictures)} pictures is a {bound.label!r} for the network; "
                "choose another class, or give pictures of it."
            )
        return Question(aim, index, rows)

    def bring(
        self,
        before: Asked | None,
        question: Question,
        wanted: Mapping[str, Any],
        progress: Progress,
        token: CancelToken,
    ) -> Asked:
        """The answer about the concepts `wanted`: where it can be, the one `before` with concepts
        left out and added, at the cost of those that are new."""
        known = [] if before is None else [n for n in wanted if before.concepts.get(n) is wanted[n]]
        more = {name: data for name, data in wanted.items() if name not in known}
        report = _reporting(progress, list(more))
        going_on = before is not None and before.goes_on(question, self.subject.fingerprint)
        if before is None or not going_on or not self._enough(known):
            answer = self.tcav(
                self.subject, self.pictures.chosen(question.rows), question.aim, concepts=wanted,
                random=self.random, layers=self.layers, folder=self.folder, progress=report,
                cancel=token,
            )  # fmt: skip
            return Asked(answer, question, wanted)
        answer = before.answer
        for name in before.concepts:
            if name not in known:
                answer = answer.without(name)
        if more:
            answer = answer.adding(more, progress=report, cancel=token)
        return Asked(answer, question, wanted)

    def grounds(self) -> torch.Tensor:
        """Some random pictures, prepared, for patches to be laid into."""
        found: list[torch.Tensor] = []
        for data in as_sets(self.random):
            for part in batches(self.subject, data):
                found.append(part.x.cpu())
                if sum(map(len, found)) >= _GROUNDS:
                    return torch.cat(found)[:_GROUNDS]
        return torch.cat(found)

    def _enough(self, known: Sequence[str]) -> bool:
        """Whether an answer about these concepts alone could be gone on from."""
        return len(known) >= (1 if self.tcav.against == "random" else 2)


def _reporting(progress: Progress, names: Sequence[str]) -> Callable[[float], None]:
    doing = f"looking at {', '.join(names)}" if names else "scoring"
    return lambda share: progress(doing, share)
