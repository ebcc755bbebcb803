"""Concepts: which human idea a network's answer goes by."""

from .answer import ConceptScore, ConceptScores
from .crops import cut_out
from .dissection import (
    Broden,
    CocoMasks,
    Dissection,
    GANDissection,
    MaskFolder,
    NetworkDissection,
    ablate,
    name_units,
    redraw,
)
from .dream import Dream, dream
from .tcav import TCAV
from .units import Filters, LayerUnits, Units, UnitViews, filters, receptive_fields
from .vector import ConceptVector

__all__ = [
    "TCAV",
    "Broden",
    "CocoMasks",
    "ConceptScore",
    "ConceptScores",
    "ConceptVector",
    "Dissection",
    "Dream",
    "Filters",
    "GANDissection",
    "LayerUnits",
    "MaskFolder",
    "NetworkDissection",
    "UnitViews",
    "Units",
    "ablate",
    "cut_out",
    "dream",
    "filters",
    "name_units",
    "receptive_fields",
    "redraw",
]
