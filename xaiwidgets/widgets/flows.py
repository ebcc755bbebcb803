"""Where the relevance of a panel's map went on its way down the network, told when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from xaiwidgets.core.errors import Cancelled, ExplainError, one_line
from xaiwidgets.core.job import CancelToken
from xaiwidgets.methods.relevance.layerwise import Layerwise

from .gallery import aim_of
from .panel import Panel
from .waterfall import way_of
from .wire import FlowCard, FlowWay
from .workplace import Workplace

_SIDE, _PAGE_SIDE, _PAGE_DEPTHS = 112, 56, 16


class Flows:
    """The flow of every panel that a reader looked into; one of an older map is let go.

    A flow costs about as much as the map itself did. It goes before what is done when there is
    time, such as badges, and after all else.
    """

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._cards: dict[str, FlowCard] = {}

    def show(self, panel: Panel) -> None:
        """Tell the flow of a panel's answer, unless that is known."""
        known = self._cards.get(panel.id)
        if known is not None and known["status"] == "done":
            return
        _checked(panel)
        shown = replace(panel)
        self._tell(shown, "waiting")
        self._place.worker.submit(
            ("flow", panel.id), lambda token: self._work(shown, token), first=True, last=True
        )

    def stop(self, panel: Panel) -> None:
        """Nobody wants it any more; what is known stays."""
        known = self._cards.get(panel.id)
        if known is not None and known["status"] in ("waiting", "running"):
            self._place.worker.cancel(("flow", panel.id))
            self._tell(panel, "cancelled", "Cancelled.")

    def answered(self, panel: Panel) -> None:
        """A panel has a new answer: the flow is that of an older one."""
        self._place.worker.cancel(("flow", panel.id))
        if self._cards.pop(panel.id, None) is not None:
            self._place.write(_slot(panel), {})

    removed = answered

    def cancelled(self) -> None:
        """All work was cancelled."""
        for panel in self._place.panels:
            self.stop(panel)

    def page(self) -> dict[str, FlowCard]:
        """What an exported page holds: the flow of every panel that has one, by trait, with small
        maps of a few depths."""
        return {
            _slot(panel): self._for_page(panel)
            for panel in self._place.panels
            if panel.answer is not None and isinstance(panel.made_by, Layerwise)
        }

    def close(self) -> None:
        """Let go of every flow."""
        self._cards.clear()

    # --- inside -----------------------------------------------------------------------------

    def _work(self, panel: Panel, token: CancelToken) -> None:
        self._tell(panel, "running", token=token)
        try:
            ways = self._ways(panel, token)
        except Cancelled:
            pass  # stopped, or given way: then it is done anew
        except Exception as error:
            self._tell(panel, "error", one_line(error), token=token)
        else:
            self._tell(panel, "done", ways=ways, token=token)

    def _ways(
        self, panel: Panel, token: CancelToken | None = None, side: int = _SIDE, most: int = 10_000
    ) -> list[FlowWay]:
        method = _checked(panel)
        assert panel.bound is not None
        assert panel.answer is not None
        subject = self._place.gallery.subject
        if subject.fingerprint != panel.answer.provenance.network:
            raise ExplainError("The network has changed since this map was made; run it anew.")
        x, aim = self._place.gallery.one(panel.input), aim_of(panel.bound)
        found = method.flows(subject, x, aim, cancel=token)
        told = panel.bound.label, side, most, subject.words.parts
        return [way_of(each, *told) for each in found]

    def _for_page(self, panel: Panel) -> FlowCard:
        try:
            ways = self._ways(panel, side=_PAGE_SIDE, most=_PAGE_DEPTHS)
        except Exception as error:
            return _card(panel, "error", one_line(error))
        return _card(panel, "done", ways=ways)

    def _tell(
        self,
        panel: Panel,
        status: str,
        message: str = "",
        *,
        ways: list[FlowWay] | None = None,
        token: CancelToken | None = None,
    ) -> None:
        """Write a panel's card; work that was cancelled, or is out of date, has nothing to say."""
        with self._place.guard:
            current = any(
                (p.id, p.answered) == (panel.id, panel.answered) for p in self._place.panels
            )
            if current and not (token and token.cancelled):
                self._cards[panel.id] = _card(panel, status, message, ways)
                self._place.write(_slot(panel), dict(self._cards[panel.id]))


def _checked(panel: Panel) -> Layerwise:
    if panel.answer is None:
        raise ExplainError("This panel has no map yet whose relevance could be followed.")
    if not isinstance(panel.made_by, Layerwise):
        raise ExplainError(
            f"{panel.method.label} does not share relevance layer by layer; LRP and its kin do."
        )
    return panel.made_by


def _card(
    panel: Panel, status: str, message: str = "", ways: list[FlowWay] | None = None
) -> FlowCard:
    return {
        "request": panel.answered,
        "status": status,  # type: ignore[typeddict-item]
        "message": message,
        "ways": ways or [],
    }


def _slot(panel: Panel) -> str:
    return f"flow_{panel.slot:02d}"


def flow_commands(
    flows: Flows, named: Callable[[Mapping[str, Any]], Panel]
) -> dict[str, Callable[[dict[str, Any]], Any]]:
    """What a page asks of flows."""
    return {
        "show_flow": lambda args: flows.show(named(args)),
        "stop_flow": lambda args: flows.stop(named(args)),
    }
