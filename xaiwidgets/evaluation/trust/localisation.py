from __future__ import annotations

import numpy as np

from xaiwidgets.core.evaluation import Case, Graded
from xaiwidgets.core.numbers import whole_percent
from xaiwidgets.core.scores import Scores

from ..evidence import judged
from .badge import Badge, Bar, Bars, graded
from .question import Question

_MOST = 1e6


class Localisation(Question):
    """Does the map lie where the object is?

    The number is the mean size of the map's values inside the mask ÷ outside: 1 by chance, however
    large the mask is. A network may well rest on what lies outside; then a map that says so is
    right and fails here.
    """

    name = "localisation"
    word = "Located"
    asks = "Does the map lie where the object is?"
    better = "higher"
    needs_masks = True
    good, poor = 2.0, 1.2
    limits = f"Good from {good:g} times the density outside, poor up to {poor:g}."

    def grade(self, case: Case) -> Graded:
        """The density of every map inside its mask, relative to that outside."""
        truth = judged(case, self.name, "absolute")
        known = truth.known
        share, covered = np.zeros(len(case)), truth.masks.mean((1, 2))
        total = np.where(known, truth.maps.sum((1, 2)), 1)
        share = (truth.maps * truth.masks).sum((1, 2)) / total
        inside = share / np.where(known, covered, 1)
        outside = (1 - share) / np.where(known, 1 - covered, 1)
        ratio = np.minimum(inside / np.maximum(outside, inside / _MOST), _MOST)
        found = Graded(truth.known_only(ratio), warnings=truth.warnings)
        if known.any():
            found.numbers = {"share": share[known].mean(), "covered": covered[known].mean()}
        return found

    def tell(self, scores: Scores) -> Badge:
        """By the density inside, relative to outside."""
        value, share, covered = scores.mean, scores.numbers["share"], scores.numbers["covered"]
        where = (self.shared or {}).get("mask", "the mask")
        sentence = (
            f"{whole_percent(share)} of its evidence lies in {where}, which covers "
            f"{whole_percent(covered)} of the {self.words.whole}."
        )
        bars = [
            Bar("evidence inside", share),
            Bar(f"{self.words.parts} inside", covered, control=True),
        ]
        density = f"{value:.1f}" if value < 1000 else "over 1000"
        beside = {"density inside ÷ outside": density, "by chance": "1"}
        picture = Bars(bars, "share")
        verdict = graded(value, self.good, self.poor)
        return self.badge(verdict, value, sentence, scores, beside, picture)
