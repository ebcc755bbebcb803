"""`predict`: mark the region that you expect to matter, then see where the maps lie."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets
from typing_extensions import Self, Unpack

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.marks import Shapes, marked
from xaiwidgets.evaluation.localisation import Overlap

from .lesson import MARKED, Lesson
from .marks import by_picture, read_mark
from .opening import Known, names_of, spelt_out

if TYPE_CHECKING:
    import pandas as pd


@spelt_out(Known)
def predict(
    subject: Any,
    images: Any,
    target: Any = None,
    methods: Sequence[Any] | None = None,
    *,
    marked: Any = None,
    **known: Unpack[Known],
) -> Predict:
    """Predict, then reveal: which pixels will the explanations point to?

    It is the reader who predicts, not the network: they mark the region that should speak for the
    target, with boxes or a brush, by mouse or by keyboard. Then the maps are revealed, each with
    its overlap: the share of its evidence inside, its top pixels against the region, and whether
    its highest pixel lies there, beside what the same shape would get by chance, and beside the
    true regions in `masks`. Several pictures are asked in turn and summed up.

    `subject`, `images`, `target`, `methods`, `truths` and `masks` are those of `compare`. `marked`
    is the answer in code: an array (height, width) that is true inside, or a list of boxes (x0, y0,
    x1, y1) and strokes; for several pictures a dict by number, or a list with None for those left
    out. `w.reveal()` then needs no browser, and `w.wait().overlap` has the numbers.
    """
    names = names_of(sys._getframe(1), known, subject=subject, images=images, methods=methods)
    return Predict(subject, images, target, methods, marked=marked, names=names, **known)


class Predict(Lesson):
    """The widget behind `predict`; everything that is marked and measured is read from Python.

    `w.marked` are the pixels marked in the picture on screen (height, width), as bool; it can be
    set until the picture is revealed. `w.reveal()` reveals what is marked; `w.wait().overlap` then
    are the overlaps of the picture on screen by method, `w.results()` a table over all of them.
    """

    call = "predict"
    _kind = traitlets.Unicode("predict").tag(sync=True)
    marks = traitlets.Dict().tag(sync=True)

    @spelt_out(Known)
    def __init__(
        self,
        subject: Any,
        images: Any,
        target: Any = None,
        methods: Sequence[Any] | None = None,
        *,
        marked: Any = None,
        names: Mapping[str, str] | None = None,
        **known: Unpack[Known],
    ) -> None:
        """Check everything that can be wrong before a widget appears; then make the maps."""
        super().__init__(subject, images, target, methods, names=names, settings={}, **known)
        self._put(about={**self.about, "methods": self._titles})
        with self._guard:
            for index, mark in by_picture(marked, len(self._gallery), "marked").items():
                self._mark(index, read_mark(mark, self._gallery.shape(index)))
            self._show()

    # --- read and used from Python ----------------------------------------------------------

    @property
    def marked(self) -> np.ndarray:
        """The pixels marked in the picture on screen (height, width), as bool."""
        index = self._gallery.index
        return marked(self._shapes(index), self._gallery.shape(index))

    @marked.setter
    def marked(self, mark: Any) -> None:
        with self._guard:
            index = self._gallery.index
            self._mark(index, read_mark(mark, self._gallery.shape(index)))

    def reveal(self, *pictures: int) -> Self:
        """Show the maps of these pictures, or of every picture that is marked; marks then stay."""
        with self._guard:
            known = [index for index in range(len(self._gallery)) if self._shapes(index)]
            missing = [index for index in pictures if index not in known]
            if missing or not known:
                where = f"In picture {missing[0]} nothing" if missing else "Nothing"
                raise ExplainError(
                    f"{where} is marked yet: mark the region that you expect to matter, then "
                    "reveal."
                )
            self._tell_all([index for index in known if not pictures or index in pictures])
        return self

    @property
    def overlap(self) -> dict[str, Overlap]:
        """How each map of the picture on screen lies in the marked region, by method; empty before
        it is revealed. `.chance` of each is what the same shape would get anywhere."""
        with self._guard:
            rows = self._overlap_rows(self._gallery.index) if self._seen() else []
            return {name: found for name, region, found in rows if region == MARKED}

    def results(self) -> pd.DataFrame:
        """One row for each revealed picture, method and region ("marked", or a true one by name):
        the overlap, and what chance would give."""
        import pandas as pd

        with self._guard:
            rows = [
                _row(self._gallery.inputs.names[index], name, region or "marked", found)
                for index in self.revealed
                for name, region, found in self._overlap_rows(index)
            ]
        return pd.DataFrame(rows, columns=_COLUMNS)

    def __repr__(self) -> str:
        told = f"{len(self.revealed)} of {len(self._gallery)} revealed"
        return f"Predict({self.subject.title}, {self.target.get('label', '')}: {told})"

    # --- what the page asks -------------------------------------------------------------------

    @property
    def _commands(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        return {**super()._commands, "set_mark": self._set_mark, "reveal": self._reveal}

    def _set_mark(self, args: dict[str, Any]) -> None:
        index = self._number(args)
        self._mark(index, read_mark(args.get("shapes"), self._gallery.shape(index)))

    def _reveal(self, args: dict[str, Any]) -> None:
        """Reveal a picture, with the mark that the hand has just finished."""
        self._set_mark(args)
        self.reveal(self._number(args))

    # --- inside -------------------------------------------------------------------------------

    def _shapes(self, index: int) -> Shapes:
        return self.marks.get(str(index), [])  # type: ignore[no-any-return]

    def _mark(self, index: int, shapes: Shapes) -> None:
        if self._is_told(index) and shapes != self._shapes(index):
            raise ExplainError(
                "The maps of this picture are revealed, so its mark stays; make the widget again "
                "to predict anew."
            )
        self._put(marks={**self.marks, str(index): shapes})

    def _seen(self) -> bool:
        return self._is_told(self._gallery.index)

    def _sees(self, index: int) -> bool:
        return self._is_told(index)

    def _regions(self, index: int) -> dict[str, np.ndarray]:
        own = marked(self._shapes(index), self._gallery.shape(index))
        mine = {MARKED: own} if own.any() else {}
        return {**mine, **super()._regions(index)}

    def _answered(self) -> dict[str, dict[int, Any]]:
        return {"marked": {int(index): one for index, one in self.marks.items() if one}}

    def _ending(self) -> str:
        pictures = ", ".join(map(str, self.revealed)) if len(self._gallery) > 1 else ""
        return f".reveal({pictures})" if self.revealed else ""

    def _page_traits(self) -> list[str]:
        return [*super()._page_traits(), "marks"]


_COLUMNS = (
    "picture", "method", "region", "share", "iou", "hit", "share by chance", "iou by chance",
)  # fmt: skip


def _row(picture: str, method: str, region: str, found: Overlap) -> dict[str, Any]:
    return {
        "picture": picture, "method": method, "region": region, "share": found.share,
        "iou": found.iou, "hit": found.hit, "share by chance": found.chance.share,
        "iou by chance": found.chance.iou,
    }  # fmt: skip
