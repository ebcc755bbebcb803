"""Dissection: which units of a layer are detectors of which concepts."""

from .answer import Dissection, Shown, Source, Unit
from .dissected_layer import DissectedLayer
from .network_dissection import NetworkDissection

__all__ = ["DissectedLayer", "Dissection", "NetworkDissection", "Shown", "Source", "Unit"]
