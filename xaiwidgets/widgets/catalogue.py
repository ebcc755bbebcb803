"""Which methods a widget starts with, and which ones can be added to it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from xaiwidgets.core.declare import declared
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.subject import Subject

from . import pack


def default_methods(subject: Subject, x: torch.Tensor) -> list[Attribution]:
    """A first set: the plain gradient, two that mend it, one that is sharp for the wrong reason,
    one that is coarse and class-specific, and a control that never asks the network. Of a black box
    those that only ask for scores; of a text relevance, two of its kin, what covering words does,
    and noise as a control; of a table fair shares, a linear model, and what a column adds; of a
    volume the maps of its layers."""
    from xaiwidgets import methods

    if subject.kind == "table":
        return _for_tables(subject)
    if subject.kind == "volume":
        return _for_volumes(bool(subject.layers(x).maps))
    if subject.black_box:
        asking = methods.Occlusion, methods.RISE, methods.LIME, methods.EdgeDetector
        return [method() for method in asking]
    if subject.kind == "text":
        return [
            methods.LRP(),
            methods.IntegratedGradients(),
            methods.GradientTimesInput(),
            methods.Occlusion(),
            methods.Saliency(),
            methods.RandomMap(),
        ]
    chosen: list[Attribution] = [
        methods.Saliency(),
        methods.SmoothGrad(samples=25),
        methods.IntegratedGradients(),
        methods.GuidedBackprop(),
        methods.EdgeDetector(),
    ]
    if subject.layers(x).maps:
        chosen.insert(4, methods.GradCam())
    return chosen


def _for_tables(subject: Subject) -> list[Attribution]:
    from xaiwidgets import methods

    inside = [] if subject.black_box else [methods.IntegratedGradients(), methods.LRP()]
    asking = [methods.KernelShap(), methods.LIME(), methods.FeatureAblation()]
    return [*asking, *inside, methods.RandomMap()]


def _for_volumes(layered: bool) -> list[Attribution]:
    from xaiwidgets import methods

    maps = [methods.GradCam(), methods.RespondCam(), methods.HiResCam(), methods.LayerCam()]
    return [*(maps if layered else []), methods.FullGrad()]


def catalogue(chosen: Sequence[Attribution], subject: Subject) -> dict[str, Attribution]:
    """Every method that a panel may be added for: the declared ones that the subject can answer,
    and functions handed over."""
    import xaiwidgets.methods  # noqa: F401 - declares the built-in ones

    has_maps = subject.kind in ("picture", "volume")
    asking = [
        cls
        for cls in declared(Attribution)
        if not subject.black_box or cls.taxonomy.access == "black box"
    ]
    found = {
        cls.__name__: cls().suited(subject.kind)
        for cls in asking
        if subject.kind in cls.takes and (has_maps or not _looks_at_layers(cls))
    }
    for method in chosen:
        found.setdefault(pack.name_of(method), method)
    return found


def _looks_at_layers(method: type[Attribution]) -> bool:
    """Whether a method looks at a layer: one that holds a map, where none is named."""
    return any(knob.kind == "layer" for knob in method.knobs.values())
