import numpy as np
import torch

from xaiwidgets.core.declare import knob
from xaiwidgets.core.evaluation import Case, Evaluation, Graded, explaining
from xaiwidgets.core.filling import Filling, fill_knob, spread
from xaiwidgets.core.method import Passes

from ..knobs import reading_knob, scale_knob, seed_knob
from ..ordering import block_side, blocks, read, without_order
from .sampled import sampled


class FaithfulnessCorrelation(Evaluation, title="Faithfulness correlation", source="bhatt2020"):
    """Whether removing more of what the map calls important costs more of the score.

    Pearson's correlation of Σ_{i ∈ S} φᵢ with f(x) − f(x without S), over random subsets S of equal
    size (Bhatt et al. 2020): 1 is perfect, 0 is chance. The paper removes single features; of a
    picture, scattered single pixels are easily overlooked by the network, so that `side` lets
    squares go together. All inputs see the same subsets.

    Use it where a map's values, and not only their order, should say what a removal costs.

    It misleads where what is removed is easily overlooked, as single pixels are: every map then
    comes out near 0.
    """

    better = "higher"
    family = "faithfulness"

    samples: int = knob(
        default=100, low=3, high=10000, unit="subsets", log=True, help="how many are drawn"
    )
    share: float = knob(
        default=0.2, low=0.001, high=0.99, log=True, unit="of the picture",
        help="how much of the picture each subset takes away",
    )  # fmt: skip
    side: int = knob(
        default=16, low=1, high=112, unit="pixels of 224", log=True,
        help="side of the squares that go together",
    )  # fmt: skip
    reading: str = reading_knob()
    fill: str = fill_knob("mean")
    scale: str = scale_knob("score")
    seed: int = seed_knob("which subsets are drawn, and noise")

    def cost(self, case: Case) -> Passes:
        """The explanation, the intact input, and one forward pass a subset."""
        own = explaining(case)
        return Passes(own.forward + 1 + self.samples, own.backward)

    def subset(self, case: Case, sample: int) -> np.ndarray:
        """The pixels (height, width) that subset number `sample` takes away."""
        squares = blocks(case.x, block_side(self.side, case.x))
        return self._drawn(int(squares[-1, -1]) + 1, sample)[squares]

    def grade(self, case: Case) -> Graded:
        """The correlation of every input."""
        maps = read(case.maps, self.reading)
        squares = blocks(case.x, block_side(self.side, case.x))
        worth = np.stack([np.bincount(squares.ravel(), one.ravel()) for one in maps])
        labels = torch.as_tensor(squares, device=case.x.device)
        filling = Filling(self.fill, case.subject, case.x, self.seed)

        def change(numbers: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            own, where = numbers.unique(return_inverse=True)
            subsets = [self._drawn(worth.shape[1], sample) for sample in own.tolist()]
            gone = np.stack(subsets)[where.numpy()]
            sums = (worth[rows.cpu().numpy()] * gone).sum(1)
            kept = spread(torch.as_tensor(~gone, device=labels.device), labels)
            return filling(kept, rows), torch.as_tensor(sums)

        lost, said = sampled(case, self.samples, self.scale, change)
        values, warnings = without_order(correlation(said, lost), maps)
        return Graded(values, warnings=warnings)

    def _drawn(self, total: int, sample: int) -> np.ndarray:
        """Which of so many squares (squares,) subset number `sample` takes away."""
        drawn = np.random.Generator(np.random.PCG64([self.seed, sample]))
        count = min(total - 1, max(1, round(self.share * total)))
        gone = np.zeros(total, bool)
        gone[drawn.choice(total, count, replace=False, shuffle=False)] = True
        return gone


def correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson's correlation of each row of a with the same row of b, NaN where one is constant."""
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    size = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    return np.where(size > 0, (a * b).sum(1) / np.where(size > 0, size, 1.0), np.nan)
