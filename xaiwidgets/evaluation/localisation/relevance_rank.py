import numpy as np

from ..evidence import Judged, inside_top
from .on_object import OnObject


class RelevanceRank(OnObject, title="Relevance rank accuracy", source="arras2022"):
    """Of as many top pixels as the object has, how many lie on it?

    |top-K ∩ T| ÷ K with K = |T|, T the truth. Of pixels that tie for the last places, the share
    that chance would pick is counted. By chance it is the object's share of the picture, in
    `numbers` as "chance".

    Use it where masks are known, and objects differ in size.

    It misleads because only the order of values counts: a faint lead is as good as a clear one.
    """

    def share(self, truth: Judged) -> np.ndarray:
        """Of the top pixels."""
        return inside_top(truth.maps, truth.masks, truth.sizes) / np.maximum(truth.sizes, 1)
