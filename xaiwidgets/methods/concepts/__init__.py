"""Concepts: which human idea a network's answer goes by."""

from .answer import ConceptScore, ConceptScores
from .crops import cut_out
from .dissection import Dissection, NetworkDissection
from .dream import Dream, dream
from .tcav import TCAV
from .units import Filters, LayerUnits, Units, UnitViews, filters, receptive_fields
from .vector import ConceptVector

__all__ = [
    "TCAV",
    "ConceptScore",
    "ConceptScores",
    "ConceptVector",
    "Dissection",
    "Dream",
    "Filters",
    "LayerUnits",
    "NetworkDissection",
    "UnitViews",
    "Units",
    "cut_out",
    "dream",
    "filters",
    "receptive_fields",
]
