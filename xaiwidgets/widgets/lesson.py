"""What predictions and blind comparisons share: pictures in turn, maps that are held back, and the
moment at which they are told."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import traitlets
from typing_extensions import Self

from xaiwidgets import __version__
from xaiwidgets.core.answers import Heatmap
from xaiwidgets.core.display import paint
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.figure import contact_sheet, look_of, picture_of
from xaiwidgets.core.method import Attribution, as_methods
from xaiwidgets.core.subject import Subject
from xaiwidgets.evaluation.localisation import Overlap, region_overlap

from . import code, pack
from .catalogue import default_methods
from .gallery import Gallery
from .left_behind import LeftBehind
from .lesson_maps import LessonMaps
from .panels import SLOTS
from .trust import question_cards
from .view import PicturedView
from .wire import DEFAULT_DISPLAY, LessonMap, LessonSheet, OverlapCard, Scene, WorkStatus
from .worker import Worker

MARKED = ""
"""The reader's own region, among regions by name."""
_TRUTHS = 2  # true regions on the page; `results` has all of them


class Lesson(PicturedView, bundle="lesson"):
    """A widget that holds something back until its reader has answered; see Predict and Blind.

    `w.select(i)` turns to a picture, `w.wait()` blocks until its maps are there, `w.answers` are
    the maps by name once they may be seen. A kernel's page is not sent what is still held back.
    """

    call: ClassVar[str]
    instead: ClassVar[Mapping[str, str]] = {
        "select": "w.select(1) turns to another picture",
        "revealed": "w.reveal() tells what is held back",
        "target": "the widget is made with another: target='name of a class'",
    }

    about = traitlets.Dict().tag(sync=True)
    strip: Any = traitlets.List().tag(sync=True)
    scene = traitlets.Dict().tag(sync=True)
    target = traitlets.Dict().tag(sync=True)
    work = traitlets.Dict().tag(sync=True)
    sheet = traitlets.Dict().tag(sync=True)
    revealed: Any = traitlets.List().tag(sync=True)
    overlaps = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        subject: Any,
        images: Any,
        target: Any,
        methods: Sequence[Any] | None,
        *,
        names: Mapping[str, str] | None,
        settings: Mapping[str, Any],
        truths: Any = None,
        masks: Any = None,
        beside: Sequence[Attribution] = (),
    ) -> None:
        self._worker = Worker(on_idle=self._rest)
        self._guard = threading.RLock()
        self.subject = Subject.of(subject)
        self.subject.need_pictures(f"xw.{self.call}")
        self._gallery = Gallery(self.subject, images, target, truths, masks)
        self._given = None if methods is None else as_methods(methods)
        chosen = self._given
        if chosen is None:
            chosen = default_methods(self.subject, self._gallery.one(0).x)
        mine = {type(method) for method in chosen}
        more = [method for method in beside if type(method) not in mine]
        self._methods = [method.suited(self.subject.kind) for method in (*chosen, *more)]
        most = SLOTS - len(more)
        if not 1 <= len(chosen) <= most:
            raise ExplainError(f"{len(chosen)} methods came; a lesson takes 1 to {most}.")
        self._titles: list[str] = []
        for title in pack.titles_of(self._methods):
            self._titles.append(pack.own_name(title, self._titles))
        self._names, self._settings = dict(names or {}), dict(settings)
        self._left = LeftBehind(self.picture, self.describe)
        self._maps = LessonMaps(
            self._gallery, self._methods, self._worker, self._guard, self._made, self._tell
        )
        super().__init__(about=self._about())
        if len(self._gallery) > 1:
            self._put(strip=self._gallery.strip())

    # --- read and used from Python ----------------------------------------------------------

    @property
    def answers(self) -> dict[str, Heatmap]:
        """The maps of the picture on screen by name, once they may be seen."""
        index = self._gallery.index
        names = self._names_of(index)
        found = (self._maps.of(index) or []) if self._sees(index) else []
        told = [(names[place], found[place]) for place in self._order(index) if found]
        return {name: heat for name, heat in told if isinstance(heat, Heatmap)}

    def _failures(self) -> list[str]:
        """Which maps failed, and why; nothing that tells what is held back."""
        found = [self.work["message"]] if self.work.get("status") == "error" else []
        for index in range(len(self._gallery)):
            names, hidden = self._names_of(index), self._letters(index)
            for place, heat in enumerate(self._maps.of(index) or []):
                if isinstance(heat, str):
                    told = self._is_told(index) or not hidden[place]
                    why = heat if told else "Why is told with its name."
                    found.append(f"The map of {names[place]} failed. {why}")
        return found

    def select(self, index: int) -> Self:
        """Turn to the picture of that number."""
        with self._guard:
            self._gallery.select(index)
            self._show()
        return self

    def python(self) -> str:
        """The code that makes the same widget again, with what the reader did in it."""
        with self._guard:
            told = code.lesson_answers(self._answered(), len(self._gallery))
            return self._code().replace(code.ENDING, self._ending()).replace(code.ANSWERS, told)

    def picture(self) -> bytes:
        """What is on screen as a PNG: the picture, and the maps that may be seen."""
        index, look = self._gallery.index, look_of({**DEFAULT_DISPLAY})
        assert self._gallery.pictures is not None
        own = self._gallery.pictures[index]
        heats = self.answers
        painted = [paint(heat.map()[0], picture_of(heat, 0), look)[0] for heat in heats.values()]
        return contact_sheet([own, *painted], [self.target.get("label", ""), *heats])

    def describe(self) -> str:
        """The picture on screen, and the maps that may be seen."""
        name, maps = self._gallery.inputs.names[self._gallery.index], ", ".join(self.answers)
        shown = f"with the maps {maps}" if maps else "its maps not revealed yet"
        return f"{self.subject.title}, {name}: {self.target.get('label', '')}, {shown}."

    def page(self, every_input: bool) -> tuple[dict[str, Any], dict[str, Any]]:
        """What an exported page holds: the traits on screen; and for every picture the traits
        before and after its maps are told."""
        shown = self._gallery.index
        indices = range(len(self._gallery)) if every_input else [shown]
        for index in indices:
            self._maps.want(index)
        self.wait()
        library = {}
        with self._guard:
            for index in indices:
                self._gallery.select(index)
                library[f"picture {index}"] = self._packed(index, told=False)
                library[f"told {index}"] = {
                    **self._packed(index, told=True), **self._told_of(index)
                }  # fmt: skip
            self._gallery.select(shown)
            state = {name: getattr(self, name) for name in self._page_traits()}
            state["about"] = {**self.about, "live": False}
            state["_code"] = self._code()
        return state, library

    # --- what a kind of lesson says of itself ------------------------------------------------

    def _answered(self) -> dict[str, dict[int, Any]]:
        """What the reader did, by the name of the argument that takes it, by picture."""
        raise NotImplementedError

    def _ending(self) -> str:
        """What follows the call in code that makes the widget again."""
        raise NotImplementedError

    def _told_of(self, index: int) -> dict[str, Any]:
        """Traits that change when a picture of an exported page is told; parts of dicts."""
        return {"overlaps": {str(index): self._overlaps_of(index)}}

    def _sees(self, index: int) -> bool:
        """Whether the page may show a picture's maps."""
        raise NotImplementedError

    def _order(self, index: int) -> list[int]:
        """The methods in the order in which a picture's maps stand."""
        return list(range(len(self._methods)))

    def _letters(self, index: int) -> list[str]:
        """What each method's map is called while its name is hidden; empty where it never is."""
        return [""] * len(self._methods)

    def _names_of(self, index: int) -> list[str]:
        """What each method's map is called now, the methods in their own order."""
        return self._titles

    def _regions(self, index: int) -> dict[str, np.ndarray]:
        """The regions that maps are compared with, by name."""
        known = self._gallery.masks[index]
        return {name: mask for name, mask in known.items() if 0 < mask.mean() < 1}

    # --- what the page asks -------------------------------------------------------------------

    @property
    def _commands(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        return {
            "select_input": self._select_input,
            "copy_python": lambda args: self.python(),
            "retry": lambda args: self._maps.want(self._gallery.index),
            "cancel": lambda args: self._cancel(),
        }

    def _do(self, name: str, args: dict[str, Any]) -> Any:
        commands = self._commands
        if name not in commands:
            raise ExplainError(f"{name!r} is no command of this widget.")
        with self._guard:
            return commands[name](args)

    def _select_input(self, args: dict[str, Any]) -> None:
        self.select(self._number(args))

    def _number(self, args: Mapping[str, Any]) -> int:
        """The number of the picture that a command is about."""
        index = args.get("index")
        if type(index) is not int or not 0 <= index < len(self._gallery):
            raise ExplainError(f"There is no picture {index!r}.")
        return index

    def _cancel(self) -> None:
        self._worker.cancel()
        self._maps.cancelled()

    # --- what is on screen --------------------------------------------------------------------

    def _show(self) -> None:
        """The picture on screen; its maps and those of the next one are wanted."""
        index = self._gallery.index
        self._put(**self._packed(index, self._is_told(index)))
        for wanted in (index, index + 1):
            self._maps.want(wanted)

    def _is_told(self, index: int) -> bool:
        return index in self.revealed

    def _tell_all(self, indices: Sequence[int]) -> None:
        """Nothing of these pictures is held back any more."""
        self._put(revealed=sorted({*self.revealed, *indices}))
        self._left.kept = False
        for index in indices:
            self._maps.want(index)
            self._compare(index)
        if self._gallery.index in indices:
            self._show()
        # once idle again, the worker renews the picture that a saved notebook keeps
        self._worker.submit("picture left behind", lambda token: None)

    def _made(self, index: int) -> None:
        """A picture's maps are there."""
        self._compare(index)
        if index == self._gallery.index:
            self._show()

    def _tell(self, work: WorkStatus) -> None:
        self._put(work=dict(work))

    def _compare(self, index: int) -> None:
        """Write how a picture's maps lie in its regions, once both may be known."""
        if self._is_told(index) and self._maps.of(index) is not None:
            self._put(overlaps={**self.overlaps, str(index): self._overlaps_of(index)})

    # --- as it travels ------------------------------------------------------------------------

    def _page_traits(self) -> list[str]:
        return [
            "_kind", "strip", "scene", "target", "work", "sheet", "revealed", "overlaps",
        ]  # fmt: skip

    def _packed(self, index: int, told: bool) -> dict[str, Any]:
        """The traits of the picture on screen, before or after its maps are told."""
        scene: Scene = self._gallery.scene()
        shown = self._shown(index) if told else ()
        scene["masks"] = [mask for mask in scene["masks"] if mask["name"] in shown]
        return {
            "scene": dict(scene), "target": dict(self._gallery.target()),
            "sheet": dict(self._sheet(index, told)),
        }  # fmt: skip

    def _sheet(self, index: int, told: bool) -> LessonSheet | dict[str, Any]:
        """The maps that may be seen; nothing before all of them are there."""
        found = self._maps.of(index)
        if found is None or not (told or self._sees(index)):
            return {}
        letters = self._letters(index)
        maps = [
            self._map(place, found[place], letters[place], told) for place in self._order(index)
        ]
        return {"input": index, "maps": maps}

    def _map(self, place: int, heat: Heatmap | str, letter: str, told: bool) -> LessonMap:
        """One map: with all that is known of it, or as a letter that gives nothing away."""
        there = heat if isinstance(heat, Heatmap) else None
        if not told:
            return {
                "name": letter, "letter": letter, "blurb": "",
                "map": pack.pack_floats(_of_one_size(there)) if there else None,
                "facts": [], "warnings": [], "problem": "" if there else "There is no map here.",
            }  # fmt: skip
        method = self._methods[place]
        return {
            "name": self._titles[place], "letter": letter, "blurb": pack.blurb_of(method),
            "map": pack.pack_floats(there.map()[0]) if there else None,
            "facts": there.facts if there else [], "warnings": there.warnings if there else [],
            "problem": heat if isinstance(heat, str) else "",
        }  # fmt: skip

    def _overlaps_of(self, index: int) -> list[OverlapCard]:
        """How each map of a picture lies in each of the regions that the page shows."""
        shown = self._shown(index)
        return [card_of(*row) for row in self._overlap_rows(index) if row[1] in shown]

    def _shown(self, index: int) -> list[str]:
        """The regions on the page: the reader's own, and the first true ones."""
        names = list(self._regions(index))
        truths = [name for name in names if name != MARKED]
        return [*([MARKED] if MARKED in names else []), *truths[:_TRUTHS]]

    def _overlap_rows(self, index: int) -> list[tuple[str, str, Overlap]]:
        found, regions = self._maps.of(index) or [], self._regions(index)
        heats = [(place, found[place]) for place in self._order(index) if found]
        return [
            (self._titles[place], region, region_overlap(heat, mask))
            for place, heat in heats
            if isinstance(heat, Heatmap)
            for region, mask in regions.items()
        ]

    def _code(self) -> str:
        """The code without what the reader did; see code.lesson_code."""
        methods = self._names.get("methods") or self._given
        return code.lesson_code(
            self.call, {"images": "image", **self._names}, self._gallery.aim, methods,
            self._settings,
        )  # fmt: skip

    def _about(self) -> dict[str, Any]:
        return {
            "version": __version__,
            "title": self.subject.title,
            "live": True,
            "methods": [],
            "colour_maps": pack.colour_maps()[:1],
            "questions": question_cards(self.subject.words),
        }


def card_of(name: str, region: str, found: Overlap) -> OverlapCard:
    """One overlap as it travels."""
    share, iou, hit = (
        value if math.isfinite(value) else None for value in (found.share, found.iou, found.hit)
    )
    return {
        "name": name, "region": region, "share": share, "iou": iou, "hit": hit, "area": found.area,
    }  # fmt: skip


def _of_one_size(heat: Heatmap) -> np.ndarray:
    """The map ÷ its largest magnitude, which could give its method away."""
    values = heat.map()[0]
    return values / (np.abs(values).max() or 1.0)
