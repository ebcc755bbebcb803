"""Receptive fields: which pixels a cell of a layer can see, measured on the network itself. Where
their centres lie, inside the picture or not, is followed in `dissection.receptive`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from xaiwidgets.core.activations import layer_outputs
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.layers import Layer
from xaiwidgets.core.subject import Subject

Box = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Reach:
    """What each row and column of a layer's map sees: `rows` (height, 2) and `columns` (width, 2),
    the first pixel and the one after the last."""

    rows: np.ndarray
    columns: np.ndarray

    def box(self, row: int, column: int) -> Box:
        """The receptive field of a cell in pixels: top, left, bottom, right, the last two just
        outside."""
        (top, bottom), (left, right) = self.rows[row], self.columns[column]
        return int(top), int(left), int(bottom), int(right)


def receptive_fields(subject: Subject, x: torch.Tensor, layers: list[Layer]) -> dict[str, Reach]:
    """The receptive fields of all cells of the layers, for inputs like `x` (1, channels, h, w).

    One pass over as many copies of `x` as it has rows and columns, with one of them NaN in each:
    the cells that become NaN have seen it. No kernel or stride is asked for, so that skip
    connections, attention and functions outside modules count as what they are. A layer without a
    map sees the whole picture. Raises ExplainError for a network that swallows NaN.
    """
    height, width = x.shape[2:]
    mapped = [layer for layer in layers if layer.spatial]
    seen = {layer.name: _Seen(layer, height, width) for layer in mapped}
    if mapped:
        size = subject.batch_size(x, backward=False)
        for start in range(0, height + width, size):
            lines = range(start, min(start + size, height + width))
            blind = torch.cat([_blinded(x, line, height) for line in lines])
            outputs, _ = layer_outputs(subject, blind, list(seen))
            for name, each in seen.items():
                each.note(outputs[name], start)
    whole = Reach(np.array([[0, height]]), np.array([[0, width]]))
    return {
        layer.name: seen[layer.name].reach(height) if layer.name in seen else whole
        for layer in layers
    }


def _blinded(x: torch.Tensor, line: int, height: int) -> torch.Tensor:
    """`x` with one row NaN, or, counted on from the rows, one column."""
    blind = x.clone()
    if line < height:
        blind[:, :, line] = torch.nan
    else:
        blind[:, :, :, line - height] = torch.nan
    return blind


class _Seen:
    """Which rows and columns of a layer's map became NaN by which line of the picture."""

    def __init__(self, layer: Layer, height: int, width: int) -> None:
        self.layer = layer
        self.hit = np.zeros((height + width, *layer.grid), bool)

    def note(self, output: torch.Tensor, start: int) -> None:
        lost = self.layer.fold(output).isnan().any(1).cpu().numpy()
        self.hit[start : start + len(lost)] = lost

    def reach(self, height: int) -> Reach:
        by_row, by_column = self.hit[:height], self.hit[height:]
        rows, columns = np.any(by_row, axis=2), np.any(by_column, axis=1)
        return Reach(self._extent(np.asarray(rows)), self._extent(np.asarray(columns)))

    def _extent(self, hit: np.ndarray) -> np.ndarray:
        """From (lines, cells) the first line that each cell sees and the one after the last."""
        if not hit.any(0).all():
            raise ExplainError(
                f"The receptive fields of {self.layer.name!r} cannot be measured: the network "
                "swallows NaN before it gets there, or a cell sees nothing."
            )
        return np.stack([hit.argmax(0), len(hit) - hit[::-1].argmax(0)], 1)
