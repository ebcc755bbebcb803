"""Rules made from other rules."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from .rules import Flow, Rule, ZPlus


@dataclass(frozen=True)
class Unbiased(Rule):
    """A rule that counts inputs alone: no share of the relevance goes to the bias."""

    rule: Rule

    def share(self, flow: Flow) -> torch.Tensor:
        """The rule on the layer without its bias."""
        return self.rule.share(replace(flow, layer=flow.layer.unbiased()))

    def __str__(self) -> str:
        return f"{self.rule} without biases"


@dataclass(frozen=True)
class Negated(Rule):
    """A rule on the layer with its weights negated: of what speaks against an output."""

    rule: Rule

    def share(self, flow: Flow) -> torch.Tensor:
        """The rule with the signs of the weights turned; the outputs keep their relevance."""
        layer = replace(flow.layer, weight=-flow.layer.weight)
        return self.rule.share(replace(flow, layer=layer))

    def __str__(self) -> str:
        return f"{self.rule} of negated weights"


@dataclass(frozen=True)
class Topmost(Rule):
    """`top` at the layer that relevance meets first, and `below` at all others."""

    top: Rule
    below: Rule

    def share(self, flow: Flow) -> torch.Tensor:
        """The rule of the place."""
        return (self.top if flow.topmost else self.below).share(flow)

    def __str__(self) -> str:
        return f"{self.below} ({self.top} at the last layer)"


POSITIVE = Unbiased(ZPlus())
