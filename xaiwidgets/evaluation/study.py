"""Studies with people: does an explanation help a reader to know what the network does?

A schedule of trials drawn from a seed, each with what is shown, a question, the choices and the
right one; answers go to a file, line by line, and become shares with exact binomial intervals.
"""

from __future__ import annotations

import json
import numbers
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from xaiwidgets.core.display import Look, paint
from xaiwidgets.core.errors import ExplainError, nearest
from xaiwidgets.core.filling import Filling
from xaiwidgets.core.fingerprint import tensor_fingerprint
from xaiwidgets.core.job import CancelToken
from xaiwidgets.core.method import Attribution, as_methods
from xaiwidgets.core.subject import Inputs, Subject
from xaiwidgets.core.target import class_name, true_classes

from .ordering import places

if TYPE_CHECKING:
    import pandas as pd

PROTOCOLS: dict[str, str] = {
    "predict": "Forward simulation",
    "what if": "Predict, then reveal",
    "choose": "Which of two networks?",
}
ALONE = "picture alone"
COVERED = 0.2


@dataclass(frozen=True)
class Picture:
    """One picture of a trial: pixels (height, width, 3) as uint8, with the words below it."""

    caption: str
    pixels: np.ndarray


@dataclass(frozen=True)
class Trial:
    """One question. `shown` stands above it; `told` follows the answer, where the protocol lets
    participants know what the network did."""

    number: int
    input: str
    method: str
    question: str
    choices: tuple[str, ...]
    right: str
    shown: tuple[Picture, ...]
    told: str = ""


@dataclass(frozen=True)
class Plan:
    """One place of the schedule, before anything is explained: which input, by which method, and a
    number that everything drawn in the trial follows from."""

    input: int
    method: int
    seed: int


