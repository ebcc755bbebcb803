from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xaiwidgets.core.evaluation import Case, Graded, explaining
from xaiwidgets.core.method import Passes
from xaiwidgets.core.numbers import number
from xaiwidgets.core.scores import Curve, Scores, mean_known
from xaiwidgets.core.subject import Subject

from ..sanity.blocks import blocks_of
from ..sanity.forgetting import Forgetting, seed_of
from ..sanity.kept import GOOD, POOR, reading, unsettled
from ..similarity import inner, pearson, ranks
from .badge import Badge, Line, Lines, graded
from .question import Question, means, plain

STAGES = 5
DRAWS = 3
_READ_AT = 0.4


@dataclass(frozen=True)
class Stage:
    """How many blocks are gone, and the networks drawn without them."""

    gone: int
    networks: list[Subject]


class Sanity(Question):
    """Does the map change when the network forgets what it learnt? (Adebayo et al. 2018)

    Blocks forget from the output down, in at most five stages, and the map is drawn anew at each.
    The number is the rank correlation with the trained network's map, signs included, when two
    fifths have forgotten, a mean over three draws: one map of few large patches may look alike by
    chance. Where one draw would pass and another fail, the verdict is left open. There guided
    backprop still shows the picture's edges, and the gradient is another map.
    Signs count because the map is read with them: by size alone, the edges of the picture keep half
    of a gradient's ranks (Sundararajan and Taly 2018). ParameterRandomisation with three draws, and
    the sanity view, give the same number there and say the same of it.
    """

    name = "sanity"
    word = "Sane"
    asks = "Does the map change when the network forgets what it learnt?"
    better = "lower"
    explains_anew = True
    good, poor = GOOD, POOR
    limits = f"Good up to {good:g}, poor from {poor:g}; noise drawn anew each time passes too."

    def cost(self, case: Case) -> Passes:
        """The explanation once a network that forgot, with the scores there."""
        own, times = explaining(case), sum(len(stage.networks) for stage in self._stages(case))
        return Passes((own.forward + 1) * times, own.backward * times)

    def grade(self, case: Case) -> Graded:
        """How much of every map is left at each stage, with its signs and by size alone."""
        stages = self._stages(case)
        trained = [ranks(case.values.numpy(), absolute) for absolute in (False, True)]
        left = np.empty((2, len(stages), len(case)))
        of_draws: list[list[float]] = []
        for i, stage in enumerate(stages):
            then = [case.explain(case.x, subject=one).numpy() for one in stage.networks]
            for j, absolute in enumerate((False, True)):
                each = [_left(trained[j], ranks(m, absolute)) for m in then]
                left[j, i] = np.mean(each, 0)
                of_draws += [[mean_known(one) for one in each]] * (not absolute)
        varied = ~np.isnan(trained[0]).any(1)
        total = stages[-1].gone
        share = np.array([stage.gone for stage in stages]) / total
        at = _read_at(share)
        found = Graded(left[0, at], numbers={"blocks": total})
        found.numbers |= {"lowest": min(of_draws[at]), "highest": max(of_draws[at])}
        lines = {"this map": left[0], "this map, sizes alone": left[1]}
        if np.array_equal(left[0], left[1], equal_nan=True):
            del lines["this map, sizes alone"]
        lines["the network's scores"] = self._scores_left(case)
        for name, y in lines.items():
            if not np.isnan(y).all():
                found.curves[name] = Curve(share, y.T, "share of blocks forgotten", "likeness")
        if not varied.all():
            found.warnings.append("The map is the same everywhere: it has no order to lose.")
        return found

    def tell(self, scores: Scores) -> Badge:
        """By what is left when two fifths have forgotten."""
        kept, value = scores.curves["this map"], scores.mean
        total, at = round(scores.numbers["blocks"]), _read_at(kept.x)
        ends = scores.numbers["lowest"], scores.numbers["highest"]
        verdict = "doubtful" if unsettled(*ends) else graded(value, self.good, self.poor)
        gone = round(kept.x[at] * total)
        blocks = "last block" if gone == 1 else f"last {gone} of {total} blocks"
        sentence = (
            f"Without what the {blocks} learnt, the map keeps {number(value)} of its ranks: "
            f"{reading(value, *ends)}."
        )
        lines = [
            Line(name, [1.0, *means(curve)], control=curve is not kept)
            for name, curve in scores.curves.items()
        ]
        beside = {line.name: number(line.y[at + 1]) for line in lines}
        beside[f"lowest and highest of {DRAWS} draws"] = " to ".join(number(end) for end in ends)
        beside.update({"maps with nothing in common": "0", "a map that ignores the network": "1"})
        picture = Lines(
            [0.0, *plain(kept.x)], lines, "blocks forgotten",
            "likeness to the trained network's", ("none", "all"), float(kept.x[at]),
        )  # fmt: skip
        return self.badge(verdict, value, sentence, scores, beside, picture)

    def _stages(self, case: Case) -> list[Stage]:
        """Networks of which more and more blocks forgot, from the output down."""

        def make() -> list[Stage]:
            order = blocks_of(case.subject, case.x)[::-1]
            draws = [Forgetting(case.subject, "own", seed_of(0, i)) for i in range(DRAWS)]
            cuts = np.round(np.arange(1, STAGES + 1) / STAGES * len(order)).astype(int)
            counts = [int(count) for count in np.unique(cuts) if count]
            told = counts[_read_at(np.array(counts) / len(order))]
            return [
                Stage(
                    gone,
                    [draw.without(order[:gone]) for draw in draws[: DRAWS if gone == told else 1]],
                )
                for gone in counts
            ]

        return self.once("stages", make)

    def _scores_left(self, case: Case) -> np.ndarray:
        """How alike the network's scores are at each stage, (stages, inputs); NaN where there are
        too few classes to tell."""

        def scores(subject: Subject) -> np.ndarray:
            return subject.outputs(case.x).cpu().double().numpy()[:, None]

        def make() -> np.ndarray:
            known, stages = scores(case.subject), self._stages(case)
            if known.shape[2] < 3:
                return np.full((len(stages), len(case)), np.nan)
            return np.stack(
                [
                    np.mean([pearson(known, scores(n)) for n in stage.networks], 0)
                    for stage in stages
                ]
            )

        return self.once("scores left", make)


def _left(trained: np.ndarray, then: np.ndarray) -> np.ndarray:
    """The correlation of ranks; of a map that went flat nothing is left."""
    alike = inner(trained, then)
    return np.where(np.isnan(then).any(1) & ~np.isnan(trained).any(1), 0, alike)


def _read_at(share: np.ndarray) -> int:
    """The stage at which the verdict is read."""
    return int(np.argmin(np.abs(share - _READ_AT)))
