"""How much of a map an object gets, as BAM counts it, and the same pictures without the object."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.evaluation import Case
from xaiwidgets.core.filling import Filling
from xaiwidgets.core.fingerprint import tensor_fingerprint

PAIRS_HELP = "pairs=(pictures, the same pictures without the object)"


def objects_share(values: torch.Tensor, masks: np.ndarray) -> np.ndarray:
    """g of Yang and Kim (2019), (inputs,): the mean over the mask of
    clip((s − min s) ÷ (P99(s) − min s), 0, 1) with s = Σ max(R, 0) over channels.

    Where the 99th percentile is the minimum, the maximum takes its place. NaN for a map without
    differences, and for a mask that is empty.
    """
    s = values.double().clamp_min(0).sum(1).cpu().numpy()
    low, high = s.min((1, 2), keepdims=True), s.max((1, 2), keepdims=True)
    percentile = np.percentile(s, 99, (1, 2), keepdims=True)
    reach = np.where(percentile > low, percentile, high) - low
    scaled = np.clip(np.divide(s - low, reach, out=np.full_like(s, np.nan), where=reach > 0), 0, 1)
    sizes = masks.sum((1, 2))
    inside = np.where(masks, scaled, 0).sum((1, 2))
    found = np.divide(inside, sizes, out=np.full(len(s), np.nan), where=sizes > 0)
    return np.where((reach > 0).ravel(), found, np.nan)


def without(case: Case, pairs: Any, fill: str, who: str, masks: np.ndarray) -> torch.Tensor:
    """The case's inputs as they look without what the masks cover (inputs, ...): their partners in
    `pairs`, found by content, or filled where there are none."""
    if pairs is None:
        kept = torch.as_tensor(~masks, device=case.x.device)
        return Filling(fill, case.subject, case.x)(kept, torch.arange(len(case)))
    return partners(case, pairs, who, PAIRS_HELP)


def partners(case: Case, pairs: Any, who: str, words: str) -> torch.Tensor:
    """The second pictures of `pairs` (inputs, ...), for the case's inputs found by content among
    the first; `words` tell what pairs are taken."""
    try:
        first, second = (case.subject.prepare(part).x for part in pairs)
    except (TypeError, ValueError) as error:
        if isinstance(error, ExplainError):
            raise
        raise ExplainError(f"{who} takes {words}.") from None
    if first.shape != second.shape:
        raise ExplainError(
            f"The pairs have shapes {tuple(first.shape)} and {tuple(second.shape)}; they take as "
            "many second pictures as first, of the same size."
        )
    places = {tensor_fingerprint(one): i for i, one in enumerate(first)}
    found = [places.get(tensor_fingerprint(one)) for one in case.x]
    missing = [i for i, place in enumerate(found) if place is None]
    if missing:
        raise ExplainError(
            f"Input {missing[0]} is not among the pictures of {who}'s pairs; give {words} "
            "with every input in it."
        )
    return second[found]


def unscored(values: np.ndarray) -> list[str]:
    """A sentence for inputs without a score."""
    silent = int(np.isnan(values).sum())
    if not silent:
        return []
    return [
        f"For {silent} of {len(values)} inputs the map has no positive differences or the mask is "
        "empty: no score."
    ]
