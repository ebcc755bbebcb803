from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any

import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.baselines import BASELINE_HELP, BASELINES, baseline, one_for_all
from xaiwidgets.core.declare import knob
from xaiwidgets.core.intercept import replacing
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.subject import Subject, differentiating
from xaiwidgets.core.target import BoundTarget

from .gap import completeness
from .rescale import Rescaling, RowsMixedError


class DeepLift(Attribution, title="DeepLIFT", source="shrikumar2017"):
    """What each pixel's difference from a baseline did to the score, passed back as finite
    differences where the gradient would see only a flat spot.

    R = (x − x₀) · m; at every nonlinearity the multiplier m is Δout ÷ Δin (rescale rule). Products,
    attention and normalisation layers share a difference between their two sides (m of a·b is the
    mean of b and b₀), so that the values add up to f(x) − f(x₀) on transformers too, not only on
    networks made of ReLU modules. The gap that rounding leaves is reported.

    Use it where values have to add up to the change in score, for a few passes rather than dozens.

    It misleads through its baseline: pixels that look like it get 0 by construction, and another
    baseline asks another question.
    """

    baseline: str = knob(default="zero", choices=BASELINES, help=BASELINE_HELP)

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """The baseline forward, once where all have the same; each picture forward and backward."""
        return Passes(2, 1, shared=int(one_for_all(self.baseline, subject)))

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """A pass over the baseline, then one over the pictures that meets what it left."""
        absent = baseline(self.baseline, subject, x)
        size, rows = 1 if len(x) == 1 else subject.batch_size(x), torch.arange(len(x))
        if one_for_all(self.baseline, subject):
            with suppress(RowsMixedError):
                found = _multipliers(subject, x, rows.split(size), absent[:1], target)
                return _findings(x, absent, *found)
        pairs = [  # two rows of memory each
            _multipliers(subject, x, [part], absent[part], target)
            for part in rows.split(max(1, size // 2))
        ]
        return _findings(x, absent, *map(torch.cat, zip(*pairs, strict=True)))


def _findings(
    x: torch.Tensor, absent: torch.Tensor, multipliers: torch.Tensor, change: torch.Tensor
) -> Findings:
    return completeness(Findings((x - absent) * multipliers), change)


def _multipliers(
    subject: Subject,
    x: torch.Tensor,
    parts: Sequence[torch.Tensor],
    absent: torch.Tensor,
    target: BoundTarget,
) -> tuple[torch.Tensor, torch.Tensor]:
    """∆ score ÷ ∆ x of the rows of x that the parts name, and f(x) − f(x₀) (rows,); `absent` has a
    row for each, or one for all."""
    rescaling = Rescaling()
    with differentiating(), replacing(subject.model, rescaling.rules), _forgetting():
        there = subject(absent.detach().requires_grad_())
    rescaling.aside()
    slopes: list[torch.Tensor] = []
    changes: list[torch.Tensor] = []
    for rows in parts:
        leaf = x[rows].requires_grad_()
        with differentiating(), replacing(subject.model, rescaling.rules):
            with _forgetting():
                at_absent = target.score(there.expand(len(rows), *there.shape[1:]), rows).detach()
            rescaling.turn()
            score = target.score(subject(leaf), rows)
            rescaling.back()
        slopes += torch.autograd.grad(score.sum(), leaf)
        changes.append(score.detach() - at_absent)
    return torch.cat(slopes), torch.cat(changes)


def _forgetting() -> AbstractContextManager[None]:
    """Tensors require gradients as ever, but nothing is kept for a backward pass."""
    return torch.autograd.graph.saved_tensors_hooks(_nothing, _nothing)


def _nothing(_: Any) -> Any:
    return None
