"""Evaluations: can that answer be trusted?"""

from xaiwidgets.core.declare import declared

from .benchmark import Benchmark, benchmark
from .faithfulness import (
    ROAD,
    CEval,
    Completeness,
    Deletion,
    FaithfulnessCorrelation,
    Infidelity,
    Insertion,
    PixelFlipping,
    RegionPerturbation,
    Selectivity,
)
from .localisation import (
    BoxIoU,
    MaskIoU,
    PointingGame,
    RelevanceMass,
    RelevanceRank,
    TopKIntersection,
)
from .robustness import (
    AverageSensitivity,
    BaselineSensitivity,
    ClassSensitivity,
    Continuity,
    HyperparameterSensitivity,
    MaxSensitivity,
)
from .sanity import (
    EfficientRandomisation,
    ParameterRandomisation,
    SmoothRandomisation,
)

__all__ = [
    "ROAD",
    "AverageSensitivity",
    "BaselineSensitivity",
    "Benchmark",
    "BoxIoU",
    "CEval",
    "ClassSensitivity",
    "Completeness",
    "Continuity",
    "Deletion",
    "EfficientRandomisation",
    "FaithfulnessCorrelation",
    "HyperparameterSensitivity",
    "Infidelity",
    "Insertion",
    "MaskIoU",
    "MaxSensitivity",
    "ParameterRandomisation",
    "PixelFlipping",
    "PointingGame",
    "RegionPerturbation",
    "RelevanceMass",
    "RelevanceRank",
    "Selectivity",
    "SmoothRandomisation",
    "TopKIntersection",
    "benchmark",
    "declared",
]
