"""The gradient family."""

from .deconvnet import Deconvnet
from .deeplift import DeepLift
from .gradient_shap import GradientShap
from .gradient_times_input import GradientTimesInput
from .guided_backprop import GuidedBackprop
from .integrated_gradients import IntegratedGradients
from .interior_gradients import InteriorGradients
from .rectifiers import relu_backward_table
from .saliency import Saliency
from .simple_taylor import SimpleTaylor
from .smoothgrad import SmoothGrad

__all__ = [
    "Deconvnet",
    "DeepLift",
    "GradientShap",
    "GradientTimesInput",
    "GuidedBackprop",
    "IntegratedGradients",
    "InteriorGradients",
    "Saliency",
    "SimpleTaylor",
    "SmoothGrad",
    "relu_backward_table",
]
