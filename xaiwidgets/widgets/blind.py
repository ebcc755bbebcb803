"""`blind`: which map would you trust, not knowing which method made it?"""

from __future__ import annotations

import string
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from typing_extensions import Self, Unpack

from xaiwidgets.core.answers import Heatmap
from xaiwidgets.core.errors import Cancelled, ExplainError, one_line
from xaiwidgets.core.evaluation import Answered
from xaiwidgets.core.job import CancelToken
from xaiwidgets.evaluation.trust import Badge, Checkup
from xaiwidgets.methods.controls import EdgeDetector, RandomMap

from . import pack
from .lesson import Lesson
from .marks import by_picture
from .opening import Known, names_of, spelt_out
from .trust import card_of, light
from .wire import Ballot

if TYPE_CHECKING:
    import pandas as pd


@spelt_out(Known)
def blind(
    subject: Any,
    images: Any,
    target: Any = None,
    methods: Sequence[Any] | None = None,
    *,
    controls: bool = True,
    trust: bool = True,
    seed: int = 0,
    vote: Any = None,
    reason: Any = None,
    **known: Unpack[Known],
) -> Blind:
    """A blind comparison: which map would you trust, not knowing which method made it?

    Maps are called A, B, C ... in an order drawn from `seed` for each picture anew, all on one
    scale and all at once, until the reader has voted on every picture. Then the names are told,
    with what `trust` asks of every map (see `compare`), and the `controls` that hid among them: an
    edge detector and a random map, neither of which ever asks the network.

    `subject`, `images`, `target`, `methods`, `truths` and `masks` are those of `compare`. `vote`
    and `reason` are the answer in code: letters in the order of trust, the most trusted first, as
    many as one likes ("C", or "CAE"), and words; for several pictures a dict by number, or a list
    with None for those left out. `w.results()` counts.
    """
    names = names_of(sys._getframe(1), known, subject=subject, images=images, methods=methods)
    return Blind(
        subject, images, target, methods, controls=controls, trust=trust, seed=seed, vote=vote,
        reason=reason, names=names, **known,
    )  # fmt: skip


