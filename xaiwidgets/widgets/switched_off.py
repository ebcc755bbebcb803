"""Units switched off by a reader, and what the network does without them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from xaiwidgets.core.errors import Cancelled, ExplainError, one_line
from xaiwidgets.core.job import CancelToken, Job, working
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods.concepts.dissection import Dissection
from xaiwidgets.methods.concepts.dissection.ablation import ablate
from xaiwidgets.methods.concepts.dissection.gan_dissection import redraw

from .pack import pack_bytes
from .wire import OffRow, UnitsOff
from .worker import Worker

SAMPLE = 64
_DRAWN = 8


class SwitchedOff:
    """The units that are off, in one layer at a time, and the newest answer of the network.

    A classifier is asked about `sample`, prepared inputs; a generator draws its first codes again.
    """

    def __init__(self, subject: Subject, worker: Worker, write: Callable[[str, Any], None]) -> None:
        self._subject, self._worker, self._write = subject, worker, write
        self.sample: torch.Tensor | None = None
        self.drawn: Dissection | None = None
        self.layer, self.units = "", list[int]()

    def set(self, layer: str, units: list[int]) -> None:
        """Switch these units off, and all others on."""
        if self.sample is None and self.drawn is None:
            raise ExplainError(
                "Switching units off needs the data; make the widget from it, not from an answer."
            )
        self.layer, self.units = layer, sorted(set(units))
        if self.units:
            self._tell("running")
            self._worker.submit("off", self._ask, first=True)
        else:
            self._worker.cancel("off")
            self._tell("done")

    def _ask(self, token: CancelToken) -> None:
        layer, units = self.layer, list(self.units)
        try:
            with working(Job(token=token)):
                told = self._redrawn(layer, units) if self.drawn else self._classes(layer, units)
        except Cancelled:
            return
        except Exception as error:
            self._tell("error", one_line(error))
        else:
            if not token.cancelled:
                self._tell("done", **told)

    def _classes(self, layer: str, units: list[int]) -> dict[str, Any]:
        """Each class that occurs: its mean probability over the inputs that are called by it."""
        assert self.sample is not None
        x = self.sample.to(self._subject.device)
        table = ablate(self._subject, x, layer, units).table()
        rows: list[OffRow] = [
            {
                "name": str(row["class"]), "inputs": int(row["pictures"]),
                "before": float(row["softmax before"]), "after": float(row["softmax after"]),
            }
            for row in table.to_dict("records")
        ]  # fmt: skip
        return {"rows": rows, "inputs": len(x)}

    def _redrawn(self, layer: str, units: list[int]) -> dict[str, Any]:
        """Each concept's share of the pixels, and some pictures."""
        assert self.drawn is not None
        data = self.drawn.needed().data
        codes = data.codes[:SAMPLE]
        found = redraw(self.drawn, layer, units, codes.flatten(1) if data.subject.flat else codes)
        rows: list[OffRow] = [
            {
                "name": str(row["concept"]), "inputs": len(codes),
                "before": float(row["before"]), "after": float(row["after"]),
            }
            for row in found.table().to_dict("records")
        ]  # fmt: skip
        return {
            "rows": rows, "inputs": len(codes), "before": pack_bytes(found.before[:_DRAWN]),
            "after": pack_bytes(found.after[:_DRAWN]),
        }  # fmt: skip

    def _tell(self, status: Any, message: str = "", **told: Any) -> None:
        card: UnitsOff = {
            "layer": self.layer, "units": self.units, "status": status, "message": message,
            "rows": [], "inputs": 0,
        }  # fmt: skip
        self._write("off", {**card, **told})
