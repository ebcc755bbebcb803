"""A walk as the page gets it: its card, the marks of every film, and single maps."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from xaiwidgets.core.answers import fold_channels
from xaiwidgets.evaluation.experiment import Course, Experiment, Outcome, Step, mean_outcome

from . import pack, wire
from .films import Film, Glance
from .gallery import Gallery

PAGE_SIDE = 128


def card_of(
    experiment: Experiment, course: Course, layers: list[str], number: int
) -> wire.Experiment:
    """An experiment as the page shows it; `number` tells its maps from those under other
    settings."""
    knobs = experiment.knobs.values()
    known = layers if any(knob.kind == "layer" for knob in knobs) else []
    return {
        "title": experiment.label,
        "slider": experiment.slider,
        "origin": experiment.origin,
        "hint": experiment.hint,
        "steps": _steps(course.steps),
        "beside": _steps(course.beside),
        "switches": course.switches,
        "names": course.names,
        "joined": course.JOINED,
        "knobs": [pack.knob_card(knob, known) for knob in knobs],
        "settings": experiment.settings,
        "usable": not course.asks_anew,
        "number": number,
    }


def trail_of(film: Film, course: Course, measure: str, request: int) -> wire.Trail:
    """What is known of every step of a film, and the verdict where that is enough for one."""
    means = {"": film.whole}
    marks: dict[str, wire.Mark] = {
        key: {"value": None, "words": words, "failed": True} for key, words in film.problems.items()
    }
    for key in film.frames:
        draws = film.draws(key, measure)
        if draws:
            means[key] = mean_outcome(draws)
            marks[key] = _mark(means[key], len(draws), course.said(key, means[key]))
    verdict = course.verdict(means)
    return {"film": film.number, "request": request, "marks": marks, "verdict": verdict}


def frame_message(film: Film, key: str) -> tuple[dict[str, Any], list[bytes]]:
    """The map at a step, with its buffer."""
    frame = film.frames[key]
    values = fold_channels(frame.values[:1], film.origin.reduction)[0]
    head, data = _apart(pack.pack_map(values))
    message = {"type": "frame", "film": film.number, "key": key}
    return {**message, "frame": {"label": frame.label, "map": head}}, [data]


def scene_of(glance: Glance, gallery: Gallery) -> wire.StepScene:
    """What the network says at a step, and what it sees there."""
    scene: wire.StepScene = {"predictions": gallery.predictions(glance.outputs)}
    if glance.picture is not None:
        scene["picture"] = glance.picture
    return scene


def scene_message(
    key: str, glance: Glance, gallery: Gallery, number: int
) -> tuple[dict[str, Any], list[bytes]]:
    """The same as a message, with its buffer; of the input on screen."""
    scene: dict[str, Any] = dict(scene_of(glance, gallery))
    buffers = []
    if glance.picture is not None:
        scene["picture"], data = _apart(glance.picture)
        buffers = [data]
    where = {"number": number, "input": gallery.index, "key": key}
    return {"type": "scene", **where, "scene": scene}, buffers


def frames_of(films: Iterable[Film]) -> dict[str, dict[str, Any]]:
    """Every map as an exported page holds it, at up to PAGE_SIDE pixels a side."""
    return {str(film.number): {key: _small(film, key) for key in film.frames} for film in films}


def _steps(steps: list[Step]) -> list[wire.Step]:
    return [{"key": step.key, "label": step.label} for step in steps]


def _small(film: Film, key: str) -> dict[str, Any]:
    frame = film.frames[key]
    values = fold_channels(frame.values[:1], film.origin.reduction)[0]
    return {"label": frame.label, "map": pack.pack_map(pack.small(values, PAGE_SIDE))}


def _mark(mean: Outcome, draws: int, words: str) -> wire.Mark:
    known = not math.isnan(mean.likeness)
    mark: wire.Mark = {"value": mean.likeness if known else None, "words": words}
    if draws > 1 and known:
        mark["low"], mark["high"] = mean.low, mean.high
    return mark


def _apart(packed: wire.Array) -> tuple[dict[str, Any], bytes]:
    """An array's header, and its bytes."""
    return {name: value for name, value in packed.items() if name != "data"}, packed["data"]
