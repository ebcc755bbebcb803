"""Sanity: does the explanation notice when the network forgets what it learnt?"""

from .analytic import LinearCase, SumPoolCase
from .blocks import Block, blocks_of
from .cascade import Stage, stages
from .data_randomisation import DataRandomisation, TrainedPermuted, train_permuted
from .forgetful import ForgettingBlocks
from .forgetting import Forgetting
from .parameter_randomisation import (
    EfficientRandomisation,
    ParameterRandomisation,
    SmoothRandomisation,
)

__all__ = [
    "Block",
    "DataRandomisation",
    "EfficientRandomisation",
    "Forgetting",
    "ForgettingBlocks",
    "LinearCase",
    "ParameterRandomisation",
    "SmoothRandomisation",
    "Stage",
    "SumPoolCase",
    "TrainedPermuted",
    "blocks_of",
    "stages",
    "train_permuted",
]
