"""Trust badges: quick questions to every panel's answer, asked when nothing else is to be done."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import asdict, replace
from typing import Any

from xaiwidgets.core.errors import Cancelled, ExplainError
from xaiwidgets.core.evaluation import Answered
from xaiwidgets.core.job import CancelToken
from xaiwidgets.core.words import Words
from xaiwidgets.evaluation.trust import (
    QUESTIONS,
    Badge,
    Bars,
    Checkup,
    Faithfulness,
    Lines,
    Localisation,
    Question,
    Sanity,
    Stability,
)

from . import pack
from .given import refuse_volumes
from .panel import Panel
from .wire import (
    DEFAULT_TRUST,
    BadgeCard,
    Badges,
    EvidenceBars,
    EvidenceLines,
    QuestionCard,
    TrustSettings,
)
from .workplace import Workplace

_KEPT = 4096
_QUICK_FIRST: tuple[type[Question], ...] = (Localisation, Faithfulness, Stability, Sanity)
_SORTS = ("", *(question.name for question in QUESTIONS))
_CANCELLED = "Cancelled before it was checked."


class Trust:
    """The badges of one widget.

    One piece of work, which gives way to every other, asks one question after the other: the
    fastest method's panel first, the quickest question first. What was answered once for a method,
    its settings, the network, the input and the target is kept.
    """

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._settings: TrustSettings = {**DEFAULT_TRUST}
        self._known: OrderedDict[Hashable, Badge] = OrderedDict()
        self._checkup: tuple[Hashable, Checkup] | None = None
        self._asking: Hashable = None
        self._stopped = False

    # --- read and set from Python -----------------------------------------------------------

    @property
    def on(self) -> bool:
        """Whether panels wear badges."""
        return self._settings["on"]

    def set(self, wanted: Any) -> None:
        """True, False, or the name of the question by which panels are sorted as well."""
        if isinstance(wanted, bool):
            self._apply({"on": wanted})
        elif wanted in _SORTS:
            self._apply({"on": True, "sort": wanted})
        else:
            questions = ", ".join(map(repr, _SORTS[1:]))
            raise ExplainError(
                f"trust is {wanted!r}; it takes True, False, or a question to sort by: {questions}."
            )

    @property
    def wanted(self) -> bool | str:
        """What `set` takes to make it as it is."""
        return self.on and (self._settings["sort"] or True)

    def read(self) -> dict[str, dict[str, Badge]]:
        """The badges that there are, by panel and question."""
        found: dict[str, dict[str, Badge]] = {}
        for panel in self._place.panels if self.on else ():
            if panel.answer is None:
                continue
            known = {
                question.name: self._known.get(_key(panel, question))
                for question in self._questions(panel)
            }
            found[pack.own_name(pack.name_of(panel.method), found)] = {
                name: badge for name, badge in known.items() if badge is not None
            }
        return found

    # --- called by the widget ---------------------------------------------------------------

    def obey(self, args: dict[str, Any]) -> None:
        """The page's settings."""
        settings = args.get("trust")
        if not isinstance(settings, dict):
            raise ExplainError("trust takes a dict of settings.")
        self._apply(settings)

    def answered(self, panel: Panel) -> None:
        """A panel has a new answer."""
        if self.on:
            self._stopped = False
            self._send(panel)
            self._place.worker.submit("trust", self._check, last=True)

    def removed(self, panel: Panel) -> None:
        """A panel has gone."""
        self._place.write(_slot(panel), {})

    def cancelled(self) -> None:
        """All work was cancelled."""
        self._stopped = True
        self._send_all()

    def close(self) -> None:
        """Let go of every badge, and of what lies on the network's device."""
        self._known.clear()
        self._checkup = None

    # --- inside -----------------------------------------------------------------------------

    def _apply(self, changes: dict[str, Any]) -> None:
        if changes.get("on"):
            refuse_volumes(self._place.gallery.subject, "Badges are given")
        before = self._settings
        self._settings = {**before, **_checked(changes)}  # type: ignore[typeddict-item]
        self._place.write("trust_settings", dict(self._settings))
        if self.on and not before["on"]:
            self._stopped = False
            self._place.worker.submit("trust", self._check, last=True)
            self._send_all()
        elif before["on"] and not self.on:
            self._place.worker.cancel("trust")
            self._checkup = None
            self._send_all()

    def _check(self, token: CancelToken) -> None:
        """Ask every question that is open, one after the other."""
        try:
            while not token.cancelled and self._check_next(token):
                pass
        except Cancelled:
            pass
        finally:
            with self._place.guard:
                self._asking = None
                if not token.cancelled or self._place.gallery.subject.device.type != "cpu":
                    self._checkup = None  # an idle widget holds no copies of the network

    def _check_next(self, token: CancelToken) -> bool:
        """Ask the next open question; False where there is none."""
        with self._place.guard:  # what is judged belongs to one answer
            found = self._open()
            if found is None:
                return False
            panel, question = found
            shown = replace(panel)
            key = self._asking = _key(panel, question)
            self._send(panel)
        badge = self._judge(shown, question, token)
        with self._place.guard:
            while len(self._known) >= _KEPT:
                self._known.popitem(last=False)
            self._known[key] = badge
            self._asking = None
            for each in self._place.panels if not token.cancelled else ():
                if each.answer is not None and _key(each, question) == key:
                    self._send(each)
        return True

    def _open(self) -> tuple[Panel, type[Question]] | None:
        """A question that nobody has answered: of the quickest panel the quickest."""
        if not self.on or self._stopped:
            return None
        ready = [panel for panel in self._place.panels if panel.status["status"] == "done"]
        for panel in sorted(ready, key=_seconds):
            for question in sorted(self._questions(panel), key=_QUICK_FIRST.index):
                if _key(panel, question) not in self._known:
                    return panel, question
        return None

    def _judge(self, panel: Panel, question: type[Question], token: CancelToken) -> Badge:
        """The answer to a question, unknown where it cannot be answered."""
        assert panel.answer is not None
        try:
            checkup = self._checkup_of(panel)
            ask = next(each for each in checkup.questions if type(each) is question)
            explanation = Answered(panel.made_by, panel.answer)
            return light(checkup.ask(ask, explanation, cancel=token))
        except Cancelled:
            raise
        except Exception as error:
            return question().unknown(error)

    def _checkup_of(self, panel: Panel) -> Checkup:
        """The checkup of a panel's input and target; panels that show the same share it."""
        assert panel.answer is not None
        assert panel.bound is not None
        place = panel.input, panel.bound.key, panel.answer.provenance.network
        known = self._checkup
        if known is None or known[0] != place:
            subject = self._place.gallery.subject
            if subject.fingerprint != place[2]:
                raise ExplainError("The network has changed since this map was made; run it anew.")
            masks = self._place.gallery.masks[panel.input]
            x = self._place.gallery.one(panel.input)
            known = self._checkup = place, Checkup(subject, x, panel.bound, masks=masks)
        return known[1]

    def _questions(self, panel: Panel) -> list[type[Question]]:
        """What can be asked of a panel's answer."""
        masks = self._place.gallery.masks[panel.input]
        return [question for question in QUESTIONS if masks or not question.needs_masks]

    def _send_all(self) -> None:
        for panel in self._place.panels:
            self._send(panel)

    def _send(self, panel: Panel) -> None:
        if not self.on or panel.answer is None:
            self._place.write(_slot(panel), {})
            return
        cards = [self._card(panel, question) for question in self._questions(panel)]
        packed: Badges = {"request": panel.answered, "badges": cards}
        self._place.write(_slot(panel), dict(packed))

    def _card(self, panel: Panel, question: type[Question]) -> BadgeCard:
        key = _key(panel, question)
        badge = self._known.get(key)
        if badge is None and self._stopped:
            badge = question().unknown(_CANCELLED)
        if badge is not None:
            return card_of(badge)
        return {
            "question": question.name,
            "state": "checking" if key == self._asking else "waiting",
            "rank": None,
            "sentence": "",
            "beside": [],
            "limits": question.limits,
            "picture": None,
        }


