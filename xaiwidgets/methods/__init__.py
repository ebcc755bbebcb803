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
from .relevance import LRP

__all__ = [
    "LRP",
    "BetaSmoothedGradient",
    "Deconvnet",
    "DeepLift",
    "EdgeDetector",
    "GradCam",
    "GradientShap",
    "GradientTimesInput",
    "GuidedBackprop",
    "GuidedGradCam",
    "IntegratedGradients",
    "InteriorGradients",
    "Occlusion",
    "RandomMap",
    "Saliency",
    "SimpleTaylor",
    "SmoothGrad",
    "Smoothing",
    "declared",
    "relu_backward_table",
]
