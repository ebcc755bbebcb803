"""Relevance propagation: what each pixel contributed, passed back layer by layer."""

from .attention_rollout import AttentionRollout
from .clrp import CLRP
from .concept_relevance import ConceptRelevance
from .deep_taylor import DeepTaylor
from .excitation_backprop import ExcitationBackprop
from .head_relevance import HeadRelevance
from .heads import HeadTable, head_relevance
from .lrp import LRP
from .pattern_net import PatternAttribution, PatternNet
from .patterns import Patterns
from .presets import Table
from .rap import RAP
from .rules import AlphaBeta, Epsilon, Flat, Gamma, Norm, Pass, Rule, WSquare, ZBox, ZPlus
from .sglrp import SGLRP
from .token_relevance import TokenRelevance
from .transformer_attribution import TransformerAttribution

__all__ = [
    "CLRP",
    "LRP",
    "RAP",
    "SGLRP",
    "AlphaBeta",
    "AttentionRollout",
    "ConceptRelevance",
    "DeepTaylor",
    "Epsilon",
    "ExcitationBackprop",
    "Flat",
    "Gamma",
    "HeadRelevance",
    "HeadTable",
    "Norm",
    "Pass",
    "PatternAttribution",
    "PatternNet",
    "Patterns",
    "Rule",
    "Table",
    "TokenRelevance",
    "TransformerAttribution",
    "WSquare",
    "ZBox",
    "ZPlus",
    "head_relevance",
]
