"""Evaluations: can that answer be trusted?"""

from xaiwidgets.core.declare import declared

from .attacks import AttackedInput, InputAttack, ManipulatedNetwork, ModelManipulation
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
    Retrained,
    Roar,
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
from .training import fit

__all__ = [
    "ROAD",
    "AttackedInput",
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
    "InputAttack",
    "Insertion",
    "ManipulatedNetwork",
    "MaskIoU",
    "MaxSensitivity",
    "ModelManipulation",
    "ParameterRandomisation",
    "PixelFlipping",
    "PointingGame",
    "RegionPerturbation",
    "RelevanceMass",
    "RelevanceRank",
    "Retrained",
    "Roar",
    "Selectivity",
    "SmoothRandomisation",
    "TopKIntersection",
    "benchmark",
    "declared",
    "fit",
]
