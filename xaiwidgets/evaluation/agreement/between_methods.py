"""Do methods tell the same story? The similarity of every two explanations of the same inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.evaluation import Case, Evaluation, explaining, refuse_uneven
from xaiwidgets.core.figure import figure_type
from xaiwidgets.core.job import CancelToken, Job, working
from xaiwidgets.core.kinds import refuse_kind
from xaiwidgets.core.scores import bootstrap
from xaiwidgets.core.subject import Subject, differentiating

from ..similarity import SIMILARITIES, pairwise

if TYPE_CHECKING:
    import pandas


@dataclass(repr=False)
class Agreement:
    """How alike methods' maps are: `values` (methods, methods, inputs) by the measure `similarity`,
    NaN where a map is constant."""

    methods: list[str]
    values: np.ndarray
    similarity: str

    @property
    def matrix(self) -> pandas.DataFrame:
        """The mean over inputs for every two methods."""
        known = ~np.isnan(self.values)
        sums = np.where(known, self.values, 0).sum(2)
        return self._frame(np.where(known.any(2), sums / np.maximum(known.sum(2), 1), np.nan))

    def interval(self, level: float = 0.95) -> tuple[pandas.DataFrame, pandas.DataFrame]:
        """Where those means would lie with other inputs, by bootstrap over inputs; NaN with fewer
        than two."""
        low, high = self._interval(level)
        return self._frame(low), self._frame(high)

    def _interval(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        count = len(self.methods)
        low, high = bootstrap(self.values.reshape(count * count, -1).T, level, 2000)
        return low.reshape(count, count), high.reshape(count, count)

    def _frame(self, square: np.ndarray) -> pandas.DataFrame:
        import pandas

        return pandas.DataFrame(square, index=self.methods, columns=self.methods)

    def __repr__(self) -> str:
        return self.matrix.to_string(float_format=lambda value: f"{value:.2f}")

    def _repr_html_(self) -> str:
        """The means, each with its interval."""
        low, high = self._interval(0.95)
        shown = self.matrix.map(lambda value: f"{value:.2f}")
        for i in range(len(self.methods)):
            for j in range(len(self.methods)):
                if i != j and not np.isnan(low[i, j]):
                    shown.iat[i, j] += f" <small>[{low[i, j]:.2f}, {high[i, j]:.2f}]</small>"
        table: str = shown.to_html(escape=False, border=0)
        return table

    def plot(self) -> Any:
        """A matplotlib figure of the matrix, every number written in its cell."""
        count, mean = len(self.methods), self.matrix.to_numpy()
        side = 1.6 + 0.75 * count
        figure = figure_type()(figsize=(side + 1, side), layout="constrained")
        ax = figure.subplots()
        shown = ax.imshow(mean, cmap="RdBu", vmin=-1, vmax=1)
        for i in range(count):
            for j in range(count):
                colour = "white" if abs(mean[i, j]) > 0.6 else "black"
                ax.text(j, i, f"{mean[i, j]:.2f}", ha="center", va="center", color=colour)
        ax.set_xticks(range(count), self.methods, rotation=30, ha="right")
        ax.set_yticks(range(count), self.methods)
        figure.colorbar(shown, ax=ax, label=self.similarity)
        return figure


def agreement(
    methods: Sequence[Any],
    subject: Any,
    inputs: Any,
    target: Any = None,
    *,
    similarity: str = "spearman",
    progress: Callable[[float], None] | None = None,
    cancel: CancelToken | None = None,
) -> Agreement:
    """How alike the maps of several methods are: every two of them, over the inputs.

    `methods` are explanations as an evaluation takes them: methods, functions of (subject, x,
    target), Heatmaps or arrays. `similarity` is one of SIMILARITIES: "spearman" compares the ranks
    of sizes, "signed spearman" also their signs. Each method runs once.

    Agreement is no proof: methods that err alike agree, and where they differ at least one of them
    tells of something else.

    >>> agreement([Saliency(), GradCam()], network, pictures).matrix
    """
    if similarity not in SIMILARITIES:
        raise ExplainError(f"similarity is {similarity!r}; it takes one of {list(SIMILARITIES)}.")
    methods = methods if isinstance(methods, (list, tuple)) else [methods]
    if len(methods) < 2:
        raise ExplainError(f"{len(methods)} method came; agreement takes at least two.")
    subject = Subject.of(subject)
    refuse_kind("Agreement", Evaluation.takes, subject.kind, "comparison")
    ready = subject.prepare(inputs)
    refuse_uneven(ready)
    x = ready.x
    job = Job(progress, cancel or CancelToken())
    job.check()
    with working(job), differentiating():
        bound = subject.bind(target, x)
        seen = subject.seen(ready)
        cases = [Case(subject, x, bound, method, seen=seen) for method in methods]
        job.expected = sum(explaining(case).total for case in cases) * len(x) + job.forwards
        values = pairwise(similarity, [case.maps for case in cases])
    job.finish()
    return Agreement([_name(case) for case in cases], values, similarity)


def _name(case: Case) -> str:
    return case.label.removesuffix("()")
