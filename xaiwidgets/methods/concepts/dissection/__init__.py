"""Dissection: which units of a layer are detectors of which concepts."""

from .ablation import Ablation, ablate, switched_off
from .answer import Dissection, Shown, Source, Unit
from .dissected_layer import DissectedLayer
from .gan_dissection import GANDissection, Redrawn, redraw
from .naming import UnitNames, name_units
from .network_dissection import NetworkDissection
from .readers import Annotated, Broden, CocoMasks, MaskFolder

__all__ = [
    "Ablation",
    "Annotated",
    "Broden",
    "CocoMasks",
    "DissectedLayer",
    "Dissection",
    "GANDissection",
    "MaskFolder",
    "NetworkDissection",
    "Redrawn",
    "Shown",
    "Source",
    "Unit",
    "UnitNames",
    "ablate",
    "name_units",
    "redraw",
    "switched_off",
]
