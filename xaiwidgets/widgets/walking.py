"""What a page asks of a walk: of the one that all panels share, or of a panel's own sweep."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from xaiwidgets.core.errors import ExplainError, nearest
from xaiwidgets.evaluation.experiment import Experiment

from .gallery import Gallery
from .given import refuse_other
from .panel import Panel
from .panels import Panels
from .sweeps import Sweeps
from .walk import Walk
from .worker import Worker

Command = Callable[[dict[str, Any]], Any]


def walk_of(
    experiment: Experiment | None,
    gallery: Gallery,
    worker: Worker,
    guard: threading.RLock,
    panels: list[Panel],
    write: Callable[[str, Any], None],
    send: Callable[[Any, list[bytes]], None],
) -> Walk | Sweeps:
    """The walk of all panels through an experiment, or else of single ones through a sweep."""
    if experiment is None:
        return Sweeps(gallery, worker, guard, write, send)
    return Walk(experiment, gallery, worker, guard, panels, write, send)


def open_films(walk: Walk | Sweeps, panels: Panels, films: Any) -> None:
    """Sweep settings of single panels: by panel the name of a setting, or {name: values}."""
    refuse_other("films", films, Mapping, "the settings by panel, such as {'SmoothGrad': 'noise'}")
    if films and not isinstance(walk, Sweeps):
        raise ExplainError(
            "films belong to xw.compare; here a panel's strip holds the steps of the experiment."
        )
    known = panels.by_name
    for name, film in films.items():
        if name not in known:
            raise ExplainError(f"films has no panel {name!r}. {nearest(str(name), known)}")
        assert isinstance(walk, Sweeps)  # or there were none
        walk.open(known[name], film)


def films_of(walk: Walk | Sweeps, panels: Panels) -> dict[str, Any]:
    """What `open_films` takes to sweep again what is swept now."""
    if not isinstance(walk, Sweeps):
        return {}
    found = {name: walk.film(panel) for name, panel in panels.by_name.items()}
    return {name: film for name, film in found.items() if film is not None}


def walk_commands(walk: Walk | Sweeps, panels: Panels) -> dict[str, Command]:
    """By name, what can be asked."""

    def use_step(args: dict[str, Any]) -> None:
        """A panel takes over the settings that it has at a step."""
        panel = panels.named(args)
        panels.turn(panel, walk.method_at(panel, str(args.get("key"))))

    common: dict[str, Command] = {
        "use_step": use_step,
        "fill_steps": lambda args: walk.fill(),
        "stop_steps": lambda args: walk.stop(),
        "send_frames": lambda args: walk.send_frames(),
    }
    if isinstance(walk, Sweeps):
        return {
            **common,
            "sweep_knob": lambda args: walk.turn(panels.named(args), str(args.get("knob"))),
            "show_step": lambda args: walk.show(panels.named(args), str(args.get("key") or "")),
        }
    return {
        **common,
        "set_experiment": lambda args: walk.change(str(args.get("knob")), args.get("value")),
        "show_step": lambda args: walk.show(str(args.get("key") or "")),
    }
