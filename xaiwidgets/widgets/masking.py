"""Masking: hide what each map calls important, and see what the network still says."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch
from typing_extensions import Unpack

from xaiwidgets.core.brush import painted, strokes_of
from xaiwidgets.core.errors import Cancelled, ExplainError, one_line
from xaiwidgets.core.filling import FILLS, Filling
from xaiwidgets.core.job import CancelToken, Job, working
from xaiwidgets.core.masks import boolean
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget
from xaiwidgets.evaluation.asking import on_scale, single_class
from xaiwidgets.evaluation.ordering import places
from xaiwidgets.evaluation.removal import shares

from . import pack
from .curves import Curves
from .gallery import Gallery
from .given import checked_masking, refuse_volumes
from .opening import Beside, names_of, spelt_out
from .panel import Panel
from .settable import Settable
from .wire import DEFAULT_MASKING, Filled, MaskScore, MaskScores, MaskSettings
from .worker import Worker

if TYPE_CHECKING:
    from .compare import Compare

STEPS = 200
SCALE: Literal["probability"] = "probability"
SEED = 0


@spelt_out(Beside)
def masking(
    subject: Any,
    images: Any,
    target: Any = None,
    methods: Sequence[Any] | None = None,
    *,
    share: float = DEFAULT_MASKING["share"],
    mode: str = DEFAULT_MASKING["mode"],
    fill: str | None = None,
    strokes: Sequence[Sequence[int]] = (),
    spares: bool = DEFAULT_MASKING["spares"],
    **given: Unpack[Beside],
) -> Compare:
    """`compare` with its masking open: hide what each map calls important, and watch the score.

    `share` in percent, `mode` is "remove", "keep" or "reveal", `fill` one of
    xaiwidgets.evaluation's FILLS (default: the blurred picture, of a text its mask token, of a
    table the mean); `strokes` of the brush, [side, x, y, x, y, ...] each, cover what they painted,
    or with `spares` all that they did not. The rest is as for `compare`. Read `w.masking.scores`,
    `w.curves` and `w.brush`.
    """
    from .compare import Compare

    names = names_of(sys._getframe(1), given, subject=subject, images=images)
    settings: dict[str, Any] = {
        "share": share, "mode": mode, "strokes": strokes, "spares": spares,
    }  # fmt: skip
    if fill is not None:
        settings["fill"] = fill
    return Compare(subject, images, target, methods, names=names, masking=settings, **given)


class Masking(Settable):
    """The masking of one widget: settings that can be set, and scores that can be read.

    >>> w.masking.share = 20        # percent of the pixels
    >>> w.masking.mode = "keep"     # or "remove", "reveal"
    >>> w.wait().masking.scores
    {'Saliency': {'intact': 0.98, 'masked': 0.31, 'random': 0.86}, ...}

    Pixels, tokens or columns go by their signed value, what speaks most for the target first. Masks
    are worked out from the same 200 steps here and in the page, so that what is seen is what was
    asked.
    """

    instead: ClassVar[Mapping[str, str]] = {
        "set": "w.masking.set(share=20, mode='keep') sets several settings",
        "scores": "they follow the settings",
        "curves": "w.masking.draw_curves() draws them",
    }

    def __init__(
        self,
        gallery: Gallery,
        worker: Worker,
        guard: threading.RLock,
        panels: list[Panel],
        write: Callable[[str, Any], None],
        resend: Callable[[], None],
    ) -> None:
        self._gallery, self._worker, self._panels = gallery, worker, panels
        self._guard, self._write, self._resend = guard, write, resend
        self.curves = Curves(
            gallery, worker, guard, panels, lambda: self.fill, self._filling_now, write
        )
        self._usual = usual_settings(gallery.subject)
        self._settings: MaskSettings = {**self._usual}
        self._found: MaskScores | None = None
        self._filling: tuple[Any, Filling] | None = None
        self._settled = True

    # --- read and set from Python -----------------------------------------------------------

    @property
    def on(self) -> bool:
        """Whether pictures are shown masked."""
        return self._settings["on"]

    @on.setter
    def on(self, on: bool) -> None:
        self.set(on=on)

    @property
    def share(self) -> float:
        """Share of the pixels in percent, in halves."""
        return self._settings["share"]

    @share.setter
    def share(self, share: float) -> None:
        self.set(share=share)

    @property
    def mode(self) -> str:
        """ "remove" the top share, "keep" the top and remove the bottom share, or "reveal" the top
        share in the filled picture."""
        return self._settings["mode"]

    @mode.setter
    def mode(self, mode: str) -> None:
        self.set(mode=mode)

    @property
    def fill(self) -> str:
        """What takes a removed pixel's place."""
        return self._settings["fill"]

    @fill.setter
    def fill(self, fill: str) -> None:
        self.set(fill=fill)

    @property
    def strokes(self) -> list[list[int]]:
        """What the brush painted: [side, x, y, x, y, ...] each."""
        return self._settings["strokes"]

    @strokes.setter
    def strokes(self, strokes: Sequence[Sequence[int]]) -> None:
        self.set(strokes=strokes)

    @property
    def brush(self) -> np.ndarray:
        """The pixels that the brush painted (height, width), as bool; another mask can be set."""
        return painted(self.strokes, self._shape)

    @brush.setter
    def brush(self, mask: Any) -> None:
        array = boolean(mask, "The brush's mask")
        if array.shape != self._shape:
            raise ExplainError(
                f"The brush's mask has shape {array.shape}; the input that the network sees is "
                f"{self._shape}."
            )
        self.set(strokes=strokes_of(array))

    @property
    def spares(self) -> bool:
        """Whether the brush keeps what it paints and covers the rest."""
        return self._settings["spares"]

    @spares.setter
    def spares(self, spares: bool) -> None:
        self.set(spares=spares)

    @property
    def scores(self) -> dict[str, dict[str, float]]:
        """Scores of the target by method: of the whole picture, masked by the method's map, and
        with as many pixels drawn by lot. "brush" is the input under the brush."""
        if self._found is None:
            return {}
        found: dict[str, dict[str, float]] = {}
        for panel in self._panels:
            score = self._found["panels"].get(panel.id)
            if score is not None and "problem" not in score:
                name = pack.own_name(pack.name_of(panel.method), found)
                found[name] = {
                    "intact": score["intact"],
                    "masked": score["masked"],
                    "random": score["random"],
                }
        if "brush" in self._found:
            score = self._found["brush"]
            found["brush"] = {"intact": score["intact"], "masked": score["masked"]}
        return found

    def set(self, **changes: Any) -> None:
        """Change settings, several at once; it turns masking on, and scores follow."""
        with self._guard:
            self._apply({"on": True, **changes, "turn": self._settings["turn"] + 1})

    def draw_curves(self) -> None:
        """Draw the deletion and insertion curves of every panel: `w.wait().curves` has them."""
        self.set()
        self.curves.draw()

    def __repr__(self) -> str:
        off = "" if self.on else ", off"
        return f"Masking({self.mode} {self.share:g} %, fill {self.fill}{off})"

    @property
    def changed(self) -> dict[str, Any]:
        """The settings that differ from a new widget's, for the code that makes it again."""
        return {
            key: value
            for key, value in self._settings.items()
            if key != "turn" and value != self._usual[key]  # type: ignore[literal-required]
        }

    def pictures(self) -> list[tuple[np.ndarray, str]]:
        """What masking by each panel's map leaves of a picture (height, width, 3), with what the
        network says of the whole and of that; nothing until it was asked."""
        with self._guard:
            found = self._found
            if not self.on or found is None or self._gallery.pictures is None:
                return []
            panels = [p for p in self._panels if p.answer and p.input == self._gallery.index]
            scored = [(p, found["panels"][p.id]) for p in panels if p.id in found["panels"]]
            if not scored:
                return []
            holes = [hole(self.levels(panel), self._settings) for panel, _ in scored]
            filling = self._filling_now()
        kept = torch.as_tensor(~np.stack(holes), device=filling.x.device)
        titles = pack.titles_of([panel.method for panel, _ in scored])
        words = [
            f"{title} masked: {score['intact']:.2f}\u00a0→\u00a0{score['masked']:.2f}"
            for title, (_, score) in zip(titles, scored, strict=True)
        ]
        return list(zip(self._left_of(filling, kept), words, strict=True))

    # --- called by the widget ---------------------------------------------------------------

    @property
    def commands(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        """What a page asks of its masking."""
        return {
            "set_masking": self.obey,
            "draw_curves": lambda args: self.curves.draw(),
            "stop_curves": lambda args: self.curves.stop(by_reader=True),
        }

    def obey(self, args: dict[str, Any]) -> None:
        """The page's settings."""
        self._apply(args.get("masking"))

    def start(self, settings: Any) -> None:
        """The settings that a widget is made with; what is no dict is refused in words."""
        self._apply(settings, on=True)

    def follow(self) -> None:
        """Another input or target is on screen."""
        if self.on:
            self._fill()
            self._ask(first=False)
            self.curves.stop()

    def cancelled(self) -> None:
        """All work was cancelled: curves stay away, scores are one pass and come again."""
        self.curves.stop(by_reader=True)
        if self.on:
            self._ask(first=False)

    def close(self) -> None:
        """Let go of the curves, and of what lies on the network's device."""
        self.curves.clear()
        self._filling = None

    def answered(self) -> None:
        """A panel has a new answer."""
        if self.on:
            self._ask(first=False)
            self.curves.send()

    def removed(self) -> None:
        """A panel has gone."""
        if self.on:
            self.curves.send()

    def levels(self, panel: Panel) -> np.ndarray:
        """At which step, 1 ... STEPS, each pixel of a panel goes (height, width), uint8."""
        if panel.levels is None:
            assert panel.answer is not None
            panel.levels = levels_of(places(panel.answer.map()[:1], "most first", SEED)[0])
        return panel.levels

    # --- inside -----------------------------------------------------------------------------

    @property
    def _shape(self) -> tuple[int, int]:
        return self._gallery.shape()

    def _apply(self, changes: Any, **usually: bool) -> None:
        refuse_volumes(self._gallery.subject, "Masking works")
        before = self._settings
        known = checked_masking(changes, self._shape, fills_for(self._gallery))
        self._settings = {**before, **usually, **known}  # type: ignore[typeddict-item]
        self._write("masking_settings", dict(self._settings))
        if not self.on:
            self._filling = None
            self._worker.cancel("masking")
            self.curves.stop()
            return
        if not before["on"]:
            self._resend()
        if not before["on"] or before["fill"] != self.fill:
            self._fill()
            self.curves.stop()
        self._ask()

    def _fill(self) -> None:
        """Send the picture that holes are filled from."""
        filled: Filled = {"fill": self.fill, "input": self._gallery.index, "picture": None}
        try:
            filling = self._filling_now()
            if self.fill != "neighbours" and self._gallery.pictures is not None:
                nothing = torch.zeros(1, *self._shape, dtype=torch.bool, device=filling.x.device)
                filled["picture"] = pack.pack_bytes(self._left_of(filling, nothing)[0])
        except Exception as error:
            self._tell(one_line(error))
        self._write("filled", dict(filled))

    def _left_of(self, filling: Filling, kept: torch.Tensor) -> np.ndarray:
        """The input with all but `kept` (rows, height, width) filled, as pictures."""
        rows = torch.zeros(len(kept), dtype=torch.long, device=filling.x.device)
        # beside the whole one, so that both are brought to pixels by the same stretch
        both = torch.cat([filling.x.expand(len(kept), -1, -1, -1), filling(kept, rows)], 3)
        pictures, _ = self._gallery.subject.preprocessing.pictures(both)
        return np.asarray(pictures)[:, :, self._shape[1] :]

    def _filling_now(self) -> Filling:
        """The filling of the input on screen; on a CPU it is made once."""
        key = self._gallery.index, self.fill
        if self._filling is not None and self._filling[0] == key:
            return self._filling[1]
        x = self._gallery.one(key[0]).x
        made = Filling(self.fill, self._gallery.subject, x, SEED)
        # an idle widget holds no memory of a GPU
        self._filling = (key, made) if x.device.type == "cpu" else None
        return made

    def _ask(self, *, first: bool = True) -> None:
        """Score what is masked now; a request that still waits or runs is superseded. What a hand
        does comes `first`; what new answers ask for waits until all of them are there."""
        self._worker.submit("masking", self._score, first=first)

    def _score(self, token: CancelToken) -> None:
        try:
            with working(Job(token=token)):
                found = self._scored()
            with self._guard:
                if not token.cancelled:
                    self._found = found
                    self._write("mask_scores", dict(found))
        except Cancelled:
            pass
        except Exception as error:
            self._tell(one_line(error))

    def _tell(self, problem: str) -> None:
        turn = self._settings["turn"]
        self._found = {"turn": turn, "unit": SCALE, "panels": {}, "problem": problem}
        self._write("mask_scores", dict(self._found))

    def _scored(self) -> MaskScores:
        """One batched pass: every panel's masked picture, one masked by lot, and the brush's."""
        with self._guard:  # what is asked belongs to one input, target and settings
            settings, index, bound = self._settings, self._gallery.index, self._gallery.bound
            panels = [panel for panel in self._panels if panel.answer and panel.input == index]
            asked = [(panel.id, panel.answered, panel.bound or bound) for panel in panels]
            flat = [panel.flat for panel in panels]
            holes = [hole(self.levels(panel), settings) for panel in panels]
            filling = self._filling_now()
        holes.append(hole(_lot(self._shape), settings))
        if settings["strokes"]:
            paint = painted(settings["strokes"], self._shape)
            holes.append(~paint if settings["spares"] else paint)
        kept = torch.as_tensor(~np.stack(holes), device=filling.x.device)
        rows = torch.zeros(len(holes), dtype=torch.long, device=filling.x.device)
        outputs = self._gallery.subject.outputs(filling(kept, rows)).float().cpu()
        whole = self._gallery.scores(index)

        def score(bound: BoundTarget, request: int, row: int) -> MaskScore:
            rows = torch.stack([whole[0], outputs[row], outputs[len(asked)]])
            intact, masked, random = on_scale(rows, bound, None, SCALE).tolist()
            return {"request": request, "intact": intact, "masked": masked, "random": random}

        found: MaskScores = {
            "turn": settings["turn"],
            "unit": unit_of(bound),
            "panels": {name: score(own, at, row) for row, (name, at, own) in enumerate(asked)},
            "problem": "",
        }
        for (name, _, _), one in zip(asked, flat, strict=True):
            if one:
                found["panels"][name]["problem"] = (
                    "This map is the same everywhere: it puts no "
                    f"{self._gallery.subject.words.part} before another."
                )
        if settings["strokes"]:
            found["brush"] = score(bound, 0, len(asked) + 1)
        return found


def usual_settings(subject: Subject) -> MaskSettings:
    """The settings of a new widget: a hole in a picture is blurred, a word that is hidden is the
    mask token, and in a row of a table the data's mean."""
    fill = {"text": "given", "table": "mean"}.get(subject.kind, DEFAULT_MASKING["fill"])
    return {**DEFAULT_MASKING, "fill": fill}


@functools.lru_cache(8)
def _lot(shape: tuple[int, int]) -> np.ndarray:
    """Levels of an order drawn by lot: the control of every panel."""
    return levels_of(places(np.zeros((1, *shape)), "random", SEED)[0])


def levels_of(order: np.ndarray) -> np.ndarray:
    """The step of the slider at which the pixel in each place of an order goes, as uint8."""
    counts = shares(order.size, STEPS)
    return np.searchsorted(counts, order, side="right").astype(np.uint8)


def hole(levels: np.ndarray, settings: Mapping[str, Any]) -> np.ndarray:
    """Which pixels are filled, as bool."""
    step = round(settings["share"] * STEPS / 100)
    if settings["mode"] == "remove":
        return levels <= step
    return levels > (STEPS - step if settings["mode"] == "keep" else step)


def unit_of(bound: BoundTarget) -> Literal["probability", "score"]:
    """What a score of this target is: see `on_scale`."""
    return SCALE if single_class(bound) else "score"


def fills_for(gallery: Gallery) -> list[str]:
    """What may fill a hole; "given" where the subject has an absent input."""
    lacks = set(gallery.subject.lacks)
    if gallery.subject.absent is None:
        lacks.add("given")
    return [fill for fill in FILLS if fill not in lacks]
