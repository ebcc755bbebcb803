"""Localisation: does the map lie where the object does? Coherence, where the truth is a mask."""

from .box_iou import BoxIoU
from .mask_iou import MaskIoU
from .overlap import Overlap, region_overlap
from .pointing_game import PointingGame
from .relevance_mass import RelevanceMass
from .relevance_rank import RelevanceRank
from .top_k_intersection import TopKIntersection

__all__ = [
    "BoxIoU",
    "MaskIoU",
    "Overlap",
    "PointingGame",
    "RelevanceMass",
    "RelevanceRank",
    "TopKIntersection",
    "region_overlap",
]
