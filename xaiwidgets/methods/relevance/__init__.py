"""Relevance propagation: what each pixel contributed, passed back layer by layer."""

from .lrp import LRP
from .presets import Table
from .rules import AlphaBeta, Epsilon, Flat, Gamma, Pass, Rule, WSquare, ZBox, ZPlus

__all__ = [
    "LRP",
    "AlphaBeta",
    "Epsilon",
    "Flat",
    "Gamma",
    "Pass",
    "Rule",
    "Table",
    "WSquare",
    "ZBox",
    "ZPlus",
]
