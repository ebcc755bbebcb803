"""Every method, by family."""

from xaiwidgets.core.declare import declared

from .cam import GradCam, GuidedGradCam
from .controls import EdgeDetector, RandomMap
from .gradient import (
    BetaSmoothedGradient,
    Deconvnet,
    DeepLift,
    GradientShap,
    GradientTimesInput,
    GuidedBackprop,
    IntegratedGradients,
    InteriorGradients,
    Saliency,
    SimpleTaylor,
    SmoothGrad,
    Smoothing,
    relu_backward_table,
)
from .perturbation import Occlusion
from .relevance import (
    CLRP,
    LRP,
    RAP,
    SGLRP,
    ConceptRelevance,
    DeepTaylor,
    ExcitationBackprop,
    PatternAttribution,
    PatternNet,
    Patterns,
)

__all__ = [
    "CLRP",
    "LRP",
    "RAP",
    "SGLRP",
    "BetaSmoothedGradient",
    "ConceptRelevance",
    "Deconvnet",
    "DeepLift",
    "DeepTaylor",
    "EdgeDetector",
    "ExcitationBackprop",
    "GradCam",
    "GradientShap",
    "GradientTimesInput",
    "GuidedBackprop",
    "GuidedGradCam",
    "IntegratedGradients",
    "InteriorGradients",
    "Occlusion",
    "PatternAttribution",
    "PatternNet",
    "Patterns",
    "RandomMap",
    "Saliency",
    "SimpleTaylor",
    "SmoothGrad",
    "Smoothing",
    "declared",
    "relu_backward_table",
]
