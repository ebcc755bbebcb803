"""The pictures that each unit answers most strongly, found as the data streams by."""

from __future__ import annotations

import numpy as np
import torch


class Exemplars:
    """Each unit's `top` inputs by its largest activation, the strongest first.

    `values` and `numbers` are (units, top), −1 where there were fewer inputs; `maps` are the unit's
    own activations there (units, top, height, width). Ties go to the input that came earlier, so
    that batches of any size give the same.
    """

    def __init__(self, top: int) -> None:
        self.top = top
        self.values: torch.Tensor | None = None
        self.numbers = self.maps = torch.empty(0)

    def add(self, maps: torch.Tensor, numbers: np.ndarray) -> None:
        """Take note of the maps (batch, units, height, width) of inputs with these numbers."""
        count, units = maps.shape[:2]
        if self.values is None:
            self._begin(maps)
        assert self.values is not None
        peaks = maps.flatten(2).amax(2).T
        both = torch.cat([self.values, peaks], 1)
        values, order = both.sort(dim=1, descending=True, stable=True)
        order = order[:, : self.top]
        self.values = values[:, : self.top].contiguous()
        fresh = torch.as_tensor(numbers, device=maps.device).expand(units, count)
        self.numbers = torch.cat([self.numbers, fresh], 1).gather(1, order)
        kept = order.clamp(max=self.top - 1)[..., None, None]
        self.maps = self.maps.take_along_dim(kept, 1)
        unit, rank = (order >= self.top).nonzero(as_tuple=True)
        self.maps[unit, rank] = maps[order[unit, rank] - self.top, unit]

    def _begin(self, maps: torch.Tensor) -> None:
        units = maps.shape[1]
        self.values = maps.new_full((units, self.top), -torch.inf)
        self.numbers = torch.full((units, self.top), -1, device=maps.device)
        self.maps = maps.new_zeros((units, self.top, *maps.shape[2:]))

    @property
    def held(self) -> set[int]:
        """The numbers of all inputs that are among some unit's."""
        return set(self.numbers.unique().tolist()) - {-1}
