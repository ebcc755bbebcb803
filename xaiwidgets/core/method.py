"""The levels of methods. A class statement below `Attribution` makes a method of its own."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from typing_extensions import Self

from .answers import Findings, Heatmap, Provenance, Reduction, Seen
from .cache import AnswerCache
from .declare import Declared, declared
from .errors import ExplainError
from .fingerprint import finite
from .guard import guarded, undisturbed
from .job import CancelToken, Job, working
from .kinds import OfKinds, listed
from .subject import Inputs, Kind, Subject, differentiating
from .target import BoundTarget
from .uneven import of_every_length


@dataclass(frozen=True)
class Passes:
    """Passes over one example that a method's mathematics needs: its floor. So many forward passes
    are `alone`: each waits for the one before, so that they cannot share a batch. Nor can passes
    over different `networks`, each of which does an equal part. And so many are `shared`: they are
    over what a whole batch has in common, such as its baseline, and made once for all."""

    forward: int
    backward: int
    alone: int = 0
    networks: int = 1
    shared: int = 0

    @property
    def total(self) -> int:
        """Forward and backward together, over one example alone."""
        return self.forward + self.backward

    def over(self, examples: int) -> tuple[int, int]:
        """How many forward and backward passes it takes for so many examples."""
        return self.forward * examples - self.shared * (examples - 1), self.backward * examples


class Attribution(OfKinds):
    """Why this prediction: a signed value for every pixel.

    Declare your own in a notebook cell; it appears beside the built-in ones, controls and all:

    >>> class Loudness(Attribution, title="Loudness"):
    ...     power: float = knob(default=1.0, low=0.5, high=4.0, help="exponent")
    ...     def attribute(self, subject, x, target):
    ...         return x.abs() ** self.power
    """

    reduction: Reduction = "sum"

    token_reduction: ClassVar[Reduction] = "sum"
    """How a token's values along its embedding become one. Contributions have a sum; gradients have
    not, since the axes of an embedding mean nothing by themselves: a token's is their length."""

    looks_inside: ClassVar[bool] = True
    """Whether it asks for more than scores and their gradient towards the input, such as what a
    layer says. If not, a copy of the network made ready for many passes may stand in for it."""

    usual: ClassVar[Mapping[Kind, Mapping[str, Any]]] = {}
    """By kind of input the settings that stand in for the defaults there."""

    idle: ClassVar[Mapping[Kind, Collection[str]]] = {}
    """By kind of input the settings that do nothing there."""

    def attribute(
        self, subject: Subject, x: torch.Tensor, target: BoundTarget
    ) -> torch.Tensor | Findings:
        """Values for inputs `x` (batch, channels, height, width): a tensor of that shape, or with
        one channel; or `Findings` when there is more to say."""
        raise NotImplementedError

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward and one backward pass.

        A method that needs others says so: passes per example, which tell its progress, stand in
        the docs' tables and are the benchmark's floor.
        """
        return Passes(1, 1)

    def __call__(
        self,
        subject: Any,
        inputs: Any,
        target: Any = None,
        *,
        progress: Callable[[float], None] | None = None,
        cancel: CancelToken | None = None,
        cache: AnswerCache | None = None,
        partial: Callable[[Heatmap], None] | None = None,
    ) -> Heatmap:
        """Explain `target` (default: the predicted class) for one input or a batch.

        `subject` is a network or a Subject; `inputs` pictures or tensors (see Subject.prepare).
        `progress` is called with a share from 0 to 1; `cancel` stops the work at its next batch.
        `partial` is called with what is known after the first batch, and now and then, by methods
        that draw samples. Returns a Heatmap. Raises ExplainError for what cannot be used, Cancelled
        when stopped.
        """
        subject = Subject.of(subject)
        self._refuse_what_cannot_be_asked(subject)
        method = self.suited(subject.kind)
        if method is not self:
            return method(
                subject, inputs, target,
                progress=progress, cancel=cancel, cache=cache, partial=partial,
            )  # fmt: skip
        self._refuse(subject.kind)
        ready = subject.prepare(inputs)
        if ready.uneven:
            return of_every_length(self, subject, ready, target, progress, cancel, cache)
        job = Job(progress, cancel or CancelToken())
        job.check()
        with working(job), differentiating():
            bound = subject.bind(target, ready.x)
            seen = subject.seen(ready)
            if cache is None:
                return self._answer(subject, ready, bound, job, subject.glance(), seen, partial)
            network = subject.fingerprint
            key = (type(self), self, bound.key, subject.key, network, seen.fingerprint)
            kept = cache.get(key)
            if kept is not None:
                return kept
            answer = self._answer(subject, ready, bound, job, network, seen, partial)
            cache.put(key, answer)
            return answer

    def values(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> torch.Tensor:
        """The checked values alone, on the CPU, for work inside another job: passes are counted
        there."""
        return self.findings(subject, x, target).values

    def findings(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """The same with what else there is to say."""
        self._refuse_what_cannot_be_asked(subject)
        found = self._found(subject, x, target)
        found.values = self._checked(found.values, x)
        return found

    def suited(self, kind: Kind) -> Self:
        """Itself, with what is usual for a kind of input where no setting was given."""
        usual = self.usual.get(kind, {})
        changes = {name: value for name, value in usual.items() if name not in self.given}
        return self.having(**changes) if changes else self

    def folding(self, kind: Kind) -> Reduction:
        """How the channels of its values become one number a pixel, or a token."""
        return self.token_reduction if kind == "text" else self.reduction

    def _found(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        self._refuse(subject.kind)
        found = self._answered(subject, x, target)
        return found if isinstance(found, Findings) else Findings(found)

    def _answered(
        self, subject: Subject, x: torch.Tensor, target: BoundTarget
    ) -> torch.Tensor | Findings:
        """Methods from elsewhere run guarded; ours are tested to leave the network alone."""
        if self._ours:
            return undisturbed(subject, lambda own: self.attribute(own, x, target))
        with guarded(subject, self._name(), self) as handed:
            return self.attribute(handed, x.clone(), target)

    def _refuse(self, kind: Kind) -> None:
        super()._refuse(kind)
        for name, value in self.settings.items():
            usual = self.usual.get(kind, {}).get(name, self.knobs[name].default)
            if name in self.idle.get(kind, ()) and value not in (usual, self.knobs[name].default):
                raise ExplainError(
                    f"{type(self).__name__}.{name} is {value!r}, and does nothing for a {kind}; "
                    "leave it out."
                )

    def _answer(
        self,
        subject: Subject,
        ready: Inputs,
        bound: BoundTarget,
        job: Job,
        network: str,
        seen: Seen,
        partial: Callable[[Heatmap], None] | None,
    ) -> Heatmap:
        job.expected = sum(self.cost(subject, ready.x).over(len(ready.x))) + job.forwards
        start = time.perf_counter()

        def answer(found: Findings) -> Heatmap:
            values = self._checked(found.values, ready.x)
            made = Provenance.of_work(
                self._name(), self.settings, bound.labels, subject.title, network, seen, job,
                time.perf_counter() - start,
            )  # fmt: skip
            error = None if found.error is None else found.error.detach().cpu()
            for frame in found.frames:
                frame.values = frame.values.detach().cpu()
            return Heatmap(
                values, made, error, found.frames, found.facts, found.warnings, found.numbers,
                self.folding(subject.kind), None if seen.parts else seen.pictures, seen.parts,
            )  # fmt: skip

        if partial is not None:
            job.look = lambda found: partial(answer(found))
        found = self._found(subject, ready.x, bound)
        job.finish()
        return answer(found)

    def _refuse_what_cannot_be_asked(self, subject: Subject) -> None:
        """A black box answers methods that ask for nothing but scores."""
        if self._ours and self.taxonomy.access != "black box":
            refuse_black_box(subject, self._name())

    def _name(self) -> str:
        return type(self).__name__

    @property
    def _ours(self) -> bool:
        return type(self).__module__.partition(".")[0] == __name__.partition(".")[0]

    def _checked(self, values: Any, x: torch.Tensor) -> torch.Tensor:
        if not isinstance(values, torch.Tensor):
            try:
                values = torch.as_tensor(values)
            except (TypeError, ValueError, RuntimeError):
                raise ExplainError(
                    f"{self._name()} returned a {type(values).__name__}; it has to return a "
                    "tensor or an array shaped like the inputs, or Findings."
                ) from None
        if values.shape == (len(x), *x.shape[2:]):
            values = values[:, None]
        fits = values.ndim == x.ndim and values.shape[1] in (1, x.shape[1])
        if not fits or len(values) != len(x) or values.shape[2:] != x.shape[2:]:
            raise ExplainError(
                f"{self._name()} returned shape {tuple(values.shape)} for inputs "
                f"{tuple(x.shape)}; it has to return that shape, or one channel of it."
            )
        values = values.detach().cpu()
        if not finite(values):
            raise ExplainError(
                f"{self._name()} gave NaN or infinite values for this input; "
                "other settings or another baseline may help."
            )
        return values


class FromFunction(Attribution, taxonomy={"access": "black box"}):
    """A plain function as a method: `function(subject, x, target)` returns values shaped like x.

    `x` is the prepared batch; `target.score(subject(x))` is what is explained. Whatever the
    function does to the network (gradients left behind, flags switched) is undone.
    """

    def __init__(self, function: Callable[..., Any], title: str | None = None) -> None:
        if not callable(function):
            raise ExplainError(
                f"A method is a {type(function).__name__}; it takes one of xaiwidgets' methods or "
                "a function of (subject, x, target)."
            )
        name = title or getattr(function, "__name__", type(function).__name__)
        _refuse_other_parameters(str(name), function)
        super().__init__()
        object.__setattr__(self, "function", function)
        object.__setattr__(self, "title", name)

    def attribute(
        self, subject: Subject, x: torch.Tensor, target: BoundTarget
    ) -> torch.Tensor | Findings:
        """Call the function, with the network guarded."""
        function = self.function  # type: ignore[attr-defined]
        with guarded(subject, self.title, function) as handed:
            return function(handed, x.clone(), target)  # type: ignore[no-any-return]

    def _answered(
        self, subject: Subject, x: torch.Tensor, target: BoundTarget
    ) -> torch.Tensor | Findings:
        return self.attribute(subject, x, target)

    def having(self, **changes: Any) -> FromFunction:
        """Itself: a function has no settings."""
        if changes:
            raise ExplainError(f"{self.title} is a function and has no settings to change.")
        return self

    def __repr__(self) -> str:
        return self.title

    def __eq__(self, other: object) -> bool:
        same = isinstance(other, FromFunction)
        return same and self.function is other.function  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(self.function)  # type: ignore[attr-defined]

    def _name(self) -> str:
        return self.title


def _refuse_other_parameters(name: str, function: Callable[..., Any]) -> None:
    """Refuse what cannot be called with three things."""
    try:
        parameters = inspect.signature(function)
    except (TypeError, ValueError):  # a builtin's are not known
        return
    try:
        parameters.bind(None, None, None)
    except TypeError:
        raise ExplainError(
            f"{name} takes {parameters}; a function as a method is called with (subject, x, "
            "target)."
        ) from None


def refuse_black_box(subject: Subject, who: str) -> None:
    """Refuse a subject that gives scores alone where somebody needs more."""
    if not subject.black_box:
        return
    asking = (cls for cls in declared(Attribution) if cls.taxonomy.access == "black box")
    names = [cls.__name__ for cls in asking if "control" not in cls.title]
    raise ExplainError(
        f"{who} needs the network's gradients or layers, and {subject.title} is a black box, which "
        f"has none; {listed(names)} ask for scores alone."
    )


def as_method(thing: Any) -> Attribution:
    """A method from a method, a method's class, or a plain function."""
    if isinstance(thing, Attribution):
        return thing
    if isinstance(thing, type) and issubclass(thing, Attribution):
        return thing()
    kind = thing if isinstance(thing, type) else type(thing)
    if issubclass(kind, Declared):
        raise ExplainError(
            f"{kind.__name__} makes no map of an input, as the methods asked for here do; call it "
            "by itself."
        )
    return FromFunction(thing)


def as_methods(things: Any) -> list[Attribution]:
    """Methods from several of what `as_method` takes, or from one of them alone."""
    several = isinstance(things, Iterable) and not isinstance(things, (str, Mapping))
    return [as_method(thing) for thing in (things if several else [things])]
