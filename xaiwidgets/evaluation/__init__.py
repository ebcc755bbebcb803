"""Evaluations: can that answer be trusted?"""

from xaiwidgets.core.declare import declared

from .faithfulness import PixelFlipping

__all__ = ["PixelFlipping", "declared"]
