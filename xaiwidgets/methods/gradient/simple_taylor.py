from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.baselines import BASELINE_HELP, BASELINES, baseline
from xaiwidgets.core.declare import knob
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.numbers import percent
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .gap import left_over

_GRID, _NEARER, _HAIR = 16, 6, 2**-12


class SimpleTaylor(Attribution, title="Simple Taylor", source="montavon2018"):
    """The first-order Taylor term at a root of the score: ∂f/∂x (x̃) · (x − x̃), with f(x̃) = 0.

    The root x̃ is a picture of which the network is undecided: "segment" finds it by line search
    from the baseline to x; "nearest" walks down f² from x by Newton steps along the gradient;
    "border" searches the segment for the decision border, where the class ties with its strongest
    rival, and explains the margin. The residual f(x) − ΣR tells how far the network is from linear
    between root and picture. On a ReLU network without biases, a root at 0 gives gradient × input.

    Use it to see how far a first-order account goes, or to explain the margin over the strongest
    rival.

    It misleads where the residual is large: between root and picture the network is far from
    linear, and another root gives another map.
    """

    looks_inside = False

    root: str = knob(
        default="segment", choices=("segment", "nearest", "border"),
        help="where the root is looked for: on the way from the baseline, by descent on f², or "
        "where the class ties with its rival",
    )  # fmt: skip
    steps: int = knob(
        default=20, low=1, high=200, unit="steps", help="Newton steps of the nearest root"
    )
    baseline: str = knob(default="zero", choices=BASELINES, help=BASELINE_HELP)

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """The search, the gradient at the root, and the score of the picture."""
        if self.root == "nearest":
            return Passes(self.steps + 2, self.steps + 1)
        return Passes(_GRID + 1 + _NEARER + 1, 1, alone=_NEARER)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """Find the root, then one gradient there."""
        aim = target.margin() if self.root == "border" else target
        if self.root == "nearest":
            score, root = subject.scores(x, aim), self._nearest(subject, x, aim)
        else:
            absent = baseline(self.baseline, subject, x)
            score, root = self._on_segment(subject, x, absent, aim)
        gradient, left = subject.gradient_and_score(root, aim)
        values = gradient * (x - root)
        return _report(Findings(values), score.double().cpu(), left.double().cpu())

    def _nearest(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> torch.Tensor:
        root = x.clone()
        for _ in range(self.steps):
            gradient, score = subject.gradient_and_score(root, target)
            size = gradient.square().sum((1, 2, 3), keepdim=True)
            step = score.view(-1, 1, 1, 1) * gradient / size.clamp_min(1e-20)
            root = root - step
        return root

    def _on_segment(
        self, subject: Subject, x: torch.Tensor, absent: torch.Tensor, target: BoundTarget
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The score of x, and the last sign change on the way from the baseline."""
        way = x - absent
        grid = torch.linspace(0, 1, _GRID + 1, dtype=x.dtype, device=x.device)
        points = torch.cat([absent + a * way for a in grid])
        rows = torch.arange(len(x)).repeat(len(grid))
        scores = subject.scores(points, target, rows).view(len(grid), len(x))

        def score_at(share: torch.Tensor) -> torch.Tensor:
            return subject.scores(absent + share.view(-1, 1, 1, 1) * way, target)

        share = _nearest_root(score_at, *_last_change(scores, grid))
        return scores[-1], absent + share.view(-1, 1, 1, 1) * way


@dataclass
class _End:
    """One end of each input's interval: the share of the way, and the score there."""

    share: torch.Tensor
    score: torch.Tensor

    def where(self, mask: torch.Tensor, other: _End) -> _End:
        return _End(
            torch.where(mask, self.share, other.share), torch.where(mask, self.score, other.score)
        )


def _nearest_root(
    score_at: Callable[[torch.Tensor], torch.Tensor], low: _End, high: _End
) -> torch.Tensor:
    """The share where |score| is least, by the Illinois variant of the false position: the line
    between both ends is cut with 0, and an end that stays twice counts half. A hair's breadth on
    the picture's side of it, since a root may sit on a kink."""
    picture = high.share
    best = low.where(low.score.abs() < high.score.abs(), high)
    kept_low = kept_high = torch.zeros_like(best.score, dtype=torch.bool)
    for _ in range(_NEARER):
        rise = high.score - low.score
        step = high.score * (high.share - low.share) / torch.where(rise == 0, 1, rise)
        middle = _End(high.share - step, score_at(high.share - step))
        best = middle.where(middle.score.abs() < best.score.abs(), best)
        as_high = middle.score.sign() == high.score.sign()
        low_half = torch.where(as_high & kept_low, low.score / 2, low.score)
        high_half = torch.where(~as_high & kept_high, high.score / 2, high.score)
        low, high = (
            _End(low.share, low_half).where(as_high, middle),
            middle.where(as_high, _End(high.share, high_half)),
        )
        kept_low, kept_high = as_high, ~as_high
    return best.share + (picture - best.share) * _HAIR


def _last_change(scores: torch.Tensor, grid: torch.Tensor) -> tuple[_End, _End]:
    """For each input the interval of the last sign change, or the point where |score| is least."""
    low, high = [], []
    for column in scores.T:
        other = (column.sign() != column[-1].sign()).nonzero().flatten()
        at = int(other[-1]) if len(other) else int(column.abs().argmin())
        low.append(at)
        high.append(at + 1 if len(other) else at)
    columns = torch.arange(scores.shape[1])
    return _End(grid[low], scores[low, columns]), _End(grid[high], scores[high, columns])


def _report(found: Findings, score: torch.Tensor, left: torch.Tensor) -> Findings:
    residual = left_over(found.values, score)
    at_root = float((left.abs() / score.abs().clamp_min(1e-12)).max())
    found.numbers.update(residual=residual, score_at_root=at_root)
    found.facts.append(f"Residual {percent(residual)} of the score.")
    if at_root > 0.02:
        found.warnings.append(
            f"No root was found: the score there is still {100 * at_root:.0f} % of the picture's. "
            "Try another root or baseline."
        )
    return found
