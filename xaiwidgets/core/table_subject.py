"""A model of tables, explained column by column."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from .blackbox import BlackBox
from .cells import Cells
from .errors import ExplainError
from .layers import Layers
from .subject import Inputs, Kind, Selector, Subject
from .table import Categories, Table
from .words import Words

_DIGITS = 12  # to which a black box gets numbers back, so that 3 is 3 and not 3.0000000000000004
_ROWS = 4096  # at most in one pass: rows are small


class TableSubject(Subject):
    """A model of tables: a network on rows (rows, columns), or anything that gives scores for them.

    >>> subject = TableSubject(forest.predict_proba, table, classes=["benign", "malignant"])
    >>> xw.KernelShap()(subject, table.iloc[0]).columns()

    `data` is the training table, or a part of it: an array (rows, columns) with the names of its
    `columns`, or a DataFrame. It says what a column's scale is, what is usual there, and what other
    rows look like. `categories` names the columns whose values have no order, best with a name for
    each: {"sex": ["female", "male"]}; columns of words are taken for such. Rows are arrays,
    DataFrames, or dicts by name of column.

    What is explained is x (batch, 1, 1, columns): a number as (value − mean) ÷ standard deviation
    of the data, a category by its place. The model itself is given values; with `mean` and `std`,
    one a column, a network is given (value − mean) ÷ std, which then is x. A black box is handed a
    DataFrame where `data` is one. `background` rows of the data stand for an absent column where a
    method averages over them. `classes` and `output` are as for Subject.
    """

    kind: ClassVar[Kind] = "table"
    words: ClassVar[Words] = Words("row", "column")
    baselines: ClassVar[tuple[str, ...]] = ("zero", "mean", "median", "rows")
    lacks: ClassVar[frozenset[str]] = frozenset(
        ("black", "white", "blur", "light blur", "neighbours", "noise", "given", "segments")
    )

    def __init__(
        self,
        model: nn.Module | Callable[[Any], Any],
        data: Any,
        *,
        columns: Sequence[str] | None = None,
        categories: Categories | None = None,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
        classes: Sequence[str] | Mapping[int, str] | None = None,
        output: Selector | None = None,
        background: int = 50,
        title: str | None = None,
    ) -> None:
        if not callable(model) or isinstance(model, (type, Subject)):
            advice = ", such as its predict_proba" if hasattr(model, "predict_proba") else ""
            raise ExplainError(
                f"The model is a {type(model).__name__}; a TableSubject takes a torch.nn.Module, "
                f"or a function from rows to scores{advice}."
            )
        self.table = Table(data, columns, categories)
        if not isinstance(model, nn.Module):
            model = BlackBox(model, self.table.handed)
        super().__init__(model, classes=classes, output=output, title=title)
        if (mean is None) != (std is None):
            raise ExplainError("mean and std belong together; give both or neither.")
        if background < 1:
            raise ExplainError(f"background is {background}; it takes at least one row.")
        self.background = min(background, len(self.table))
        self.normalised = mean is not None
        self._shift, self._scale = self._units(mean, std)
        size = np.maximum(np.abs(self._shift) + self._scale, 1e-300)
        self._unit = 10.0 ** np.clip(_DIGITS - np.ceil(np.log10(size)), -22, 22)

    # --- what it is -------------------------------------------------------------------------

    @property
    def dtype(self) -> torch.dtype:
        """The type of the network's numbers; a black box is given all digits."""
        return torch.float64 if self.black_box else super().dtype

    def centre(self, name: str, x: torch.Tensor) -> torch.Tensor:
        """The data's "mean" or "median" row in the place of every row of x."""
        return self.standing_for(self.table.centre(name)[None]).to(x).expand_as(x).clone()

    def noise(self, x: torch.Tensor, seed: int) -> Callable[[int], torch.Tensor]:
        """From a sample's number to another row of the data, in the place of every row of x."""
        order = np.random.default_rng(seed).permutation(len(self.table))

        def draw(sample: int) -> torch.Tensor:
            return self.rows[order[sample % len(order)]].to(x).expand_as(x)

        return draw

    @functools.cached_property
    def rows(self) -> torch.Tensor:
        """Every row of the data as x (rows, 1, 1, columns), in double precision on the CPU."""
        return self.standing_for(self.table.rows)

    def standing_for(self, rows: np.ndarray) -> torch.Tensor:
        """Rows as the table holds them (rows, columns) as x, in double precision on the CPU."""
        return torch.from_numpy((rows - self._shift) / self._scale)[:, None, None]

    def read_back(self, x: torch.Tensor) -> np.ndarray:
        """x as the rows (rows, columns) that it stands for: numbers to twelve digits, categories
        the nearest that there are."""
        rows = x.detach().cpu().double().numpy()[:, 0, 0] * self._scale + self._shift
        rows = np.round(rows * self._unit) / self._unit
        for column, levels in self.table.levels.items():
            rows[:, column] = np.clip(np.round(rows[:, column]), 0, len(levels) - 1)
        return rows

    def batch_size(self, x: torch.Tensor, *, backward: bool = True) -> int:
        """How many rows fit in one pass."""
        each = self.layers(x).activation_bytes * (3 if backward else 1) + x[0].numel() * 8
        return int(max(1, min(_ROWS, 1_000_000_000 // each)))

    def _traced(self, one: torch.Tensor) -> Layers:
        """No layer holds a map of a picture."""
        found = super()._traced(one)
        layers = [replace(layer, layout="", grid=(0, 0), prefix=0) for layer in found]
        return Layers(layers, [], found.activation_bytes)

    def _usual_shape(self) -> tuple[int, int, int]:
        return 1, 1, len(self.table.columns)

    # --- asking it --------------------------------------------------------------------------

    def _prepared(self, inputs: Any) -> Inputs:
        if isinstance(inputs, torch.Tensor) and inputs.ndim == 4:
            return self._taken(inputs)
        rows, names = self.table.read(inputs)
        x = self.standing_for(rows).to(device=self.device, dtype=self.dtype)
        return Inputs(x, names, self._cells(rows, names))

    def _taken(self, x: torch.Tensor) -> Inputs:
        """Rows in the units of x are taken as they are."""
        if x.shape[1:] != self._usual_shape() or not len(x):
            raise ExplainError(
                f"The input is a tensor of shape {tuple(x.shape)}; this subject takes rows, or "
                f"x (batch, 1, 1, {len(self.table.columns)})."
            )
        if not bool(torch.isfinite(x).all()):
            raise ExplainError("The input has NaN or infinite values; replace them first.")
        x = x.detach().to(device=self.device, dtype=self.dtype)
        rows = self.read_back(x)
        names = [f"row {i + 1}" for i in range(len(x))]
        return Inputs(x.clone() if x.is_inference() else x, names, self._cells(rows, names))

    def _cells(self, rows: np.ndarray, names: list[str]) -> list[Cells]:
        return [
            Cells(self.table.columns, self.table.written(row), name)
            for row, name in zip(rows, names, strict=True)
        ]

    def _settle_layout(self, x: torch.Tensor) -> None:
        """A row has no pixels to be laid out."""

    # --- inside -----------------------------------------------------------------------------

    def _run(self, x: torch.Tensor) -> Any:
        if isinstance(self.model, BlackBox):
            return self.model(torch.from_numpy(self.read_back(x)).to(x))
        return self.model(self._as_taken(x[:, 0, 0]))

    def _as_taken(self, x: torch.Tensor) -> torch.Tensor:
        """x (rows, columns) as the network takes it: values, or its own units."""
        shift, scale = (torch.from_numpy(each).to(x) for each in (self._shift, self._scale))
        values = x if self.normalised else x * scale + shift
        if not self.table.levels:
            return values
        codes = torch.from_numpy(self.table.numbers(self.read_back(x[:, None, None]))).to(x)
        if self.normalised:
            codes = (codes - shift) / scale
        return torch.where(torch.from_numpy(self.table.categorical).to(x.device), codes, values)

    def _units(self, mean: Any, std: Any) -> tuple[np.ndarray, np.ndarray]:
        """What is 0 in x, and what is 1 more (columns,)."""
        if mean is None:
            return self.table.centre("mean"), self.table.spread
        count = len(self.table.columns)
        found = []
        for name, given in (("mean", mean), ("std", std)):
            numbers = np.asarray(given, dtype=np.float64).reshape(-1)
            if len(numbers) not in (1, count) or not np.isfinite(numbers).all():
                raise ExplainError(
                    f"{name} has {len(numbers)} numbers and the table {count} columns; give one "
                    "finite number, or one for each column."
                )
            found.append(np.broadcast_to(numbers, count).copy())
        if (found[1] <= 0).any():
            raise ExplainError("std has a number that is not above 0; it divides every column.")
        return found[0], found[1]

    def _described(self, x: torch.Tensor) -> str:
        return f"{len(x)} rows of {x.shape[3]} columns"

    @property
    def _advice(self) -> str:
        return ""
