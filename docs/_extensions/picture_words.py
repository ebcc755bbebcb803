"""Every picture of a notebook has words for readers who do not see it, or the build fails.

They are those of the saved notebook: a widget's lie in its output's metadata, a figure's under
`alt` in the metadata of its cell.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

log = logging.getLogger(__name__)


def _words_of(cell: dict[str, Any]) -> list[str]:
    """Of each picture among a cell's outputs."""
    kept = [output for output in cell.get("outputs", ()) if "image/png" in output.get("data", ())]
    known = [output.get("metadata", {}).get("image/png", {}) for output in kept]
    return [own.get("alt") or cell["metadata"].get("alt", "") for own in known]


def _is_cell(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and "cell_index" in node


def _give_words(app: Sphinx, document: nodes.document) -> None:
    source = Path(document["source"])
    if source.suffix != ".ipynb":
        return
    cells = json.loads(source.read_text(encoding="utf-8"))["cells"]
    for node in document.findall(_is_cell):
        words = iter(_words_of(cells[node["cell_index"]]))
        for picture in node.findall(nodes.image):
            picture["alt"] = next(words, "") or picture.get("alt", "")
            if not picture["alt"]:
                log.warning(
                    "a picture of cell %d has no words; put them under alt in the cell's metadata",
                    node["cell_index"],
                    location=(app.env.docname, None),
                )


def setup(app: Sphinx) -> dict[str, bool]:
    """After a notebook's outputs have become pictures."""
    app.connect("doctree-read", _give_words)
    return {"parallel_read_safe": True}