@dataclass
class Study:
    """A study with one participant: `trial(k)` is what is asked, `record` keeps an answer, and
    `results()` says how often each method led to the right one.

    `protocol` is "predict" (forward simulation: shown a picture and its explanation, which class
    does the network answer, out of `choices`?), "what if" (shown explanation and answer: does the
    answer stand when the most, or the least, relevant fifth is covered? The outcome is revealed) or
    "choose" (two networks give the same answer for a picture: which of the two explanations comes
    from the better network? `other` is the second one, and `truths` say which is better; Selvaraju
    et al. 2017). Every method takes part equally often, and the picture alone as well, as a
    control, except where two explanations are compared; inputs repeat only when all had their turn.
    A number of right answers is worth what its interval and its chance say: this makes the
    instrument; results are its participants'.

    Answers are added to `file` (JSON lines); a study that is begun again with the same settings and
    participant goes on where it stopped. Raises ExplainError for what cannot be asked.

    Sources: Doshi-Velez and Kim 2017 (forward simulation), Slack et al. 2019 (what if).
    """

    subject: Any
    images: Any
    methods: Sequence[Any]
    protocol: str = "predict"
    other: Any = None
    truths: Sequence[Any] | None = None
    trials: int = 20
    choices: int = 4
    seed: int = 0
    participant: str = ""
    file: str | Path | None = None
    answers: list[dict[str, Any]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise ExplainError(
                f"protocol is {self.protocol!r}. {nearest(str(self.protocol), PROTOCOLS)}"
            )
        for name, least in (("trials", 1), ("choices", 1), ("seed", 0)):
            number = getattr(self, name)
            whole = isinstance(number, numbers.Integral) and not isinstance(number, bool)
            if not whole or number < least:
                raise ExplainError(f"{name} is {number!r}; it takes a whole number from {least}.")
            setattr(self, name, int(number))
        if self.file is not None:
            self._check_file()
        self.subject = Subject.of(self.subject)
        self.subject.need_pictures("A study")
        self._inputs: Inputs = self.subject.prepare(self.images)
        self._methods: list[Attribution] = as_methods(self.methods)
        if not self._methods:
            raise ExplainError("There is no method to study; give at least one.")
        self._outputs = self.subject.outputs(self._inputs.x)
        self._predicted = self._outputs.argmax(1)
        self._truths = true_classes(
            self.truths, len(self._inputs), self.subject.classes, self._outputs.shape[1]
        )
        self._fits = self._asked_of()
        self.conditions = [method.label for method in self._methods]
        if self.protocol != "choose":
            self.conditions.append(ALONE)
        self._plans = self._schedule()
        self.answers = self._read()

    # --- what is asked ------------------------------------------------------------------------

    @property
    def settings(self) -> dict[str, Any]:
        """What makes this study the same one again."""
        return {
            "protocol": self.protocol, "trials": self.trials, "choices": self.choices,
            "seed": self.seed, "methods": [repr(method) for method in self._methods],
            "network": self.subject.fingerprint, "inputs": tensor_fingerprint(self._inputs.x),
        }  # fmt: skip

    @property
    def chance(self) -> float:
        """The share of right answers of a participant who guesses."""
        return 1 / (self._count if self.protocol == "predict" else 2)

    def trial(self, number: int, cancel: CancelToken | None = None) -> Trial:
        """The trial of that number, from 0; the same for the same settings."""
        plan = self._plans[number]
        label = self.conditions[plan.method]
        ask = {"predict": self._predict, "what if": self._what_if, "choose": self._choose}
        rng = np.random.default_rng(plan.seed)
        return ask[self.protocol](number, plan, label, rng, cancel or CancelToken())

    def _predict(
        self, number: int, plan: Plan, label: str, rng: np.random.Generator, cancel: CancelToken
    ) -> Trial:
        answer = int(self._predicted[plan.input])
        rest = [k for k in range(self._outputs.shape[1]) if k != answer]
        offered = rng.permutation([answer, *rng.choice(rest, self._count - 1, replace=False)])
        return Trial(
            number, self._inputs.names[plan.input], label, "What does the network answer?",
            tuple(self._named(int(k)) for k in offered), self._named(answer),
            self._pictures(plan, cancel),
        )  # fmt: skip

    def _what_if(
        self, number: int, plan: Plan, label: str, rng: np.random.Generator, cancel: CancelToken
    ) -> Trial:
        x, answer = self._one(plan.input), int(self._predicted[plan.input])
        alone = plan.method == len(self._methods)  # covered by one of the methods, none is shown
        by = self._methods[int(rng.integers(len(self._methods))) if alone else plan.method]
        heat = by(self.subject, x, answer, cancel=cancel)
        first = "most" if rng.random() < 0.5 else "least"
        order = places(heat.map(), f"{first} first", plan.seed)
        gone = order < round(COVERED * order[0].size)
        filling = Filling("mean", self.subject, x.x, plan.seed)
        kept = torch.as_tensor(~gone, device=x.x.device)
        covered = filling(kept, torch.arange(1, device=x.x.device), None)
        then = int(self.subject.outputs(covered)[0].argmax())
        name, now = self._named(answer), self._named(then)
        veiled = self.subject.preprocessing.pictures(covered.cpu())[0][0]
        return Trial(
            number, x.names[0], label,
            f"The network answers {name}. A fifth of the picture is covered now: does it still?",
            ("yes", "no"), "yes" if then == answer else "no",
            (*self._pictures(plan, cancel), Picture("with a fifth covered", veiled)),
            told=f"The network now answers {now}.",
        )  # fmt: skip

    def _choose(
        self, number: int, plan: Plan, label: str, rng: np.random.Generator, cancel: CancelToken
    ) -> Trial:
        x, answer = self._one(plan.input), int(self._predicted[plan.input])
        subjects = [self.subject, self._second]
        order = rng.permutation(2)
        method = self._methods[plan.method]
        maps = [self._drawn(method, subjects[k], x, answer, cancel) for k in order]
        plain = Picture("the picture", self._seen(plan.input))
        shown = plain, *(Picture(f"network {'AB'[i]}", drawn) for i, drawn in enumerate(maps))
        return Trial(
            number, x.names[0], label,
            f"Both networks answer {self._named(answer)}. Which one is more often right?",
            ("A", "B"), "AB"[int(np.flatnonzero(order == self._better)[0])], shown,
        )  # fmt: skip

    def _pictures(self, plan: Plan, cancel: CancelToken) -> tuple[Picture, ...]:
        """The picture, and its explanation unless this is the control."""
        plain = Picture("the picture", self._seen(plan.input))
        if plan.method == len(self._methods):
            return (plain,)
        x, answer = self._one(plan.input), int(self._predicted[plan.input])
        drawn = self._drawn(self._methods[plan.method], self.subject, x, answer, cancel)
        return plain, Picture("what spoke for the answer (red) and against it (blue)", drawn)

    def _drawn(
        self, method: Attribution, subject: Subject, x: Inputs, target: int, cancel: CancelToken
    ) -> np.ndarray:
        heat = method(subject, x, target, cancel=cancel)
        return paint(heat.map()[0], self.subject.preprocessing.pictures(x.x.cpu())[0][0], Look())[0]

    def _seen(self, index: int) -> np.ndarray:
        return self.subject.preprocessing.pictures(self._inputs.x[index : index + 1].cpu())[0][0]

    def _one(self, index: int) -> Inputs:
        return Inputs(self._inputs.x[index : index + 1], [self._inputs.names[index]])

    def _named(self, index: int) -> str:
        return class_name(self.subject.classes, index)

    @property
    def _count(self) -> int:
        return min(self.choices, self._outputs.shape[1])

    # --- the schedule -------------------------------------------------------------------------

    def _schedule(self) -> list[Plan]:
        """Every condition once in each round, in an order drawn by lot; inputs likewise."""
        rng = np.random.default_rng(self.seed)
        conditions = _rounds(rng, np.arange(len(self.conditions)), self.trials)
        inputs = _rounds(rng, self._fits, self.trials)
        seeds = rng.integers(0, 2**31, self.trials)
        return [Plan(*map(int, each)) for each in zip(inputs, conditions, seeds, strict=True)]

    def _asked_of(self) -> np.ndarray:
        """The inputs that the protocol can ask about."""
        everything = np.arange(len(self._inputs))
        if self.protocol == "predict" and self._count < 2:
            raise ExplainError(
                f"{self._count} choices are left; forward simulation takes at least two, and a "
                "network with as many classes."
            )
        if self.protocol != "choose":
            return everything
        if self.other is None or self.truths is None:
            raise ExplainError(
                "The protocol 'choose' compares two networks; give the second as other= and the "
                "true classes of the inputs as truths=."
            )
        second = self.other
        self._second = second if isinstance(second, Subject) else self.subject.with_network(second)
        theirs = self._second.outputs(self._inputs.x).argmax(1)
        right = self._right(self._predicted), self._right(theirs)
        if right[0] == right[1]:
            raise ExplainError(
                f"Both networks are right for {right[0]} of {len(everything)} inputs, so that "
                "neither is better; give more inputs, or another network."
            )
        self._better = int(right[1] > right[0])
        same = everything[(self._predicted == theirs).cpu().numpy()]
        if not len(same):
            raise ExplainError("The two networks never give the same answer; give other inputs.")
        return same

    def _right(self, predicted: torch.Tensor) -> int:
        said = (self._named(int(k)) for k in predicted)
        return sum(truth == name for truth, name in zip(self._truths, said, strict=True))

    # --- what is answered ---------------------------------------------------------------------

    @property
    def done(self) -> int:
        """How many trials are answered."""
        return len(self.answers)

    def record(self, trial: Trial, choice: str, seconds: float) -> dict[str, Any]:
        """Keep one answer, in the file as well; returns its line."""
        if choice not in trial.choices:
            raise ExplainError(f"{choice!r} is no choice here; there are {list(trial.choices)}.")
        if trial.number != self.done:
            raise ExplainError(f"Trial {trial.number + 1} is answered, or not asked yet.")
        line = {
            "study": self.settings, "participant": self.participant, "trial": trial.number,
            "input": trial.input, "method": trial.method, "choices": list(trial.choices),
            "right": trial.right, "answer": choice, "correct": choice == trial.right,
            "seconds": round(float(seconds), 3),
        }  # fmt: skip
        if self.file is not None:
            with Path(self.file).open("a", encoding="utf-8") as out:
                out.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.answers.append(line)
        return line

    def results(self) -> pd.DataFrame:
        """One row a method: answers, right ones, their share with its exact 95 % interval, the
        share of a guess, and the median seconds."""
        import pandas as pd

        return pd.DataFrame(tally(self.answers, self.conditions, self.chance))

    def simulate(self, answering: Callable[[Trial], str]) -> pd.DataFrame:
        """Let a function of the trial answer what is left: a scripted participant, to try a study
        before people spend their time on it."""
        for number in range(self.done, self.trials):
            trial = self.trial(number)
            self.record(trial, answering(trial), 0.0)
        return self.results()

    def _check_file(self) -> None:
        """Refuse a file that no answer could be added to, before there is an answer to lose."""
        path = Path(self.file) if isinstance(self.file, (str, os.PathLike)) else None
        if path is None or path.is_dir() or not path.parent.exists():
            raise ExplainError(
                f"file is {self.file!r}; it takes a file in a folder that exists, such as "
                "'answers.jsonl'."
            )

    def _read(self) -> list[dict[str, Any]]:
        """This participant's earlier answers to this very study."""
        if self.file is None or not Path(self.file).exists():
            return []
        found = []
        for number, text in enumerate(Path(self.file).read_text("utf-8").splitlines(), 1):
            try:
                line = json.loads(text)
                mine = line["participant"] == self.participant and line["study"] == self.settings
            except (ValueError, KeyError, TypeError):
                raise ExplainError(
                    f"Line {number} of {str(self.file)!r} is no answer of a study; give another "
                    "file, or mend that line."
                ) from None
            if mine:
                found.append(line)
        return found


def tally(
    answers: Sequence[Mapping[str, Any]], conditions: Sequence[str], chance: float
) -> list[dict[str, Any]]:
    """The results of answers by condition, as plain rows; those of several files may be joined."""
    from scipy.stats import binomtest

    rows = []
    for name in conditions:
        mine = [line for line in answers if line["method"] == name]
        right = sum(line["correct"] for line in mine)
        low, high = binomtest(right, len(mine)).proportion_ci() if mine else (0.0, 1.0)
        rows.append({
            "method": name, "answers": len(mine), "right": right,
            "share": right / len(mine) if mine else float("nan"),
            "low": float(low), "high": float(high), "chance": chance,
            "seconds": float(np.median([line["seconds"] for line in mine])) if mine
            else float("nan"),
        })  # fmt: skip
    return rows


def _rounds(rng: np.random.Generator, things: np.ndarray, count: int) -> np.ndarray:
    """`count` of the things, each as often as the others, in an order drawn anew for each round."""
    rounds = -(-count // len(things))
    return np.concatenate([rng.permutation(things) for _ in range(rounds)])[:count]
