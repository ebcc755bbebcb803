"""Anchors for tables: a rule about the columns of one row that holds a black box's answer in
place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.job import current_job

from .bandit import Parts, Search

BINS = 4
EACH = 100


@dataclass(frozen=True)
class Predicate:
    """One column of the row lies in an interval low < value ≤ high, or has one of its values."""

    column: int
    name: str
    low: float = -np.inf
    high: float = np.inf
    value: Any = None

    def holds(self, rows: np.ndarray) -> np.ndarray:
        """For which rows (rows, columns) it is true, (rows,)."""
        cells = rows[:, self.column]
        if self.value is not None:
            return cells == self.value
        return (cells > self.low) & (cells <= self.high)

    def __str__(self) -> str:
        if self.value is not None:
            return f"{self.name} = {self.value:g}"
        left = f"{self.low:g} < " if np.isfinite(self.low) else ""
        right = f" ≤ {self.high:g}" if np.isfinite(self.high) else ""
        return f"{left}{self.name}{right}"


@dataclass(frozen=True)
class TableAnchor:
    """If every predicate is true, the answer is `answer` with this `precision`, which lies between
    `low` and `high`; `coverage` is the share of the data to which the rule applies. `verified` says
    whether the wished precision was reached; `asked` counts the rows that were asked about."""

    predicates: tuple[Predicate, ...]
    answer: int
    precision: float
    low: float
    high: float
    coverage: float
    verified: bool
    asked: int

    def __str__(self) -> str:
        when = " and ".join(map(str, self.predicates)) or "always"
        return (
            f"{when}: class {self.answer} (precision {self.precision:.2f}, {self.low:.2f} to "
            f"{self.high:.2f}; coverage {self.coverage:.3f})"
        )


def table_anchor(
    ask: Callable[[np.ndarray], Any],
    row: Any,
    data: Any,
    *,
    names: Sequence[str] | None = None,
    categorical: Sequence[int] = (),
    threshold: float = 0.95,
    samples: int = 100_000,
    seed: int = 0,
) -> TableAnchor:
    """The rule about `row` (columns,) that holds the answer of `ask` in place (Ribeiro et al.
    2018).

    `ask` maps rows (rows, columns) to classes (rows,) or to scores (rows, classes). `data` (rows,
    columns) says what other rows look like: columns that the rule leaves free are taken together
    from its random rows, each of the rule's columns from one that fulfils its predicate. Numbers
    are cut at the data's quartiles; `categorical` columns are equal or not. At most `samples` rows
    are asked about. Raises ExplainError for what cannot be used.
    """
    table = _checked(row, data)
    named = list(names) if names is not None else [f"column {i}" for i in range(table.shape[1])]
    if len(named) != table.shape[1]:
        raise ExplainError(f"{len(named)} names came for {table.shape[1]} columns.")
    row = np.asarray(row, dtype=np.float64)
    predicates = [_predicate(i, row, table, named[i], i in categorical) for i in range(len(row))]
    world = _World(ask, table, predicates, row, seed)
    search = Search(len(predicates), world.held, world.coverage, threshold, samples, EACH)
    rule, verified = search.best()
    low, high = rule.interval()
    chosen = tuple(predicates[i] for i in rule.parts)
    return TableAnchor(
        chosen, world.answer, rule.precision, low, high, rule.coverage, verified, search.spent
    )


class _World:
    """Draws rows under rules and asks about them."""

    def __init__(
        self,
        ask: Callable[[np.ndarray], Any],
        data: np.ndarray,
        predicates: Sequence[Predicate],
        row: np.ndarray,
        seed: int,
    ) -> None:
        self.ask, self.data, self.predicates = ask, data, predicates
        self.draw = np.random.default_rng(seed)
        self.true = np.stack([predicate.holds(data) for predicate in predicates], 1)
        self.answer = int(self._classes(row[None])[0])

    def coverage(self, parts: Parts) -> float:
        """The share of the data that fulfils the rule."""
        return float(self.true[:, list(parts)].all(1).mean())

    def held(self, plan: Sequence[tuple[Parts, int]]) -> list[int]:
        """How often the answer stays under each rule."""
        if not plan:
            return []
        current_job().check()
        drawn = [self._under(parts, times) for parts, times in plan]
        same = self._classes(np.concatenate(drawn)) == self.answer
        ends = np.cumsum([times for _, times in plan])
        return [int(part.sum()) for part in np.split(same, ends[:-1])]

    def _under(self, parts: Parts, times: int) -> np.ndarray:
        drawn = self.data[self.draw.integers(len(self.data), size=times)].copy()
        for part in parts:
            fitting = self.data[self.true[:, part], part]
            drawn[:, part] = fitting[self.draw.integers(len(fitting), size=times)]
        return drawn

    def _classes(self, rows: np.ndarray) -> np.ndarray:
        answer = np.asarray(self.ask(rows))
        if answer.ndim not in (1, 2) or len(answer) != len(rows):
            raise ExplainError(
                f"The black box returned shape {answer.shape} for {len(rows)} rows; it has to "
                "return one class a row, or scores (rows, classes)."
            )
        return answer.argmax(1) if answer.ndim == 2 else answer


def _predicate(
    column: int, row: np.ndarray, data: np.ndarray, name: str, categorical: bool
) -> Predicate:
    value = row[column]
    if categorical:
        return Predicate(column, name, value=value)
    edges = np.unique(np.quantile(data[:, column], np.arange(1, BINS) / BINS))
    below = edges[edges < value]
    above = edges[edges >= value]
    low = float(below[-1]) if len(below) else -np.inf
    return Predicate(column, name, low, float(above[0]) if len(above) else np.inf)


def _checked(row: Any, data: Any) -> np.ndarray:
    table = np.asarray(data, dtype=np.float64)
    shape = np.shape(row)
    if table.ndim != 2 or len(table) == 0 or shape != table.shape[1:]:
        raise ExplainError(
            f"The row has shape {shape} and the data {table.shape}; they have to be (columns,) and "
            "(rows, columns), with the same columns."
        )
    if not np.isfinite(table).all():
        raise ExplainError("The data has NaN or infinite values; replace them first.")
    return table
