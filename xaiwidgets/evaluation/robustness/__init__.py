"""Robustness: does the map stay when what should not matter changes, and change when the question
does?"""

from .average_sensitivity import AverageSensitivity
from .baseline_sensitivity import BaselineSensitivity
from .class_sensitivity import ClassSensitivity
from .continuity import Continuity
from .hyperparameter_sensitivity import HyperparameterSensitivity
from .max_sensitivity import MaxSensitivity
from .noise import RisingNoise
from .sweep import Sweep

__all__ = [
    "AverageSensitivity",
    "BaselineSensitivity",
    "ClassSensitivity",
    "Continuity",
    "HyperparameterSensitivity",
    "MaxSensitivity",
    "RisingNoise",
    "Sweep",
]
