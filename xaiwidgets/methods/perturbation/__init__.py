"""Methods that only cover, blur or resample the input."""

from .occlusion import Occlusion

__all__ = ["Occlusion"]
