"""The lowest and the highest input, also where the network has reshaped it."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch

from xaiwidgets.core.subject import Subject


@dataclass(frozen=True)
class Bounds:
    """0 and 1 before the subject's normalisation, or each picture's own darkest and brightest value
    of a channel where that is not known. `leaf` is the input (batch, channels, height, width)."""

    subject: Subject
    leaf: torch.Tensor

    @functools.cached_property
    def pixels(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The bounds of the input itself."""
        x = self.leaf.detach()
        if self.subject.preprocessing.mean is None:
            return x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
        absent = self.subject.preprocessing.absent
        return absent(0.0, x), absent(1.0, x)

    def at(self, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The bounds of what the network made of its input without any layer: reshaped, padded or
        normalised, which all are linear up to a constant."""
        low, high = (bound.expand_as(self.leaf) for bound in self.pixels)
        if value.shape == self.leaf.shape and torch.equal(value, self.leaf):
            return low, high
        start = self.leaf.detach()
        here = value.detach()
        low, high = (here + self._moved(value, bound - start) for bound in (low, high))
        return torch.minimum(low, high), torch.maximum(low, high)

    def _moved(self, value: torch.Tensor, change: torch.Tensor) -> torch.Tensor:
        """How `value` changes with the input: the derivative of a derivative's own, so that no
        second pass is needed."""
        ones = torch.ones_like(value, requires_grad=True)
        (back,) = torch.autograd.grad(value, self.leaf, ones, create_graph=True)
        (forth,) = torch.autograd.grad(back, ones, change, retain_graph=True)
        return forth
