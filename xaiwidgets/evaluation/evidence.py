"""What of a map counts as evidence, and how much of it lies in a mask."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from xaiwidgets.core.evaluation import Case

SIGNS = ("absolute", "positive")
SIGN_HELP = (
    "what counts as evidence: all that the map says, by its size, or only what speaks for the "
    "target; a gradient's sign tells which way a pixel should change, not what it speaks for"
)


def evidence(maps: np.ndarray, sign: str) -> np.ndarray:
    """max(R, 0) or |R| of maps (inputs, height, width)."""
    return np.abs(maps) if sign == "absolute" else np.maximum(maps, 0)


@dataclass
class Judged:
    """Evidence and truth of a case, both (inputs, height, width), of volumes with a depth before
    the height, and which inputs have both."""

    maps: np.ndarray
    masks: np.ndarray
    known: np.ndarray
    warnings: list[str] = field(default_factory=list)

    @property
    def sizes(self) -> np.ndarray:
        """How many pixels each mask has (inputs,)."""
        return self.masks.reshape(len(self.masks), -1).sum(1)

    def known_only(self, values: np.ndarray) -> np.ndarray:
        """Values (inputs,) with NaN where there is nothing to judge."""
        return np.where(self.known, values, np.nan)


def judged(case: Case, who: str, sign: str) -> Judged:
    """The evidence of a case beside its masks; a map without differences and a mask that is empty
    or covers everything say nothing, and are warned about."""
    masks = case.need_masks(who).cpu().numpy()
    maps = evidence(case.maps, sign)
    rows = maps.reshape(len(maps), -1)
    flat = rows.max(1) == rows.min(1)
    covered = masks.reshape(len(maps), -1).mean(1)
    found = Judged(maps, masks, ~flat & (covered > 0) & (covered < 1))
    for which, what in (
        (flat, f"the map has no {'' if sign == 'absolute' else sign + ' '}differences"),
        (covered == 0, "the mask is empty"),
        (covered == 1, f"the mask covers the whole {case.subject.words.whole}"),
    ):
        if which.any():
            found.warnings.append(f"For {which.sum()} of {len(case)} inputs {what}: no score.")
    return found


def inside_top(maps: np.ndarray, masks: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """How many of each map's `counts` largest pixels lie in its mask (inputs,).

    Of pixels that tie for the last places, the share that chance would pick is counted.
    """
    found = np.zeros(len(maps))
    for i, (one, inside, count) in enumerate(
        zip(maps.reshape(len(maps), -1), masks.reshape(len(maps), -1), counts, strict=True)
    ):
        if count > 0:
            last = np.partition(one, -count)[-count]
            above, tied = one > last, one == last
            chance = (count - above.sum()) / tied.sum()
            found[i] = (above & inside).sum() + chance * (tied & inside).sum()
    return found
