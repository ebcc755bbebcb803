from contextlib import AbstractContextManager
from typing import Any

import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.baselines import BASELINE_HELP, BASELINES, baseline
from xaiwidgets.core.declare import knob
from xaiwidgets.core.intercept import replacing
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.subject import Subject, differentiating
from xaiwidgets.core.target import BoundTarget

from .gap import completeness
from .rescale import Rescaling


class DeepLift(Attribution, title="DeepLIFT", source="shrikumar2017"):
    """What each pixel's difference from a baseline did to the score, passed back as finite
    differences where the gradient would see only a flat spot.

    R = (x − x₀) · m; at every nonlinearity the multiplier m is Δout ÷ Δin (rescale rule). Products,
    attention and normalisation layers share a difference between their two sides (m of a·b is the
    mean of b and b₀), so that the values add up to f(x) − f(x₀) on transformers too, not only on
    networks made of ReLU modules. The gap that rounding leaves is reported.
    """

    baseline: str = knob(default="zero", choices=BASELINES, help=BASELINE_HELP)

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """The baseline forward, then the picture forward and backward."""
        return Passes(2, 1)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """A pass over the baselines, then one over the pictures that meets what it left."""
        absent = baseline(self.baseline, subject, x)
        size = max(1, subject.batch_size(x) // 2) if len(x) > 1 else 1
        rows = torch.arange(len(x))
        parts = [
            _multipliers(subject, part, start, target, which)
            for part, start, which in zip(
                x.split(size), absent.split(size), rows.split(size), strict=True
            )
        ]
        multipliers = torch.cat([multiplier for multiplier, _ in parts])
        change = torch.cat([change for _, change in parts])
        return completeness(Findings((x - absent) * multipliers), change)


def _multipliers(
    subject: Subject, x: torch.Tensor, absent: torch.Tensor, target: BoundTarget, rows: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """∆ score ÷ ∆ x shaped like x, and f(x) − f(x₀) (batch,)."""
    rescaling = Rescaling()
    with differentiating(), replacing(subject.model, rescaling.rules):
        with _forgetting():
            at_absent = target.score(subject(absent.detach().requires_grad_()), rows).detach()
        rescaling.turn()
        leaf = x.detach().requires_grad_()
        score = target.score(subject(leaf), rows)
        rescaling.finish()
    (gradient,) = torch.autograd.grad(score.sum(), leaf)
    return gradient, score.detach() - at_absent


def _forgetting() -> AbstractContextManager[None]:
    """Tensors require gradients as ever, but nothing is kept for a backward pass."""
    return torch.autograd.graph.saved_tensors_hooks(_nothing, _nothing)


def _nothing(_: Any) -> Any:
    return None
