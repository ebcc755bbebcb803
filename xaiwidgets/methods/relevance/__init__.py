"""Relevance propagation: what each pixel contributed, passed back layer by layer."""

from .clrp import CLRP
from .deep_taylor import DeepTaylor
from .excitation_backprop import ExcitationBackprop
from .lrp import LRP
from .presets import Table
from .rules import AlphaBeta, Epsilon, Flat, Gamma, Pass, Rule, WSquare, ZBox, ZPlus
from .sglrp import SGLRP

__all__ = [
    "CLRP",
    "LRP",
    "SGLRP",
    "AlphaBeta",
    "DeepTaylor",
    "Epsilon",
    "ExcitationBackprop",
    "Flat",
    "Gamma",
    "Pass",
    "Rule",
    "Table",
    "WSquare",
    "ZBox",
    "ZPlus",
]
