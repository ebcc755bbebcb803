"""What an exported page holds of `concepts`: what is on screen, and every cell's maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import pack

if TYPE_CHECKING:
    from .concepts import Concepts

_TRAITS = (
    "_kind", "pictures", "target", "cards", "work", "grid", "choice", "maps", "scene",
)  # fmt: skip


def concept_page(widget: Concepts, every_input: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """The traits on screen; and for a cell or a picture that a reader turns to, the traits that
    change. Without `every_input` only the picture on screen can be looked at closely."""
    widget.wait()
    state = {name: getattr(widget, name) for name in _TRAITS}
    state["about"] = {**widget.about, "live": False}
    state["_code"] = widget.python()
    library: dict[str, Any] = {}
    gallery, answer = widget._gallery, widget.scores
    for entry in answer.entries if answer else []:
        assert answer is not None
        maps = gallery.packed_maps(answer.vector(entry.concept, entry.layer))
        choice = {"concept": entry.concept, "layer": entry.layer}
        library[f"cell {entry.concept}|{entry.layer}"] = {"choice": choice, "maps": maps}
    for index in range(len(gallery)) if every_input else [widget.scene["index"]]:
        scene = {"index": index, "picture": pack.pack_bytes(gallery.pixels[index])}
        library[f"picture {index}"] = {"scene": scene}
    return state, library
