"""A page of 512 units and 60 concepts, as large as a layer of a large network."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xaiwidgets.widgets.export import Traits, write_pages
from xaiwidgets.widgets.pack import pack_bytes, pack_map
from xaiwidgets.widgets.parcel import parcel
from xaiwidgets.widgets.picture_sheet import picture_sheet
from xaiwidgets.widgets.unit_sheets import BARS, numbers
from xaiwidgets.widgets.view import PicturedView
from xaiwidgets.widgets.wire import UnitConcepts, UnitSheet

UNITS, CONCEPTS, TOP, SIDE, CELLS, PICTURES = 512, 60, 6, 64, 14, 200
KINDS = ("object", "part", "scene", "texture", "colour", "material")


class ManyUnits(PicturedView, bundle="inside"):
    """What `dissect` would write of such a layer; nobody asks it anything."""

    def __init__(self, layers: int) -> None:
        self.layers, self.rng = layers, np.random.default_rng(0)

    def page(self, every_input: bool) -> tuple[Traits, Traits]:
        """Numbers drawn by lot."""
        shape = (PICTURES, SIDE, SIDE, 3)
        state = {
            "_kind": "dissect",
            "about": {
                "version": "0", "title": "many units", "live": False, "size": [224, 224],
                "count": PICTURES, "iou": 0.04, "draws": False, "linked": False,
                "quantile": 0.005, "recounts": False, "facts": [], "warnings": [],
                "concepts": [
                    {"name": f"{KINDS[i % 6]}:{i}", "category": KINDS[i % 6]}
                    for i in range(CONCEPTS)
                ],
            },
            "status": {"status": "done", "progress": 1.0, "message": ""},
            "sheets": parcel([self._sheet(f"layer{i}") for i in range(self.layers)]),
            "found": parcel([self._concepts() for _ in range(self.layers)]),
            "pictures": picture_sheet(self.rng.integers(0, 255, shape, np.uint8)),
            "masks": parcel({}), "off": {},
        }  # fmt: skip
        return state, {}

    def _sheet(self, layer: str) -> UnitSheet:
        rng = self.rng
        edges = np.stack([np.arange(CELLS) * 16, np.arange(CELLS) * 16 + 16], 1)
        return {
            "layer": layer, "units": UNITS,
            "values": numbers(rng.random((UNITS, TOP))),
            "pictures": numbers(rng.integers(0, PICTURES, (UNITS, TOP))),
            "peaks": numbers(rng.integers(0, CELLS**2, (UNITS, TOP))),
            "maps": pack_bytes(rng.integers(0, 255, (UNITS, TOP, CELLS, CELLS))),
            "low": numbers(np.zeros(UNITS)), "high": numbers(np.ones(UNITS)),
            "level": numbers(np.full(UNITS, 0.9)),
            "rows": numbers(edges), "columns": numbers(edges),
            "bars": numbers(rng.random((UNITS, BARS))), "active": numbers(rng.random(UNITS)),
            "silent": pack_bytes(np.zeros(UNITS)), "places": numbers(rng.normal(size=(UNITS, 2))),
            "near": numbers(rng.integers(0, UNITS, (UNITS, 8))),
            "alike": numbers(rng.random((UNITS, 8))),
        }  # fmt: skip

    def _concepts(self) -> UnitConcepts:
        rng = self.rng
        ious = 0.4 * rng.random((UNITS, CONCEPTS)) ** 8
        return {
            "level": numbers(np.full(UNITS, 0.9)), "ious": numbers(ious),
            "bounds": pack_map(np.ones_like(ious)), "chances": pack_map(ious / 2),
            "draws": numbers(0.1 * rng.random((20, UNITS))), "p": numbers(rng.random(UNITS)),
            "turned": numbers(0.2 * rng.random((5, UNITS))),
            "turned_concepts": numbers(rng.integers(0, CONCEPTS, (5, UNITS))), "spread": 1.24,
        }  # fmt: skip


def write_many_units(path: Path, layers: int = 1) -> Path:
    """Write the page."""
    return write_pages([ManyUnits(layers)], path, title="many units")
