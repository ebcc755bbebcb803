"""Is a concept more to the network than any set of pictures would be?

CAVs of one concept against many negative sets share the concept's examples, so they are not
independent: a t-test over them calls random concepts significant. What is independent is a set.
So sets of random pictures stand in for the concept, each against the same negatives, and give one
number each; a concept has to lie where one more such set hardly would.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Verdict(NamedTuple):
    """Two-sided p, and the interval in which one more random set would lie."""

    p: float
    low: float
    high: float


def against_random(value: float, null: np.ndarray, level: float = 0.05) -> Verdict:
    """t = (value − mean null) ÷ (sd null · √(1 + 1/M)) with M − 1 degrees of freedom, for `null`
    (M,), one number a random set. p is NaN where the random sets are all alike."""
    from scipy.stats import t as student

    mean, count = float(null.mean()), len(null)
    spread = float(null.std(ddof=1)) * np.sqrt(1 + 1 / count)
    reach = float(student.ppf(1 - level / 2, count - 1)) * spread
    if spread <= 1e-12 * max(abs(mean), 1e-300):
        return Verdict(float("nan"), mean, mean)
    p = 2 * float(student.sf(abs(value - mean) / spread, count - 1))
    return Verdict(p, mean - reach, mean + reach)


def as_published(concept: np.ndarray, random: np.ndarray) -> float:
    """p of the paper's two-sided t-test with equal variances between a concept's scores and those
    of random CAVs; NaN where there is nothing to compare."""
    from scipy.stats import ttest_ind_from_stats

    if min(len(concept), len(random)) < 2 or not (np.ptp(concept) or np.ptp(random)):
        return float("nan")
    # from moments: `ttest_ind` warns of scores that are nearly all alike, and what a warning does
    # can be set for the whole process alone
    moments = [part for x in (concept, random) for part in (x.mean(), x.std(ddof=1), len(x))]
    return float(ttest_ind_from_stats(*moments).pvalue)


def interval_of_mean(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Student's interval of the mean over negative sets; NaN for a single one."""
    from scipy.stats import t as student

    if len(values) < 2:
        return float("nan"), float("nan")
    mean, count = float(values.mean()), len(values)
    reach = float(student.ppf((1 + level) / 2, count - 1) * values.std(ddof=1) / np.sqrt(count))
    return mean - reach, mean + reach


def interval_of_share(shares: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """The same of shares, cut at 0 and 1."""
    low, high = interval_of_mean(shares, level)
    return (max(0.0, low), min(1.0, high)) if low <= high else (low, high)
