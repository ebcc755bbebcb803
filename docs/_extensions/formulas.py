"""Formulas as pictures drawn by matplotlib: no script of MathJax's has to come from anywhere."""

from __future__ import annotations

import hashlib
from html import escape
from pathlib import Path

from docutils import nodes
from matplotlib import mathtext
from matplotlib.font_manager import FontProperties
from sphinx.application import Sphinx

SIZE = 12


def _image(node: nodes.Element, self) -> str:
    """The formula as a picture whose words are its source."""
    source = node.astext().strip().replace("\n", " ")
    folder = Path(self.builder.outdir) / "_images"
    folder.mkdir(exist_ok=True)
    name = f"formula-{hashlib.sha256(source.encode()).hexdigest()[:16]}.svg"
    depth = mathtext.math_to_image(
        f"${source}$", folder / name, prop=FontProperties(size=SIZE), format="svg"
    )
    place = f"{self.builder.imgpath}/{name}"
    style = f"vertical-align: -{depth:.1f}pt"
    return f'<img class="formula" src="{place}" alt="{escape(source)}" style="{style}">'


def _inline(self, node: nodes.Element) -> None:
    self.body.append(_image(node, self))
    raise nodes.SkipNode


def _block(self, node: nodes.Element) -> None:
    self.body.append(f'<p class="formula">{_image(node, self)}</p>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Formulas of pages and notebooks alike."""
    app.add_html_math_renderer("matplotlib", (_inline, None), (_block, None))
    app.config.html_math_renderer = "matplotlib"
    return {"parallel_read_safe": True}
