"""The walk through an experiment: every panel's map at every step, what is asked for first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, NamedTuple

import torch

from xaiwidgets.core.answers import Frame, Heatmap
from xaiwidgets.core.errors import Cancelled, one_line
from xaiwidgets.core.job import CancelToken, Job, working
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.subject import differentiating
from xaiwidgets.evaluation.experiment import (
    Course,
    Experiment,
    told,
)
from xaiwidgets.evaluation.robustness.sweep import Sweep

from . import pack, wire
from .films import Film, Films, Glance
from .gallery import Gallery
from .panel import Panel
from .screening import card_of, frame_message, frames_of, scene_message, scene_of, trail_of
from .worker import Worker

_TOLD_EVERY = 0.1


class _Task(NamedTuple):
    panel: str
    film: Film
    key: str
    draw: int


class Walk:
    """An experiment on the panels of one widget.

    One map is one piece of work. While nobody asks for anything, the steps are filled in, the
    fastest method first and the first draw of all steps before the second. A step that is asked for
    goes before everything, and one that is no longer asked for stops at its next batch.
    """

    def __init__(
        self,
        experiment: Experiment,
        gallery: Gallery,
        worker: Worker,
        guard: threading.RLock,
        panels: list[Panel],
        write: Callable[[str, Any], None],
        send: Callable[[Any, list[bytes]], None],
        key: Hashable = "walk",
    ) -> None:
        self.experiment, self._key = experiment, key
        self._gallery, self._worker, self._guard, self._panels = gallery, worker, guard, panels
        self._write, self._send = write, send
        self._films = Films()
        self._series: dict[Hashable, int] = {}
        self._courses: dict[int, Course] = {}
        self._asked, self._filling, self._halted = "", True, False
        self._now: _Task | None = None
        self._progress, self._said, self._news = 0.0, 0.0, False

    # --- what is asked ----------------------------------------------------------------------

    def show(self, key: str) -> None:
        """A reader looks at a step ("" is the origin): it is wanted before all others."""
        if key:
            self._course().check(key)
        before, self._asked = self._asked, key
        if self._halted and key:
            self._halted = False
            self._say(trails=False)
        self._said = time.monotonic()  # maps first: the page has no numbers to draw meanwhile
        now = self._now
        if now is None or before == now.key != key or (self._urgent() and now.key != key):
            self._go()

    def change(self, knob: str, value: Any) -> None:
        """Another setting of the experiment; what was seen under it before is there at once."""
        self.experiment = self.experiment.having(**{knob: value})
        self._courses.clear()
        self._films.shown.clear()
        self.follow()

    def follow(self) -> None:
        """Follow every panel that has its answer."""
        for panel in self._panels:
            self._follow(panel)
        self._begin(self._films.shown)

    def answered(self, panel: Panel) -> None:
        """A panel has a new answer to follow."""
        self._follow(panel)
        self._begin([panel.id])

    def removed(self, panel: Panel) -> None:
        """A panel is gone."""
        self._films.shown.pop(panel.id, None)
        self._say()
        self._go()

    def fill(self) -> None:
        """Look at every step, also after a stop."""
        self._filling, self._halted = True, False
        self._go()

    def stop(self) -> None:
        """Look at no step that is not asked for."""
        self._filling = False
        self._go()

    def cancelled(self) -> None:
        """Look at no step at all, until one is asked for."""
        self._halted = True
        self.stop()

    def send_frames(self) -> None:
        """Send every map again, for a view that was not there."""
        for film in self._films:
            for key in film.frames:
                self._send(*frame_message(film, key))
        self._send_scenes()

    def clear(self) -> None:
        """Let go of every map and network."""
        self._films.clear()
        self._courses.clear()

    # --- what there is ----------------------------------------------------------------------

    def failures(self) -> list[str]:
        """Which panels failed at steps, and why; one without the setting that is swept has none."""
        swept = self.experiment.setting if isinstance(self.experiment, Sweep) else None
        with self._guard:
            shown = [(panel, self._films.shown.get(panel.id)) for panel in self._panels]
        return [
            f"Steps of {pack.name_of(panel.method)} failed. {words}"
            for panel, film in shown
            if film is not None and (swept is None or swept in panel.method.knobs)
            for words in dict.fromkeys(list(film.problems.values()))
        ]

    def told(self, panel: Panel, answer: Heatmap) -> Heatmap:
        """A panel's answer with its strip of steps, as `Followed` gives it."""
        with self._guard:
            film = self._films.shown.get(panel.id)
            if film is None or film.origin is not answer:
                return answer
            made = {key: film.draws(key, self.experiment.measure) for key in film.frames}
            known = {key: draws for key, draws in made.items() if draws}
            frames = {key: film.frames[key] for key in known}
            known[""] = [film.whole]
            found: Heatmap = told(answer, self._course(film.input), frames, known)
            return found

    def method_at(self, panel: Panel, key: str) -> Attribution:
        """A panel's method as it is at a step."""
        return self._course(panel.input).at(key, 0, panel.method).method

    def card(self) -> wire.Experiment:
        """The experiment as the page shows it."""
        number = self._series.setdefault(self.experiment.key, len(self._series))
        return card_of(self.experiment, self._course(), self._gallery.layer_names, number)

    def page(self) -> dict[str, Any]:
        """What an exported page holds of it."""
        index = self._gallery.index
        seen = self._films.seen(self.experiment, index)
        return {
            "experiment": self.card(),
            "trails": self._trails(),
            "walk": self._walking(),
            "step_scenes": {
                f"{index} {key}": scene_of(glance, self._gallery) for key, glance in seen.items()
            },
            "frames": frames_of(self._films),
        }

    # --- inside -----------------------------------------------------------------------------

    def _course(self, index: int | None = None) -> Course:
        """The experiment on an input, by default the one on screen."""
        at = self._gallery.index if index is None else index
        if at not in self._courses:
            wanted = {film.input for film in self._films}
            self._courses = {i: course for i, course in self._courses.items() if i in wanted}
            with differentiating():
                x = self._gallery.one(at).x
                self._courses[at] = self.experiment.on(self._gallery.subject, x)
        return self._courses[at]

    def _follow(self, panel: Panel) -> None:
        self._films.follow(panel, self.experiment, self._gallery.scores)

    def _begin(self, panels: Iterable[str]) -> None:
        """Tell what there is of these panels, and go on."""
        self._write("experiment", dict(self.card()))  # a trait that stays equal does not travel
        self._say()
        for panel in panels:
            for key in self._films.shown[panel].frames:
                self._send(*frame_message(self._films.shown[panel], key))
        self._send_scenes()
        self._go()

    def _ready(self) -> list[tuple[str, Film]]:
        """Panels whose newest answer is there, the fastest first."""
        found = [
            (panel.id, self._films.shown[panel.id])
            for panel in self._panels
            if panel.id in self._films.shown and panel.finished and panel.answered == panel.request
        ]
        return sorted(found, key=lambda entry: entry[1].origin.provenance.seconds)

    def _wanted(self) -> Iterator[_Task]:
        """Every map that belongs to the walk, in the order in which they are made."""
        ready = self._ready()
        asked = [self._asked] if self._asked else []
        for draw in range(self.experiment.draws):
            seen: set[str] = set()
            keys = [*asked, *(step.key for step in self._course().every)] if ready else []
            for key in keys:
                if key in seen:
                    continue
                seen.add(key)
                for panel, film in ready:
                    if not draw or self._course(film.input).random(key):
                        yield _Task(panel, film, key, draw)

    def _tasks(self) -> Iterator[_Task]:
        """What is still to be done; without filling only what is asked for."""
        measure = self.experiment.measure
        for task in () if self._halted else self._wanted():
            mine = self._filling or (task.key, task.draw) == (self._asked, 0)
            if mine and task.film.lacks(task.key, task.draw, measure):
                yield task

    def _urgent(self) -> bool:
        task = next(self._tasks(), None)
        return task is not None and (task.key, task.draw) == (self._asked, 0)

    def _go(self) -> None:
        """Queue the next piece: at once what is asked for, the rest when there is time."""
        with self._guard:
            if self._urgent():
                self._worker.submit(self._key, self._piece, first=True)
            elif self._filling:
                self._worker.submit(self._key, self._piece, last=True)
            else:
                self._worker.cancel(self._key)
                self._rest()

    def _piece(self, token: CancelToken) -> None:
        """Make one map, then queue the next."""
        with self._guard:  # what is made belongs to one set of answers and settings
            if token.cancelled:
                return
            task = self._now = next(self._tasks(), None)
            if task is None:
                self._rest()
                return
            course, experiment = self._course(task.film.input), self.experiment
            self._progress = 0.0
            if task.film.origin.provenance.seconds > _TOLD_EVERY:
                self._say(trails=False)  # what there is does not wait for a slow map
        try:
            self._look(task, course, experiment, token)
        except Cancelled:
            with self._guard:
                self._now = None if self._now is task else self._now
            return
        except Exception as error:
            task.film.problems[task.key] = one_line(error)
        with self._guard:
            self._now = None
            if not token.cancelled:
                # maps first: numbers follow when all panels have theirs, and now and then
                self._say(often=self._urgent() or task.key != self._asked)
                self._go()

    def _look(
        self, task: _Task, course: Course, experiment: Experiment, token: CancelToken
    ) -> None:
        """The map at a step, and how it differs from the origin's."""
        film, key, draw, measure = task.film, task.key, task.draw, experiment.measure
        seen = self._films.glances(experiment, film)
        known = not draw and key in film.frames and (key in seen or not course.asks_anew)
        values = film.frames[key].values if known else self._made(task, course, seen, token)
        asked = None if draw or key not in seen else seen[key].outputs
        found = film.compared(measure).outcome(values, asked, film.bound)
        with self._guard:
            film.outcomes[key, draw, measure] = found

    def _made(
        self, task: _Task, course: Course, seen: dict[str, Glance], token: CancelToken
    ) -> torch.Tensor:
        """The map at a step, which goes out before anything else is done; then what the network
        says there, asked once for all panels."""
        film, key = task.film, task.key
        job = Job(lambda share: self._report(share, token), token)
        with working(job), differentiating():
            there = course.at(key, task.draw, film.method)
            job.expected = sum(there.method.cost(there.subject, there.x).over(len(there.x)))
            same = not course.asks_anew and there.method == film.method
            values = film.origin.values if same else there.values(film.bound)
            if task.draw:
                return values
            label = {step.key: step.label for step in course.every}.get(key, key)
            with self._guard:
                film.frames[key] = Frame(there.label or label, values)
                self._send(*frame_message(film, key))
            if course.asks_anew and key not in seen:
                outputs = there.subject.outputs(there.x).float().cpu()
                picture = self._gallery.picture_of(there.x, film.input)
                with self._guard:
                    seen[key] = Glance(outputs, picture)
                    self._send_scenes([key])
        return values

    def _rest(self) -> None:
        """Everything wanted is there: an idle widget holds no networks, and nothing of a GPU."""
        self._now = None
        for course in self._courses.values():
            course.rest()
        if self._gallery.subject.device.type != "cpu":
            self._courses.clear()
        self._say()

    def _report(self, share: float, token: CancelToken) -> None:
        with self._guard:
            if not token.cancelled:
                self._progress = share
                self._say(often=True, trails=False)

    # --- as it travels ----------------------------------------------------------------------

    def _say(self, *, often: bool = False, trails: bool = True) -> None:
        self._news = self._news or trails
        now = time.monotonic()
        if often and now - self._said < _TOLD_EVERY:
            return
        self._said = now
        if self._news:
            self._write("trails", self._trails())
        self._news = False
        self._write("walk", dict(self._walking()))

    def _status(self) -> str:
        if next(self._tasks(), None) is not None:
            return "running"
        measure = self.experiment.measure
        left = any(t.film.lacks(t.key, t.draw, measure) for t in self._wanted())
        stopped = "cancelled" if self._halted else "stopped"
        return stopped if left else "done" if self._films.shown else ""

    def _walking(self) -> wire.Walking:
        measure, now = self.experiment.measure, self._now
        lacking = [task.film.lacks(task.key, task.draw, measure) for task in self._wanted()]
        return {
            "status": self._status(),  # type: ignore[typeddict-item]
            "done": lacking.count(False),
            "total": len(lacking),
            "panel": now.panel if now else "",
            "key": now.key if now else "",
            "progress": self._progress if now else 0.0,
        }

    def _trails(self) -> dict[str, wire.Trail]:
        answered = {panel.id: panel.answered for panel in self._panels}
        measure = self.experiment.measure
        return {
            panel: trail_of(film, self._course(film.input), measure, answered[panel])
            for panel, film in self._films.shown.items()
            if panel in answered
        }

    def _send_scenes(self, keys: Iterable[str] | None = None) -> None:
        """Send what was seen at these steps, or at all, of the input on screen."""
        number = self._series[self.experiment.key]
        for key, glance in self._films.seen(self.experiment, self._gallery.index).items():
            if keys is None or key in keys:
                self._send(*scene_message(key, glance, self._gallery, number))
