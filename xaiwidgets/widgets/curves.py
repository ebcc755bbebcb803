"""Deletion and insertion curves of every panel, drawn when they are asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from xaiwidgets.core.errors import Cancelled, one_line
from xaiwidgets.core.filling import Filling
from xaiwidgets.core.job import CancelToken, Job, working
from xaiwidgets.core.scores import Curve
from xaiwidgets.core.target import BoundTarget
from xaiwidgets.evaluation.ordering import places
from xaiwidgets.evaluation.removal import area, removal_scores, shares

from . import pack
from .gallery import Gallery
from .panel import Panel
from .wire import MaskCurves, MaskLine, Trace
from .worker import Worker

POINTS = 32
DRAWS = 5
SCALE = "probability"
SEED = 0
_TOLD_EVERY = 0.1
_KEPT = 4096

_Task = tuple[Hashable, Callable[[], np.ndarray], BoundTarget, bool]


class Curves:
    """The curves of the panels on screen, and those of orders drawn by lot as their control.

    One curve is one piece of work, so that a mask slider that moves meanwhile is served between
    two. What was drawn once for a method, its settings, the network, the input, the target and the
    filling is kept.
    """

    def __init__(
        self,
        gallery: Gallery,
        worker: Worker,
        guard: threading.RLock,
        panels: list[Panel],
        fill: Callable[[], str],
        filling: Callable[[], Filling],
        write: Callable[[str, Any], None],
    ) -> None:
        self._gallery, self._worker, self._panels = gallery, worker, panels
        self._guard = guard
        self._fill, self._filling, self._write = fill, filling, write
        self._known: dict[Hashable, np.ndarray] = {}
        self._status, self._progress, self._message = "", 0.0, ""
        self._told = 0.0

    def draw(self) -> None:
        """Draw what is missing."""
        self._say("running", 0.0)
        self._worker.submit("curves", lambda token: self._step(0, token))

    def stop(self, *, by_reader: bool = False) -> None:
        """Let go of what is still to be drawn."""
        with self._guard:
            self._worker.cancel("curves")
            self._say("cancelled" if by_reader and self._status == "running" else "", 0.0)

    def clear(self) -> None:
        """Let go of every curve."""
        self._known.clear()

    def send(self) -> None:
        """Tell the page which curves there are for what is on screen."""
        self._write("mask_curves", dict(self.packed()))

    def read(self) -> dict[str, dict[str, Curve]]:
        """The curves that there are: "deletion" and "insertion", by method, and "random"."""
        found: dict[str, dict[str, Curve]] = {"deletion": {}, "insertion": {}}
        across = self._counts() / self._pixels
        parts = self._gallery.subject.words.parts
        words = {
            "deletion": f"share of {parts} removed", "insertion": f"share of {parts} revealed",
        }  # fmt: skip
        rows: list[tuple[str, list[tuple[np.ndarray | None, ...]]]] = [
            (pack.name_of(panel.method), [self._pair(self._panel_key(panel))])
            for panel in self._shown()
        ]
        rows.append(("random", [self._pair(self._random_key(draw)) for draw in range(DRAWS)]))
        for name, pairs in rows:
            for kind, ys in zip(found, zip(*pairs, strict=True), strict=True):
                if all(y is not None for y in ys):
                    own = pack.own_name(name, found[kind])
                    found[kind][own] = Curve(across, np.stack(ys), words[kind], SCALE)
        return found

    # --- inside -----------------------------------------------------------------------------

    @property
    def _pixels(self) -> int:
        height, width = self._gallery.shape()
        return int(height * width)

    def _counts(self) -> np.ndarray:
        return shares(self._pixels, POINTS)

    def _shown(self) -> list[Panel]:
        """Panels with an answer for this input and target that puts one pixel before another."""
        key = self._gallery.bound.key
        return [
            panel
            for panel in self._panels
            if panel.answer is not None
            and panel.bound is not None
            and panel.input == self._gallery.index
            and panel.bound.key == key
            and not panel.flat
        ]

    def _place(self) -> tuple[Hashable, ...]:
        return self._gallery.index, self._gallery.bound.key, self._fill()

    def _panel_key(self, panel: Panel) -> Hashable:
        assert panel.answer is not None
        made = panel.answer.provenance
        return type(panel.method), panel.method, made.network, self._place()

    def _random_key(self, draw: int) -> Hashable:
        return "random", draw, self._gallery.subject.fingerprint, self._place()

    def _pair(self, key: Hashable) -> tuple[np.ndarray | None, np.ndarray | None]:
        return self._known.get((key, False)), self._known.get((key, True))

    def _tasks(self) -> list[_Task]:
        """What is still to be drawn: both curves of every panel, then those of the control."""
        bound = self._gallery.bound
        wanted: list[tuple[Hashable, Callable[[], np.ndarray]]] = []
        for panel in self._shown():
            assert panel.answer is not None
            wanted.append((self._panel_key(panel), _ordered(panel.answer.map()[:1])))
        nothing = np.zeros((1, *self._gallery.shape()))
        wanted += [(self._random_key(draw), _drawn(nothing, draw)) for draw in range(DRAWS)]
        return [
            ((key, insert), order, bound, insert)
            for key, order in wanted
            for insert in (False, True)
            if (key, insert) not in self._known
        ]

    def _step(self, done: int, token: CancelToken) -> None:
        """Draw one curve, then queue the next."""
        try:
            with self._guard:  # what is drawn belongs to one input, target and filling
                if token.cancelled:
                    return
                tasks, filling = self._tasks(), self._filling()
                if not tasks:
                    self._say("done", 1.0)
                    return
            key, order, bound, insert = tasks[0]
            total = done + len(tasks)

            def report(share: float) -> None:
                with self._guard:
                    if not token.cancelled:
                        self._say("running", (done + share) / total, often=True)

            job = Job(report, token, expected=POINTS + 1)
            with working(job):
                subject, counts = self._gallery.subject, self._counts()
                y = removal_scores(subject, bound, filling, order(), counts, SCALE, insert=insert)
        except Cancelled:
            return
        except Exception as error:
            self._say("error", 0.0, one_line(error))
            return
        with self._guard:
            while len(self._known) >= _KEPT:
                self._known.pop(next(iter(self._known)))
            self._known[key] = y[0]
            if not token.cancelled:
                self._worker.submit("curves", lambda token: self._step(done + 1, token))

    def _say(self, status: str, progress: float, message: str = "", *, often: bool = False) -> None:
        now = time.monotonic()
        if often and now - self._told < _TOLD_EVERY:
            return
        self._told = now
        self._status, self._progress, self._message = status, progress, message
        self.send()

    def packed(self) -> MaskCurves:
        """As it travels."""
        from .masking import unit_of

        shown = self._shown()
        pairs = [(panel, self._pair(self._panel_key(panel))) for panel in shown]
        lines = [
            line_of(panel.id, deletion[None], insertion[None])
            for panel, (deletion, insertion) in pairs
            if deletion is not None and insertion is not None
        ]
        found: MaskCurves = {
            "status": self._status,  # type: ignore[typeddict-item]
            "progress": self._progress,
            "message": self._message,
            "missing": len(shown) - len(lines),
            "unit": unit_of(self._gallery.bound),
            "x": _rounded(self._counts() / self._pixels),
            "lines": lines,
            "draws": DRAWS,
        }
        draws = [self._pair(self._random_key(draw)) for draw in range(DRAWS)]
        deletions = [deletion for deletion, _ in draws if deletion is not None]
        insertions = [insertion for _, insertion in draws if insertion is not None]
        if len(deletions) == len(insertions) == DRAWS:
            found["random"] = line_of("", np.stack(deletions), np.stack(insertions))
        return found


def line_of(panel: str, deletion: np.ndarray, insertion: np.ndarray) -> MaskLine:
    """Curves (draws, points) as they travel."""
    return {"panel": panel, "deletion": _trace(deletion), "insertion": _trace(insertion)}


def _trace(y: np.ndarray) -> Trace:
    """Mean, band, area by trapezoids, and the AOPC: first minus mean, the first point included."""
    mean = y.mean(0)
    found: Trace = {
        "y": _rounded(mean), "auc": float(area(mean[None])[0]), "aopc": float(mean[0] - mean.mean())
    }  # fmt: skip
    if len(y) > 1:
        found["low"], found["high"] = _rounded(y.min(0)), _rounded(y.max(0))
    return found


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(value), 5) for value in values]


def _ordered(maps: np.ndarray) -> Callable[[], np.ndarray]:
    return lambda: places(maps, "most first", SEED)


def _drawn(like: np.ndarray, draw: int) -> Callable[[], np.ndarray]:
    return lambda: places(like, "random", SEED + draw)
