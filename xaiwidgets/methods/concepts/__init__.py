"""Concepts: which human idea a network's answer goes by."""

from .answer import ConceptScore, ConceptScores
from .crops import cut_out
from .dream import Dream, dream
from .tcav import TCAV
from .vector import ConceptVector

__all__ = [
    "TCAV",
    "ConceptScore",
    "ConceptScores",
    "ConceptVector",
    "Dream",
    "cut_out",
    "dream",
]
