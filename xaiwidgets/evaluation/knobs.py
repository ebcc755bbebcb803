"""Knobs that many evaluations have, each with a default of its own."""

from __future__ import annotations

from typing import Any

from xaiwidgets.core.declare import knob

from .asking import SCALE_HELP, SCALES
from .evidence import SIGN_HELP, SIGNS
from .ordering import READING_HELP, READINGS
from .similarity import SIMILARITIES, SIMILARITY_HELP


def reading_knob(default: str = "signed") -> Any:
    """Whether pixels go by a map's values or by their sizes."""
    return knob(default=default, choices=READINGS, help=READING_HELP)


def scale_knob(default: str) -> Any:
    """Whether the class's probability is followed, or its score."""
    return knob(default=default, choices=SCALES, help=SCALE_HELP)


def sign_knob() -> Any:
    """What of a map counts as evidence."""
    return knob(default="absolute", choices=SIGNS, help=SIGN_HELP)


def similarity_knob(default: str) -> Any:
    """How two maps are compared."""
    return knob(default=default, choices=SIMILARITIES, help=SIMILARITY_HELP)


def seed_knob(what: str) -> Any:
    """From what random numbers are drawn; `what` says which."""
    return knob(default=0, low=0, high=9999, help=what)
