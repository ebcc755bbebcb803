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

    def bias(self, flow: Flow) -> float | None:
        """Nothing."""
        return 0.0

    def stranded(self, flow: Flow) -> float:
        """What the rule strands there."""
        return self.rule.stranded(replace(flow, layer=flow.layer.unbiased()))

    def __str__(self) -> str:
        return f"{self.rule} without biases"


@dataclass(frozen=True)
class Negated(Rule):
    """A rule on the layer with its weights negated: of what speaks against an output."""

    rule: Rule

    def share(self, flow: Flow) -> torch.Tensor:
        """The rule with the signs of the weights turned; the outputs keep their relevance."""
        return self.rule.share(_negated(flow))

    def bias(self, flow: Flow) -> float | None:
        """What the bias takes of it."""
        return self.rule.bias(_negated(flow))

    def stranded(self, flow: Flow) -> float:
        """R of outputs that nothing speaks against."""
        return self.rule.stranded(_negated(flow))

    def __str__(self) -> str:
        return f"{self.rule} of negated weights"


@dataclass(frozen=True)
class Topmost(Rule):
    """`top` at the layer that relevance meets first, and `below` at all others."""

    top: Rule
    below: Rule

    def share(self, flow: Flow) -> torch.Tensor:
        """The rule of the place."""
        return self._rule(flow).share(flow)

    def bias(self, flow: Flow) -> float | None:
        """What the bias takes there."""
        return self._rule(flow).bias(flow)

    def stranded(self, flow: Flow) -> float:
        """What that rule strands."""
        return self._rule(flow).stranded(flow)

    def _rule(self, flow: Flow) -> Rule:
        return self.top if flow.topmost else self.below

    def __str__(self) -> str:
        return f"{self.below} ({self.top} at the last layer)"


def _negated(flow: Flow) -> Flow:
    return replace(flow, layer=replace(flow.layer, weight=-flow.layer.weight))


POSITIVE = Unbiased(ZPlus())
