import torch
import torch.nn.functional as F

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.filling import Filling, fill_knob
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from ..sampling import enough, precision_knob, report_error


class RISE(
    Attribution,
    title="RISE",
    source="petsiuk2018",
    taxonomy={"models": "any", "access": "black box"},
):
    """How much higher the score is, over random veils, where a pixel happens to be seen.

    Veils M are random grids of 0 and 1, smoothly enlarged and shifted. "difference" is Σ f(x∘M) M ÷
    Σ M less the mean score, so that its sign speaks; "paper" is Σ f(x∘M) M ÷ (N p), which keeps how
    often each pixel happened to be seen. Veils are made in batches and never kept. The standard
    error comes with the map. Cells of the grid set how fine a map can be.

    Use it on a black box, where no segments should be imposed and many passes are affordable.

    It misleads about what is smaller than a cell of its grid, which is smeared over the cell.

    Of a table every column is seen or not by itself, and each veil hides behind another row of the
    data. With half of the columns seen, "difference" then estimates half of each column's Banzhaf
    value: the mean over all sets of other columns of what it adds to the score.

    >>> RISE(samples=4000)(subject, x, target="star").error.shape
    torch.Size([1, 1, 64, 64])
    """

    usual = {"text": {"cells": 32, "fill": "given"}, "table": {"fill": "rows"}}
    idle = {"table": ("cells",)}

    samples: int = knob(
        default=2000, low=2, high=20000, unit="veils", log=True, help="how many random veils"
    )
    cells: int = knob(
        default=7, low=2, high=32, unit="cells", help="cells of the grid along each side"
    )
    share: float = knob(
        default=0.5, low=0.1, high=0.9, step=0.05, unit="of the cells", help="how many are seen"
    )
    form: str = knob(
        default="difference", choices=("difference", "paper"),
        help="the score where a pixel is seen less the mean score, or the paper's weighted mean",
    )  # fmt: skip
    fill: str = fill_knob("zero")
    precision: float = precision_knob()
    seed: int = knob(default=0, low=0, high=9999, help="which veils are drawn")

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward pass a veil."""
        return Passes(self.samples, 0)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """Every input is seen through the same veils; (batch, 1, height, width)."""
        fillings = [Filling(self.fill, subject, x[i : i + 1]) for i in range(len(x))]
        veils = self._veils(subject, x)
        sums, asked = _Sums(x, self.form, self.share), subject.quick(x)
        for numbers in torch.arange(self.samples).split(subject.batch_size(x, backward=False)):
            veil, draws = veils(numbers), numbers if self.fill == "rows" else None
            scores = [
                asked.scores(filling(veil, numbers * 0, draws), target, numbers * 0 + i)
                for i, filling in enumerate(fillings)
            ]
            sums.add(veil, torch.stack(scores))
            if enough(sums.found, self.precision, sums.count, self.samples):
                break
        return report_error(sums.found(), sums.count, self.samples)

    def _veils(self, subject: Subject, x: torch.Tensor) -> "Veils | Sieve":
        if subject.kind == "table":
            return Sieve(self.samples, self.share, x, self.seed)
        return Veils(self.samples, self.cells, self.share, x, self.seed)


class Sieve:
    """Random veils over parts without neighbours, by number: each part is seen, 1, with probability
    `share`, or not, 0."""

    def __init__(self, count: int, share: float, x: torch.Tensor, seed: int) -> None:
        draw = torch.Generator().manual_seed(seed)
        self.seen = (torch.rand(count, *x.shape[2:], generator=draw) < share).to(x)

    def __call__(self, numbers: torch.Tensor) -> torch.Tensor:
        """Masks (numbers, height, width) of 0 and 1."""
        return self.seen[numbers]


class Veils:
    """Smooth random masks (Petsiuk et al. 2018) by number: the same whatever batch they come in.

    A grid of cells × cells, each 1 with probability `share`, is enlarged bilinearly to one cell
    more than the picture a side, and the picture cut out of it at a random place.
    """

    def __init__(self, count: int, cells: int, share: float, x: torch.Tensor, seed: int) -> None:
        draw = torch.Generator().manual_seed(seed)
        self.grids = (torch.rand(count, cells, cells, generator=draw) < share).to(x)
        height, width = x.shape[2:]
        self.rows, self.columns = (_windows(cells, side, x) for side in (height, width))
        self.tops, self.lefts = (
            torch.randint(len(windows), (count,), generator=draw).to(x.device)
            for windows in (self.rows, self.columns)
        )

    def __call__(self, numbers: torch.Tensor) -> torch.Tensor:
        """Masks (numbers, height, width) from 0 to 1."""
        down, across = self.rows[self.tops[numbers]], self.columns[self.lefts[numbers]]
        return down.transpose(1, 2) @ self.grids[numbers] @ across


def _windows(cells: int, side: int, x: torch.Tensor) -> torch.Tensor:
    """How much each cell counts for each pixel, from every place at which a picture of `side`
    pixels can be cut out of the enlarged grid: (places, cells, side)."""
    cell = -(-side // cells)
    unit = torch.eye(cells, dtype=x.dtype, device=x.device)[None]
    whole = F.interpolate(unit, size=(cells + 1) * cell, mode="linear", align_corners=False)[0]
    return whole.unfold(1, side, 1)[:, :cell].transpose(0, 1)


class _Sums:
    """Σ M, Σ f M, Σ f² M and the same with M² for every pixel, from which map and standard error
    follow. Scores are taken as differences from a first guess, which keeps their squares exact."""

    def __init__(self, x: torch.Tensor, form: str, share: float) -> None:
        self.form, self.share, self.x, self.count = form, share, x, 0
        self.guess: torch.Tensor | None = None
        wide = torch.float32 if x.device.type == "mps" else torch.float64
        self.once = torch.zeros(3, len(x), *x.shape[2:], dtype=wide, device=x.device)
        self.squared = torch.zeros_like(self.once)
        self.scores = torch.zeros(2, len(x), dtype=wide, device=x.device)

    def add(self, veil: torch.Tensor, scores: torch.Tensor) -> None:
        """Add scores (inputs, veils) of inputs seen through veils (veils, height, width)."""
        if self.guess is None:
            self.guess = scores.mean(1, keepdim=True)
        away = scores - self.guess
        powers = torch.stack([torch.ones_like(away), away, away.square()])
        self.once += torch.tensordot(powers, veil, 1)
        self.squared += torch.tensordot(powers, veil.square(), 1)
        self.scores += powers[1:].sum(2)
        self.count += scores.shape[1]

    def found(self) -> Findings:
        """The map so far with its standard error, (inputs, 1, height, width)."""
        assert self.guess is not None
        values, error = self._paper() if self.form == "paper" else self._difference()
        return Findings(values[:, None].to(self.x.dtype), error[:, None].to(self.x.dtype))

    def _paper(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Σ f M ÷ (N p), and √(variance of f M ÷ (N p²))."""
        assert self.guess is not None
        g = self.guess.to(self.once)[:, :, None]
        mean = (self.once[1] + g * self.once[0]) / self.count
        square = (self.squared[2] + 2 * g * self.squared[1] + g**2 * self.squared[0]) / self.count
        spread = (square - mean.square()).clamp_min(0) / max(self.count - 1, 1)
        return mean / self.share, spread.sqrt() / self.share

    def _difference(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Σ f M ÷ Σ M − mean f. Its error is that of the mean of M (f − ratio) ÷ mean M
        − (f − mean f), a sum over veils in first order."""
        n = self.count
        seen, seen_score, _ = self.once / n
        seen = seen.clamp_min(1e-6)
        ratio, mean = seen_score / seen, (self.scores[0] / n)[:, None, None]
        own = self.squared[2] - 2 * ratio * self.squared[1] + ratio**2 * self.squared[0]
        cross = self.once[2] - (ratio + mean) * self.once[1] + ratio * mean * self.once[0]
        alone = self.scores[1][:, None, None] - n * mean**2
        total = own / seen**2 - 2 * cross / seen + alone
        return ratio - mean, total.clamp_min(0).sqrt() / n
