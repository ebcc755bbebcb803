"""Controls: maps that know nothing of the network, to compare with."""

from .edge_detector import EdgeDetector
from .random_map import RandomMap

__all__ = ["EdgeDetector", "RandomMap"]
