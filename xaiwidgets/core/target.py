"""Which output is explained: a class, the predicted one, a rank, a contrast, or any function."""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from .errors import ExplainError, blamed, nearest

Scorer = Callable[[torch.Tensor], torch.Tensor]
_UNNAMED = re.compile(r"^class \d+$")
_TAKES = (
    "it takes a class index, a class name, 'predicted', a rank such as '2nd', a Contrast, or a "
    "function of the output"
)
_RANK = re.compile(r"^(\d+)(st|nd|rd|th)$")


@dataclass(frozen=True)
class Contrast:
    """Why class `a` rather than class `b`: the difference of their two scores.

    Each side is anything that a target may be: a class name or index, "predicted", "2nd" ...
    """

    a: Any
    b: Any


class Target:
    """Which output is explained, before it meets an input.

    Takes a class index, a class name, None or "predicted" (the predicted class), a rank such as
    "2nd", a `Contrast`, a sequence with one of these for each input, or a function from outputs
    (batch, classes) to scores (batch,).
    """

    def __init__(self, what: Any = None) -> None:
        self.what: Any = what.what if isinstance(what, Target) else what
        if isinstance(self.what, (torch.Tensor, np.ndarray)):
            self.what = self.what.tolist()  # model(x).argmax(1), for one

    def __repr__(self) -> str:
        return f"Target({self.what!r})"

    def needs_outputs(self, classes: Sequence[str]) -> bool:
        """Whether a forward pass has to be made before the class is known."""
        if isinstance(self.what, BoundTarget):
            return False
        if isinstance(self.what, Contrast):
            return any(Target(w).needs_outputs(classes) for w in (self.what.a, self.what.b))
        if _is_sequence(self.what):
            return any(Target(what).needs_outputs(classes) for what in self.what)
        return self.what is None or (isinstance(self.what, str) and self.what not in classes)

    def bind(
        self, count: int, total: int, classes: Sequence[str], outputs: torch.Tensor | None
    ) -> BoundTarget:
        """Settle the class of each of `count` inputs to a network of `total` classes."""
        what = self.what
        if isinstance(what, BoundTarget):
            if len(what) != count:
                raise ExplainError(f"A target for {len(what)} inputs came for {count}.")
            return what
        if callable(what):
            name = getattr(what, "__name__", type(what).__name__)
            return BoundTarget([f"{name}()"] * count, scorer=what)
        if isinstance(what, Contrast):
            a = Target(what.a).bind(count, total, classes, outputs)
            b = Target(what.b).bind(count, total, classes, outputs)
            if a.classes is None or b.classes is None:
                raise ExplainError("A contrast takes two classes, not functions of the output.")
            labels = [f"{left} − {right}" for left, right in zip(a.labels, b.labels, strict=True)]
            return BoundTarget(labels, a.classes, b.classes)
        if _is_sequence(what):
            if len(what) != count:
                raise ExplainError(
                    f"{len(what)} targets came for {count} inputs; give one target, or one for "
                    "each input."
                )
            each = [
                Target(w).bind(1, total, classes, None if outputs is None else outputs[i : i + 1])
                for i, w in enumerate(what)
            ]
            if any(entry.classes is None or entry.against is not None for entry in each):
                raise ExplainError("A sequence of targets takes class names or indices only.")
            indices = torch.cat([entry.classes for entry in each if entry.classes is not None])
            return BoundTarget([entry.labels[0] for entry in each], indices)
        indices = self._indices(count, total, classes, outputs)
        labels = [class_name(classes, int(index)) for index in indices]
        return BoundTarget(labels, indices)

    def _indices(
        self, count: int, total: int, classes: Sequence[str], outputs: torch.Tensor | None
    ) -> torch.Tensor:
        what = self.what
        if isinstance(what, (bool, np.bool_)):
            raise ExplainError(f"target is {what}; {_TAKES}.")
        if isinstance(what, (int, np.integer)):
            return torch.full((count,), _checked(int(what), total))
        if what is None or isinstance(what, str):
            if what is not None and what in classes:
                return torch.full((count,), _place(what, classes))
            rank = self._rank()
            if rank is None:
                if not classes:
                    raise ExplainError(
                        f"The target is {what!r}, but no class names are known; give a class "
                        "index, or Subject(model, classes=[...])."
                    )
                raise ExplainError(
                    f"No class is called {what!r}. {nearest(str(what), classes)} Other targets "
                    "are a class index, 'predicted', or a rank such as '2nd'."
                )
            if rank > total:
                raise ExplainError(
                    f"The target is the {what} class, but this network has {total} classes."
                )
            assert outputs is not None
            return outputs.detach().cpu().float().topk(rank, dim=1).indices[:, rank - 1]
        raise ExplainError(f"target is a {type(what).__name__}; {_TAKES}.")

    def _rank(self) -> int | None:
        if self.what is None or self.what == "predicted":
            return 1
        match = _RANK.match(str(self.what).strip())
        return int(match.group(1)) if match and int(match.group(1)) > 0 else None


