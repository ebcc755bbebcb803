"""Methods that only cover, blur or resample the input."""

from .anchors import Anchors
from .extremal_perturbation import ExtremalPerturbation
from .feature_ablation import FeatureAblation
from .kernel_shap import KernelShap
from .lime import LIME
from .many_answers import Pick, gale, normlime, sp_lime, weights_of
from .meaningful_perturbation import MeaningfulPerturbation
from .occlusion import Occlusion
from .rise import RISE
from .shapley_sampling import ShapleySampling

__all__ = [
    "LIME",
    "RISE",
    "Anchors",
    "ExtremalPerturbation",
    "FeatureAblation",
    "KernelShap",
    "MeaningfulPerturbation",
    "Occlusion",
    "Pick",
    "ShapleySampling",
    "gale",
    "normlime",
    "sp_lime",
    "weights_of",
]
