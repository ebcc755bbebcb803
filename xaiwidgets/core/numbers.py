"""How numbers are written in sentences."""

from __future__ import annotations


def number(value: float) -> str:
    """Two digits after the point, with a true minus sign, and none before a 0."""
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def percent(share: float) -> str:
    """A share in percent: two digits that count below 10 %, whole numbers above, and in words what
    is too small or too large to be read."""
    size, sign = 100 * abs(share), "−" if share < 0 else ""
    if 0 < size < 0.01:
        return "below 0.01 %"
    if size >= 1000:
        return "beyond " + sign + "1000 %"
    return f"{sign}{size:.2g} %" if size < 9.95 else f"{sign}{size:.0f} %"


def whole_percent(share: float) -> str:
    """A share in whole percent."""
    return f"{round(100 * share)} %".replace("-", "−")
