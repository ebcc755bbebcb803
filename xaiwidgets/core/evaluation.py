"""The level of evaluations: can that answer be trusted?

A class statement below `Evaluation` makes one of its own. It accepts our methods, plain functions
and precomputed arrays.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch

from .answers import Findings, Frame, Heatmap, Provenance, Seen, fold_channels, segments_of
from .errors import ExplainError
from .job import CancelToken, Job, working
from .kinds import OfKinds
from .masks import boolean, fitted
from .method import Attribution, Passes, as_method
from .scores import Better, Curve, Scores
from .stale import refuse_another
from .subject import Inputs, Subject, differentiating
from .target import BoundTarget


@dataclass
class Graded:
    """What an evaluation's `grade` hands back: `values` (inputs,), and what there is to say."""

    values: Any
    curves: dict[str, Curve] = field(default_factory=dict)
    facts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Answered:
    """A method with the answer that it gave for the very inputs and target that are judged, so that
    it is not asked for that again."""

    method: Any
    answer: Heatmap


class Case:
    """What is judged: an explanation of a subject's answers to inputs.

    `x` is (inputs, channels, height, width), `target` what is explained, `masks` (inputs, height,
    width) the truth where it is known, `method` what explains, or None where values were given.
    `seen` is what an answer about these inputs keeps of them; texts and rows of tables have parts.
    """

    def __init__(
        self,
        subject: Subject,
        x: torch.Tensor,
        target: BoundTarget,
        explanation: Any,
        masks: Any = None,
        seen: Seen | None = None,
    ) -> None:
        self.subject, self.x, self.target = subject, x, target
        self.method: Attribution | None = None
        self._given: torch.Tensor | None = None
        self._frames: list[Frame] = []
        self._reduction: Any = "sum"
        if isinstance(explanation, Answered):
            answer, explanation = explanation.answer, explanation.method
            self._found = Findings(_shaped(answer.values, x), frames=answer.frames)
        if isinstance(explanation, Heatmap):
            self._given, self._reduction = explanation.values, explanation.reduction
            self._frames = explanation.frames
            self.label = f"values of {explanation.provenance.method}"
        elif isinstance(explanation, (np.ndarray, torch.Tensor)):
            values = explanation if isinstance(explanation, torch.Tensor) else _plain(explanation)
            self._given, self.label = values, "given values"
        else:
            self.method = as_method(explanation).suited(subject.kind)
            self._reduction, self.label = self.method.folding(subject.kind), repr(self.method)
        if self._given is not None:
            self._given = _shaped(self._given, x)
        if isinstance(explanation, Heatmap):
            seen = seen or subject.seen(Inputs(x, []))
            refuse_another(explanation, subject, seen, target)
        self.masks = None if masks is None else _masks(masks, x)

    def __len__(self) -> int:
        return len(self.x)

    @functools.cached_property
    def values(self) -> torch.Tensor:
        """The explanation's values (inputs, channels or 1, height, width), on the CPU."""
        return self._found.values

    @functools.cached_property
    def _found(self) -> Findings:
        if self._given is not None:
            return Findings(self._given, frames=self._frames)
        return self._explaining.findings(self.subject, self.x, self.target)

    @functools.cached_property
    def totals(self) -> np.ndarray:
        """What the values add up to (inputs,). What a segment is worth stands on each of its
        pixels, and counts once."""
        values, segments = self.values.double(), segments_of(self._found.frames)
        if segments is not None:
            sizes = torch.stack([own.flatten().bincount()[own] for own in segments])
            values = values / sizes[:, None]
        return values.flatten(1).sum(1).numpy()

    @functools.cached_property
    def maps(self) -> np.ndarray:
        """One signed number a pixel (inputs, height, width), channels folded as the method does."""
        return self.folded(self.values)

    def folded(self, values: torch.Tensor) -> np.ndarray:
        """Values as maps (inputs, height, width), channels folded as the method does."""
        return fold_channels(values, self._reduction)

    def explain(
        self,
        x: torch.Tensor,
        target: BoundTarget | None = None,
        *,
        subject: Subject | None = None,
        rows: torch.Tensor | None = None,
        **settings: Any,
    ) -> torch.Tensor:
        """Values for other inputs, another target, another network or other settings.

        `rows` says which input of the case each row of `x` was made from, where they are not one
        to one. Raises ExplainError for an explanation that was given as values.
        """
        method = self._explaining
        aim = self.target if target is None else target
        if rows is not None:
            aim = aim.of_rows(rows)
        if settings:
            method = method.having(**settings)
        return method.values(subject or self.subject, x, aim)

    @property
    def _explaining(self) -> Attribution:
        """What explains anew."""
        if self.method is None:
            raise ExplainError(
                f"This evaluation explains anew, but the explanation came as {self.label}; give "
                "the method or a function of (subject, x, target) that made it."
            )
        return self.method

    def asked_for(self, rows: int) -> Subject:
        """What to explain so many inputs of: the subject, or a copy made ready for many passes
        where the method does not look inside. Raises as `explain` does."""
        inside = self._explaining.looks_inside
        return self.subject if inside else self.subject.quick(self.x, rows, backward=True)

    def need_masks(self, who: str) -> torch.Tensor:
        """The masks (inputs, height, width) as bool, or an ExplainError that asks for them."""
        if self.masks is None:
            raise ExplainError(
                f"{who} compares with the truth; give masks=, a boolean array (inputs, height, "
                "width) that is true where the object lies."
            )
        return self.masks


