from typing import Any, ClassVar

import numpy as np

from xaiwidgets.core.evaluation import Case, Graded, explaining
from xaiwidgets.core.filling import fill_knob
from xaiwidgets.core.method import Passes
from xaiwidgets.core.scores import mean_known

from ..besides import Besides
from .attribution_of_objects import objects_share, unscored, without


class InputDependence(Besides, title="Input dependence rate (BAM)", source="yang2019"):
    """Does an object that means nothing get less than the scene that it hides?

    1 where g(without the object) > g(with it), else 0, in both cases the mean over the object's
    mask of the map's positive part, clipped at its 99th percentile and scaled to 0...1. The subject
    is a network that names scenes, as "shapes-scene" of the zoo. `pairs` holds the pictures and the
    same pictures without their object; without `pairs` the object is filled, which is a guess at
    what it hides.

    Two equal values count as 0: a map that never looks at the network misses every time.

    Use it on a network for which the object means nothing, with the same pictures without it.

    It misleads without `pairs`, where what the object hides is a guess; and a map that is drawn by
    lot is right half the time.

    >>> test = InputDependence(pairs=(x, bare))
    >>> test(zoo.subject("shapes-scene"), x, Saliency(), masks=masks)  # doctest: +SKIP
    """

    better = "higher"
    family = "truth"
    needs_masks = True
    explains_anew = True
    besides: ClassVar[tuple[str, ...]] = ("pairs",)

    pairs: Any = None
    fill: str = fill_knob("neighbours")

    def cost(self, case: Case) -> Passes:
        """The explanation with and without the object."""
        own = explaining(case)
        return Passes(2 * own.forward, 2 * own.backward)

    def grade(self, case: Case) -> Graded:
        """Whether the object gets less than what it hides."""
        who = type(self).__name__
        masks = case.need_masks(who).cpu().numpy()
        bare = without(case, self.pairs, self.fill, who, masks)
        seen = objects_share(case.values, masks)
        hidden = objects_share(case.explain(bare), masks)
        known = ~np.isnan(seen) & ~np.isnan(hidden)
        values = np.where(known, hidden > seen, np.nan)
        found = Graded(values, warnings=unscored(values))
        found.numbers = {"with object": mean_known(seen), "without object": mean_known(hidden)}
        return found
