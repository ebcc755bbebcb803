"""Do networks tell the same story? The mean of their maps as an approximate truth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from xaiwidgets.core.declare import knob
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.evaluation import Case, Graded
from xaiwidgets.core.figure import figure_type
from xaiwidgets.core.job import CancelToken, Job, working
from xaiwidgets.core.kinds import refuse_kind
from xaiwidgets.core.method import Passes
from xaiwidgets.core.scores import bootstrap
from xaiwidgets.core.subject import Subject, differentiating

from ..besides import Besides
from ..knobs import similarity_knob
from ..similarity import SIMILARITIES, unit_map
from ..similarity import similarity as alike

if TYPE_CHECKING:
    import pandas


class Consensus(Besides, title="Consensus of networks", source="li2021"):
    """Does this network's map agree with what other networks say about the same picture?

    |R| of every network is scaled to 0...1 and averaged; the score is the similarity of this
    network's map with that mean. The mean leaves this network out: one of three networks would
    otherwise agree with itself by a third, whatever it says. `together` keeps it in, as Li et al.
    (2021) do with some eighty networks, where it hardly matters.

    All networks are asked about the same class of the same tensor, so they have to share classes
    and normalisation.

    Use it with several networks of the same classes, to see whether a map is one network's quirk.

    It misleads where the networks share a bias, which is then part of the consensus: what most
    networks look at need not be what matters.

    >>> Consensus(networks=[second, third])(network, x, Saliency())  # doctest: +SKIP
    """

    better = "higher"
    family = "agreement"
    explains_anew = True
    besides: ClassVar[tuple[str, ...]] = ("networks",)

    networks: Sequence[Any] | None = None
    similarity: str = similarity_knob("spearman")
    together: bool = knob(default=False, help="keep the judged network in the mean")

    def cost(self, case: Case) -> Passes:
        """The explanation of every network."""
        if case.method is None:
            return Passes(0, 0)
        each = [case.method.cost(other, case.x) for other in (case.subject, *self._others())]
        return Passes(sum(one.forward for one in each), sum(one.backward for one in each))

    def grade(self, case: Case) -> Graded:
        """The similarity of this network's map with the mean of the others'."""
        others = [_scaled(case.folded(case.explain(case.x, subject=o))) for o in self._others()]
        own = _scaled(case.maps)
        mean = np.mean([*others, own] if self.together else others, axis=0)
        found = Graded(alike(self.similarity, case.maps, mean))
        silent = int(np.isnan(found.values).sum())
        if silent:
            found.warnings.append(
                f"For {silent} of {len(case)} inputs a map is constant: no score."
            )
        return found

    def _others(self) -> list[Subject]:
        if not self.networks:
            raise ExplainError(
                "Consensus compares with other networks; give Consensus(networks=[...]), one or "
                "more that know the same classes."
            )
        return [Subject.of(network) for network in self.networks]


@dataclass(repr=False)
class ConsensusOfNetworks:
    """What several networks say together: `maps` (inputs, height, width) in 0...1, and the
    similarity of each network with the others, `values` (networks, inputs)."""

    networks: list[str]
    maps: np.ndarray
    values: np.ndarray
    similarity: str

    @property
    def table(self) -> "pandas.DataFrame":
        """One row a network: its mean score and the interval, by bootstrap over inputs."""
        import pandas

        low, high = bootstrap(self.values.T, 0.95, 2000)
        known = ~np.isnan(self.values)
        sums = np.where(known, self.values, 0).sum(1)
        mean = np.where(known.any(1), sums / np.maximum(known.sum(1), 1), np.nan)
        return pandas.DataFrame({"mean": mean, "low": low, "high": high}, index=self.networks)

    def __repr__(self) -> str:
        return self.table.to_string(float_format=lambda value: f"{value:.2f}")

    def _repr_html_(self) -> str:
        """The table."""
        table: str = self.table.to_html(border=0, float_format=lambda value: f"{value:.2f}")
        return table

    def plot(self) -> Any:
        """A matplotlib figure: every network's mean with its interval."""
        table = self.table
        figure = figure_type()(figsize=(5, 0.9 + 0.4 * len(table)), layout="constrained")
        ax = figure.subplots()
        reach = np.abs(table[["low", "high"]].to_numpy().T - table["mean"].to_numpy())
        ax.errorbar(table["mean"], range(len(table)), xerr=reach, fmt="o", capsize=3)
        ax.set_yticks(range(len(table)), self.networks)
        ax.invert_yaxis()
        ax.set(xlabel=f"similarity with the other networks ({self.similarity})")
        return figure


def consensus(
    explanation: Any,
    networks: Sequence[Any],
    inputs: Any,
    target: Any = None,
    *,
    similarity: str = "spearman",
    together: bool = False,
    progress: Callable[[float], None] | None = None,
    cancel: CancelToken | None = None,
) -> ConsensusOfNetworks:
    """What several networks say together about the inputs, and how each agrees with the others.

    `explanation` is a method or a function of (subject, x, target); `networks` are networks or
    Subjects that know the same classes and take the same tensors; `target` (default: the class that
    the first network predicts) is asked of all of them. With `together` each network is compared
    with the mean that it is part of, as in the paper.
    """
    subjects = [Subject.of(network) for network in networks]
    if len(subjects) < 2:
        raise ExplainError(f"{len(subjects)} network came; a consensus takes at least two.")
    if similarity not in SIMILARITIES:
        raise ExplainError(f"similarity is {similarity!r}; it takes one of {list(SIMILARITIES)}.")
    refuse_kind("A consensus", Consensus.takes, subjects[0].kind, "comparison")
    x = subjects[0].prepare(inputs).x
    job = Job(progress, cancel or CancelToken())
    job.check()
    with working(job), differentiating():
        case = Case(subjects[0], x, subjects[0].bind(target, x), explanation)
        if case.method is not None:
            each = [case.method.cost(subject, x).total for subject in subjects]
            job.expected = sum(each) * len(x) + job.forwards
        maps = [case.folded(case.explain(x, subject=subject)) for subject in subjects]
        scaled = np.stack([_scaled(one) for one in maps])
        whole, count = scaled.sum(0), len(maps)
        means = [whole / count if together else (whole - one) / (count - 1) for one in scaled]
        values = np.stack(
            [alike(similarity, one, mean) for one, mean in zip(maps, means, strict=True)]
        )
    job.finish()
    titles = [subject.title for subject in subjects]
    names = [f"{t} {i + 1}" if titles.count(t) > 1 else t for i, t in enumerate(titles)]
    return ConsensusOfNetworks(names, whole / count, values, similarity)


def _scaled(maps: np.ndarray) -> np.ndarray:
    """|R| of every input from 0 to 1, as the paper scales SmoothGrad's."""
    return unit_map(np.abs(maps))
