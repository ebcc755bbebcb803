"""How numbers are written in sentences."""

from __future__ import annotations


def number(value: float) -> str:
    """Two digits after the point, with a true minus sign, and none before a 0."""
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")
