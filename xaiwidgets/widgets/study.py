"""Studies with people in a notebook: one trial after the other, answers to a file."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import traitlets

from xaiwidgets.core.errors import Cancelled, ExplainError, one_line
from xaiwidgets.core.job import CancelToken
from xaiwidgets.core.subject import Subject
from xaiwidgets.evaluation.study import PROTOCOLS, Study, Trial, tally

from .catalogue import default_methods
from .pack import pack_bytes
from .view import View
from .wire import StudyCard, StudyRow
from .worker import Worker


def study(
    subject: Any,
    images: Any,
    methods: Sequence[Any] | None = None,
    *,
    protocol: str = "predict",
    other: Any = None,
    truths: Sequence[Any] | None = None,
    trials: int = 20,
    choices: int = 4,
    seed: int = 0,
    participant: str = "",
    file: str | Path | None = None,
) -> StudyView:
    """Ask a person what the network does, with and without its explanations, and keep the answers.

    The protocols, and what the arguments mean, are those of xaiwidgets.evaluation.Study; `methods`
    default to what `compare` shows. Answers are added to `file` as JSON lines; `w.results()` and
    the page's last view say how often each method led to the right answer, with exact intervals.
    """
    found = Subject.of(subject)
    found.need_pictures("A study")
    ready = found.prepare(images)
    chosen = default_methods(found, ready.x) if methods is None else methods
    return StudyView(
        Study(
            found, ready, chosen, protocol=protocol, other=other, truths=truths, trials=trials,
            choices=choices, seed=seed, participant=participant, file=file,
        )
    )  # fmt: skip


class StudyView(View, bundle="widget"):
    """The widget behind `study`: `w.study` is the study, `w.results()` its table so far."""

    _kind = traitlets.Unicode("study").tag(sync=True)
    card = traitlets.Dict().tag(sync=True)

    def __init__(self, made: Study) -> None:
        self.study = made
        self._worker = Worker()
        self._guard = threading.RLock()
        self._trials: dict[int, Trial] = {}
        self._coming = -1
        super().__init__(card=dict(self._blank("preparing")))
        self._ask()

    def _failures(self) -> list[str]:
        return [self.card["problem"]] if self.card["problem"] else []

    def results(self) -> pd.DataFrame:
        """What came of every method so far; see Study.results."""
        return self.study.results()

    def __repr__(self) -> str:
        return f"StudyView({self.study.protocol}: {self.study.done} of {self.study.trials} answers)"

    # --- the page -----------------------------------------------------------------------------

    def _do(self, name: str, args: dict[str, Any]) -> None:
        with self._guard:
            if name == "answer_trial":
                self._answer(args)
            elif name == "next_trial":
                self._ask()
            else:
                raise ExplainError(f"{name!r} is no command of this widget.")

    def _answer(self, args: dict[str, Any]) -> None:
        trial = self._trials.get(self.study.done)
        if trial is None or args.get("number") != trial.number:
            raise ExplainError("That trial is not on screen any more.")
        seconds = args.get("seconds")
        if not isinstance(seconds, (int, float)) or not math.isfinite(seconds):
            raise ExplainError(f"The time of an answer is {seconds!r}; it takes seconds.")
        self.study.record(trial, str(args.get("choice")), seconds)
        if trial.told:
            self._put(card={**self.card, "state": "told", "told": trial.told})
        else:
            self._ask()

    def _ask(self) -> None:
        """Put the next trial on screen as soon as it is prepared, and prepare the one after it."""
        number = self.study.done
        if number >= self.study.trials:
            self._put(card=dict(self._blank("over")))
        elif number in self._trials:
            self._show(self._trials[number])
            self._want(number + 1)
        else:
            self._put(card=dict(self._blank("preparing")))
            self._want(number)

    def _want(self, number: int) -> None:
        """Have a trial prepared in the background, unless that is done or being done."""
        if number < self.study.trials and number not in self._trials and number != self._coming:
            self._coming = number
            self._worker.submit("trial", lambda token: self._prepare(number, token))

    def _prepare(self, number: int, token: CancelToken) -> None:
        try:
            trial = self.study.trial(number, token)
        except Cancelled:
            return
        except Exception as error:
            with self._guard:
                self._coming = -1
                self._put(card={**self.card, "problem": one_line(error)})
            return
        with self._guard:
            self._coming = -1
            self._trials = {n: t for n, t in self._trials.items() if n >= self.study.done}
            self._trials[number] = trial
            if number == self.study.done and self.card["state"] == "preparing":
                self._ask()

    def _show(self, trial: Trial) -> None:
        shown = [{"caption": p.caption, "picture": pack_bytes(p.pixels)} for p in trial.shown]
        asked = {"question": trial.question, "choices": list(trial.choices), "shown": shown}
        self._put(card={**self._blank("asking"), **asked})

    def _blank(self, state: Literal["preparing", "asking", "told", "over"]) -> StudyCard:
        return {
            "state": state, "about": PROTOCOLS[self.study.protocol], "number": self.study.done,
            "total": self.study.trials, "question": "", "choices": [], "shown": [], "told": "",
            "problem": "", "results": self._rows() if state == "over" else [],
        }  # fmt: skip

    def _rows(self) -> list[StudyRow]:
        rows = tally(self.study.answers, self.study.conditions, self.study.chance)
        return [
            {
                "method": row["method"], "answers": row["answers"], "share": _said(row["share"]),
                "low": row["low"], "high": row["high"], "chance": row["chance"],
                "seconds": _said(row["seconds"]),
            }
            for row in rows
        ]  # fmt: skip


def _said(number: float) -> float | None:
    return number if math.isfinite(number) else None
