"""`compare`: explanations of a decision side by side, linked and adjustable."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import traitlets
from typing_extensions import Unpack

from xaiwidgets import __version__
from xaiwidgets.core.answers import Heatmap
from xaiwidgets.core.errors import ExplainError, one_line
from xaiwidgets.core.job import CancelToken
from xaiwidgets.core.method import Attribution, as_methods
from xaiwidgets.core.scores import Curve
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import Contrast
from xaiwidgets.evaluation.experiment import Experiment
from xaiwidgets.evaluation.trust import Badge

from . import code, pack
from .below_maps import steps_in_words
from .catalogue import catalogue, default_methods
from .flows import Flows, flow_commands
from .gallery import Gallery
from .given import checked_display, checked_region, refuse_volumes, usual_display
from .left_behind import LeftBehind, screen, titled
from .masking import Masking, fills_for, usual_settings
from .opening import Given, names_of, spelt_out
from .panel import Panel
from .panels import SLOTS, Panels
from .trust import Trust, question_cards
from .view import PicturedView
from .walking import films_of, open_films, walk_commands, walk_of
from .wire import DEFAULT_MASKING, DEFAULT_TRUST
from .worker import Worker
from .workplace import Workplace

_CLASSES = 1000  # names that the page is told; a vocabulary has fifty times as many


@spelt_out(Given)
def compare(
    subject: Any,
    images: Any,
    target: Any = None,
    methods: Sequence[Any] | None = None,
    *,
    films: Mapping[str, Any] | None = None,
    **given: Unpack[Given],
) -> Compare:
    """Many explanations of one decision, side by side, in a notebook.

    `subject` is a torch.nn.Module or a Subject; `images` one picture (PIL image, path, array,
    tensor) or several, for a TextSubject one text or several, for a TableSubject rows, and for a
    VolumeSubject volumes; `target` what is explained (default: the predicted class; see Target);
    `methods` a list of methods, method classes, or functions of (subject, x, target). `truths` are
    the true classes (names or indices), one a picture; `masks` are true regions: an array
    (height, width) of 0 and 1, or a dict of them by name, one a picture. `display` sets how maps
    are drawn at first; `masking` opens the masking with its settings (see `masking`). `trust` asks
    every map, in the background, whether it can be trusted, and shows the verdicts as badges; the
    name of a question ("sanity", "faithfulness", "stability", "localisation") also sorts the panels
    by it. `films` opens a strip below a panel, with the map at every value of one of its settings:
    {"SmoothGrad": "noise"}, or {"SmoothGrad": {"noise": [0.1, 0.2]}}. Raises ExplainError when the
    network or a picture cannot be used.
    """
    names = names_of(sys._getframe(1), given, subject=subject, images=images)
    return Compare(subject, images, target, methods, names=names, films=films, **given)


# One trait a slot, so that a new result travels alone and a new view finds the whole state.
_Slots = type(
    "_Slots",
    (PicturedView,),
    {
        f"{what}_{i:02d}": traitlets.Dict().tag(sync=True)
        for what in ("slot", "badges", "flow")
        for i in range(SLOTS)
    },
)


class Compare(_Slots, bundle="widget"):  # type: ignore[valid-type, misc, call-arg]
    """The widget behind `compare`. Everything that the page shows can be read from Python.

    `w.answers` are the heatmaps on screen by panel, `w.badges` what is known of their trust;
    `w.region` the selected rectangle in pixels of the picture (empty when there is none);
    `w.target` what is explained; `w.wait()` blocks until every panel has its answer.
    `w.to_html(path)` and `w.to_figure()` keep what is on screen.
    """

    instead: ClassVar[Mapping[str, str]] = {
        "target": "w.explain('name of a class') explains another",
        "masking": "w.masking.share = 20 sets one of its settings, w.masking.set(...) several",
        "answers": "a method's answer stands there once its panel has it",
        "badges": "w.trust = True asks for them",
        "curves": "w.masking.draw_curves() draws them",
        "films": "xw.compare(..., films=...) opens them",
        "select": "w.select(1) shows another input",
        "explain": "w.explain('name of a class') explains another",
        "subject": "xw.compare(subject, ...) makes a widget for another",
    }

    also: ClassVar[Sequence[str]] = ("region", "display")

    _kind = traitlets.Unicode("compare").tag(sync=True)
    about = traitlets.Dict().tag(sync=True)
    strip: Any = traitlets.List().tag(sync=True)
    scene = traitlets.Dict().tag(sync=True)
    target = traitlets.Dict().tag(sync=True)
    panels: Any = traitlets.List().tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    region = traitlets.Dict().tag(sync=True)
    display = traitlets.Dict().tag(sync=True)
    notice = traitlets.Dict({"message": ""}).tag(sync=True)
    masking_settings = traitlets.Dict({**DEFAULT_MASKING}).tag(sync=True)
    filled = traitlets.Dict().tag(sync=True)
    mask_scores = traitlets.Dict().tag(sync=True)
    mask_curves = traitlets.Dict().tag(sync=True)
    trust_settings = traitlets.Dict({**DEFAULT_TRUST}).tag(sync=True)
    experiment = traitlets.Dict().tag(sync=True)
    trails = traitlets.Dict().tag(sync=True)
    walk = traitlets.Dict().tag(sync=True)
    sweeps = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        subject: Any,
        images: Any,
        target: Any = None,
        methods: Sequence[Any] | None = None,
        *,
        truths: Any = None,
        masks: Any = None,
        display: Mapping[str, Any] | None = None,
        masking: Mapping[str, Any] | None = None,
        trust: bool | str = False,
        films: Mapping[str, Any] | None = None,
        experiment: Experiment | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Check everything that can be wrong before a widget appears; then start explaining."""
        self._worker = Worker(on_idle=self._rest)
        self._guard = threading.RLock()
        self.subject = Subject.of(subject)
        if experiment is not None:
            refuse_volumes(self.subject, "Experiments work")
        self._gallery = Gallery(self.subject, images, target, truths, masks)
        x = self._gallery.one(0).x
        chosen = default_methods(self.subject, x) if methods is None else methods
        made = [method.suited(self.subject.kind) for method in as_methods(chosen)]
        if len(made) > SLOTS:
            raise ExplainError(f"{len(made)} methods came; a widget holds up to {SLOTS} panels.")
        self._names = dict(names or {})
        self._catalogue = catalogue(made, self.subject)
        self._left = LeftBehind(self.picture, self.describe)
        shared = self._gallery, self._worker, self._guard
        self._panels = Panels(
            *shared, self._catalogue, self.set_trait, answered=self._answered,
            removed=self._removed, levels=self._levels,
        )  # fmt: skip
        every = self._panels.every
        self._masking = Masking(*shared, every, self.set_trait, self._panels.send_answers)
        self._walk = walk_of(experiment, *shared, every, self.set_trait, self.send)
        place = Workplace(*shared, every, self.set_trait)
        self._trust, self._flows = Trust(place), Flows(place)
        depth = self._gallery.depth
        self._usual_display = usual_display(self.subject, depth)
        asked = {} if display is None else checked_display(display, depth)
        start = {**self._usual_display, **asked}
        super().__init__(
            about=self._about(), display=start, experiment=dict(self._walk.card()),
            masking_settings={**usual_settings(self.subject)},
        )  # fmt: skip
        for method in made:
            self._panels.add(method)
        self._show()
        if masking is not None:
            self._masking.start(masking)
        self._trust.set(trust)
        open_films(self._walk, self._panels, films or {})
        self._panels.ask_all()
        if len(self._gallery) > 1:
            self._worker.submit("strip", self._fill_strip)

    # --- read and used from Python ----------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        """A region and display settings are set as the page sets them: checked."""
        if self._settled and name in self.also:
            self._do(f"set_{name}", {name: value})
        else:
            super().__setattr__(name, value)

    @property
    def answers(self) -> dict[str, Heatmap]:
        """The heatmaps that are there now, by method; a second panel of a method is "… 2". Under
        an experiment `frames` are the maps at its steps so far, `numbers` their similarities."""
        found: dict[str, Heatmap] = {}
        for panel in self._panels.shown:
            answer = panel.answer
            if answer is not None:  # it may have been closed meanwhile
                name = pack.own_name(pack.name_of(panel.method), found)
                found[name] = self._walk.told(panel, answer)
        return found

    @property
    def masking(self) -> Masking:
        """What is hidden in every panel, and what the network then says; it can be set."""
        return self._masking

    @property
    def brush(self) -> np.ndarray:
        """The pixels that the brush painted (height, width), as bool; another mask can be set."""
        return self._masking.brush

    @brush.setter
    def brush(self, mask: Any) -> None:
        self._masking.brush = mask

    @property
    def curves(self) -> dict[str, dict[str, Curve]]:
        """The curves drawn for what is on screen: "deletion" and "insertion", by method, with
        "random" as their control. `w.masking.draw_curves()` draws them."""
        return self._masking.curves.read()

    @property
    def badges(self) -> dict[str, dict[str, Badge]]:
        """Whether the answers on screen can be trusted, by method and question, as far as that is
        known: `w.trust = True` asks, `w.wait()` waits."""
        return self._trust.read()

    @property
    def films(self) -> dict[str, Any]:
        """The settings whose values stand in a strip below their panel, as `compare` takes them."""
        return films_of(self._walk, self._panels)

    @property
    def trust(self) -> bool | str:
        """Whether panels wear badges; or the question by which they are sorted as well."""
        return self._trust.wanted

    @trust.setter
    def trust(self, wanted: bool | str) -> None:
        with self._guard:
            self._trust.set(wanted)

    def wait(self, timeout: float | None = None) -> Compare:
        """Block until every panel has its answer, under an experiment its map of every step, and
        its badges where they are asked for; an interrupt cancels what is still running.

        `timeout` in seconds; after it the widget goes on in the background. A panel that failed is
        said as a warning.
        """
        try:
            self._worker.wait(timeout)
        except KeyboardInterrupt:
            self._do("cancel", {})
            self._worker.wait(10)
        self._warn()
        return self

    def _failures(self) -> list[str]:
        masked = (self.mask_scores.get("problem"), self.mask_curves.get("message"))
        more = self.notice["message"], *(masked if self._masking.on else ())
        steps = self._walk.failures()
        return [*self._panels.failures(), *steps, *(words for words in more if words)]

    def select(self, index: int) -> Compare:
        """Show and explain the input of that number."""
        self._do("select_input", {"index": index})
        return self

    def explain(self, target: Any) -> Compare:
        """Explain another target; every panel that is not pinned follows."""
        with self._guard:
            self._gallery.explain(target)
            self._show()
            self._panels.ask_all()
        return self

    def lead(self, panel: Panel | None, method: Attribution) -> Panel:
        """A panel that another widget leads: made the first time, or where a reader closed it, then
        turned to what is wanted next."""
        with self._guard:
            if panel is None or panel not in self._panels.every:
                panel = self._panels.add(method)
                self._panels.ask(panel)
            else:
                self._panels.turn(panel, method)
        return panel

    def python(self) -> str:
        """The code for what is on screen."""
        return code.compare_code(
            [panel.method for panel in self._panels.every],
            self._gallery.aim,
            {k: v for k, v in self.display.items() if v != self._usual_display.get(k)},
            {"images": self._gallery.written, **self._names},
            self._gallery.index,
            self._masking.changed if self._masking.on else None,
            self._walk.experiment,
            self._trust.wanted,
            self.films,
        )

    def to_figure(self, columns: int = 4) -> Any:
        """A matplotlib figure of the input and every panel as they are drawn now, of a volume the
        slice on screen."""
        from .left_behind import figure

        failed = self._panels.failures()
        if failed and not self._panels.shown:
            raise ExplainError(" ".join(failed))
        return figure(self._panels.shown, self.display, columns)

    def to_html(self, path: str | Path, *, every_input: bool = True) -> Path:
        """Write one page that works offline, with every control that needs no network.

        With `every_input` all inputs of the strip are explained first, so that readers can leaf
        through them; otherwise the page holds the input on screen.
        """
        from .export import write_pages

        title = f"{self.subject.title}: {self.target.get('label', '')}"
        return write_pages([self], path, title=title, every_input=every_input)

    def page(self, every_input: bool) -> tuple[dict[str, Any], dict[str, Any]]:
        """What an exported page holds: see saved.py."""
        from .saved import page_state

        return page_state(self, every_input)

    def __repr__(self) -> str:
        names: list[str] = []
        for panel in self._panels.every:
            names.append(pack.own_name(pack.name_of(panel.method), names))
        label = self.target.get("label", "")
        return f"Compare({self.subject.title}, {label}: {', '.join(names)})"

    def picture(self) -> bytes:
        """What is on screen as a PNG: the input, every map that is there, and what stands below."""
        label, masked = self.target.get("label", ""), self._masking.pictures()
        return screen(self._gallery, label, self._told(), self.display, masked)

    def describe(self) -> str:
        """What is explained of which network, and what stands beside the input."""
        titles = pack.titles_of([panel.method for panel in self._panels.shown])
        what = f"{self.target['label']} of {self.subject.title}"
        beside = "; ".join(["the input", *titles])
        return f"{what}, explained side by side: {beside}.{steps_in_words(self._told())}"

    def _told(self) -> list[tuple[Heatmap, str]]:
        """Every answer that is there with its steps, and what its panel is called."""
        return titled(self._panels.shown, self._walk.told)

    def close(self) -> None:
        """Stop all work and let go of the answers."""
        for name in ("_worker", "_panels", "_masking", "_trust", "_flows"):
            part = getattr(self, name, None)  # not yet where it was refused
            if part is not None:
                part.close()
        if hasattr(self, "_walk"):
            self._walk.clear()
        super().close()

    # --- what the page asks -----------------------------------------------------------------

    def _do(self, name: str, args: dict[str, Any]) -> Any:
        commands = {
            "set_target": self._set_target,
            "select_input": self._select_input,
            "set_region": self._set_region,
            "set_display": self._set_display,
            "cancel": self._cancel,
            "copy_python": lambda args: self.python(),
            **self._panels.commands,
            **self._masking.commands,
            **walk_commands(self._walk, self._panels),
            "set_trust": self._trust.obey,
            **flow_commands(self._flows, self._panels.named),
        }
        if name not in commands:
            raise ExplainError(f"{name!r} is no command of this widget.")
        with self._guard:
            return commands[name](args)

    def _set_target(self, args: dict[str, Any]) -> None:
        indices = args.get("indices")
        if not isinstance(indices, list) or not all(type(index) is int for index in indices):
            raise ExplainError("A target takes a list of class indices.")
        if len(indices) > 2:
            raise ExplainError("A target takes one class, or two for a contrast.")
        self.explain(Contrast(*indices) if len(indices) == 2 else indices[0] if indices else None)

    def _select_input(self, args: dict[str, Any]) -> None:
        self._gallery.select(args.get("index"))
        self._show()
        self._panels.ask_all()

    def _cancel(self, args: dict[str, Any]) -> None:
        which = self._panels.named(args) if args.get("panel") else None
        self._worker.cancel(which.id if which else None)
        if which is None:
            self._masking.cancelled()
            self._walk.cancelled()
            self._trust.cancelled()
            self._flows.cancelled()
        self._panels.cancelled(which)

    def _set_region(self, args: dict[str, Any]) -> None:
        region = args.get("region")
        self._put(region=dict(checked_region(region, self._gallery.shape())) if region else {})

    def _set_display(self, args: dict[str, Any]) -> None:
        given = checked_display(args.get("display"), self._gallery.depth)
        self._put(display={**self.display, **given})

    # --- what a panel sets off --------------------------------------------------------------

    def _answered(self, panel: Panel) -> None:
        self._masking.answered()
        self._walk.answered(panel)
        self._trust.answered(panel)
        self._flows.answered(panel)

    def _removed(self, panel: Panel) -> None:
        self._masking.removed()
        self._walk.removed(panel)
        self._trust.removed(panel)
        self._flows.removed(panel)

    def _levels(self, panel: Panel) -> np.ndarray | None:
        return self._masking.levels(panel) if self._masking.on else None

    # --- what is on screen ------------------------------------------------------------------

    def _show(self) -> None:
        self._put(target=dict(self._gallery.target()), scene=dict(self._gallery.scene()))
        if not self.strip and len(self._gallery) > 1:
            self._put(strip=self._gallery.strip())
        self._masking.follow()

    def _fill_strip(self, token: CancelToken) -> None:
        """Predict every input in the background, so that the strip can be filtered."""
        try:
            for index in range(len(self._gallery)):
                if token.cancelled:
                    return
                self._gallery.scores(index)
            self._put(strip=self._gallery.strip())
        except Exception as error:
            self._put(notice={"message": one_line(error)})

    def _about(self) -> dict[str, Any]:
        layers, methods = self._gallery.layer_names, self._catalogue.values()
        return {
            "version": __version__,
            "title": self.subject.title,
            "kind": self.subject.kind,
            "whole": self.subject.words.whole,
            "part": self.subject.words.part,
            "live": True,
            "classes": list(self.subject.classes[:_CLASSES]),
            "methods": [pack.method_card(method, layers, self.subject) for method in methods],
            "layers": layers,
            "colour_maps": pack.colour_maps(),
            "fills": fills_for(self._gallery),
            "questions": question_cards(self.subject.words),
        }
