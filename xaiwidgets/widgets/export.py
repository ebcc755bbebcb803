"""One page that works offline: the widget's own code and state, in a single file."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xaiwidgets.core.errors import ExplainError

if TYPE_CHECKING:
    from .compare import Compare

STATIC = Path(__file__).parent / "static"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>body {{ margin: 0; }} {css}</style>
</head>
<body>
{widgets}
<script>{script}</script>
</body>
</html>
"""
_WIDGET = """<div class="xw-page"></div>
<script type="application/json" class="xw-state">{state}</script>"""


def write_page(widget: Compare, path: Path, every_input: bool) -> Path:
    """Wait for a widget's answers, then write them and the widget's code to `path`."""
    title = f"{widget.subject.title}: {widget.target.get('label', '')}"
    return write_pages([widget], path, title=title, every_input=every_input)


def write_pages(
    widgets: Sequence[Compare], path: Path, *, title: str, every_input: bool = True
) -> Path:
    """Write several widgets, one below the other, as one self-contained page."""
    if path.is_dir() or not path.parent.exists():
        raise ExplainError(
            f"No page can be written to {str(path)!r}; give a file in a folder that exists."
        )
    page = _PAGE.format(
        policy=_POLICY,
        title=html.escape(title),
        css=_static("widget.css").replace("</", "<\\/"),
        widgets="\n".join(_section(widget, every_input) for widget in widgets),
        script=_static("offline.js").replace("</script", "<\\/script"),
    )
    path.write_text(page, encoding="utf-8")
    return path


def _static(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def _section(widget: Compare, every_input: bool) -> str:
    state, library = page_state(widget, every_input)
    held = {"state": plain(state), "library": plain(library)}
    return _WIDGET.format(state=in_script(json.dumps(held, separators=(",", ":"))))


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


def plain(value: Any) -> Any:
    """Bytes as {"__bytes__": base64}, so that JSON can hold them."""
    if isinstance(value, bytes):
        return {"__bytes__": base64.b64encode(value).decode("ascii")}
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return value


def in_script(text: str) -> str:
    """JSON that cannot close its script element or break a line of it."""
    escaped = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return escaped.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
