"""The gradient family."""

from .beta_smoothed_gradient import BetaSmoothedGradient
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
from .softplus import Smoothing

__all__ = [
    "BetaSmoothedGradient",
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
    "Smoothing",
    "relu_backward_table",
]