class Evaluation(OfKinds):
    """Can that answer be trusted? One number an input.

    Declare your own like a method: a class statement with knobs, and `grade`:

    >>> class Sparseness(Evaluation, title="Sparseness"):
    ...     better = "higher"
    ...     share: float = knob(default=0.9, low=0.0, high=1.0, help="of the total size")
    ...     def grade(self, case):
    ...         size = np.sort(np.abs(case.maps).reshape(len(case), -1))[:, ::-1].cumsum(1)
    ...         return 1 - (size < self.share * size[:, -1:]).mean(1)
    """

    better: ClassVar[Better] = ""
    family: ClassVar[str] = ""
    needs_masks: ClassVar[bool] = False
    explains_anew: ClassVar[bool] = False

    needs_gradients: ClassVar[bool] = False
    """Whether it differentiates the network itself, which a black box does not allow."""

    _level: ClassVar[str] = "evaluation"

    def grade(self, case: Case) -> Any:
        """One number an input (inputs,), or `Graded` when there is more to say."""
        raise NotImplementedError

    def cost(self, case: Case) -> Passes:
        """The explanation.

        These are passes per input; what asks for more says so here, the explanation included.
        """
        return explaining(case)

    def __call__(
        self,
        subject: Any,
        inputs: Any,
        explanation: Any,
        target: Any = None,
        *,
        masks: Any = None,
        progress: Callable[[float], None] | None = None,
        cancel: CancelToken | None = None,
    ) -> Scores:
        """Judge an explanation of `target` (default: the predicted class) for inputs.

        `subject` is a network or a Subject, `inputs` as for a method, `explanation` a method, a
        function of (subject, x, target), either with its answer (Answered), a Heatmap of these
        inputs and this target, or values shaped like the inputs or their maps.
        `masks` (inputs, height, width) are true where the object lies, for evaluations that compare
        with the truth. Returns Scores. Raises ExplainError for what cannot be used, Cancelled when
        stopped.
        """
        subject = Subject.of(subject)
        self._refuse(subject.kind)
        if self.needs_gradients and subject.black_box:
            raise ExplainError(
                f"{self.label} needs the network's gradients, and {subject.title} is a black box, "
                "which has none; PixelFlipping, Deletion and FaithfulnessCorrelation ask for "
                "scores alone."
            )
        ready = subject.prepare(inputs)
        refuse_uneven(ready)
        job = Job(progress, cancel or CancelToken())
        job.check()
        with working(job), differentiating():
            bound = subject.bind(target, ready.x)
            network = subject.glance()
            seen = subject.seen(ready)
            case = Case(subject, ready.x, bound, explanation, masks, seen)
            if self.needs_masks:
                case.need_masks(self.label)
            job.expected = self.cost(case).total * len(case) + job.forwards
            start = time.perf_counter()
            found = self.grade(case)
        job.finish()
        found = found if isinstance(found, Graded) else Graded(found)
        made = Provenance.of_work(
            type(self).__name__, {**self.settings, "explanation": case.label}, bound.labels,
            subject.title, network, seen, job, time.perf_counter() - start,
        )  # fmt: skip
        return Scores(
            self._checked(found.values, len(case)), made, self.better, found.curves, found.facts,
            found.warnings, found.numbers,
        )  # fmt: skip

    def _checked(self, values: Any, count: int) -> np.ndarray:
        if isinstance(values, torch.Tensor):
            values = values.detach().cpu().numpy()
        try:
            array = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            array = np.zeros(0)
        if array.shape != (count,):
            raise ExplainError(
                f"{type(self).__name__} returned {type(values).__name__} of shape {array.shape}; "
                f"it has to return one number an input, shape ({count},), or Graded."
            )
        return array


def refuse_uneven(ready: Inputs) -> None:
    """Refuse texts of several lengths."""
    if ready.uneven:
        raise ExplainError(
            f"The texts have {min(ready.lengths)} to {max(ready.lengths)} tokens; an evaluation "
            "takes texts of one length at a time. Give them one by one."
        )


def explaining(case: Case) -> Passes:
    """Passes that the case's explanation takes once: none where values were given."""
    return Passes(0, 0) if case.method is None else case.method.cost(case.subject, case.x)


def _shaped(values: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    values = values.detach().cpu()
    if not values.is_floating_point():
        values = values.double()
    values = fitted(values, x)
    if values.shape == (len(x), *x.shape[2:]):
        values = values[:, None]
    fits = values.ndim == x.ndim and len(values) == len(x) and values.shape[2:] == x.shape[2:]
    if not fits or values.shape[1] not in (1, x.shape[1]):
        raise ExplainError(
            f"The explanation has shape {tuple(values.shape)} for inputs {tuple(x.shape)}; it "
            f"takes that shape, or {_axes(x)}."
        )
    if not bool(torch.isfinite(values).all()):
        raise ExplainError("The explanation has NaN or infinite values; replace them first.")
    return values


def _plain(array: np.ndarray) -> torch.Tensor:
    """As a tensor, also what torch does not take: a flipped view."""
    return torch.as_tensor(np.ascontiguousarray(array))


def _axes(x: torch.Tensor) -> str:
    """The axes of one number a pixel, in words."""
    return f"(inputs, {'depth, ' * (x.ndim == 5)}height, width)"


def _masks(masks: Any, x: torch.Tensor) -> torch.Tensor:
    found = fitted(boolean(masks, "masks="), x)
    if found.shape != (len(x), *x.shape[2:]):
        raise ExplainError(
            f"The masks have shape {found.shape} for inputs {tuple(x.shape)}; they take "
            f"{_axes(x)} = {(len(x), *x.shape[2:])}."
        )
    return _plain(found)
