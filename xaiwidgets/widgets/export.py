"""One page that works offline: the widget's own code and state, in a single file."""

from __future__ import annotations

import base64
import html
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xaiwidgets.core.errors import ExplainError

from .view import STATIC

if TYPE_CHECKING:
    from .view import PicturedView

Traits = dict[str, Any]
_OFFLINE = {
    "widget": "offline.js", "inside": "inside-offline.js", "lesson": "lesson-offline.js",
}  # fmt: skip
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
{scripts}
</body>
</html>
"""
_WIDGET = """<div class="xw-page" data-bundle="{bundle}"></div>
<script type="application/json" class="xw-state">{state}</script>"""


def write_pages(
    widgets: Sequence[PicturedView], path: str | Path, *, title: str, every_input: bool = True
) -> Path:
    """Write several widgets, one below the other, as one self-contained page."""
    place = Path(path) if isinstance(path, (str, os.PathLike)) else None
    if place is None or place.is_dir() or not place.parent.exists():
        came = repr(path) if place is None else repr(str(place))
        raise ExplainError(
            f"No page can be written to {came}; give a file in a folder that exists."
        )
    bundles = list(dict.fromkeys(widget.bundle for widget in widgets))
    page = _PAGE.format(
        policy=_POLICY,
        title=html.escape(title),
        css="".join(_static(f"{bundle}.css").replace("</", "<\\/") for bundle in bundles),
        widgets="\n".join(_section(widget, every_input) for widget in widgets),
        scripts="\n".join(_script(_OFFLINE[bundle]) for bundle in bundles),
    )
    place.write_text(page, encoding="utf-8")
    return place


def _static(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def _script(name: str) -> str:
    code = _static(name).replace("</script", "<\\/script")
    return f"<script>{code}</script>"


def _section(widget: PicturedView, every_input: bool) -> str:
    state, library = widget.page(every_input)
    held = {"state": plain(state), "library": plain(library)}
    text = in_script(json.dumps(held, separators=(",", ":")))
    return _WIDGET.format(bundle=widget.bundle, state=text)


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
