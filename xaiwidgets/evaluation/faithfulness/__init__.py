"""Faithfulness: does the score change when what the map calls important is taken away?"""

from .c_eval import CEval
from .completeness import Completeness
from .deletion import Deletion
from .faithfulness_correlation import FaithfulnessCorrelation
from .head_pruning import prune_heads
from .infidelity import Infidelity
from .insertion import Insertion
from .pixel_flipping import PixelFlipping
from .region_perturbation import RegionPerturbation
from .retraining import Retrained, Roar
from .road import ROAD
from .selectivity import Selectivity

__all__ = [
    "ROAD",
    "CEval",
    "Completeness",
    "Deletion",
    "FaithfulnessCorrelation",
    "Infidelity",
    "Insertion",
    "PixelFlipping",
    "RegionPerturbation",
    "Retrained",
    "Roar",
    "Selectivity",
    "prune_heads",
]
