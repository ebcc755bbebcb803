"""`dissect`: what the units of a network's layers answer to, to be searched and looked through."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets

from xaiwidgets import __version__
from xaiwidgets.core.errors import Cancelled, ExplainError, one_line
from xaiwidgets.core.figure import contact_sheet
from xaiwidgets.core.job import CancelToken
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods.concepts.units import Units, UnitViews
from xaiwidgets.methods.concepts.units.filters import filters_of

from .left_behind import LeftBehind
from .pack import pack_bytes
from .unit_sheets import unit_sheets
from .view import PicturedView
from .wire import UnitsAbout, WorkStatus
from .worker import Worker

_SIDE = 64


def dissect(
    subject: Any, data: Any, layers: str | Sequence[str] | None = None, *, top: int = 9
) -> Dissect:
    """What every unit of some layers answers to, in a notebook.

    `data` is anything that `Units` takes, such as a folder of pictures or a data set, which goes
    through the network once in the background; or what `Units` answered before. `layers` default to
    the last that holds a map; `top` is how many pictures a unit keeps. Raises ExplainError for what
    cannot be used.
    """
    return Dissect(subject, data, layers, top=top)


class Dissect(PicturedView, bundle="inside"):
    """The widget behind `dissect`.

    `w.units` is what was found, a UnitViews; `w.selected` the layer and the unit that are looked
    at; `w.wait()` blocks until the data has gone through; `w.to_html(path)` keeps a page.
    """

    _kind = traitlets.Unicode("dissect").tag(sync=True)
    about = traitlets.Dict().tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    sheets: Any = traitlets.List().tag(sync=True)
    pictures = traitlets.Dict().tag(sync=True)

    def __init__(
        self, subject: Any, data: Any, layers: str | Sequence[str] | None = None, *, top: int = 9
    ) -> None:
        self.subject = Subject.of(subject)
        self.subject.need_pictures("dissect")
        survey = Units(top=top, side=_SIDE)
        self.units: UnitViews | None = None
        self.selected: tuple[str, int] | None = None
        self._worker = Worker(on_idle=self._rest)
        self._guard = threading.RLock()
        self._left = LeftBehind(self.picture)
        super().__init__(about=dict(self._about()), status=dict(_status("waiting")))
        if isinstance(data, UnitViews):
            self._show(data)
        else:
            self._worker.submit("units", lambda token: self._survey(survey, data, layers, token))

    def __repr__(self) -> str:
        found = "not there yet" if self.units is None else ", ".join(self.units.layers)
        return f"Dissect({self.subject.title}: {found})"

    def picture(self) -> bytes:
        """The strongest picture of the liveliest units, as a PNG."""
        if self.units is None:
            return contact_sheet([np.full((8, 8, 3), 235, np.uint8)], ["not there yet"])
        layer = next(iter(self.units.layers.values()))
        chosen = np.argsort(-np.where(layer.silent, -1, layer.active), kind="stable")[:10]
        shown = [self.units.picture(int(layer.numbers[unit, 0])) for unit in chosen]
        return contact_sheet(shown, [f"{layer.layer} {unit}" for unit in chosen], side=96)

    def page(self, every_input: bool) -> tuple[dict[str, Any], dict[str, Any]]:
        """What an exported page holds: everything that is known of the units."""
        self.wait()
        names = ("_kind", "status", "sheets", "pictures")
        state = {name: getattr(self, name) for name in names}
        return {**state, "about": {**self.about, "live": False}}, {}

    # --- the work -----------------------------------------------------------------------------

    def _survey(self, survey: Units, data: Any, layers: Any, token: CancelToken) -> None:
        def tell(share: float) -> None:
            with self._guard:
                self.status = dict(_status("running", share, "the data goes through the network"))

        tell(0.0)
        try:
            found = survey(self.subject, data, layers, progress=tell, cancel=token)
        except Cancelled:
            self.status = dict(_status("cancelled", message="Cancelled."))
        except Exception as error:
            self.status = dict(_status("error", message=one_line(error)))
        else:
            self._show(found)

    def _show(self, found: UnitViews) -> None:
        filters = filters_of(self.subject, list(self.subject.layers()))
        sheets = unit_sheets(found, filters)
        with self._guard:
            self.units = found
            self.pictures = dict(pack_bytes(found.pictures))
            self.about = dict(self._about())
            self.sheets = [dict(sheet) for sheet in sheets]
            self.status = dict(_status("done", 1.0))

    def _about(self) -> UnitsAbout:
        found = self.units
        return {
            "version": __version__, "title": self.subject.title, "live": True,
            "size": [1, 1] if found is None else list(found.size),
            "count": 0 if found is None else found.count, "concepts": [], "iou": 0.0,
        }  # fmt: skip

    # --- what the page asks -------------------------------------------------------------------

    def _do(self, name: str, args: dict[str, Any]) -> Any:
        commands = {"select_unit": self._select, "cancel": self._cancel}
        if name not in commands:
            raise ExplainError(f"{name!r} is no command of this widget.")
        with self._guard:
            return commands[name](args)

    def _select(self, args: dict[str, Any]) -> None:
        layer, unit = args.get("layer"), args.get("unit")
        if self.units is None or not isinstance(layer, str) or type(unit) is not int:
            raise ExplainError("A unit is selected by its layer's name and its number.")
        self.units.unit(unit, layer)
        self.selected = layer, unit

    def _cancel(self, _: dict[str, Any]) -> None:
        self._worker.cancel("units")


def _status(status: Any, progress: float = 0.0, message: str = "") -> WorkStatus:
    return {"status": status, "progress": progress, "message": message}
