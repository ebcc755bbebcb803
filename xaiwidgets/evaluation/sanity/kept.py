"""How much of a map is left, in words."""

from __future__ import annotations

import math


def kept(value: float, when: str, measure: str) -> str:
    """A sentence without a reading; `when` says what has happened to the network."""
    if math.isnan(value):
        return f"No map is left to compare when {when}."
    kind = {"spearman": "of its ranks", "signed spearman": "of its ranks with signs"}
    amount = f"{value:.2f}" if value >= 0.005 else f"none ({value:.2f})"
    return f"It keeps {amount} {kind.get(measure, 'of its likeness')} when {when}."