@dataclass
class BoundTarget:
    """A target that knows its class for each input: from outputs (rows, classes) to scores (rows,).

    `classes` and `against` hold one index an input; `against` only for a contrast. With `rival` the
    score is the class's lead over the strongest other class. `sign` is −1 where the score's
    negative is explained.
    """

    labels: list[str]
    classes: torch.Tensor | None = None
    against: torch.Tensor | None = None
    scorer: Scorer | None = None
    rival: bool = False
    sign: int = 1

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> BoundTarget:
        """The target of one input alone."""
        part = slice(index, index + 1)
        return replace(
            self,
            labels=self.labels[part],
            classes=None if self.classes is None else self.classes[part],
            against=None if self.against is None else self.against[part],
        )

    def of_rows(self, rows: torch.Tensor) -> BoundTarget:
        """The target of a batch whose rows were made from the inputs of these numbers."""
        rows = rows.cpu()

        def pick(classes: torch.Tensor | None) -> torch.Tensor | None:
            return None if classes is None else classes.cpu()[rows]

        labels = [self.labels[int(row)] for row in rows]
        return replace(self, labels=labels, classes=pick(self.classes), against=pick(self.against))

    def negated(self) -> BoundTarget:
        """What speaks against it: the same target with its score's sign turned."""
        return replace(self, sign=-self.sign)

    def margin(self) -> BoundTarget:
        """The class's lead over its strongest rival; other targets stay as they are."""
        if self.classes is None or self.against is not None:
            return self
        return BoundTarget(
            [f"{label} − its rival" for label in self.labels], self.classes, rival=True
        )

    @property
    def label(self) -> str:
        """What is explained, in words; several classes are listed."""
        return ", ".join(dict.fromkeys(self.labels))

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells this target from others in provenance and caches."""
        if self.scorer is not None:
            return ("function", self.scorer)
        assert self.classes is not None
        against = () if self.against is None else tuple(self.against.tolist())
        return ("classes", *self.classes.tolist(), "against", *against)

    def indices(self, example: int) -> list[int]:
        """The class of one input, both of a contrast, or none for a function."""
        if self.classes is None:
            return []
        found = [int(self.classes[example])]
        return found if self.against is None else [*found, int(self.against[example])]

    def score(self, outputs: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        """The score of each row (rows,); `rows` says which input a row was made from."""
        score = self._score(outputs, rows)
        return score if self.sign == 1 else -score

    def _score(self, outputs: torch.Tensor, rows: torch.Tensor | None) -> torch.Tensor:
        if self.scorer is not None:
            with blamed(f"The target function {self.labels[0]}", outputs):
                scores = self.scorer(outputs)
            if not isinstance(scores, torch.Tensor) or scores.shape != (len(outputs),):
                shape = tuple(scores.shape) if isinstance(scores, torch.Tensor) else type(scores)
                raise ExplainError(
                    f"The target function returned {shape} for outputs {tuple(outputs.shape)}; it "
                    f"has to return one score a row, shape ({len(outputs)},)."
                )
            return scores
        assert self.classes is not None
        score = _pick(outputs, self.classes, rows)
        if self.rival and outputs.shape[1] == 1:
            raise ExplainError(
                "The decision border lies between two classes, but this network has one score; "
                "choose another root."
            )
        if self.rival:
            chosen = _column(outputs, self.classes, rows)
            return score - outputs.scatter(1, chosen, float("-inf")).amax(1)
        return score if self.against is None else score - _pick(outputs, self.against, rows)


def _pick(outputs: torch.Tensor, classes: torch.Tensor, rows: torch.Tensor | None) -> torch.Tensor:
    if len(classes) == 1:
        return outputs[:, int(classes[0])]
    return outputs.gather(1, _column(outputs, classes, rows)).squeeze(1)


def _column(
    outputs: torch.Tensor, classes: torch.Tensor, rows: torch.Tensor | None
) -> torch.Tensor:
    chosen = classes if rows is None else classes[rows.to(classes.device)]
    return chosen.to(outputs.device).view(-1, 1)


def _checked(index: int, total: int) -> int:
    if not 0 <= index < total:
        raise ExplainError(
            f"target is class {index}, but this network has {total} classes: 0 to {total - 1}."
        )
    return index


def _place(name: str, classes: Sequence[str]) -> int:
    places = [i for i, each in enumerate(classes) if each == name]
    if len(places) > 1:
        raise ExplainError(
            f"{len(places)} classes are called {name!r}, the first {places[0]} and {places[1]}; "
            "give the index of one."
        )
    return places[0]


def _is_sequence(what: Any) -> bool:
    return isinstance(what, (list, tuple))


def probabilities(outputs: torch.Tensor) -> torch.Tensor:
    """Outputs (rows, classes) as probabilities: themselves where they are such already, as many
    black boxes give them, else by softmax, and a single one by the sigmoid."""
    if outputs.shape[1] == 1:
        return outputs.sigmoid()
    sums = outputs.sum(1)
    shares = bool((outputs >= 0).all()) and torch.allclose(sums, torch.ones_like(sums), atol=1e-4)
    return outputs if shares else outputs.softmax(1)


def class_name(classes: Sequence[str], index: int) -> str:
    """The name of a class, or "class 3" where names are not known."""
    return classes[index] if 0 <= index < len(classes) else f"class {index}"


def true_classes(
    truths: Any, count: int, classes: Sequence[str], total: int | None = None
) -> list[str | None]:
    """The name of each input's true class, from names and indices, or from one alone; None where it
    is not known. `total` is how many classes the network has."""
    if truths is None:
        return [None] * count
    try:
        given = [truths] if isinstance(truths, str) else list(truths)
    except TypeError:  # a number, or an array of one alone
        given = [truths]
    if len(given) != count:
        raise ExplainError(f"{len(given)} truths came for {count} inputs; give one for each.")
    return [_true_class(_plain(truth), classes, total or len(classes)) for truth in given]


def _plain(truth: Any) -> Any:
    try:
        return truth.item()  # a number of NumPy or torch
    except (AttributeError, ValueError, RuntimeError):
        return truth


def _true_class(truth: Any, classes: Sequence[str], total: int) -> str | None:
    if truth is None:
        return None
    if isinstance(truth, str):
        if truth in classes or (not classes and _UNNAMED.match(truth)):
            return truth
        known = (
            nearest(truth, classes)
            if classes
            else "No class names are known; give indices, or Subject(model, classes=[...])."
        )
        raise ExplainError(f"truths has {truth!r}, which no class is called. {known}")
    number = isinstance(truth, numbers.Real) and not isinstance(truth, bool)
    if not number or truth % 1 or not 0 <= truth < (total or math.inf):
        indices = f"an index from 0 to {total - 1}" if total else "an index from 0"
        raise ExplainError(
            f"truths has {truth!r}; it takes a class name or {indices} for each input, or None "
            "where it is not known."
        )
    return class_name(classes, int(truth))
