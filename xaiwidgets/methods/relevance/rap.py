import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .affine import Affine
from .layerwise import Layerwise
from .lrp import relevance
from .presets import Table
from .rules import Flow, Rule


class RAP(Layerwise, title="Relative attributing propagation", source="nam2020"):
    """Which pixels mattered much for the score, and which little: a relative question.

    A contribution counts by its size z = |x w|; z⁺ are those that excite, z⁻ those that inhibit.
    The last layer shares R_j = (z_jk ÷ Σ z) R_k. Below it a unit gets R_j = Σ_k (z⁺_jk ÷ Σ z⁺ +
    z⁻_jk ÷ Σ z) R_k, and then all active units give up the same amount, so that the layer keeps its
    sum.

    Use it to tell what mattered much from what mattered little.

    It misleads below 0, where it shows what mattered less than the rest: that need not speak
    against the class, and of two objects it hardly tells which one was asked for.
    """

    takes = ("picture",)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """One forward and one backward pass, and what the rule needs on the way back."""
        return relevance(subject, x, target, Table([("any", Relative())]))


@dataclass(frozen=True)
class Relative(Rule):
    """The rule of RAP (Nam et al. 2020) for one layer."""

    at_input = True

    def share(self, flow: Flow) -> torch.Tensor:
        """R of the inputs, with the sum of that of the outputs."""
        layer, sides = flow.layer, list(_sides(flow))
        exciting = _total(layer.forward(x, up) for x, up, _ in sides)
        every = exciting + _total(layer.forward(x, down) for x, _, down in sides)
        relevance = flow.relevance
        inhibited = _over(relevance, every)
        excited = inhibited if flow.topmost else _over(relevance, exciting)
        found = _total(
            x * (layer.back(excited, up, x) + layer.back(inhibited, down, x))
            for x, up, down in sides
        )
        return _shifted(found, relevance, layer)

    def bias(self, flow: Flow) -> float | None:
        """Nothing: the layer keeps its sum."""
        return 0.0

    def __str__(self) -> str:
        return "relative"


def _sides(flow: Flow) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """The input's positive and negative values as sizes, each with the sizes of the weights that
    excite from there and of those that inhibit."""
    weight, _ = flow.layer.merged()
    up, down = weight.clamp_min(0), -weight.clamp_max(0)
    yield flow.x.clamp_min(0), up, down
    if bool((flow.x < 0).any()):
        yield -flow.x.clamp_max(0), down, up


def _total(parts: Iterable[torch.Tensor]) -> torch.Tensor:
    return functools.reduce(torch.add, parts)


def _over(relevance: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
    return torch.where(size > 0, relevance / torch.where(size > 0, size, 1), 0)


def _shifted(found: torch.Tensor, above: torch.Tensor, layer: Affine) -> torch.Tensor:
    """`found` less the same amount at every active unit of an example, with the sum of `above`; a
    dense layer does so for each of an example's tokens."""
    dims = (-1,) if layer.kind == "dense" else tuple(range(1, found.ndim))
    active = found != 0
    surplus = found.sum(dims, keepdim=True) - above.sum(dims, keepdim=True)
    return found - active * surplus / active.sum(dims, keepdim=True).clamp_min(1)