def question_cards(words: Words) -> list[QuestionCard]:
    """The questions as the page knows them, in the words for its inputs."""
    return [
        {
            "name": question.name,
            "word": question.word,
            "title": question.name.capitalize(),
            "asks": question.asks.format(whole=words.whole, parts=words.parts),
        }
        for question in QUESTIONS
    ]


def card_of(badge: Badge) -> BadgeCard:
    """A badge as it travels."""
    return {
        "question": badge.question,
        "state": badge.verdict,
        "rank": badge.rank,
        "sentence": badge.sentence,
        "beside": [[name, words] for name, words in badge.beside.items()],
        "limits": badge.limits,
        "picture": _picture(badge.picture),
    }


def _picture(picture: Lines | Bars | None) -> EvidenceLines | EvidenceBars | None:
    if picture is None:
        return None
    packed = _sayable(asdict(picture))
    packed["kind"] = "lines" if isinstance(picture, Lines) else "bars"
    found: EvidenceLines | EvidenceBars = packed
    return found


def _sayable(value: Any) -> Any:
    """The same with None for what JSON has no word for."""
    if isinstance(value, dict):
        return {name: _sayable(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_sayable(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _key(panel: Panel, question: type[Question]) -> Hashable:
    """What a badge belongs to."""
    assert panel.answer is not None
    assert panel.bound is not None
    method, network = panel.made_by, panel.answer.provenance.network
    return question, type(method), method, network, panel.input, panel.bound.key


def _seconds(panel: Panel) -> float:
    return panel.answer.provenance.seconds if panel.answer is not None else 0.0


def _slot(panel: Panel) -> str:
    return f"badges_{panel.slot:02d}"


def light(badge: Badge) -> Badge:
    """The same without the inputs that its provenance would keep alive."""
    if badge.scores is None:
        return badge
    made = badge.scores.provenance
    light = replace(badge.scores, provenance=replace(made, origin=made.input))
    return replace(badge, scores=light)


def _checked(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with known names and values; others are refused in words."""
    for name, value in changes.items():
        if name == "on" and isinstance(value, bool):
            continue
        if name == "sort" and value in _SORTS:
            continue
        if name in DEFAULT_TRUST:
            takes = "True or False" if name == "on" else ", ".join(map(repr, _SORTS))
            raise ExplainError(f"trust {name} is {value!r}; it takes {takes}.")
        raise ExplainError(
            f"{name!r} is no setting of trust; there are {', '.join(DEFAULT_TRUST)}."
        )
    return dict(changes)
