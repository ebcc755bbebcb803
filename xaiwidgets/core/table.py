"""A training table: what its columns are, how rows are read and written, and what is usual."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from .cells import as_written, names_of
from .errors import ExplainError, nearest

Categories = Mapping[Any, Sequence[Any]] | Sequence[Any]


class Table:
    """Rows with named columns, each of numbers or of categories.

    `rows` (rows, columns) holds numbers, and the numbers of categories counted from 0; `levels`
    what those stand for, by column. `frame` says whether `data` came as a DataFrame, in which form
    rows are then handed out.
    """

    def __init__(
        self, data: Any, columns: Sequence[str] | None = None, categories: Categories | None = None
    ) -> None:
        self.frame = _is_frame(data)
        self.columns = _columns(data, columns)
        cells = _array(data)
        if cells.ndim != 2 or cells.shape[0] < 2 or cells.shape[1] != len(self.columns):
            raise ExplainError(
                f"The data has shape {cells.shape} and there are {len(self.columns)} names of "
                "columns; it takes an array (rows, columns) or a DataFrame with at least two rows, "
                "and a name for each column."
            )
        self._dtypes = list(data.dtypes) if self.frame else []
        self.levels: dict[int, tuple[Any, ...]] = {}
        self.words: dict[int, tuple[str, ...]] = {}
        for column, names in self._categorical(cells, categories).items():
            self._name_levels(column, cells[:, column], names)
        self.rows = self._coded(cells, "The data")

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def categorical(self) -> np.ndarray:
        """Which columns hold categories (columns,), as bool."""
        return np.isin(np.arange(len(self.columns)), list(self.levels))

    # --- read -------------------------------------------------------------------------------

    def read(self, inputs: Any) -> tuple[np.ndarray, list[str]]:
        """Rows as numbers (rows, columns), and what each is called."""
        if isinstance(inputs, Mapping):
            return self._of_dicts([inputs])
        if _is_series(inputs):
            return self._of_dicts([dict(inputs)], [inputs.name])
        if _is_frame(inputs):
            if not len(inputs):
                raise ExplainError("The input has no rows; give at least one.")
            found, _ = self._of_dicts(inputs.to_dict("records"))
            return found, _labels(inputs.index)
        if isinstance(inputs, (list, tuple)) and inputs and isinstance(inputs[0], Mapping):
            return self._of_dicts(inputs)
        cells = _array(inputs)
        cells = cells[None] if cells.ndim == 1 else cells
        if cells.ndim != 2 or cells.shape[1] != len(self.columns) or not len(cells):
            raise ExplainError(
                f"The input has shape {cells.shape}; it takes rows of {len(self.columns)} columns: "
                "an array (rows, columns), a DataFrame, or a dict by name of column."
            )
        return self._coded(cells, "The input"), _numbered(len(cells))

    def _of_dicts(
        self, rows: Sequence[Mapping[Any, Any]], labels: Sequence[Any] | None = None
    ) -> tuple[np.ndarray, list[str]]:
        cells = np.empty((len(rows), len(self.columns)), dtype=object)
        for i, row in enumerate(rows):
            named = {str(name): value for name, value in row.items()}
            for name in self.columns:
                if name not in named:
                    raise ExplainError(
                        f"The input has no column {name!r}; it takes "
                        f"{len(self.columns)} columns: {', '.join(self.columns)}."
                    )
            cells[i] = [named[name] for name in self.columns]
        found = self._coded(cells, "The input")
        return found, _numbered(len(rows)) if labels is None else _labels(labels)

    def _coded(self, cells: np.ndarray, whose: str) -> np.ndarray:
        """Cells (rows, columns) as numbers."""
        if cells.dtype == np.float64 and not self.levels and np.isfinite(cells).all():
            return cells.copy()
        return np.stack([self._column(i, column, whose) for i, column in enumerate(cells.T)], 1)

    def _column(self, column: int, cells: np.ndarray, whose: str) -> np.ndarray:
        """The cells of one column as numbers: all at once, or one by one where some need words."""
        try:
            if column in self.levels:
                places = {level: float(i) for i, level in enumerate(self.levels[column])}
                return np.array([places[cell] for cell in cells.tolist()])
            found = cells.astype(np.float64)
            if np.isfinite(found).all():
                return found
        except (KeyError, TypeError, ValueError):
            pass
        return np.array([self._code(column, cell, whose) for cell in cells])

    def _code(self, column: int, cell: Any, whose: str) -> float:
        """A cell as a number."""
        if _missing(cell):
            raise ExplainError(_gap(whose, self.columns[column], column in self.levels))
        if column in self.levels:
            return self._level(column, cell, whose)
        try:
            number = float(cell)
        except (TypeError, ValueError):
            raise ExplainError(
                f"{whose} has {cell!r} in column {self.columns[column]!r}, which holds numbers; "
                "name it in categories= if it holds categories."
            ) from None
        if not np.isfinite(number):
            raise ExplainError(
                f"{whose} has {number} in column {self.columns[column]!r}; replace NaN and "
                "infinite values first."
            )
        return number

    def _level(self, column: int, cell: Any, whose: str) -> float:
        levels, words = self.levels[column], self.words[column]
        if cell in levels:
            return float(levels.index(cell))
        if str(cell) in words:
            return float(words.index(str(cell)))
        raise ExplainError(
            f"{whose} has {cell!r} in column {self.columns[column]!r}. "
            f"{nearest(str(cell), dict.fromkeys(words))}"
        )

    # --- write ------------------------------------------------------------------------------

    def written(self, row: np.ndarray) -> tuple[str, ...]:
        """What stands in the cells of a row (columns,), in words."""
        return tuple(
            self.words[i][int(value)] if i in self.words else as_written(value)
            for i, value in enumerate(row)
        )

    def numbers(self, rows: np.ndarray) -> np.ndarray:
        """Rows (rows, columns) with categories as the numbers that the data had for them; where it
        had words, counted from 0."""
        found = rows.copy()
        for column, levels in self.levels.items():
            if _numeric(levels):
                found[:, column] = np.array(levels, dtype=float)[rows[:, column].astype(int)]
        return found

    def handed(self, rows: np.ndarray) -> Any:
        """Rows as a black box takes them: a DataFrame like the data, or an array."""
        if not self.frame:
            return self.numbers(rows)
        import pandas as pd

        made = {}
        for i, (name, dtype) in enumerate(zip(self.columns, self._dtypes, strict=True)):
            cells = rows[:, i]
            if i in self.levels:
                levels = np.array(self.levels[i], dtype=object)
                made[name] = pd.Series(levels[cells.astype(int)]).astype(dtype)
            else:
                made[name] = pd.Series(cells)
        return pd.DataFrame(made)

    # --- what is usual ----------------------------------------------------------------------

    def frequent(self, column: int) -> int:
        """The most frequent category of a column."""
        counts = np.bincount(self.rows[:, column].astype(int))
        return int(counts.argmax())

    def centre(self, name: str) -> np.ndarray:
        """The "mean" or the "median" of every column (columns,), of categories the most frequent
        one."""
        return self._mean if name == "mean" else self._median

    @functools.cached_property
    def _mean(self) -> np.ndarray:
        return self._with_frequent(self.rows.mean(0))

    @functools.cached_property
    def _median(self) -> np.ndarray:
        return self._with_frequent(np.median(self.rows, 0))

    def _with_frequent(self, found: np.ndarray) -> np.ndarray:
        for column in self.levels:
            found[column] = self.frequent(column)
        return found

    @functools.cached_property
    def quartiles(self) -> np.ndarray:
        """What cuts the values of every column into quarters (3, columns)."""
        return np.quantile(self.rows, (0.25, 0.5, 0.75), axis=0)

    @functools.cached_property
    def spread(self) -> np.ndarray:
        """The standard deviation of every column of numbers (columns,), 1 where there is none; of
        categories the next power of two, which divides without rounding."""
        found = self.rows.std(0)
        found[found == 0] = 1
        for column, levels in self.levels.items():
            found[column] = 2.0 ** np.ceil(np.log2(max(len(levels), 2)))
        return found

    # --- inside -----------------------------------------------------------------------------

    def _categorical(
        self, cells: np.ndarray, categories: Categories | None
    ) -> dict[int, Sequence[Any] | None]:
        """Which columns hold categories, with the names that were given for them."""
        found: dict[int, Sequence[Any] | None] = {}
        if cells.dtype == object:
            words = (str, bool, np.bool_)
            worded = [any(isinstance(cell, words) for cell in column) for column in cells.T]
            found = {i: None for i, has in enumerate(worded) if has}
        if isinstance(categories, str):
            categories = [categories]
        given = categories if isinstance(categories, Mapping) else dict.fromkeys(categories or ())
        for name, names in given.items():
            found[self._number(name)] = names
        return found

    def _number(self, column: Any) -> int:
        """The number of a column that is named, or counted from 0."""
        if isinstance(column, (int, np.integer)) and 0 <= column < len(self.columns):
            return int(column)
        if column in self.columns:
            return self.columns.index(column)
        raise ExplainError(
            f"categories names {column!r}, which is no column. "
            f"{nearest(str(column), dict.fromkeys(self.columns))}"
        )

    def _name_levels(self, column: int, cells: np.ndarray, names: Sequence[Any] | None) -> None:
        """Levels as the data has them, and what each is called."""
        if any(map(_missing, cells)):
            raise ExplainError(_gap("The data", self.columns[column], categories=True))
        there = sorted(set(cells.tolist()), key=lambda cell: (str(type(cell)), cell))
        if names is None:
            self.levels[column] = tuple(there)
        elif all(isinstance(cell, str) for cell in there):
            self.levels[column] = tuple(names)
        else:
            codes = [float(cell) for cell in there]
            if not all(code.is_integer() and 0 <= code < len(names) for code in codes):
                raise ExplainError(
                    f"categories has {len(names)} names for column {self.columns[column]!r}, whose "
                    f"values run from {codes[0]:g} to {codes[-1]:g}; it takes a name for each of "
                    "0, 1, 2 and so on."
                )
            self.levels[column] = tuple(float(i) for i in range(len(names)))
        levels = self.levels[column]
        shown = levels if names is None else names
        self.words[column] = tuple(
            as_written(each) if _numeric((each,)) else str(each) for each in shown
        )


def _missing(cell: Any) -> bool:
    """Whether a cell is None, NaN, or pandas' word for it."""
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(cell, (float, np.floating)) and bool(np.isnan(cell))


