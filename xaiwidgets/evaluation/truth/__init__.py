"""Controlled truth: pictures made so that what a network looks at is known."""

from .input_dependence import InputDependence
from .input_independence import InputIndependence
from .model_contrast import ModelContrast
from .trojan_detection import TrojanDetection

__all__ = ["InputDependence", "InputIndependence", "ModelContrast", "TrojanDetection"]
