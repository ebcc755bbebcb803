"""Faithfulness: does the score change when what the map calls important is taken away?"""

from .pixel_flipping import PixelFlipping

__all__ = ["PixelFlipping"]
