"""`dissect`: what the units of a network's layers answer to, to be searched and looked through."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import torch
import traitlets

from xaiwidgets import __version__
from xaiwidgets.core.batches import batches
from xaiwidgets.core.errors import Cancelled, ExplainError, one_line
from xaiwidgets.core.figure import contact_sheet
from xaiwidgets.core.job import CancelToken, Job, working
from xaiwidgets.core.subject import Inputs, Subject
from xaiwidgets.methods.concepts.dissection import Dissection, NetworkDissection
from xaiwidgets.methods.concepts.dissection.annotated import example, pictures_of
from xaiwidgets.methods.concepts.dissection.answer import checked_quantile
from xaiwidgets.methods.concepts.units import Units, UnitViews
from xaiwidgets.methods.concepts.units.filters import filters_behind
from xaiwidgets.methods.relevance import ConceptRelevance

from .code import names_in
from .compare import Compare
from .given import refuse_other
from .left_behind import LeftBehind
from .panel import Panel
from .parcel import as_parcel
from .picture_sheet import picture_sheet
from .switched_off import SAMPLE, SwitchedOff
from .unit_sheets import concept_cards, concept_masks, unit_concepts, unit_sheets
from .view import PicturedView
from .wire import UnitsAbout, WorkStatus
from .worker import Worker

_SIDE, _TOP = 64, 9
_USUAL = NetworkDissection()
_RECOUNT = "units and concepts are counted again"


def dissect(
    subject: Any,
    data: Any = None,
    layers: str | Sequence[str] | None = None,
    *,
    dissection: Dissection | NetworkDissection | None = None,
    top: int = _TOP,
    compare: Compare | None = None,
) -> Dissect:
    """What the units of some layers answer to and detect, in a notebook.

    `data` is anything that `Units` takes, such as a folder of pictures or a data set, which goes
    through the network once, in the background; where its items have masks, such as ShapeScenes or
    Broden, every unit is held against every concept as well, by `NetworkDissection`, or by a
    `dissection` with settings of yours: `xw.NetworkDissection(rotations=5)`. `data` may also be
    what `Units` answered before. `layers` default to the last that holds a map; `top` is how many
    pictures a unit keeps. A `dissection` that is there already is shown as it is, and alone brings
    its network, data and layers: `xw.dissect(found)`, also of a generator. In the widget `compare`,
    one panel shows the relevance of the unit that is looked at. Raises ExplainError for what cannot
    be used.
    """
    names = names_in(
        sys._getframe(1), subject=subject, data=data, dissection=dissection, compare=compare
    )
    if isinstance(subject, Dissection):
        dissection = subject
        source = dissection.needed()
        subject, data = source.subject, source.data if data is None else data
    if data is None:
        raise ExplainError("dissect takes a network and data; or what NetworkDissection answered.")
    if isinstance(dissection, Dissection) and layers is None:
        layers = [units.layer for units in dissection.layers]
    return Dissect(
        subject, data, layers, dissection=dissection, top=top, compare=compare, names=names
    )


class Dissect(PicturedView, bundle="inside"):
    """The widget behind `dissect`.

    `w.units` is the survey of the units, `w.dissection` what they detect; `w.selected` the layer
    and the unit that are looked at; `w.switch_off(layer, units)` does what the page's switches do,
    `w.at(quantile)` counts with another share of activations taken for active. `w.wait()` blocks
    until the work is done; `w.to_html(path)` keeps a page.
    """

    instead: ClassVar[Mapping[str, str]] = {
        "off": "w.switch_off(layer, units) switches units off",
        "units": "xw.dissect(subject, data, layers=...) surveys others",
    }

    _kind = traitlets.Unicode("dissect").tag(sync=True)
    about = traitlets.Dict().tag(sync=True)
    status = traitlets.Dict().tag(sync=True)
    sheets: Any = traitlets.List().tag(sync=True, to_json=as_parcel)
    found: Any = traitlets.List().tag(sync=True, to_json=as_parcel)
    pictures = traitlets.Dict().tag(sync=True)
    masks = traitlets.Dict().tag(sync=True, to_json=as_parcel)
    off = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        subject: Any,
        data: Any,
        layers: str | Sequence[str] | None = None,
        *,
        dissection: Dissection | NetworkDissection | None = None,
        top: int = _TOP,
        compare: Compare | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        self.subject = Subject.of(subject)
        self.subject.need_pictures("dissect")
        kinds = Dissection, NetworkDissection
        refuse_other("dissection", dissection, kinds, "xw.NetworkDissection(...) or its answer")
        refuse_other("compare", compare, Compare, "the widget that xw.compare made")
        survey = Units(top=top, side=_SIDE)
        self.units: UnitViews | None = None
        self.method = dissection if isinstance(dissection, NetworkDissection) else _USUAL
        self.dissection = dissection if isinstance(dissection, Dissection) else None
        self.selected: tuple[str, int] | None = None
        self._quantile: float | None = None
        self._names, self._given = dict(names or {}), (_plain(layers), top)
        self._compare = compare
        self._panel: Panel | None = None
        self._worker = Worker(on_idle=self._rest)
        self._guard = threading.RLock()
        self._left = LeftBehind(self.picture, self.describe)
        self._off = SwitchedOff(self.subject, self._worker, self.set_trait)
        super().__init__(about=dict(self._about()), status=dict(_status("waiting")))
        if isinstance(data, UnitViews):
            self._show(data)
        else:
            self._worker.submit("units", lambda token: self._work(survey, data, layers, token))

    def __repr__(self) -> str:
        found = "not there yet" if self.units is None else ", ".join(self.units.layers)
        return f"Dissect({self.subject.title}: {found})"

    def _failures(self) -> list[str]:
        known = self.status, self.off
        return [work["message"] for work in known if work.get("status") == "error"]

    def switch_off(self, layer: str, units: Sequence[int]) -> Dissect:
        """Switch units of a layer off, and all others on; `w.off` says what the network does."""
        if self.units is None:
            raise ExplainError("The units are not there yet; wait for them with w.wait().")
        if not isinstance(units, Iterable) or isinstance(units, str):
            raise ExplainError(f"units is {units!r}; it takes numbers of units, such as [0, 7].")
        for unit in units:
            self.units.unit(unit, layer)
        with self._guard:
            self._off.set(layer, list(units))
        return self

    def at(self, quantile: float) -> Dissect:
        """Take another share of activations for active, and count anew: no pass."""
        if self.units is None or self.dissection is None:
            raise ExplainError("No concepts are there yet to be counted again.")
        self.dissection.needed()
        checked_quantile(quantile)
        with self._guard:
            self._put(status=dict(_status("waiting", message=_RECOUNT)))
            self._worker.submit("quantile", lambda token: self._recount(quantile, token))
        return self

    def python(self) -> str:
        """The code for what is on screen."""
        layers, top = self._given
        names = {"subject": "model", **self._names}
        if self.dissection is None:
            names.setdefault("data", "data")
        given = [names[role] for role in ("subject", "data") if role in names]
        if layers is not None:
            given.append(f"layers={layers!r}")
        if self.method != _USUAL:
            names.setdefault("dissection", f"xw.{self.method!r}")
        given += [f"{role}={names[role]}" for role in ("dissection", "compare") if role in names]
        given += [] if top == _TOP else [f"top={top}"]
        lines = ["import xaiwidgets as xw", "", f"w = xw.dissect({', '.join(given)})"]
        if self._quantile is not None:
            lines.append(f"w.wait().at({self._quantile:g})")
        if self._off.units:
            lines.append(f"w.wait().switch_off({self._off.layer!r}, {self._off.units})")
        return "\n".join([*lines, "w"])

    def picture(self) -> bytes:
        """The strongest picture of the liveliest units, as a PNG."""
        if self.units is None:
            return contact_sheet([np.full((8, 8, 3), 235, np.uint8)], ["not there yet"])
        layer = next(iter(self.units.layers.values()))
        chosen = np.argsort(-np.where(layer.silent, -1, layer.active), kind="stable")[:10]
        shown = [self.units.picture(int(layer.numbers[unit, 0])) for unit in chosen]
        labels = [f"{layer.layer} {unit}" for unit in chosen]
        if self.dissection is not None:
            found = [self.dissection.units(layer.layer)[unit] for unit in chosen]
            labels = [f"{u.unit}: {u.concept.split(':')[-1]} {u.iou:.2f}" for u in found]
        return contact_sheet(shown, labels, side=112)

    def describe(self) -> str:
        """Whose units they are."""
        return f"The strongest picture of each of the liveliest units of {self.subject.title}."

    def page(self, every_input: bool) -> tuple[dict[str, Any], dict[str, Any]]:
        """What an exported page holds: everything that is known of the units."""
        self.wait()
        names = ("_kind", "status", "sheets", "found", "pictures", "masks", "off")
        state = self.get_state(names)
        return {**state, "about": {**self.about, "live": False}, "_code": self.python()}, {}

    # --- the work -----------------------------------------------------------------------------

    def _work(self, survey: Units, data: Any, layers: Any, token: CancelToken) -> None:
        with self._said():
            self._tell(0.0, "the data goes through the network")
            if self.dissection is None and _has_masks(data):
                self._show(self._both(survey, data, layers, token))
            else:
                self._show(self._survey(survey, data, layers, token))

    @contextmanager
    def _said(self) -> Iterator[None]:
        """What stops work is said on the page."""
        try:
            yield
        except Cancelled:
            self._put(status=dict(_status("cancelled", message="Cancelled.")))
        except Exception as error:
            self._put(status=dict(_status("error", message=one_line(error))))

    def _both(self, survey: Units, data: Any, layers: Any, token: CancelToken) -> UnitViews:
        """What every unit answers to, and every unit against every concept of the data, from one
        pass; the first inputs that come are kept to switch units off with."""
        start = time.perf_counter()
        first = self.subject.prepare(example(data, 0).picture).x
        if layers is None:
            layers = [layer.name for layer in self.subject.layers(first).maps[-1:]]
        views = survey.beside(self.subject, first, layers)
        sample: list[torch.Tensor] = []

        def hear(numbers: np.ndarray, x: torch.Tensor, outputs: dict[str, torch.Tensor]) -> None:
            views.note(numbers, x, outputs)
            if sum(map(len, sample)) < SAMPLE:
                sample.append(x.cpu())

        found = self.method(
            self.subject, data, layers, cancel=token, watch=hear,
            progress=lambda share: self._tell(share, "the data goes through the network"),
        )  # fmt: skip
        self._put(dissection=found)
        self._off.sample = torch.cat(sample)[:SAMPLE]
        with working(Job(token=token, forwards=found.provenance.forwards)) as job:
            return views.views(job, start, found.provenance.input)

    def _survey(self, survey: Units, data: Any, layers: Any, token: CancelToken) -> UnitViews:
        """What every unit answers to; the first inputs are kept to switch units off with."""
        count = len(data) if hasattr(data, "__len__") else 0
        draws = hasattr(data, "drawn")
        stream = batches(self.subject, data.codes if draws else pictures_of(data), SAMPLE)
        first = next(stream, None)

        def counted(parts: Iterator[Inputs]) -> Iterator[Inputs]:
            done = 0
            for part in parts:
                yield part
                done += len(part)
                share = min(1.0, done / count) if count else 0.0
                self._tell(share, "the data goes through the network")

        parts = itertools.chain([] if first is None else [first], stream)
        found = survey(
            self.subject, counted(parts), layers, cancel=token,
            pictures=data.drawn if draws else None,
        )  # fmt: skip
        if draws:
            self._off.drawn = self.dissection
        elif first is not None:
            self._off.sample = first.x.cpu()
        return found

    def _recount(self, quantile: float, token: CancelToken) -> None:
        assert self.dissection is not None
        with self._said():
            self._tell(0.0, _RECOUNT)
            found = self.dissection.at(quantile)
            if not token.cancelled:
                self._quantile = quantile
                self._put(dissection=found)
                self._show_concepts()

    def _show(self, found: UnitViews) -> None:
        sheets = unit_sheets(found, filters_behind(self.subject, list(found.layers)))
        masks = {} if self.dissection is None else dict(concept_masks(found, self.dissection))
        with self._guard:
            self._put(units=found, pictures=dict(picture_sheet(found.pictures)), masks=masks)
            self._put(sheets=[dict(sheet) for sheet in sheets])
            self._show_concepts()

    def _show_concepts(self) -> None:
        """What units detect, as far as that is known."""
        assert self.units is not None
        with self._guard:
            # names the concepts that are counted
            self._put(about=dict(self._about()), found=unit_concepts(self.units, self.dissection))
            self._put(status=dict(_status("done", 1.0)))

    def _tell(self, progress: float, message: str) -> None:
        with self._guard:
            self._put(status=dict(_status("running", progress, message)))

    def _about(self) -> UnitsAbout:
        found, dissection = self.units, self.dissection
        told = [each for each in (found, dissection) if each is not None]
        return {
            "version": __version__, "title": self.subject.title, "live": True,
            "size": [1, 1] if found is None else list(found.size),
            "count": 0 if found is None else found.count,
            "concepts": concept_cards(dissection),
            "iou": 0.0 if dissection is None else dissection.iou,
            "draws": self._off.drawn is not None, "linked": self._compare is not None,
            "quantile": 0.0 if dissection is None else dissection.provenance.settings["quantile"],
            "recounts": dissection is not None and dissection.source is not None,
            "facts": [words for each in told for words in each.facts],
            "warnings": [words for each in told for words in each.warnings],
        }  # fmt: skip

    # --- what the page asks -------------------------------------------------------------------

    def _do(self, name: str, args: dict[str, Any]) -> Any:
        commands = {
            "select_unit": self._select,
            "switch_units": self._switch,
            "set_quantile": self._requantile,
            "cancel": lambda args: self._cancel(),
            "copy_python": lambda args: self.python(),
        }
        if name not in commands:
            raise ExplainError(f"{name!r} is no command of this widget.")
        with self._guard:
            return commands[name](args)

    def _cancel(self) -> None:
        self._worker.cancel("units")
        self._worker.cancel("quantile")
        self._put(status=dict(_status("cancelled", message="Cancelled.")))

    def _select(self, args: dict[str, Any]) -> None:
        layer, unit = args.get("layer"), args.get("unit")
        if self.units is None or not isinstance(layer, str) or type(unit) is not int:
            raise ExplainError("A unit is selected by its layer's name and its number.")
        self.units.unit(unit, layer)
        self._put(selected=(layer, unit))
        if self._compare is not None:
            method = ConceptRelevance(layer=layer, channel=unit)
            self._panel = self._compare.lead(self._panel, method)

    def _requantile(self, args: dict[str, Any]) -> None:
        quantile = args.get("quantile")
        if not isinstance(quantile, float):
            raise ExplainError("The share of activations is a number between 0 and 1.")
        self.at(quantile)

    def _switch(self, args: dict[str, Any]) -> None:
        layer, units = args.get("layer"), args.get("units")
        if not isinstance(layer, str) or not isinstance(units, list):
            raise ExplainError("Units are switched off by their layer's name and their numbers.")
        if not all(type(unit) is int for unit in units):
            raise ExplainError("Units are switched off by whole numbers.")
        self.switch_off(layer, units)


def _has_masks(data: Any) -> bool:
    """Whether items of the data say which concepts are where."""
    if not (hasattr(data, "__len__") and hasattr(data, "__getitem__") and len(data)):
        return False
    try:
        return bool(example(data, 0).masks)
    except ExplainError:
        return False


def _plain(layers: str | Sequence[str] | None) -> str | list[str] | None:
    if layers is None or isinstance(layers, str):
        return layers
    if not isinstance(layers, Iterable):
        raise ExplainError(
            f"layers is a {type(layers).__name__}; it takes the name of a layer, or a list of them."
        )
    return list(dict.fromkeys(layers))


def _status(status: Any, progress: float = 0.0, message: str = "") -> WorkStatus:
    return {"status": status, "progress": progress, "message": message}
