import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.baselines import BASELINE_HELP, BASELINES, baseline
from xaiwidgets.core.declare import knob
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget


class Occlusion(
    Attribution,
    title="Occlusion",
    source="zeiler2014",
    taxonomy={"models": "any", "access": "black box"},
):
    """Cover one patch at a time and record how far the class score drops.

    A pixel's value is the mean drop over the patches that cover it. Evidence spread over several
    patches goes unseen: cover one and the others still speak.

    >>> Occlusion(patch=8, stride=4)(subject, x, target="star").values.shape
    torch.Size([1, 1, 64, 64])
    """

    patch: int = knob(default=16, low=1, high=64, unit="pixels", help="side of the covered square")
    stride: int = knob(
        default=8, low=1, high=64, unit="pixels", help="how far the square moves each time"
    )
    baseline: str = knob(default="zero", choices=BASELINES, help=BASELINE_HELP)

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward pass a patch, and one for the whole picture."""
        return Passes(len(self._corners(x)) + 1, 0)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """Drops streamed over batches of covered copies, (batch, 1, height, width)."""
        absent = baseline(self.baseline, subject, x)
        whole = subject.scores(x, target)
        drop = x.new_zeros(len(x), *x.shape[2:])
        cover = x.new_zeros(x.shape[2:])
        corners = self._corners(x)
        for top, left in corners:
            cover[top : top + self.patch, left : left + self.patch] += 1
        places = [(row, corner) for row in range(len(x)) for corner in corners]
        size = subject.batch_size(x, backward=False)
        for start in range(0, len(places), size):
            part = places[start : start + size]
            rows = torch.tensor([row for row, _ in part])
            batch = x[rows]
            for copy, (row, (top, left)) in zip(batch, part, strict=True):
                where = (..., slice(top, top + self.patch), slice(left, left + self.patch))
                copy[where] = absent[row][where]
            fallen = whole[rows] - subject.scores(batch, target, rows)
            for (row, (top, left)), change in zip(part, fallen, strict=True):
                drop[row, top : top + self.patch, left : left + self.patch] += change
        return Findings((drop / cover.clamp_min(1))[:, None])

    def _corners(self, x: torch.Tensor) -> list[tuple[int, int]]:
        """Top left corners; the last row and column are moved in so that every pixel is covered."""
        tops, lefts = (_starts(side, self.patch, self.stride) for side in x.shape[2:])
        return [(top, left) for top in tops for left in lefts]


def _starts(side: int, patch: int, stride: int) -> list[int]:
    last = max(0, side - patch)
    starts = list(range(0, last + 1, stride))
    return starts if starts[-1] == last else [*starts, last]
