"""Evaluations: can that answer be trusted?"""

from typing import TYPE_CHECKING, Any

from xaiwidgets.core.declare import declared
from xaiwidgets.core.errors import no_such_name

from .agreement import Agreement, Consensus, ConsensusOfNetworks, agreement, consensus
from .attacks import AttackedInput, InputAttack, ManipulatedNetwork, ModelManipulation
from .benchmark import Benchmark, benchmark
from .experiment import Followed
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
    prune_heads,
)
from .localisation import (
    BoxIoU,
    MaskIoU,
    Overlap,
    PointingGame,
    RelevanceMass,
    RelevanceRank,
    TopKIntersection,
    region_overlap,
)
from .robustness import (
    AverageSensitivity,
    BaselineSensitivity,
    ClassSensitivity,
    Continuity,
    HyperparameterSensitivity,
    MaxSensitivity,
    RisingNoise,
    Sweep,
)
from .sanity import (
    DataRandomisation,
    EfficientRandomisation,
    ForgettingBlocks,
    LinearCase,
    ParameterRandomisation,
    SmoothRandomisation,
    SumPoolCase,
    train_permuted,
)
from .study import Study
from .training import fit
from .truth import InputDependence, InputIndependence, ModelContrast, TrojanDetection

__all__ = [
    "ROAD",
    "Agreement",
    "AttackedInput",
    "AverageSensitivity",
    "BaselineSensitivity",
    "Benchmark",
    "BoxIoU",
    "CEval",
    "ClassSensitivity",
    "Completeness",
    "Consensus",
    "ConsensusOfNetworks",
    "Continuity",
    "DataRandomisation",
    "Deletion",
    "EfficientRandomisation",
    "FaithfulnessCorrelation",
    "Followed",
    "ForgettingBlocks",
    "HyperparameterSensitivity",
    "Infidelity",
    "InputAttack",
    "InputDependence",
    "InputIndependence",
    "Insertion",
    "LinearCase",
    "ManipulatedNetwork",
    "MaskIoU",
    "MaxSensitivity",
    "ModelContrast",
    "ModelManipulation",
    "Overlap",
    "ParameterRandomisation",
    "PixelFlipping",
    "PointingGame",
    "RegionPerturbation",
    "RelevanceMass",
    "RelevanceRank",
    "Retrained",
    "RisingNoise",
    "Roar",
    "Selectivity",
    "SmoothRandomisation",
    "Study",
    "SumPoolCase",
    "Sweep",
    "TopKIntersection",
    "TrojanDetection",
    "agreement",
    "benchmark",
    "consensus",
    "declared",
    "fit",
    "prune_heads",
    "region_overlap",
    "train_permuted",
]

if not TYPE_CHECKING:  # which would take every name for one of these

    def __getattr__(name: str) -> Any:
        """Say which name is the nearest to one that is not here."""
        raise no_such_name(__name__, name, __all__)
