"""Texts of several lengths, explained one length at a time, so that no network meets padding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from .answers import Frame, Heatmap
from .errors import ExplainError
from .target import BoundTarget, Target

if TYPE_CHECKING:
    from .cache import AnswerCache
    from .job import CancelToken
    from .method import Attribution
    from .subject import Inputs, Subject


def of_every_length(
    method: Attribution,
    subject: Subject,
    ready: Inputs,
    target: Any,
    progress: Callable[[float], None] | None,
    cancel: CancelToken | None,
    cache: AnswerCache | None,
) -> Heatmap:
    """One answer for texts of several lengths; behind the end of a text its values are 0."""
    aims = _aims(target, len(ready))
    groups = ready.of_one_length()
    parts, done = [], 0
    for rows, part in groups:
        share, begun = len(rows) / len(ready), done / len(ready)

        def report(own: float, share: float = share, begun: float = begun) -> None:
            if progress is not None:
                progress(begun + share * own)

        parts.append(method(subject, part, aims(rows), progress=report, cancel=cancel, cache=cache))
        done += len(rows)
    order = torch.tensor([row for rows, _ in groups for row in rows]).argsort()
    return _joined(parts, order, subject, ready)


def _aims(target: Any, count: int) -> Callable[[Sequence[int]], Any]:
    """From rows to their target: one each where there is one for every input."""
    what = Target(target).what
    if isinstance(what, BoundTarget):
        return lambda rows: what.of_rows(torch.tensor(rows))
    if not isinstance(what, (list, tuple)):
        return lambda rows: what
    if len(what) != count:
        raise ExplainError(
            f"{len(what)} targets came for {count} inputs; give one target, or one for each input."
        )
    return lambda rows: [what[row] for row in rows]


def _joined(parts: list[Heatmap], order: torch.Tensor, subject: Subject, ready: Inputs) -> Heatmap:
    first = parts[0]
    made = [part.provenance for part in parts]
    labels = [label for each in made for label in each.target]
    provenance = replace(
        first.provenance,
        target=[labels[i] for i in order],
        origin=subject.seen(ready),
        seconds=sum(each.seconds for each in made),
        forwards=sum(each.forwards for each in made),
        backwards=sum(each.backwards for each in made),
        cached=all(each.cached for each in made),
    )

    def together(each: Sequence[torch.Tensor]) -> torch.Tensor:
        wide = ready.x.shape[3]
        return torch.cat([F.pad(part, (0, wide - part.shape[3])) for part in each])[order]

    errors = [part.error for part in parts if part.error is not None]
    return Heatmap(
        together([part.values for part in parts]),
        provenance,
        together(errors) if errors else None,
        [
            Frame(frame.label, together([part.frames[i].values for part in parts]))
            for i, frame in enumerate(first.frames)
        ],
        list(dict.fromkeys(fact for part in parts for fact in part.facts)),
        list(dict.fromkeys(warning for part in parts for warning in part.warnings)),
        {
            name: max(part.numbers[name] for part in parts if name in part.numbers)
            for name in first.numbers
        },
        first.reduction,
        parts=ready.parts,
    )
