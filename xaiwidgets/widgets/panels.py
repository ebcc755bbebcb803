"""The panels of a widget, and the work that answers them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from xaiwidgets.core.answers import Heatmap
from xaiwidgets.core.cache import AnswerCache
from xaiwidgets.core.errors import Cancelled, ExplainError, one_line
from xaiwidgets.core.job import CancelToken
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget
from xaiwidgets.methods.relevance.layerwise import Layerwise

from . import pack
from .gallery import Gallery, aim_of
from .panel import Panel
from .wire import PanelCard
from .worker import Worker

SLOTS = 24
_CACHED_BYTES = 256_000_000
_PROGRESS_EVERY = 0.1


class Panels:
    """Panels in the order of the page; each asks for its answer in the background.

    The newest request of a panel supersedes its older ones, and what comes too late is dropped. A
    method that draws samples shows what it knows so far, and a panel that is cancelled keeps it.
    `answered` and `removed` hear of a panel, `levels` says at which step of the mask slider its
    pixels go, where that is asked for.
    """

    def __init__(
        self,
        gallery: Gallery,
        worker: Worker,
        guard: threading.RLock,
        catalogue: Mapping[str, Attribution],
        write: Callable[[str, Any], None],
        *,
        answered: Callable[[Panel], None],
        removed: Callable[[Panel], None],
        levels: Callable[[Panel], np.ndarray | None],
    ) -> None:
        self._gallery, self._worker, self._guard = gallery, worker, guard
        self._catalogue, self._write = catalogue, write
        self._answered, self._removed, self._levels = answered, removed, levels
        self.every: list[Panel] = []
        self.cache = AnswerCache(_CACHED_BYTES)
        self._count = 0
        self._told = 0.0

    @property
    def commands(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        """What a page asks of its panels."""
        return {
            "set_knob": self._set_knob,
            "add_panel": self._add_panel,
            "remove_panel": self._remove_panel,
            "move_panel": self._move_panel,
            "pin_panel": self._pin_panel,
            "retry": lambda args: self.ask(self.named(args)),
        }

    @property
    def shown(self) -> list[Panel]:
        """Those that have an answer."""
        return [panel for panel in list(self.every) if panel.answer is not None]

    @property
    def by_name(self) -> dict[str, Panel]:
        """Panels by method; a second one of a method is "… 2"."""
        found: dict[str, Panel] = {}
        for panel in self.every:
            found[pack.own_name(pack.name_of(panel.method), found)] = panel
        return found

    def failures(self) -> list[str]:
        """Which panels failed, and why."""
        return [
            f"The panel of {name} failed. {panel.status['message']}"
            for name, panel in self.by_name.items()
            if panel.status["status"] == "error"
        ]

    def named(self, args: Mapping[str, Any]) -> Panel:
        """The panel that a command is about."""
        for panel in self.every:
            if panel.id == args.get("panel"):
                return panel
        raise ExplainError(f"There is no panel {args.get('panel')!r} any more.")

    def add(self, method: Attribution) -> Panel:
        """A panel for a method, which has not asked for its answer yet."""
        taken = {panel.slot for panel in self.every}
        free = [slot for slot in range(SLOTS) if slot not in taken]
        if not free:
            raise ExplainError(f"A widget holds up to {SLOTS} panels; remove one first.")
        self._count += 1
        panel = Panel(f"p{self._count}", free[0], method)
        self.every.append(panel)
        self._send_cards()
        self._send_status()
        return panel

    def turn(self, panel: Panel, method: Attribution) -> None:
        """Explain with another method, or other settings."""
        panel.method = method
        self._send_cards()
        self.ask(panel)

    def ask_all(self) -> None:
        """Ask for every panel's answer anew; a pinned one keeps what it has."""
        for panel in list(self.every):
            if not panel.pinned or panel.answer is None:
                self.ask(panel)

    def ask(self, panel: Panel) -> None:
        """Queue a panel's newest request; an older one of its own is superseded."""
        with self._guard:
            panel.request += 1
            request, method = panel.request, panel.method
            index, bound = self._gallery.index, self._gallery.bound
            self._tell(panel, request, status="waiting", progress=0.0, message="")

            def work(token: CancelToken) -> None:
                self._explain(panel, request, index, bound, method, token)

            self._worker.submit(panel.id, work)

    def cancelled(self, which: Panel | None = None) -> None:
        """Work was cancelled: tell it of panels that had not begun, all or one."""
        for panel in self.every if which is None else [which]:
            if panel.status["status"] == "waiting":
                self._tell(panel, panel.request, status="cancelled", message=str(Cancelled()))

    def send_answers(self) -> None:
        """Send every answer again: what goes along with it has changed."""
        for panel in self.shown:
            self._send_answer(panel)

    def close(self) -> None:
        """Let go of every answer; what is still running comes too late."""
        self.cache.clear()
        with self._guard:
            for panel in self.every:
                panel.request += 1
                panel.answer = None

    # --- what a page asks -------------------------------------------------------------------

    def _set_knob(self, args: dict[str, Any]) -> None:
        panel = self.named(args)
        self.turn(panel, panel.method.having(**{str(args.get("knob")): args.get("value")}))

    def _add_panel(self, args: dict[str, Any]) -> str:
        name = args.get("method")
        if not isinstance(name, str) or name not in self._catalogue:
            raise ExplainError(f"There is no method {name!r} to add.")
        panel = self.add(self._catalogue[name])
        self.ask(panel)
        return panel.id

    def _remove_panel(self, args: dict[str, Any]) -> None:
        panel = self.named(args)
        self._worker.cancel(panel.id)
        self.every.remove(panel)
        self._send_cards()
        self._send_status()
        self._write(f"slot_{panel.slot:02d}", {})
        self._removed(panel)

    def _move_panel(self, args: dict[str, Any]) -> None:
        panel, to = self.named(args), args.get("to")
        if type(to) is not int:
            raise ExplainError("A panel is moved to a whole number.")
        self.every.remove(panel)
        self.every.insert(max(0, min(to, len(self.every))), panel)
        self._send_cards()

    def _pin_panel(self, args: dict[str, Any]) -> None:
        panel = self.named(args)
        panel.pinned = bool(args.get("pinned"))
        self._send_cards()
        if not panel.pinned:
            self.ask(panel)

    # --- work -------------------------------------------------------------------------------

    def _explain(
        self,
        panel: Panel,
        request: int,
        index: int,
        bound: BoundTarget,
        method: Attribution,
        token: CancelToken,
    ) -> None:
        self._tell(panel, request, status="running", progress=0.0)

        def take(answer: Heatmap, finished: bool) -> bool:
            answer.provenance.target[:] = bound.labels
            with self._guard:
                wanted = panel.request == request and panel in self.every
                if wanted:
                    panel.take(answer, method, request, index, bound, finished)
                    self._send_answer(panel)
                return wanted

        def sketch(answer: Heatmap) -> None:
            take(answer, False)

        try:
            answer = method(
                self._gallery.subject,
                self._gallery.one(index),
                aim_of(bound),
                progress=lambda share: self._report(panel, request, share),
                cancel=token,
                cache=self.cache,
                partial=sketch,
            )
            with self._guard:
                if take(answer, True):
                    self._tell(panel, request, status="done", progress=1.0)
                    self._answered(panel)
        except Cancelled as cancelled:
            self._tell(panel, request, status="cancelled", message=str(cancelled))
        except Exception as error:
            self._tell(panel, request, status="error", message=one_line(error))

    def _report(self, panel: Panel, request: int, share: float) -> None:
        now = time.monotonic()
        if now - self._told >= _PROGRESS_EVERY:
            self._told = now
            self._tell(panel, request, progress=share)

    def _tell(self, panel: Panel, request: int, **changes: Any) -> None:
        """Change a panel's status, unless a newer request has come."""
        with self._guard:
            if panel.request == request:
                panel.status = {**panel.status, "request": request, **changes}  # type: ignore[typeddict-item]
                self._send_status()

    # --- as it travels ----------------------------------------------------------------------

    def _send_answer(self, panel: Panel) -> None:
        assert panel.answer is not None
        packed = pack.pack_heatmap(panel.answer, panel.answered, panel.input, self._levels(panel))
        self._write(f"slot_{panel.slot:02d}", dict(packed))

    def _send_status(self) -> None:
        self._write("status", {panel.id: dict(panel.status) for panel in self.every})

    def _send_cards(self) -> None:
        titles = pack.titles_of([panel.method for panel in self.every])
        shared = self._gallery.layer_names, self._gallery.subject
        cards = [card_of(*each, *shared) for each in zip(self.every, titles, strict=True)]
        self._write("panels", cards)


def card_of(panel: Panel, title: str, layers: list[str], subject: Subject) -> PanelCard:
    """A panel as the page shows it: its method with all settings."""
    method = panel.method
    return {
        "id": panel.id,
        "slot": panel.slot,
        "method": pack.name_of(method),
        "title": title,
        "blurb": pack.blurb_of(method),
        "pinned": panel.pinned,
        "settings": method.settings,
        "knobs": pack.knob_cards(method, layers, subject),
        "flow": isinstance(method, Layerwise),
    }
