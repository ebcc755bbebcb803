from collections.abc import Iterator
from typing import Any

import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.baselines import BASELINE_HELP, BASELINES, baseline
from xaiwidgets.core.declare import knob
from xaiwidgets.core.intercept import ACTIVATIONS, Operation, replacing
from xaiwidgets.core.job import current_job
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.numbers import percent
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .activation_map import in_passes, shared


class FGVis(
    Attribution,
    title="FGVis",
    source="wagner2019",
    taxonomy={"models": "differentiable", "formulation": "dependence"},
):
    """The few pixels and colours that suffice for the answer, or whose removal undoes it.

    A mask m for every pixel and colour is searched by steps down its gradient, from m = 1 on:
    "preserve" keeps the score of e = m ⊙ x + (1 − m) ⊙ r with as little as may be, "delete" brings
    it down to that of the absent picture r by taking as little as may be away. The map is m, or
    1 − m.

    Searching finds noise that fools the network: a few pixels that undo the answer and that no eye
    would miss. It is `defended` by what the gradient may pass: an activation h(e) outside of 0 to
    h(x) hands none on (the paper's equation 6), so that the mask is not drawn to wake units that
    the picture left asleep. The network's answers stay its own, and e is an input like any other.

    The paper watches the softmax or its cross-entropy, which have no slope where the network is
    sure; here it is the log-odds of the class, from r's (0) to x's (1), and counts no further. That
    λ, the number of steps and their length, and that a step is scaled by its steepest slope are
    ours, tried on the zoo; the authors published no code, and choose λ for every picture so that
    e's softmax comes near x's.

    Use it to ask at the finest grain which few pixels suffice.

    It misleads as the only answer: another r or another λ finds other pixels that suffice as well,
    and undefended the search finds noise that fools the network.
    """

    takes = ("picture",)

    game: str = knob(
        default="preserve", choices=("preserve", "delete"),
        help="keep the answer with few pixels, or undo it by taking few away",
    )  # fmt: skip
    steps: int = knob(default=100, low=1, high=1000, unit="steps", log=True, help="of the search")
    sparsity: float = knob(
        default=0.5, low=0.0, high=10.0, step=0.05,
        help="λ: what a whole mask costs, where losing the whole score costs 1",
    )  # fmt: skip
    rate: float = knob(
        default=0.2, low=0.01, high=1.0, log=True, help="how far the mask moves in a step, at most"
    )
    defended: bool = knob(
        default=True,
        help="let no gradient through activations that are not between 0 and what they are for the "
        "picture",
    )
    baseline: str = knob(default="zero", choices=BASELINES, help=BASELINE_HELP)

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward pass for each end and for what was found, and one of each kind a step."""
        return Passes(self.steps + 3, self.steps)

    reduction = "mean"

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """Search the masks, shaped like x, in batches that fit."""
        absent = baseline(self.baseline, subject, x)
        masks, kept = torch.ones_like(x), x.new_zeros(len(x))
        for part, rows in in_passes(subject, x):
            for mask, left in self._search(subject, part, absent[rows], target.of_rows(rows)):
                masks[rows], kept[rows] = mask, left
                current_job().show(lambda: Findings(self._shown(masks)))
        share, held = float(masks.mean()), float(kept.mean())
        fact = f"The mask keeps {percent(share)} of the picture and {percent(held)} of its "
        fact += "evidence." if target.scorer is None else "score."
        numbers = {"share_kept": share, "evidence_kept": held}
        found = Findings(self._shown(masks), facts=[fact], numbers=numbers)
        if not bool(found.values.flatten(1).any(1).all()):
            found.warnings.append(
                "The search ended with an empty map: nothing that it could keep or take away was "
                "worth its cost. Less sparsity, a smaller rate or another baseline may find more."
            )
        return found

    def _shown(self, masks: torch.Tensor) -> torch.Tensor:
        return masks.clone() if self.game == "preserve" else 1 - masks

    def _search(
        self, subject: Subject, x: torch.Tensor, absent: torch.Tensor, target: BoundTarget
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """The masks of one batch, to begin with and after every step, and the share of the evidence
        that each leaves."""
        ask = Defended(subject) if self.defended else subject
        with torch.no_grad():
            whole = evidence(target, ask(x))
            nothing = evidence(target, ask(absent))
        mask = torch.ones_like(x)

        def left_of(mask: torch.Tensor) -> torch.Tensor:
            seen = evidence(target, ask(mask * x + (1 - mask) * absent))
            return shared(seen - nothing, whole - nothing)

        for _ in range(self.steps):
            leaf = mask.requires_grad_()
            left = left_of(leaf)
            yield leaf.detach(), left.detach()
            (slope,) = torch.autograd.grad(self._loss(leaf, left).sum(), leaf)
            step = shared(slope, slope.abs().amax((1, 2, 3), keepdim=True))
            mask = (leaf.detach() - self.rate * step).clamp(0, 1)
        with torch.no_grad():
            yield mask, left_of(mask)

    def _loss(self, mask: torch.Tensor, left: torch.Tensor) -> torch.Tensor:
        if self.game == "preserve":
            return (1 - left).clamp_min(0) + self.sparsity * mask.mean((1, 2, 3))
        return left.clamp_min(0) + self.sparsity * (1 - mask).mean((1, 2, 3))


def evidence(target: BoundTarget, outputs: torch.Tensor) -> torch.Tensor:
    """The log-odds of the class (batch,): its score's lead over all others together. Of a contrast,
    a function, or a single output it is the score."""
    score = target.score(outputs)
    if target.classes is None or target.against is not None or outputs.shape[1] == 1:
        return score
    column = target.classes.to(outputs.device).expand(len(outputs))[:, None]
    return score - outputs.scatter(1, column, float("-inf")).logsumexp(1)


class Defended:
    """A subject whose activations hand gradients on only between 0 and what they were in the first
    pass. What classifies at the end, such as a sigmoid, is let be."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.limits: list[torch.Tensor] = []

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Scores (batch, classes): the network's own."""
        limits = iter(self.limits) if self.limits else None

        def hold(operation: Operation) -> Any:
            made = operation.apart()
            if limits is None:
                self.limits.append(made.detach().clone())
                return operation.write(made)
            limit = next(limits, None)
            return operation.write(made if limit is None else _within(made, limit))

        with replacing(self.subject.model, dict.fromkeys(ACTIVATIONS, hold)):
            outputs = self.subject(x)
        if limits is None and self.limits and _same(self.limits[-1], outputs):
            del self.limits[-1]
        return outputs


def _within(made: torch.Tensor, limit: torch.Tensor) -> torch.Tensor:
    """What was made, whose gradient stops where it does not lie between 0 and its limit."""
    inside = (made <= limit.clamp_min(0)) & (made >= limit.clamp_max(0))
    return torch.where(inside, made, made.detach())


def _same(last: torch.Tensor, outputs: torch.Tensor) -> bool:
    return last.numel() == outputs.numel() and torch.equal(last.view_as(outputs), outputs)
