"""Rows drawn anew around one row of a table, for rules that hold its answer in place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from xaiwidgets.core.job import current_job
from xaiwidgets.core.table_subject import TableSubject
from xaiwidgets.core.target import BoundTarget

from .bandit import Parts, Rule
from .quarters import Quarters
from .scores_of import scores_of
from .standing import Standing


class RedrawnRows:
    """Rows under rules about the columns of `x` (1, 1, 1, columns); whether the answer stays.

    Columns that a rule leaves free are taken together from a random row of the data, each of the
    rule's columns from one in which its predicate is true.
    """

    each = 100
    at_once = 10_000

    def __init__(
        self, subject: TableSubject, x: torch.Tensor, target: BoundTarget, seed: int
    ) -> None:
        self.subject, self.x, self.target = subject, x, target
        self.draw = np.random.default_rng(seed)
        self.data = subject.table.rows
        self.quarters = Quarters(subject.table, subject.read_back(x)[0])
        self.count = len(self.quarters)
        self.true = self.quarters.hold(self.data)
        self.standing = Standing.of(target, float(scores_of(subject, x, target)))

    def coverage(self, parts: Parts) -> float:
        """The share of the data to which a rule applies."""
        return float(self.true[:, list(parts)].all(1).mean())

    def held(self, plan: Sequence[tuple[Parts, int]]) -> list[int]:
        """In how many rows under each rule the answer stays."""
        if not plan:
            return []
        current_job().check()
        drawn = np.concatenate([self._under(parts, times) for parts, times in plan])
        x = self.subject.standing_for(drawn).to(self.x)
        scores = scores_of(self.subject, x, self.target)
        stays = self.standing.holds(scores)
        return [int(part.sum()) for part in stays.split([times for _, times in plan])]

    def paint(self, rule: Rule) -> torch.Tensor:
        """1 on the rule's columns, (1, 1, columns)."""
        chosen = torch.zeros_like(self.x[0])
        chosen[..., list(rule.parts)] = 1
        return chosen

    def words(self, rule: Rule) -> str:
        """The rule in words."""
        return " and ".join(map(self.quarters.said, rule.parts)) or "always"

    def _under(self, parts: Parts, times: int) -> np.ndarray:
        drawn = self.data[self.draw.integers(len(self.data), size=times)].copy()
        for part in parts:
            fitting = self.data[self.true[:, part], part]
            if not len(fitting):
                fitting = self.quarters.row[part : part + 1]
            drawn[:, part] = fitting[self.draw.integers(len(fitting), size=times)]
        return drawn
