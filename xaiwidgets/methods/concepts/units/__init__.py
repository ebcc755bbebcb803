"""Units: what the channels of a layer answer to, and the weights they are made of."""

from .answer import LayerUnits, UnitViews
from .filters import Filters, filters
from .reach import Reach, receptive_fields
from .survey import Units

__all__ = [
    "Filters",
    "LayerUnits",
    "Reach",
    "UnitViews",
    "Units",
    "filters",
    "receptive_fields",
]
