"""Every method, by family."""

from xaiwidgets.core.declare import declared

from .cam import GradCam, GuidedGradCam
from .controls import EdgeDetector, RandomMap
from .gradient import (
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
    relu_backward_table,
)
from .perturbation import Occlusion

__all__ = [
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
    "declared",
    "relu_backward_table",
]
