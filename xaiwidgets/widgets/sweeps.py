"""Sweeps that a reader opens in single panels: one setting through its values, as a filmstrip."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from xaiwidgets.core.answers import Heatmap
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.method import Attribution
from xaiwidgets.evaluation.robustness.sweep import Sweep, sweep_of

from .gallery import Gallery
from .given import refuse_volumes
from .panel import Panel
from .walk import Walk
from .wire import Experiment, PanelSweep, Trail, Walking
from .worker import Worker


class Sweeps:
    """The sweeps of one widget, at most one a panel. Each is a walk of its own over that panel."""

    experiment = None

    def __init__(
        self,
        gallery: Gallery,
        worker: Worker,
        guard: threading.RLock,
        write: Callable[[str, Any], None],
        send: Callable[[Any, list[bytes]], None],
    ) -> None:
        self._gallery, self._worker, self._guard = gallery, worker, guard
        self._write, self._send = write, send
        self._walks: dict[str, Walk] = {}
        self._sweeps: dict[str, Sweep] = {}
        self._cards: dict[str, PanelSweep] = {}
        self._trails: dict[str, Trail] = {}

    def card(self) -> dict[str, Any]:
        """There is no experiment that all panels share."""
        return {}

    def turn(self, panel: Panel, setting: str) -> None:
        """Sweep a setting of a panel; the one that is swept already, or "", ends the sweep."""
        card = self._cards.get(panel.id)
        if not setting or (card and card["setting"] == setting):
            self.removed(panel)
        else:
            self.open(panel, setting)

    def open(self, panel: Panel, film: Any) -> None:
        """Sweep a setting of a panel: its name, or {name: values} for values of one's own."""
        refuse_volumes(self._gallery.subject, "Films are shown")
        setting, values = _read(film)
        sweep = self._sweep(panel, setting, values)
        self.removed(panel)
        self._sweeps[panel.id] = sweep
        self._cards[panel.id] = {"setting": setting, "card": None, "walk": None}
        self._walks[panel.id] = walk = Walk(
            sweep, self._gallery, self._worker, self._guard, [panel],
            lambda name, value: self._hear(panel.id, name, value), self._send,
            key=("sweep", panel.id),
        )  # fmt: skip
        walk.follow()

    def film(self, panel: Panel) -> Any:
        """What `open` takes to make a panel's strip again; None where it has none."""
        sweep = self._sweeps.get(panel.id)
        if sweep is None:
            return None
        usual = self._sweep(panel, sweep.setting)
        return sweep.setting if sweep == usual else {sweep.setting: list(sweep.values)}

    def removed(self, panel: Panel) -> None:
        """End the sweep of a panel, if it has one."""
        walk = self._walks.pop(panel.id, None)
        if walk is None:
            return
        walk.cancelled()
        walk.clear()
        for kept in (self._sweeps, self._cards, self._trails):
            kept.pop(panel.id, None)  # type: ignore[attr-defined]
        self._tell()

    def answered(self, panel: Panel) -> None:
        """A panel has a new answer: its sweep goes on from there."""
        if panel.id in self._walks:
            self._walks[panel.id].answered(panel)

    def method_at(self, panel: Panel, key: str) -> Attribution:
        """The panel's method as it is at a step of its sweep."""
        return self._of(panel).method_at(panel, key)

    def show(self, panel: Panel, key: str) -> None:
        """A reader looks at a step of a panel's sweep."""
        self._of(panel).show(key)

    def told(self, panel: Panel, answer: Heatmap) -> Heatmap:
        """A panel's answer with the strip of its sweep."""
        walk = self._walks.get(panel.id)
        return answer if walk is None else walk.told(panel, answer)

    def failures(self) -> list[str]:
        """Which panels failed at steps of their sweep, and why."""
        return [words for walk in self._walks.values() for words in walk.failures()]

    def send_frames(self) -> None:
        """Send every map again, for a view that was not there."""
        for walk in self._walks.values():
            walk.send_frames()

    def stop(self) -> None:
        """Make no map that is not asked for."""
        for walk in self._walks.values():
            walk.stop()

    def cancelled(self) -> None:
        """Make no map at all, until one is asked for."""
        for walk in self._walks.values():
            walk.cancelled()

    def fill(self) -> None:
        """Make every map, also after a stop."""
        for walk in self._walks.values():
            walk.fill()

    def page(self) -> dict[str, Any]:
        """What an exported page holds of them."""
        if not self._walks:
            return {}
        frames: dict[str, Any] = {}
        for walk in self._walks.values():
            frames.update(walk.page()["frames"])
        return {"sweeps": {**self._cards}, "trails": {**self._trails}, "frames": frames}

    def clear(self) -> None:
        """Let go of every map."""
        for walk in self._walks.values():
            walk.clear()

    def _sweep(self, panel: Panel, setting: str, values: Sequence[Any] | None = None) -> Sweep:
        """The usual sweep of a setting, or one through these values and no others."""
        x = self._gallery.one(self._gallery.index).x
        sweep = sweep_of([panel.method], setting, self._gallery.subject, x, values)
        if values is None:
            return sweep
        return Sweep(sweep.entry, [value for value in sweep.values if value in values])

    def _of(self, panel: Panel) -> Walk:
        if panel.id not in self._walks:
            raise ExplainError("No setting of this panel is swept.")
        return self._walks[panel.id]

    def _hear(self, panel: str, name: str, value: Mapping[str, Any]) -> None:
        """What a walk writes, put among what the other panels' walks wrote."""
        if panel not in self._cards:
            return
        if name == "trails":
            self._trails.update(value)
        elif name == "experiment":
            self._cards[panel] = {**self._cards[panel], "card": cast(Experiment, value)}
        else:
            self._cards[panel] = {**self._cards[panel], "walk": cast(Walking, value)}
        self._tell()

    def _tell(self) -> None:
        self._write("trails", {**self._trails})
        self._write("sweeps", {**self._cards})


def _read(film: Any) -> tuple[str, Sequence[Any] | None]:
    """The setting of a film, and its values where they are given."""
    if isinstance(film, str):
        return film, None
    if not isinstance(film, Mapping) or len(film) != 1:
        raise ExplainError(
            f"A film is {film!r}; it takes the name of a setting, such as 'noise', or that name "
            "with its values, such as {'noise': [0.1, 0.2]}."
        )
    return next((str(setting), values) for setting, values in film.items())
