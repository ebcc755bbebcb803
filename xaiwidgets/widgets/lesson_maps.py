"""The maps of a lesson: every method's answer for a picture, made in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from xaiwidgets.core.answers import Heatmap
from xaiwidgets.core.errors import Cancelled, one_line
from xaiwidgets.core.job import CancelToken
from xaiwidgets.core.method import Attribution

from .gallery import Gallery, aim_of
from .wire import WorkStatus
from .worker import Worker

_TOLD_EVERY = 0.1
Answers = list[Heatmap | str]
"""One a method: a heatmap, or why there is none."""


class LessonMaps:
    """Answers by picture, made one picture after the other and kept.

    `made` hears of a picture that is done, `tell` how far the picture is that `shown` is about. A
    picture's answers come all at once, so that nobody can tell methods apart by their time.
    """

    def __init__(
        self,
        gallery: Gallery,
        methods: Sequence[Attribution],
        worker: Worker,
        guard: threading.RLock,
        made: Callable[[int], None],
        tell: Callable[[WorkStatus], None],
    ) -> None:
        self._gallery, self._methods, self._worker = gallery, methods, worker
        self._guard, self._made, self._tell = guard, made, tell
        self._found: dict[int, Answers] = {}
        self._coming: set[int] = set()
        self._told = 0.0

    def of(self, index: int) -> Answers | None:
        """One picture's answers; None before all of them are there."""
        return self._found.get(index)

    def want(self, index: int) -> None:
        """Have one picture's answers made, unless that is done or being done."""
        with self._guard:
            known = index in self._found
            self._report(index, "done" if known else "waiting", float(known))
            if not known and index not in self._coming and index < len(self._gallery):
                self._coming.add(index)
                self._worker.submit(("maps", index), lambda token: self._make(index, token))

    def cancelled(self) -> None:
        """All work was cancelled, begun or not."""
        with self._guard:
            self._coming.clear()
            self._report(self._gallery.index, "cancelled", 0.0, str(Cancelled()))

    def _make(self, index: int, token: CancelToken) -> None:
        try:
            answers = [self._answer(index, place, token) for place in range(len(self._methods))]
        except Cancelled:
            return
        with self._guard:
            self._coming.discard(index)
            self._found[index] = answers
            self._report(index, "done", 1.0)
            self._made(index)

    def _answer(self, index: int, place: int, token: CancelToken) -> Heatmap | str:
        """One method's answer; trouble of its own stays its own."""

        def progress(share: float) -> None:
            now = time.monotonic()
            if now - self._told >= _TOLD_EVERY:
                self._told = now
                self._report(index, "running", (place + share) / len(self._methods))

        gallery = self._gallery
        if token.cancelled:
            raise Cancelled
        progress(0.0)
        try:
            aim = aim_of(gallery.bind(index))
            return self._methods[place](
                gallery.subject, gallery.one(index), aim, progress=progress, cancel=token
            )
        except Cancelled:
            raise
        except Exception as error:
            return one_line(error)

    def _report(
        self, index: int, status: str, share: float, words: str = "making the maps"
    ) -> None:
        """Tell how far a picture is, if it is the one on screen."""
        with self._guard:
            if index == self._gallery.index:
                self._tell({"status": status, "progress": share, "message": words})  # type: ignore[typeddict-item]
