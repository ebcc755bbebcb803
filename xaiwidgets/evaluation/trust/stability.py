from __future__ import annotations

import numpy as np
import torch

from xaiwidgets.core.evaluation import Case, Graded, explaining
from xaiwidgets.core.method import Passes
from xaiwidgets.core.numbers import number, whole_percent
from xaiwidgets.core.scores import Curve, Scores

from ..asking import ask, single_class
from ..robustness.nearby import Nearby, distances, lengths, noisy
from .badge import Badge, Bar, Bars, graded
from .question import Question, means

SAMPLES = 5
RADIUS = 0.05
_SEED = 0


class Stability(Question):
    """Does the map stay the same when the picture hardly changes?

    Max-sensitivity (Yeh et al. 2019): the largest of ‖R(x + ε) − R(x)‖ ÷ ‖R(x)‖ over five draws of
    ε ~ U[−r, r], r = 5 % of the picture's range. Two maps of the same size that have nothing in
    common differ by √2. Where the network's own score jumps, a faithful map has to.
    """

    name = "stability"
    word = "Stable"
    asks = "Does the map stay when the {whole} hardly changes?"
    better = "lower"
    explains_anew = True
    good, poor = 0.5, 1.0
    limits = f"Good up to {100 * good:.0f} %, poor from {100 * poor:.0f} %."

    def cost(self, case: Case) -> Passes:
        """The explanation once a noisy copy, with the score there."""
        own = explaining(case)
        return Passes((own.forward + 1) * SAMPLES, own.backward * SAMPLES)

    def grade(self, case: Case) -> Graded:
        """The largest change of every map, with that of each draw."""
        nearby = noisy(case.x, RADIUS, _SEED)
        moved, _ = distances(case, SAMPLES, nearby)
        changes = moved / lengths(case.values)[:, None]
        found = Graded(changes.max(1))
        draws = np.arange(1, SAMPLES + 1)
        found.curves["map"] = Curve(draws, changes, "draw", "change of the map")
        unit = "probability" if single_class(case.target) else "score"
        jumps = self.once("jumps", lambda: _jumps(case, nearby))
        found.curves["score"] = Curve(draws, jumps, "draw", f"change of the {unit}")
        if np.isnan(changes).any():
            found.warnings.append("The map is the same everywhere: there is nothing to change.")
        elif not moved.any():
            found.values = np.full(len(case), np.nan)
            whole = case.subject.words.whole
            found.warnings.append(
                f"Noise on the {whole} does not move this map at all: it never looks at the "
                f"{whole}, so there is nothing to test."
            )
        return found

    def tell(self, scores: Scores) -> Badge:
        """By the largest change."""
        value, changes = scores.mean, scores.curves["map"]
        score = scores.curves["score"]
        jump = float(score.y.max(1).mean())
        unit = score.y_label.rpartition(" ")[2]
        verdict = graded(value, self.good, self.poor)
        sentence = (
            f"Noise of up to {whole_percent(RADIUS)} of the range changes the map by up to "
            f"{whole_percent(value)} of its size, and the {unit} by {number(jump)}."
        )
        bars = [Bar(f"noisy copy {i + 1}", change) for i, change in enumerate(means(changes))]
        bars.append(Bar("an unrelated map", round(2**0.5, 4), control=True))
        beside = {
            "largest change": whole_percent(value),
            f"largest change of the {unit}": number(jump),
        }
        picture = Bars(bars, "change of the map, of its size")
        return self.badge(verdict, value, sentence, scores, beside, picture)


def _jumps(case: Case, nearby: Nearby) -> np.ndarray:
    """How much the network's own answer changes with each draw, (inputs, draws)."""
    every = torch.arange(len(case))
    asked = [case.x, *(nearby(i) for i in range(SAMPLES))]
    scores = [ask(case.subject, x, case.target, every, "probability") for x in asked]
    known, *then = (score.cpu().double().numpy() for score in scores)
    return np.abs(np.stack(then, 1) - known[:, None])