def _gap(whose: str, column: str, categories: bool) -> str:
    """What is said of a missing value."""
    advice = (
        "give what is missing a category of its own, such as 'unknown'"
        if categories
        else "replace NaN by a number first, such as the column's median"
    )
    return f"{whose} has no value in column {column!r}; {advice}."


def _numeric(levels: Sequence[Any]) -> bool:
    return all(
        isinstance(each, (int, float, np.number)) and not isinstance(each, bool) for each in levels
    )


def _is_frame(data: Any) -> bool:
    return hasattr(data, "columns") and hasattr(data, "dtypes") and hasattr(data, "to_dict")


def _is_series(data: Any) -> bool:
    return hasattr(data, "index") and hasattr(data, "items") and hasattr(data, "dtype")


def _columns(data: Any, columns: Sequence[str] | None) -> tuple[str, ...]:
    if columns is not None:
        found = names_of(columns)
    elif _is_frame(data):
        found = names_of(data.columns)
    else:
        shape = np.shape(_array(data))
        found = tuple(f"column {i}" for i in range(shape[1] if len(shape) == 2 else 0))
    if len(set(found)) < len(found):
        twice = next(name for name in found if found.count(name) > 1)
        raise ExplainError(f"Two columns are called {twice!r}; give every column its own name.")
    return found


def _array(data: Any) -> np.ndarray:
    """Cells as an array: of numbers, or of whatever stands in them."""
    if isinstance(data, torch.Tensor):
        return data.detach().cpu().double().numpy()
    if _is_frame(data):
        return np.asarray(data.astype(object))
    try:
        return np.asarray(data, dtype=np.float64)
    except (TypeError, ValueError):
        pass
    found = np.asarray(data, dtype=object)
    if found.ndim == 1 and any(isinstance(row, (list, tuple, np.ndarray)) for row in found):
        raise ExplainError(
            "The rows have different lengths; every row takes a value for each column."
        )
    return found


def _labels(index: Any) -> list[str]:
    """What rows are called: by an index of names; by their place where that is all it tells."""
    if any(each is None for each in index):
        return _numbered(len(index))
    return [f"row {each}" if isinstance(each, (int, np.integer)) else str(each) for each in index]


def _numbered(count: int) -> list[str]:
    return [f"row {i + 1}" for i in range(count)]
