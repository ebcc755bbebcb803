"""`concepts`: which human ideas a class's score goes by, with concepts made by hand."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import traitlets

from xaiwidgets import __version__
from xaiwidgets.core.brush import painted, strokes_of
from xaiwidgets.core.errors import Cancelled, ExplainError, nearest, one_line
from xaiwidgets.core.job import CancelToken
from xaiwidgets.core.masks import boolean
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods.concepts import TCAV, ConceptScores
from xaiwidgets.methods.concepts.sets import FEWEST
from xaiwidgets.methods.concepts.store import temporary_folder
from xaiwidgets.methods.concepts.tcav import checked_layers

from . import code, pack
from .concept_asking import Asked, Asking, Question
from .concept_grid import best_cell, grid_of
from .concept_made import Made, given
from .concept_page import concept_page
from .concept_pictures import ConceptPictures
from .concept_sheet import sheet
from .given import checked_strokes, refuse_other
from .left_behind import LeftBehind
from .patches import laid_into
from .view import PicturedView
from .wire import ConceptsAbout
from .worker import Worker

_CLASSES = 1000
_TOLD_EVERY = 0.1
_LIKELY_SETS = 16


def concepts(
    subject: Any,
    images: Any,
    target: Any = None,
    *,
    concepts: Mapping[str, Any] | None = None,
    random: Any = None,
    layers: str | Sequence[str] | None = None,
    truths: Any = None,
    tcav: TCAV | None = None,
    folder: str | Path | None = None,
) -> Concepts:
    """Which human ideas does a class's score go by, at which layer, and where in the pictures?

    `images` are looked through for concepts; those of the class `target` (by `truths` where they
    are known, else as predicted; default: the class that is predicted most) are asked how their
    score changes towards each concept. `concepts` are examples by name, and `random` pictures like
    them without a concept, both as TCAV takes them; without `random` the images are dealt into
    sets. More concepts are made by hand in the widget: by a lasso around pictures, or by a brush in
    them. `layers` default to the two maps before the last; `tcav` says how scores are made,
    `folder` where activations are kept. Raises ExplainError for what cannot be used.
    """
    frame = sys._getframe(1)
    names = code.names_in(frame, subject=subject, images=images, concepts=concepts)
    names |= code.known_in(frame, random=random, truths=truths)
    return Concepts(
        subject, images, target, concepts=concepts, random=random, layers=layers, truths=truths,
        tcav=tcav, folder=folder, names=names,
    )  # fmt: skip


class Concepts(PicturedView, bundle="inside"):
    """The widget behind `concepts`. All that the page shows can be read and done from Python.

    `w.scores` is the answer so far (ConceptScores), `w.wait()` blocks until it is whole;
    `w.lasso(name, pictures)` and `w.brush(name, patches)` make concepts, `w.remove(name)` takes one
    away; `w.choose(concept, layer)` sorts the pictures, `w.explain(target)` asks about another
    class. `w.to_html(path)` keeps what is on screen.
    """

    instead: ClassVar[Mapping[str, str]] = {
        "target": "w.explain('name of a class') asks about another",
        "explain": "w.explain('name of a class') asks about another",
        "choice": "w.choose(concept, layer) chooses",
        "choose": "w.choose(concept, layer) chooses",
        "tcav": "xw.concepts(..., tcav=xw.TCAV(...)) takes another",
    }

    _kind = traitlets.Unicode("concepts").tag(sync=True)
    about = traitlets.Dict().tag(sync=True)
    pictures: Any = traitlets.List().tag(sync=True)
    target: Any = traitlets.Dict({"label": "", "indices": []}).tag(sync=True)
    cards: Any = traitlets.List().tag(sync=True)
    work = traitlets.Dict().tag(sync=True)
    grid = traitlets.Dict().tag(sync=True)
    choice = traitlets.Dict().tag(sync=True)
    maps = traitlets.Dict().tag(sync=True)
    scene = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        subject: Any,
        images: Any,
        target: Any = None,
        *,
        concepts: Mapping[str, Any] | None = None,
        random: Any = None,
        layers: str | Sequence[str] | None = None,
        truths: Any = None,
        tcav: TCAV | None = None,
        folder: str | Path | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Check everything that can be wrong before a widget appears; then start asking."""
        refuse_other("concepts", concepts, Mapping, "examples by name, such as {'red': pictures}")
        refuse_other("tcav", tcav, TCAV, "xw.TCAV(...) with settings")
        refuse_other("folder", folder, (str, os.PathLike), "the path of a folder")
        self._worker = Worker(on_idle=self._rest)
        self._guard = threading.RLock()
        self.subject = Subject.of(subject)
        self.subject.need_pictures("A concept")
        self._gallery = ConceptPictures(self.subject, images, truths)
        x = self._gallery.chosen([0]).x
        chosen = checked_layers(self.subject, x, layers or usual_layers(self.subject, x))
        if target is not None:
            self.subject.bind(target, x)
        self._aim = target
        self._names = dict(names or {})
        self._temporary = None if folder else temporary_folder()
        self.tcav = tcav or TCAV(size=_size(len(self._gallery)) if random is None else 50)
        self._asking = Asking(
            self.tcav, self.subject, self._gallery, self._gallery.x if random is None else random,
            chosen, Path(self._temporary.name if self._temporary else str(folder)),
        )  # fmt: skip
        self._given = list(concepts or {})
        self._made = {name: given(name, data) for name, data in (concepts or {}).items()}
        self._asked: Asked | None = None
        self._turn, self._told = 0, 0.0
        self._left = LeftBehind(self.picture, self.describe)
        super().__init__(about=dict(self._about()), pictures=self._gallery.cards())
        self.look(0)
        self._ask()

    # --- read and used from Python ----------------------------------------------------------

    @property
    def scores(self) -> ConceptScores | None:
        """The answer so far; None before there is one."""
        return None if self._asked is None else self._asked.answer

    def _failures(self) -> list[str]:
        return [self.work["message"]] if self.work["status"] == "error" else []

    def lasso(self, name: str, pictures: Sequence[int]) -> Concepts:
        """Make a concept of some of the pictures, by their numbers."""
        refuse_other("pictures", pictures, Iterable, "the numbers of pictures, such as range(6)")
        rows = [self._row(row) for row in dict.fromkeys(pictures)]
        if len(rows) < FEWEST:
            raise ExplainError(f"A concept takes {FEWEST} pictures and more; {len(rows)} came.")
        return self._add(Made(self._fresh(name), "lasso", self._gallery.x[rows], rows=rows))

    def brush(self, name: str, patches: Mapping[int, Any]) -> Concepts:
        """Make a concept of patches of pictures: by a picture's number a mask (height, width), or
        strokes of a brush, [side, x, y, x, y, ...] each. Patches are laid into random pictures."""
        refuse_other("patches", patches, Mapping, "masks by a picture's number, such as {0: mask}")
        shape = self._gallery.shape
        strokes = {self._row(row): _strokes(patch, shape) for row, patch in patches.items()}
        masks = {row: painted(each, shape) for row, each in strokes.items()}
        fresh = self._fresh(name)
        examples = laid_into(self._gallery.x, masks, self._asking.grounds(), self.tcav.seed)
        return self._add(Made(fresh, "brush", examples, strokes=strokes))

    def remove(self, name: str) -> Concepts:
        """Take a concept away."""
        with self._guard:
            del self._made[self._known(name)]
            self._ask()
        return self

    def choose(self, concept: str, layer: str | None = None) -> Concepts:
        """Sort the pictures by a concept at a layer, and show where in them it lies."""
        with self._guard:
            layer = self._asking.layers[0] if layer is None else layer
            if layer not in self._asking.layers:
                close = nearest(layer, self._asking.layers)
                raise ExplainError(f"{layer!r} was not asked about. {close}")
            self._put(choice={"concept": self._known(concept), "layer": layer})
            self._worker.submit("maps", lambda token: self._find_maps())
        return self

    def look(self, picture: Any) -> Concepts:
        """Look closely at the picture of that number."""
        index = self._row(picture)
        picture = pack.pack_bytes(self._gallery.pixels[index])
        self._put(scene={"index": index, "picture": picture})
        return self

    def explain(self, target: Any) -> Concepts:
        """Ask about another class; what is known of concepts and random pictures stays."""
        self.subject.bind(target, self._gallery.chosen([0]).x)
        with self._guard:
            self._aim = target
            self._ask()
        return self

    def python(self) -> str:
        """The code for what is on screen."""
        aim = {} if self._aim is None else {"target": self._aim}
        gone = [f"w.remove({name!r})" for name in self._given if name not in self._made]
        calls = gone + [made.code for made in self._made.values() if made.code]
        if self.choice:
            calls.append(f"w.choose({self.choice['concept']!r}, {self.choice['layer']!r})")
        settings = {**aim, "layers": self._asking.layers}
        return code.concepts_code(self._names, self._given, settings, self.tcav, calls)

    def __repr__(self) -> str:
        told = ", ".join(self._made) or "no concept yet"
        return f"Concepts({self.subject.title}, {self.target['label']}: {told})"

    def picture(self) -> bytes:
        """The scores as a PNG, or the pictures while there are none."""
        return sheet(self._gallery, self.scores)

    def describe(self) -> str:
        """Which concepts are scored for which class; before there are any, which pictures."""
        if not self._made:
            return f"The pictures in which concepts for {self.target['label']} can be marked."
        return f"How much {self.target['label']} goes by each concept: {', '.join(self._made)}."

    def page(self, every_input: bool) -> tuple[dict[str, Any], dict[str, Any]]:
        """What an exported page holds: what is on screen, and every cell's maps."""
        return concept_page(self, every_input)

    # --- what the page asks -----------------------------------------------------------------

    def _do(self, name: str, args: dict[str, Any]) -> Any:
        commands: dict[str, Callable[[dict[str, Any]], Any]] = {
            "set_target": lambda args: self.explain(_class_in(args)),
            "choose_cell": lambda args: self.choose(
                str(args.get("concept")), str(args.get("layer"))
            ),
            "look_closely": lambda args: self.look(args.get("index")),
            "lasso_concept": lambda args: self.lasso(*_named(args, "pictures", list)),
            "brush_concept": lambda args: self.brush(*_patches(*_named(args, "strokes", dict))),
            "remove_concept": lambda args: self.remove(str(args.get("concept"))),
            "retry": lambda args: self._ask(),
            "cancel": lambda args: self._cancel(),
        }
        if name == "copy_python":
            return self.python()
        if name not in commands:
            raise ExplainError(f"{name!r} is no command of this widget.")
        with self._guard:
            commands[name](args)
        return None

    def _cancel(self) -> None:
        self._worker.cancel()
        self._turn += 1  # what still comes of the work is not heard
        self._tell(self._turn, status="cancelled", message="Cancelled; what was there stays.")

    def _row(self, row: Any) -> int:
        if (
            isinstance(row, bool)
            or not isinstance(row, (int, np.integer))
            or not 0 <= row < len(self._gallery)
        ):
            raise ExplainError(
                f"There is no picture {row!r}; there are {len(self._gallery)}, counted from 0."
            )
        return int(row)

    def _known(self, name: str) -> str:
        if name not in self._made:
            raise ExplainError(f"No concept is called {name!r}. {nearest(name, self._made)}")
        return name

    def _fresh(self, name: Any) -> str:
        """A name for a new concept."""
        words = str(name).strip()
        if not words:
            raise ExplainError("A concept takes a name.")
        if words in self._made:
            raise ExplainError(f"A concept is called {words!r} already; give another name.")
        return words

    # --- work -------------------------------------------------------------------------------

    def _add(self, made: Made) -> Concepts:
        with self._guard:
            self._made[made.name] = made
            self._ask()
        return self

    def _ask(self) -> None:
        """Bring the scores up to date in the background; what runs is superseded."""
        with self._guard:
            self._turn += 1
            turn = self._turn
            self._send_cards()
            self._tell(turn, status="waiting", progress=0.0, message="waiting")
            self._worker.submit("scores", lambda token: self._bring(turn, token))

    def _bring(self, turn: int, token: CancelToken) -> None:
        def progress(doing: str, share: float) -> None:
            now = time.monotonic()
            if now - self._told >= _TOLD_EVERY:
                self._told = now
                self._tell(turn, status="running", progress=share, message=doing)

        with self._guard:
            aim, wanted = self._aim, {name: made.data for name, made in self._made.items()}
        try:
            question = self._asking.question(aim, progress, token)
            asked = None
            if wanted:
                asked = self._asking.bring(self._asked, question, wanted, progress, token)
            with self._guard:
                if turn == self._turn and not token.cancelled:
                    self._asked = asked
                    self._show(question)
                    self._tell(turn, status="done", progress=1.0, message="")
        except Cancelled:
            return
        except Exception as error:
            self._tell(turn, status="error", message=one_line(error))

    def _tell(self, turn: int, **changes: Any) -> None:
        """Change what is said of the work, unless a newer question has come."""
        with self._guard:
            if turn == self._turn:
                self._put(work={**self.work, **changes})

    # --- as it travels ----------------------------------------------------------------------

    def _show(self, question: Question) -> None:
        """The answer, and what follows from it."""
        target = dict(question.card(self.subject, self.scores))
        self._put(target=target, pictures=self._gallery.cards())
        self._send_cards()
        if self._asked is None:
            self._put(grid={}, choice={}, maps={})
            return
        grid = grid_of(self._asked.answer, self._gallery, question.rows, list(self._made))
        self._put(grid=dict(grid))
        cells = {(cell["concept"], cell["layer"]) for cell in grid["cells"]}
        if (self.choice.get("concept"), self.choice.get("layer")) not in cells:
            self._put(choice=dict(best_cell(grid, self.about["judged"])))
        self._find_maps()

    def _send_cards(self) -> None:
        answer = self.scores
        entries = [] if answer is None else answer.entries
        counts = {entry.concept: entry.examples for entry in entries}
        cards = [made.card(self.subject, counts.get(name)) for name, made in self._made.items()]
        self._put(cards=cards)

    def _find_maps(self) -> None:
        with self._guard:
            answer, choice = self.scores, self.choice
        names = [] if answer is None else [entry.concept for entry in answer.entries]
        if answer is not None and choice.get("concept") in names:
            found = self._gallery.packed_maps(answer.vector(choice["concept"], choice["layer"]))
            with self._guard:
                if choice == self.choice:
                    self._put(maps=dict(found))

    def _about(self) -> ConceptsAbout:
        return {
            "version": __version__,
            "title": self.subject.title,
            "live": True,
            "classes": list(self.subject.classes[:_CLASSES]),
            "layers": self._asking.layers,
            "fewest": FEWEST,
            "judged": self.tcav.judged,  # type: ignore[typeddict-item]
            "output": self.tcav.output,
            "others": "random pictures" if self.tcav.against == "random" else self.tcav.against,
            "colour_map": pack.colour_maps()[0],
            "note": self._gallery.note,
        }


