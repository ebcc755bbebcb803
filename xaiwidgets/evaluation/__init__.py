"""Evaluations: can that answer be trusted?"""

from xaiwidgets.core.declare import declared

from .benchmark import Benchmark, benchmark
from .faithfulness import PixelFlipping
from .localisation import (
    BoxIoU,
    MaskIoU,
    PointingGame,
    RelevanceMass,
    RelevanceRank,
    TopKIntersection,
)
from .sanity import (
    EfficientRandomisation,
    ParameterRandomisation,
    SmoothRandomisation,
)

__all__ = [
    "Benchmark",
    "BoxIoU",
    "EfficientRandomisation",
    "MaskIoU",
    "ParameterRandomisation",
    "PixelFlipping",
    "PointingGame",
    "RelevanceMass",
    "RelevanceRank",
    "SmoothRandomisation",
    "TopKIntersection",
    "benchmark",
    "declared",
]
