"""Sanity: does the explanation notice when the network forgets what it learnt?"""

from .blocks import Block, blocks_of
from .cascade import Stage, stages
from .forgetting import Forgetting
from .parameter_randomisation import (
    EfficientRandomisation,
    ParameterRandomisation,
    SmoothRandomisation,
)

__all__ = [
    "Block",
    "EfficientRandomisation",
    "Forgetting",
    "ParameterRandomisation",
    "SmoothRandomisation",
    "Stage",
    "blocks_of",
    "stages",
]