def usual_layers(subject: Subject, x: torch.Tensor) -> list[str]:
    """The two maps before the last: behind that the network is mostly linear."""
    names = [layer.name for layer in subject.layers(x).maps]
    return names[-3:-1] or names


def _size(pictures: int) -> int:
    """Of how many pictures random sets are, where they are dealt from the pictures themselves."""
    return min(50, max(FEWEST, pictures // _LIKELY_SETS))


def _strokes(patch: Any, shape: tuple[int, int]) -> list[list[int]]:
    """A patch as strokes, whether it is a mask (height, width) or strokes already."""
    if isinstance(patch, np.ndarray):
        mask = boolean(patch, "A patch")
        if mask.shape != shape:
            raise ExplainError(
                f"A patch has shape {mask.shape}; the pictures that the network sees are {shape}."
            )
        return strokes_of(mask)
    return checked_strokes(patch, shape, "A patch")


def _class_in(args: dict[str, Any]) -> int:
    indices = args.get("indices")
    if not isinstance(indices, list) or len(indices) != 1 or type(indices[0]) is not int:
        raise ExplainError("A target takes a list of one class index.")
    return indices[0]


def _named(args: dict[str, Any], key: str, kind: type) -> tuple[str, Any]:
    """A new concept's name, and what it is made of."""
    value = args.get(key)
    if not isinstance(value, kind):
        raise ExplainError(f"A concept takes {key} as a {kind.__name__}.")
    return str(args.get("concept", "")), value


def _patches(name: str, strokes: dict[str, Any]) -> tuple[str, dict[int, Any]]:
    """Strokes by the number of their picture, which JSON brings as a word."""
    if not all(key.isdigit() for key in strokes):
        raise ExplainError("Strokes come by the number of their picture.")
    return name, {int(key): of for key, of in strokes.items() if of}