class Blind(Lesson):
    """The widget behind `blind`; votes can be read and set from Python.

    `w.vote` is the vote on the picture on screen, as letters, and `w.reason` the words to it;
    `w.votes` are all of them by number. Names are told once every picture has its vote, or by
    `w.reveal()`; from then on votes stay, for they would not be blind. `w.answers` are the maps of
    the picture on screen by letter, later by name, `w.badges` what is known of their trust,
    `w.results()` is a table of what came of every method.
    """

    call = "blind"
    _kind = traitlets.Unicode("blind").tag(sync=True)
    ballots = traitlets.Dict().tag(sync=True)
    names = traitlets.Dict().tag(sync=True)
    verdicts = traitlets.Dict().tag(sync=True)

    @spelt_out(Known)
    def __init__(
        self,
        subject: Any,
        images: Any,
        target: Any = None,
        methods: Sequence[Any] | None = None,
        *,
        controls: bool = True,
        trust: bool = True,
        seed: int = 0,
        vote: Any = None,
        reason: Any = None,
        names: Mapping[str, str] | None = None,
        **known: Unpack[Known],
    ) -> None:
        """Check everything that can be wrong before a widget appears; then make the maps."""
        for name, switch in (("controls", controls), ("trust", trust)):
            if not isinstance(switch, (bool, np.bool_)):
                raise ExplainError(f"{name} is {switch!r}; it takes True or False.")
        if not isinstance(seed, (int, np.integer)) or seed < 0:
            raise ExplainError(f"seed is {seed!r}; it takes a whole number from 0.")
        self._seed, self._trust = seed, trust
        self._badges: dict[tuple[int, int], list[Badge]] = {}
        usual = {"controls": True, "trust": True, "seed": 0}
        asked = {"controls": controls, "trust": trust, "seed": seed}
        super().__init__(
            subject, images, target, methods, names=names,
            settings={name: value for name, value in asked.items() if value != usual[name]},
            beside=[EdgeDetector(), RandomMap()] if controls else [], **known,
        )  # fmt: skip
        count = len(self._gallery)
        reasons = by_picture(reason, count, "reason")
        with self._guard:
            for index, letters in by_picture(vote, count, "vote").items():
                self._keep(index, letters, str(reasons.get(index, "")))
            self._show()
            self._tell_when_all_voted()

    # --- read and used from Python ----------------------------------------------------------

    @property
    def vote(self) -> str:
        """The vote on the picture on screen: letters, the most trusted first; "" before it."""
        return self._ballot(self._gallery.index)["vote"]

    @vote.setter
    def vote(self, letters: str) -> None:
        with self._guard:
            self._keep(self._gallery.index, letters, self.reason)
            self._tell_when_all_voted()

    @property
    def reason(self) -> str:
        """The words to that vote."""
        return self._ballot(self._gallery.index)["reason"]

    @reason.setter
    def reason(self, words: str) -> None:
        with self._guard:
            here = str(self._gallery.index)
            ballot: Ballot = {**self._ballot(self._gallery.index), "reason": str(words)}
            self._put(ballots={**self.ballots, here: dict(ballot)})

    @property
    def votes(self) -> dict[int, str]:
        """Every vote by the number of its picture."""
        voted = {int(index): ballot["vote"] for index, ballot in self.ballots.items()}
        return {index: vote for index, vote in sorted(voted.items()) if vote}

    def reveal(self) -> Self:
        """Tell the names now; from then on no vote can be cast."""
        with self._guard:
            every = range(len(self._gallery))
            told = {
                str(index): [self._titles[place] for place in self._order(index)] for index in every
            }
            self._put(names=told)
            self._tell_all(every)
            self._judge_later()
        return self

    @property
    def badges(self) -> dict[str, dict[str, Badge]]:
        """Whether the maps on screen can be trusted, by name and question, once names are told."""
        index = self._gallery.index
        return {
            self._titles[place]: {badge.question: badge for badge in self._badges[index, place]}
            for place in self._order(index)
            if self._is_told(index) and (index, place) in self._badges
        }

    def results(self) -> pd.DataFrame:
        """What came of every method, once names are told: how often it was trusted first, and its
        mean place, where maps that a vote leaves out share the places behind those it names."""
        import pandas as pd

        with self._guard:
            if not self.revealed:
                raise ExplainError("Names are not told yet: vote on every picture, or w.reveal().")
            counted = standings(self.names, self.votes)
            kinds = {
                title: pack.family_of(type(method)) == "controls"
                for title, method in zip(self._titles, self._methods, strict=True)
            }
        rows = [
            {"method": name, "control": kinds[name], "first": first, "place": place}
            for name, first, place in counted
        ]
        return pd.DataFrame(rows, columns=["method", "control", "first", "place"])

    def __repr__(self) -> str:
        told = f"{len(self._methods)} maps, {len(self.votes)} of {len(self._gallery)} voted"
        return f"Blind({self.subject.title}, {self.target.get('label', '')}: {told})"

    # --- what the page asks -------------------------------------------------------------------

    @property
    def _commands(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        return {
            **super()._commands,
            "cast_vote": self._cast,
            "reveal": self._reveal,
            "copy_python": lambda args: self._code_for_page(),
        }

    def _cast(self, args: dict[str, Any]) -> None:
        self._keep(self._number(args), args.get("vote"), str(args.get("reason", "")))
        self._tell_when_all_voted()

    def _reveal(self, args: dict[str, Any]) -> None:
        self.reveal()

    def _code_for_page(self) -> str:
        """The code; before names are told none that would tell them."""
        if not self.revealed and self._given is not None and "methods" not in self._names:
            raise ExplainError(
                "The code names the methods, so it can be copied once they are told. From Python "
                "w.python() gives it now."
            )
        return self.python()

    # --- inside -------------------------------------------------------------------------------

    def _ballot(self, index: int) -> Ballot:
        return self.ballots.get(str(index), {"vote": "", "reason": ""})  # type: ignore[no-any-return]

    def _keep(self, index: int, letters: Any, reason: str) -> None:
        """Keep a vote, if it can be one."""
        if self.revealed:
            raise ExplainError("The names are told, so a vote would not be blind any more.")
        known = string.ascii_uppercase[: len(self._methods)]
        vote = letters.replace(" ", "").replace(",", "").upper() if isinstance(letters, str) else ""
        if not vote or len({*vote}) < len(vote) or not {*vote} <= {*known}:
            raise ExplainError(
                f"A vote takes letters from A to {known[-1]}, each at most once, the most trusted "
                f"first, such as 'B' or 'BA'; {letters!r} came."
            )
        ballot: Ballot = {"vote": vote, "reason": reason}
        self._put(ballots={**self.ballots, str(index): dict(ballot)})

    def _tell_when_all_voted(self) -> None:
        if not self.revealed and len(self.votes) == len(self._gallery):
            self.reveal()

    def _sees(self, index: int) -> bool:
        return True

    def _order(self, index: int) -> list[int]:
        drawn = np.random.default_rng([self._seed, index]).permutation(len(self._methods))
        return [int(place) for place in drawn]

    def _letters(self, index: int) -> list[str]:
        order = self._order(index)
        return [string.ascii_uppercase[order.index(place)] for place in range(len(order))]

    def _names_of(self, index: int) -> list[str]:
        return self._titles if self._is_told(index) else self._letters(index)

    def _answered(self) -> dict[str, dict[int, Any]]:
        words = {int(index): ballot["reason"] for index, ballot in self.ballots.items()}
        return {"vote": self.votes, "reason": {index: one for index, one in words.items() if one}}

    def _ending(self) -> str:
        early = self.revealed and len(self.votes) < len(self._gallery)
        return ".reveal()" if early else ""

    # --- whether the maps can be trusted ------------------------------------------------------

    def _made(self, index: int) -> None:
        super()._made(index)
        self._judge_later()

    def _judge_later(self) -> None:
        if self._trust and self.revealed:
            self._worker.submit("badges", self._judge_all, last=True)

    def _judge_all(self, token: CancelToken) -> None:
        """Ask of every picture that is told whether its maps can be trusted, unless that is
        known."""
        for index in list(self.revealed):
            try:
                self._judge(index, token)
            except Cancelled:
                return
            except Exception as error:
                self._tell({"status": "error", "progress": 0.0, "message": one_line(error)})

    def _judge(self, index: int, token: CancelToken) -> None:
        found = self._maps.of(index) or []
        missing = [
            (place, heat)
            for place, heat in enumerate(found)
            if isinstance(heat, Heatmap) and (index, place) not in self._badges
        ]
        if not missing:
            return
        gallery = self._gallery
        checkup = Checkup(
            gallery.subject, gallery.one(index), gallery.bind(index), masks=gallery.masks[index]
        )
        for place, heat in missing:
            told = checkup.badges(Answered(self._methods[place], heat), cancel=token)
            with self._guard:
                self._badges[index, place] = [light(badge) for badge in told]
                self._put(verdicts={**self.verdicts, **self._verdicts_of(index)})

    def _verdicts_of(self, index: int) -> dict[str, Any]:
        """The badges of a picture's maps by name, as far as they are known."""
        cards = {
            self._titles[place]: [card_of(badge) for badge in self._badges[index, place]]
            for place in self._order(index)
            if (index, place) in self._badges
        }
        return {str(index): cards}

    # --- an exported page ---------------------------------------------------------------------

    def page(self, every_input: bool) -> tuple[dict[str, Any], dict[str, Any]]:
        """What an exported page holds; names and badges are in it, for whoever reads its source."""
        state, library = super().page(every_input)
        if not self.revealed and self._given is not None and "methods" not in self._names:
            state["_secret"] = True
        return state, library

    def _told_of(self, index: int) -> dict[str, Any]:
        if self._trust:
            self._judge(index, CancelToken())
        names = [self._titles[place] for place in self._order(index)]
        return {
            **super()._told_of(index), "names": {str(index): names},
            "verdicts": self._verdicts_of(index),
        }  # fmt: skip

    def _page_traits(self) -> list[str]:
        return [*super()._page_traits(), "ballots", "names", "verdicts"]


def standings(
    names: Mapping[str, Sequence[str]], votes: Mapping[int, str]
) -> list[tuple[str, int, float]]:
    """What came of every method: its name, how often it was trusted first, and its mean place, the
    best first. `names` are those behind the letters A, B ... of each picture.

    The page's `lesson/standings.ts` does the same; tests/golden/lesson.json holds both to it.
    """
    places: dict[str, list[float]] = {}
    for index, vote in votes.items():
        own = names[str(index)]
        behind = (len(vote) + 1 + len(own)) / 2
        for letter, name in zip(string.ascii_uppercase, own, strict=False):
            place = vote.index(letter) + 1.0 if letter in vote else behind
            places.setdefault(name, []).append(place)
    found = [(name, all_.count(1.0), sum(all_) / len(all_)) for name, all_ in places.items()]
    return sorted(found, key=lambda one: (one[2], one[0]))
