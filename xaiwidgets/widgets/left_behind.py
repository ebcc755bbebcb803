"""The picture that a widget leaves in a saved notebook, for wherever no widget can run."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from xaiwidgets.core.answers import Heatmap
from xaiwidgets.core.display import paint
from xaiwidgets.core.figure import (
    below_each_other,
    contact_sheet,
    heatmap_figure,
    look_of,
    of_table,
    picture_of,
)
from xaiwidgets.core.table_figure import Chart, table_sheet
from xaiwidgets.core.text_figure import Sheet, text_sheet
from xaiwidgets.core.tokens import Tokens
from xaiwidgets.core.volume_figure import painted_slice, slice_figure

from . import pack
from .below_maps import strips
from .gallery import Gallery
from .panel import Panel


class LeftBehind:
    """A picture in an output of its own, brought up to date once every panel has its answer.

    In the view's own output that would make JupyterLab throw the view away, with the reader's zoom
    and focus, and render it anew. Where widgets run, an empty one hides the picture.
    """

    def __init__(self, picture: Callable[[], bytes], describe: Callable[[], str]) -> None:
        self._picture, self._describe = picture, describe
        self._shown_as = ""
        self.kept = False

    def show(self, name: str, whole: bool) -> None:
        """Put the picture of now into an output that can be found again by `name`; it is `whole`
        where no answer was awaited any more."""
        from IPython.display import display

        display(self.bundle(), raw=True, metadata=self.metadata(), display_id=name)
        self._shown_as, self.kept = name, whole

    def keep(self) -> None:
        """Bring the picture up to date, once."""
        if not self.kept:
            self.renew()

    def renew(self) -> None:
        """Bring the picture up to date, if it was shown."""
        if self._shown_as:
            from IPython.display import update_display

            self.kept = True
            update_display(
                self.bundle(), raw=True, metadata=self.metadata(), display_id=self._shown_as
            )

    def bundle(self) -> dict[str, Any]:
        """The picture, and an empty widget that hides it."""
        hidden = _curtain()._repr_mimebundle_() or {}
        return {**hidden, "text/plain": "", "image/png": encoded(self._picture())}

    def metadata(self) -> dict[str, Any]:
        """The picture in words, for those who do not see it."""
        return {"image/png": {"alt": self._describe()}}


def figure(panels: Sequence[Panel], display: Mapping[str, Any], columns: int) -> Any:
    """A matplotlib figure of the input and every map that is there."""
    shown = titled(panels)
    if shown and shown[0][0].values.ndim == 5:
        return slice_figure(shown, display["slice"], columns=columns, **display)
    titles = [title for _, title in shown]
    return heatmap_figure(
        [(heat, 0) for heat, _ in shown], titles=titles, columns=columns, **display
    )


def titled(
    panels: Sequence[Panel], told: Callable[[Panel, Heatmap], Heatmap] = lambda _, answer: answer
) -> list[tuple[Heatmap, str]]:
    """Every answer that is there, as it is `told`, with what its panel is called."""
    titles = pack.titles_of([panel.method for panel in panels])
    each = [(panel, panel.answer, title) for panel, title in zip(panels, titles, strict=True)]
    return [(told(panel, answer), title) for panel, answer, title in each if answer is not None]


def screen(
    gallery: Gallery,
    label: str,
    shown: Sequence[tuple[Heatmap, str]],
    display: Mapping[str, Any],
    masked: Sequence[tuple[np.ndarray, str]] = (),
) -> bytes:
    """What is on screen as a PNG: the input, every answer under its title, and below them its steps
    and the `masked` pictures, each with its words."""
    look = look_of({**display})
    parts = gallery.inputs.parts
    if parts is not None and of_table(parts):
        return table_sheet(_charts(parts[gallery.index], label, shown), look, label)
    if parts is not None:
        own = parts[gallery.index]
        assert isinstance(own, Tokens)
        alone = Sheet(label, own)
        return text_sheet([alone, *(Sheet.of(heat, 0, title) for heat, title in shown)], look)
    assert gallery.pictures is not None
    own, labels = gallery.pictures[gallery.index], [label, *(title for _, title in shown)]
    if gallery.depth > 1:
        at = display["slice"]
        return contact_sheet(
            [own[at], *(painted_slice(heat, at, look) for heat, _ in shown)], labels
        )
    painted = [paint(heat.map()[0], picture_of(heat, 0), look)[0] for heat, _ in shown]
    below = [contact_sheet(*zip(*masked, strict=True))] if masked else []
    return below_each_other([contact_sheet([own, *painted], labels), *strips(shown, look), *below])


def _charts(cells: Any, label: str, shown: Sequence[tuple[Heatmap, str]]) -> list[Chart]:
    """The bars of every panel; before there are any, the row with none."""
    charts = [Chart.of(heat, 0, title) for heat, title in shown]
    return charts or [Chart(label, cells, np.zeros(len(cells)))]


def encoded(png: bytes) -> str:
    """A PNG as a MIME bundle holds it."""
    return base64.b64encode(png).decode("ascii")


@cache
def _curtain() -> Any:
    """An empty widget that stands in for a picture where widgets run; one serves them all."""
    import ipywidgets

    return ipywidgets.HTML(layout=ipywidgets.Layout(display="none"))
