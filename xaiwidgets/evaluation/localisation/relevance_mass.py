import numpy as np

from ..evidence import Judged
from .on_object import OnObject


class RelevanceMass(OnObject, title="Relevance mass accuracy", source="arras2022"):
    """Which share of the map's evidence lies on the object?

    Σ_T R ÷ Σ R with |R| or max(R, 0) for R, T the truth. By chance it is the object's share of the
    picture, in `numbers` as "chance".

    Use it where masks are known, and the amount of evidence should count.

    It misleads about hazy maps: small values everywhere add up, so that a map that is strong on the
    object may score below one that only gets the object's outline.
    """

    def share(self, truth: Judged) -> np.ndarray:
        """Of the evidence."""
        rows = truth.maps.reshape(len(truth.maps), -1)
        total = np.where(truth.known, rows.sum(1), 1)
        inside: np.ndarray = (rows * truth.masks.reshape(rows.shape)).sum(1)
        return inside / total
