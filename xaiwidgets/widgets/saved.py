"""What an exported page holds of `compare`: what is on screen, and every input's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .compare import Compare


def page_state(widget: Compare, every_input: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """The traits on screen, and a library of what changes from input to input."""
    shown = widget._gallery.index
    library: dict[str, Any] = {}
    indices = range(len(widget._gallery)) if every_input else [shown]
    for index in indices:
        if index != widget._gallery.index:
            widget.select(index)
        _complete(widget)
        library[_key(widget)] = _changing(widget)
    if widget._gallery.index != shown:
        widget.select(shown)
        _complete(widget)
    names = (
        "about", "strip", "target", "panels", "region", "display", "notice", "masking_settings",
        "trust_settings", "_kind",
    )  # fmt: skip
    state = {name: getattr(widget, name) for name in names}
    state["about"] = {**widget.about, "live": False}
    return {**state, **_changing(widget), "_code": widget.python()}, library


def _complete(widget: Compare) -> None:
    """Wait for every answer, and for every step of an experiment, also one that was stopped."""
    widget.wait()
    widget._walk.fill()
    widget.wait()


def _key(widget: Compare) -> str:
    target = ",".join(str(index) for index in widget.target["indices"])
    return f"{widget._gallery.index}|{target}"


def _changing(widget: Compare) -> dict[str, Any]:
    parts = ("slot", "badges") if widget.trust else ("slot",)
    slots = [f"{part}_{panel['slot']:02d}" for part in parts for panel in widget.panels]
    masked = ("filled", "mask_scores", "mask_curves") if widget.masking.on else ()
    names = ("scene", "target", "status", *slots, *masked)
    told = {name: getattr(widget, name) for name in names}
    return {**told, **widget._walk.page(), **widget._flows.page()}
