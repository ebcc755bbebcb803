"""How much of a map is left, in words; and what that says of a network that forgot."""

from __future__ import annotations

import math

from xaiwidgets.core.numbers import number

MEASURE = "signed spearman"
"""How maps are compared where a verdict is asked for: by rank, as they are read, with their signs.
By size alone the edges of the picture keep half of a gradient's ranks (Sundararajan and Taly
2018)."""

GOOD, POOR = 0.3, 0.5
"""Up to where a map has noticed that the network forgot, and from where it has not: conventions,
set for MEASURE where known failures fail (python -m benchmarks.badges)."""

_KINDS = {"signed spearman": "of its ranks", "spearman": "of its ranks by size"}


def kept(value: float, when: str, measure: str) -> str:
    """A sentence without a reading; `when` says what has happened to the network."""
    if math.isnan(value):
        return f"No map is left to compare when {when}."
    amount = number(value) if value >= 0.005 else f"none ({number(value)})"
    return f"It keeps {amount} {_KINDS.get(measure, 'of its likeness')} when {when}."


def unsettled(low: float, high: float) -> bool:
    """Whether one draw of what takes the place of what was learnt would pass and another fail, so
    that their mean is a matter of luck."""
    return low <= GOOD and high >= POOR


def reading(value: float, low: float, high: float) -> str:
    """What it says of a map that it keeps so much, by MEASURE, without what was learnt; `low` and
    `high` are the least and the most that it keeps in any draw."""
    if unsettled(low, high):
        return f"the draws do not agree ({number(low)} to {number(high)})"
    if value <= GOOD:
        return "it depends on that"
    return f"{'most' if value >= POOR else 'part'} of it does not depend on that"
