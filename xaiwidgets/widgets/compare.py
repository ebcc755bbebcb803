"""`compare`: explanations of a decision side by side, linked and adjustable."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from xaiwidgets import __version__
from xaiwidgets.core.answers import Heatmap
from xaiwidgets.core.cache import AnswerCache
from xaiwidgets.core.display import paint
from xaiwidgets.core.errors import Cancelled, ExplainError, one_line
from xaiwidgets.core.figure import contact_sheet, look_of, picture_of
from xaiwidgets.core.job import CancelToken
from xaiwidgets.core.method import Attribution, as_method
from xaiwidgets.core.scores import Curve
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget, Contrast
from xaiwidgets.evaluation.experiment import Experiment
from xaiwidgets.evaluation.trust import Badge

from . import code, pack
from .catalogue import catalogue, default_methods
from .commands import hear_while_busy, reply_to
from .gallery import Gallery, aim_of
from .given import checked_display, checked_region
from .left_behind import LeftBehind, encoded
from .masking import Masking, fills_for
from .panel import Panel
from .sweeps import Sweeps
from .trust import Trust, question_cards
from .walk import Walk
from .wire import DEFAULT_DISPLAY, DEFAULT_MASKING, DEFAULT_TRUST, PanelCard
from .worker import Worker

STATIC = Path(__file__).parent / "static"
SLOTS = 24
_PROGRESS_EVERY = 0.1


def compare(
    subject: Any,
    images: Any,
    target: Any = None,
    methods: Sequence[Any] | None = None,
    *,
    truths: Sequence[Any] | Any = None,
    masks: Any = None,
    display: Mapping[str, Any] | None = None,
    masking: Mapping[str, Any] | None = None,
    trust: bool | str = False,
) -> Compare:
    """Many explanations of one decision, side by side, in a notebook.

    `subject` is a torch.nn.Module or a Subject; `images` one picture (PIL image, path, array,
    tensor) or several; `target` what is explained (default: the predicted class; see Target);
    `methods` a list of methods, method classes, or functions of (subject, x, target). `truths` are
    the true classes (names or indices), one a picture; `masks` are true regions: an array
    (height, width) of 0 and 1, or a dict of them by name, one a picture. `display` sets how maps
    are drawn at first; `masking` opens the masking with its settings (see `masking`). `trust` asks
    every map, in the background, whether it can be trusted, and shows the verdicts as badges; the
    name of a question ("sanity", "faithfulness", "stability", "localisation") also sorts the panels
    by it. Raises ExplainError when the network or a picture cannot be used.
    """
    import sys

    names = code.names_in(
        sys._getframe(1), subject=subject, images=images, truths=truths, masks=masks
    )
    return Compare(
        subject, images, target, methods, truths=truths, masks=masks, display=display,
        masking=masking, trust=trust, names=names,
    )  # fmt: skip


# One trait a slot, so that a new result travels alone and a new view finds the whole state.
_Slots = type(
    "_Slots",
    (anywidget.AnyWidget,),
    {
        f"{what}_{i:02d}": traitlets.Dict().tag(sync=True)
        for what in ("slot", "badges")
        for i in range(SLOTS)
    },
)


class Compare(_Slots):  # type: ignore[valid-type, misc]
    """The widget behind `compare`. Everything that the page shows can be read from Python.

    `w.answers` are the heatmaps on screen by panel, `w.badges` what is known of their trust;
    `w.region` the selected rectangle in pixels of the picture (empty when there is none);
    `w.target` what is explained; `w.wait()` blocks until every panel has its answer.
    `w.to_html(path)` and `w.to_figure()` keep what is on screen.
    """

    _esm = STATIC / "widget.js"
    _css = STATIC / "widget.css"
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
        experiment: Experiment | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Check everything that can be wrong before a widget appears; then start explaining."""
        self._worker = Worker(on_idle=self._rest)
        self._cache = AnswerCache(256_000_000)
        self._panels: list[Panel] = []
        self._guard = threading.RLock()
        self.subject = Subject.of(subject)
        self._gallery = Gallery(self.subject, images, target, truths, masks)
        x = self._gallery.one(0).x
        chosen = default_methods(self.subject, x) if methods is None else methods
        made = [as_method(method) for method in chosen]
        if len(made) > SLOTS:
            raise ExplainError(f"{len(made)} methods came; a widget holds up to {SLOTS} panels.")
        self._names = dict(names or {})
        self._catalogue = catalogue(made)
        self._count = 0
        self._told = 0.0
        self._left = LeftBehind(self.picture)
        self._masking = Masking(
            self._gallery, self._worker, self._guard, self._panels, self.set_trait,
            self._send_levels,
        )  # fmt: skip
        self._walk = self._walk_of(experiment)
        self._trust = Trust(self._gallery, self._worker, self._guard, self._panels, self.set_trait)
        start = {**DEFAULT_DISPLAY, **checked_display(dict(display or {}))}
        super().__init__(about=self._about(), display=start, experiment=dict(self._walk.card()))
        self.on_msg(self._on_message)
        hear_while_busy(self.comm)
        for method in made:
            self._add(method)
        self._show()
        if masking is not None:
            self._masking.start(masking)
        self._trust.set(trust)
        self._ask_all()
        if len(self._gallery) > 1:
            self._worker.submit("strip", self._fill_strip)

    # --- read and used from Python ----------------------------------------------------------

    @property
    def answers(self) -> dict[str, Heatmap]:
        """The heatmaps that are there now, by method; a second panel of a method is "… 2". Under
        an experiment `frames` are the maps at its steps so far, `numbers` their similarities."""
        found: dict[str, Heatmap] = {}
        for panel in list(self._panels):
            answer = panel.answer
            if answer is None:
                continue
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

        `timeout` in seconds; after it the widget goes on in the background.
        """
        try:
            self._worker.wait(timeout)
        except KeyboardInterrupt:
            self._do("cancel", {})
            self._worker.wait(10)
        return self

    def select(self, index: int) -> Compare:
        """Show and explain the input of that number."""
        self._do("select_input", {"index": index})
        return self

    def explain(self, target: Any) -> Compare:
        """Explain another target; every panel that is not pinned follows."""
        with self._guard:
            self._gallery.explain(target)
            self._show()
            self._ask_all()
        return self

    def python(self) -> str:
        """The code for what is on screen."""
        return code.compare_code(
            [panel.method for panel in self._panels],
            self._gallery.aim,
            {k: v for k, v in self.display.items() if v != DEFAULT_DISPLAY.get(k)},
            self._names,
            self._gallery.index,
            self._masking.changed if self._masking.on else None,
            self._walk.experiment,
            self._trust.wanted,
        )

    def to_figure(self, columns: int = 4) -> Any:
        """A matplotlib figure of the input and every panel as they are drawn now."""
        from xaiwidgets.core.figure import heatmap_figure

        shown = [panel for panel in self._panels if panel.answer is not None]
        return heatmap_figure(
            [(panel.answer, 0) for panel in shown if panel.answer is not None],
            titles=[panel.method.label for panel in shown],
            columns=columns,
            **self.display,
        )

    def to_html(self, path: str | Path, *, every_input: bool = True) -> Path:
        """Write one page that works offline, with every control that needs no network.

        With `every_input` all inputs of the strip are explained first, so that readers can leaf
        through them; otherwise the page holds the input on screen.
        """
        from .export import write_page

        return write_page(self, Path(path), every_input)

    def __repr__(self) -> str:
        names = ", ".join(pack.name_of(panel.method) for panel in self._panels)
        return f"Compare({self.subject.title}, {self.target.get('label', '')}: {names})"

    def picture(self) -> bytes:
        """What is on screen as a PNG: the input, and every map that is there."""
        shown = [panel for panel in self._panels if panel.answer is not None]
        look = look_of({**self.display})
        pictures = [self._gallery.pictures[self._gallery.index]]
        for panel in shown:
            heat = panel.answer
            assert heat is not None
            pictures.append(paint(heat.map()[0], picture_of(heat, 0), look)[0])
        labels = [self.target.get("label", ""), *(panel.method.label for panel in shown)]
        return contact_sheet(pictures, labels)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, and a picture for wherever no widget can run."""
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        return {**data, "text/plain": repr(self), "image/png": encoded(self.picture())}, metadata

    def _ipython_display_(self, **_: Any) -> None:
        """The view, and below it the picture that a saved notebook keeps: see LeftBehind."""
        from IPython.display import display as show

        view, _metadata = super()._repr_mimebundle_() or ({}, {})
        show({**view, "text/plain": repr(self)}, raw=True)
        self._left.show(f"xaiwidgets-{self.model_id}")

    def _rest(self) -> None:
        """Nothing is left to do."""
        if self._worker.idle:
            self._left.keep()

    def close(self) -> None:
        """Stop all work and let go of the answers."""
        self._worker.close()
        self._cache.clear()
        with self._guard:
            for panel in self._panels:
                panel.request += 1  # what is still running comes too late
                panel.answer = None
        for name in ("_masking", "_trust"):  # not yet where an input was refused
            part = getattr(self, name, None)
            if part is not None:
                part.close()
        if hasattr(self, "_walk"):
            self._walk.clear()
        super().close()

    # --- what the page asks -----------------------------------------------------------------

    def _on_message(self, _: Any, content: Any, __: Any) -> None:
        reply = reply_to(content, self._do)
        if reply is not None:
            self.send(reply)

    def _do(self, name: str, args: dict[str, Any]) -> Any:
        commands = {
            "set_target": self._set_target,
            "select_input": self._select_input,
            "set_knob": self._set_knob,
            "add_panel": self._add_panel,
            "remove_panel": self._remove_panel,
            "move_panel": self._move_panel,
            "pin_panel": self._pin_panel,
            "cancel": self._cancel,
            "retry": self._retry,
            "set_region": self._set_region,
            "set_display": self._set_display,
            "set_masking": self._masking.obey,
            "set_trust": self._trust.obey,
            **self._walking(),
            "draw_curves": lambda args: self._masking.curves.draw(),
            "stop_curves": lambda args: self._masking.curves.stop(by_reader=True),
            "copy_python": lambda args: self.python(),
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
        self._ask_all()

    def _set_knob(self, args: dict[str, Any]) -> None:
        panel = self._panel(args)
        panel.method = panel.method.having(**{str(args.get("knob")): args.get("value")})
        self._send_panels()
        self._ask(panel)

    def _walk_of(self, experiment: Experiment | None) -> Walk | Sweeps:
        """The walk of all panels through an experiment, or else of single ones through a sweep."""
        shared = self._gallery, self._worker, self._guard
        if experiment is None:
            return Sweeps(*shared, self.set_trait, self.send)
        return Walk(experiment, *shared, self._panels, self.set_trait, self.send)

    def _walking(self) -> dict[str, Any]:
        """What can be asked of the walk."""
        walk = self._walk
        common: dict[str, Any] = {
            "use_step": self._use_step,
            "fill_steps": lambda args: walk.fill(),
            "stop_steps": lambda args: walk.stop(),
            "send_frames": lambda args: walk.send_frames(),
        }
        if isinstance(walk, Sweeps):
            return {
                **common,
                "sweep_knob": lambda args: walk.turn(self._panel(args), str(args.get("knob"))),
                "show_step": lambda args: walk.show(self._panel(args), str(args.get("key") or "")),
            }
        return {
            **common,
            "set_experiment": lambda args: walk.change(str(args.get("knob")), args.get("value")),
            "show_step": lambda args: walk.show(str(args.get("key") or "")),
        }

    def _use_step(self, args: dict[str, Any]) -> None:
        """A panel takes over the settings that it has at a step."""
        panel = self._panel(args)
        panel.method = self._walk.method_at(panel, str(args.get("key")))
        self._send_panels()
        self._ask(panel)

    def _add_panel(self, args: dict[str, Any]) -> str:
        name = args.get("method")
        if name not in self._catalogue:
            raise ExplainError(f"There is no method {name!r} to add.")
        panel = self._add(self._catalogue[name])
        self._ask(panel)
        return panel.id

    def _remove_panel(self, args: dict[str, Any]) -> None:
        panel = self._panel(args)
        self._worker.cancel(panel.id)
        self._panels.remove(panel)
        self._send_panels()
        self._send_status()
        self.set_trait(f"slot_{panel.slot:02d}", {})
        self._masking.removed()
        self._walk.removed(panel)
        self._trust.removed(panel)

    def _move_panel(self, args: dict[str, Any]) -> None:
        panel, to = self._panel(args), args.get("to")
        if type(to) is not int:
            raise ExplainError("A panel is moved to a whole number.")
        self._panels.remove(panel)
        self._panels.insert(max(0, min(to, len(self._panels))), panel)
        self._send_panels()

    def _pin_panel(self, args: dict[str, Any]) -> None:
        panel = self._panel(args)
        panel.pinned = bool(args.get("pinned"))
        self._send_panels()
        if not panel.pinned:
            self._ask(panel)

    def _cancel(self, args: dict[str, Any]) -> None:
        self._worker.cancel(self._panel(args).id if args.get("panel") else None)
        if not args.get("panel"):
            self._masking.cancelled()
            self._walk.cancelled()
            self._trust.cancelled()
        for panel in self._panels:
            if panel.status["status"] == "waiting" and args.get("panel") in (None, panel.id):
                self._tell(panel, panel.request, status="cancelled", message=str(Cancelled()))

    def _retry(self, args: dict[str, Any]) -> None:
        self._ask(self._panel(args))

    def _set_region(self, args: dict[str, Any]) -> None:
        region = args.get("region")
        self.region = (
            {} if not region else dict(checked_region(region, self._gallery.pictures.shape))
        )

    def _set_display(self, args: dict[str, Any]) -> None:
        display = args.get("display")
        if not isinstance(display, dict):
            raise ExplainError("display takes a dict of settings.")
        self.display = {**self.display, **checked_display(display)}

    def _panel(self, args: dict[str, Any]) -> Panel:
        for panel in self._panels:
            if panel.id == args.get("panel"):
                return panel
        raise ExplainError(f"There is no panel {args.get('panel')!r} any more.")

    # --- work -------------------------------------------------------------------------------

    def _add(self, method: Attribution) -> Panel:
        taken = {panel.slot for panel in self._panels}
        free = [slot for slot in range(SLOTS) if slot not in taken]
        if not free:
            raise ExplainError(f"A widget holds up to {SLOTS} panels; remove one first.")
        self._count += 1
        panel = Panel(f"p{self._count}", free[0], method)
        self._panels.append(panel)
        self._send_panels()
        self._send_status()
        return panel

    def _ask_all(self) -> None:
        for panel in list(self._panels):
            if not panel.pinned or panel.answer is None:
                self._ask(panel)

    def _ask(self, panel: Panel) -> None:
        """Queue a panel's newest request; an older one of its own is superseded."""
        with self._guard:
            panel.request += 1
            request, method = panel.request, panel.method
            index, bound = self._gallery.index, self._gallery.bound
            self._tell(panel, request, status="waiting", progress=0.0, message="")

            def work(token: CancelToken) -> None:
                self._explain(panel, request, index, bound, method, token)

            self._worker.submit(panel.id, work)

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
        try:
            answer = method(
                self.subject,
                self._gallery.one(index),
                aim_of(bound),
                progress=lambda share: self._report(panel, request, share),
                cancel=token,
                cache=self._cache,
            )
            answer.provenance.target[:] = bound.labels
        except Cancelled as cancelled:
            self._tell(panel, request, status="cancelled", message=str(cancelled))
        except Exception as error:
            self._tell(panel, request, status="error", message=one_line(error))
        else:
            with self._guard:
                if panel.request == request and panel in self._panels:
                    panel.take(answer, method, request, index, bound)
                    self._send_answer(panel)
                    self._tell(panel, request, status="done", progress=1.0)
                    self._masking.answered()
                    self._walk.answered(panel)
                    self._trust.answered(panel)

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

    def _send_answer(self, panel: Panel) -> None:
        assert panel.answer is not None
        levels = self._masking.levels(panel) if self._masking.on else None
        packed = pack.pack_heatmap(panel.answer, panel.answered, panel.input, levels)
        self.set_trait(f"slot_{panel.slot:02d}", dict(packed))

    def _send_levels(self) -> None:
        for panel in self._panels:
            if panel.answer is not None:
                self._send_answer(panel)

    def _send_panels(self) -> None:
        self.panels = [self._card(panel) for panel in self._panels]

    def _send_status(self) -> None:
        self.status = {panel.id: dict(panel.status) for panel in self._panels}

    def _card(self, panel: Panel) -> PanelCard:
        method = panel.method
        return {
            "id": panel.id,
            "slot": panel.slot,
            "method": pack.name_of(method),
            "title": method.label,
            "blurb": pack.blurb_of(method),
            "pinned": panel.pinned,
            "settings": method.settings,
            "knobs": [
                pack.knob_card(knob, self._gallery.layer_names) for knob in method.knobs.values()
            ],
        }

    # --- what is on screen ------------------------------------------------------------------

    def _show(self) -> None:
        self.target = dict(self._gallery.target())
        self.scene = dict(self._gallery.scene())
        if not self.strip and len(self._gallery) > 1:
            self.strip = self._gallery.strip()
        self._masking.follow()

    def _fill_strip(self, token: CancelToken) -> None:
        """Predict every input in the background, so that the strip can be filtered."""
        try:
            for index in range(len(self._gallery)):
                if token.cancelled:
                    return
                self._gallery.scores(index)
            self.strip = self._gallery.strip()
        except Exception as error:
            self.notice = {"message": one_line(error)}

    def _about(self) -> dict[str, Any]:
        layers = self._gallery.layer_names
        return {
            "version": __version__,
            "title": self.subject.title,
            "live": True,
            "classes": list(self.subject.classes),
            "methods": [pack.method_card(method, layers) for method in self._catalogue.values()],
            "layers": layers,
            "colour_maps": pack.colour_maps(),
            "fills": fills_for(self._gallery),
            "questions": question_cards(),
        }
