"""Docstrings are written to be read as they stand; here they become what Sphinx takes for text."""

from __future__ import annotations

import re

from sphinx.application import Sphinx

_CODE = re.compile(r"(`[^`]+`)")
_LEADS = re.compile(r"^(Use it|It misleads|It costs)(?= )")


def as_text(line: str) -> str:
    """A line with its code marked, and everything else that would be markup escaped."""
    if line.lstrip().startswith((">>>", "...")):
        return line
    parts = _CODE.split(line)
    words = [f"`{part}`" if _CODE.fullmatch(part) else _escaped(part) for part in parts]
    return _LEADS.sub(r"**\1**", "".join(words))


def _escaped(words: str) -> str:
    """Words whose stars, bars and underscores stand for themselves, emphasis but for."""
    return re.sub(r"\\|[|_]|\*(?!\w[^*]*\w\*)(?<!\w\*)", r"\\\g<0>", words)


def _in_place(app: Sphinx, what: str, name: str, of: object, options: object, lines: list[str]):
    if what == "data":
        lines.clear()  # it would be what Python says of any dict or tuple
    lines[:] = [as_text(line) for line in lines]


def setup(app: Sphinx) -> dict[str, bool]:
    """Listen to every docstring."""
    app.connect("autodoc-process-docstring", _in_place)
    return {"parallel_read_safe": True}
