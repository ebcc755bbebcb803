"""Class activation maps."""

from .gradcam import GradCam
from .guided_gradcam import GuidedGradCam

__all__ = ["GradCam", "GuidedGradCam"]
