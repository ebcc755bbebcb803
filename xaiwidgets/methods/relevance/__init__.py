"""Relevance propagation: what each pixel contributed, passed back layer by layer."""

from .clrp import CLRP
from .concept_relevance import ConceptRelevance
from .deep_taylor import DeepTaylor
from .excitation_backprop import ExcitationBackprop
from .lrp import LRP
from .pattern_net import PatternAttribution, PatternNet
from .patterns import Patterns
from .presets import Table
from .rap import RAP
from .rules import AlphaBeta, Epsilon, Flat, Gamma, Pass, Rule, WSquare, ZBox, ZPlus
from .sglrp import SGLRP

__all__ = [
    "CLRP",
    "LRP",
    "RAP",
    "SGLRP",
    "AlphaBeta",
    "ConceptRelevance",
    "DeepTaylor",
    "Epsilon",
    "ExcitationBackprop",
    "Flat",
    "Gamma",
    "Pass",
    "PatternAttribution",
    "PatternNet",
    "Patterns",
    "Rule",
    "Table",
    "WSquare",
    "ZBox",
    "ZPlus",
]
