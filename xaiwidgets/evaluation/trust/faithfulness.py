from __future__ import annotations

import numpy as np
import torch

from xaiwidgets.core.evaluation import Case, Graded, explaining
from xaiwidgets.core.filling import Filling
from xaiwidgets.core.method import Passes
from xaiwidgets.core.numbers import number
from xaiwidgets.core.scores import Curve, Scores, mean_known

from ..asking import ask, single_class
from ..faithfulness.pixel_flipping import aopc
from ..ordering import places, without_order
from ..removal import removal_scores, shares
from .badge import Badge, Line, Lines, Verdict
from .question import Question, means, plain

STEPS = 16
ORDERS = 10
SPREADS = 3
FILL = "mean"
_SEED = 0
_FAINT = 0.1
"""A class below this probability is followed by its score, which still has a way to fall."""

_SATURATED = 0.999
"""A single output whose sigmoid is beyond it is a quantity, such as a price, and no logit."""

_ROOM = 0.1


class Faithfulness(Question):
    """Does the score fall faster when the map's pixels go first than when others do?

    Pixels go in the map's order, what speaks most for the target first, and in ten orders drawn by
    lot. A curve's number is the mean fall of the score along it (AOPC, Samek et al. 2017); the
    badge's says where that lies between the mean of the random orders, 0, and a score that is gone
    with the first pixels, 1. A map that orders pixels by size alone, such as a gradient, is told
    apart from one that does not order them at all.
    """

    name = "faithfulness"
    word = "Faithful"
    asks = "Does the score fall faster when this map's {parts} go first?"
    better = "higher"
    good = 0.2
    limits = (
        f"Good from {good:g} of the way from random orders (0) to a score that is gone at once "
        f"(1), poor within {SPREADS} standard deviations of random orders."
    )

    def cost(self, case: Case) -> Passes:
        """The explanation, and a forward pass a point of every curve."""
        own = explaining(case)
        return Passes(own.forward + (2 + ORDERS) * (STEPS + 1), own.backward)

    def grade(self, case: Case) -> Graded:
        """How far ahead of random orders every map is, with the curves."""
        maps, scale = case.maps, self._scale(case)
        random = self.once("random orders", lambda: self._random(case))
        curves = {"this map": self._curve(case, places(maps, "most first", _SEED))}
        if (maps < 0).any() and (maps > 0).any():
            by_size = places(np.abs(maps), "most first", _SEED)
            curves["this map, sizes alone"] = self._curve(case, by_size)
        ahead = {name: _ahead(curve, random) for name, curve in curves.items()}
        values, warnings = without_order(ahead["this map"], maps)
        found = Graded(values, warnings=warnings)
        if np.isnan(ahead["this map"]).any():
            found.warnings.append(
                f"Random orders take the {scale} away as fast as can be: no map can be faster."
            )
        curves |= {
            "random orders": random.mean(0),
            "random, lowest": random.min(0), "random, highest": random.max(0),
        }  # fmt: skip
        for name, y in curves.items():
            removed = f"share of {case.subject.words.parts} removed"
            found.curves[name] = Curve(self._across(case), y, removed, scale)
        fallen = aopc(random.reshape(-1, STEPS + 1)).reshape(ORDERS, -1).mean(1)
        clear = fallen.mean() + SPREADS * fallen.std(ddof=1)
        found.numbers.update(
            random=fallen.mean(), most=fallen.max(), least=fallen.min(), clear=clear
        )
        sizes = curves.get("this map, sizes alone")
        if sizes is not None and aopc(sizes).mean() > clear:
            found.numbers["sizes"] = mean_known(ahead["this map, sizes alone"])
        return found

    def tell(self, scores: Scores) -> Badge:
        """By the way from random orders to the best, if that is clear of their spread."""
        value, numbers = scores.mean, scores.numbers
        own, random = scores.curves["this map"], scores.curves["random orders"]
        fallen = float(aopc(own.y).mean())
        verdict: Verdict = "poor"
        if fallen > numbers["clear"]:
            verdict = "good" if value >= self.good else "doubtful"
        sentence = (
            f"While its {self.words.parts} go, the {own.y_label} lies {number(fallen)} below that "
            f"of the whole {self.words.whole} on average; in random orders "
            f"{number(numbers['random'])}."
        )
        if verdict != "good" and numbers.get("sizes", 0) >= self.good:
            verdict = "doubtful"
            sentence += (
                " By size alone it would pass: its sign does not tell what speaks for the target."
            )
        sizes = scores.curves.get("this map, sizes alone")
        lines = [Line("this map", means(own))]
        if sizes is not None:
            lines.append(Line("this map, sizes alone", means(sizes), control=True))
        low, high = (means(scores.curves[f"random, {end}"]) for end in ("lowest", "highest"))
        lines.append(Line("random orders", means(random), low, high, control=True))
        beside = {
            "this map": number(fallen),
            f"{ORDERS} random orders": f"{number(numbers['least'])} to {number(numbers['most'])}",
            "of the way to the best": number(value),
        }
        picture = Lines(plain(own.x), lines, own.x_label, own.y_label, ("0 %", "100 %"))
        return self.badge(verdict, value, sentence, scores, beside, picture)

    def _random(self, case: Case) -> np.ndarray:
        """Curves of orders drawn by lot (orders, inputs, points)."""
        like = np.zeros((len(case), *case.x.shape[2:]))
        orders = [places(like, "random", _SEED + 1 + i) for i in range(ORDERS)]
        curves = self._curve(case, np.concatenate(orders))
        return curves.reshape(ORDERS, len(case), -1)

    def _curve(self, case: Case, order: np.ndarray) -> np.ndarray:
        filling = self.once("filling", lambda: Filling(FILL, case.subject, case.x, _SEED))
        counts = shares(order[0].size, STEPS)
        return removal_scores(case.subject, case.target, filling, order, counts, self._scale(case))

    def _across(self, case: Case) -> np.ndarray:
        pixels = case.x.shape[2] * case.x.shape[3]
        return shares(pixels, STEPS) / pixels

    def _scale(self, case: Case) -> str:
        """The class's probability, or its score where that has no way to fall or is none."""

        def make() -> str:
            if not single_class(case.target):
                return "score"
            every = torch.arange(len(case))
            known = ask(case.subject, case.x, case.target, every, "probability")
            no_logit = case.subject._total == 1 and bool((known > _SATURATED).all())
            return "probability" if bool((known >= _FAINT).all()) and not no_logit else "score"

        return self.once("scale", make)


def _ahead(curve: np.ndarray, random: np.ndarray) -> np.ndarray:
    """Where the mean fall of curves (inputs, points) lies between that of random orders (orders,
    inputs, points), 0, and a score that is gone with the first pixels, 1; NaN where the two are
    hardly apart."""
    floor = np.minimum(curve.min(1), random.min((0, 2)))
    best = (curve[:, 0] - floor) * STEPS / (STEPS + 1)
    usual = np.mean([aopc(one) for one in random], 0)
    telling = best - usual > _ROOM * np.abs(best)
    return np.where(telling, (aopc(curve) - usual) / np.where(telling, best - usual, 1), np.nan)
