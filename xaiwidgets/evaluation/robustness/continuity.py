import numpy as np
import torch
import torch.nn.functional as F

from xaiwidgets.core.declare import knob
from xaiwidgets.core.evaluation import Case, Evaluation, Graded, explaining
from xaiwidgets.core.kinds import EVERY_KIND
from xaiwidgets.core.method import Passes
from xaiwidgets.core.scores import Curve

from ..knobs import seed_knob
from .nearby import Nearby, distances, lengths, noisy, said, span

_AROUND = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]


class Continuity(Evaluation, title="Continuity", source="alvarezmelis2018"):
    """How fast does the map change where the picture hardly does? Its local Lipschitz constant.

    max over neighbours x′ of ‖R(x) − R(x′)‖ ÷ ‖x − x′‖, Euclidean, over noise within `radius`
    (Alvarez-Melis and Jaakkola 2018) or over translations by up to `shift` pixels in eight
    directions, the edge repeated (Montavon et al. 2018, who take the sum of sizes above the line).

    As it stands that number grows with the map's unit, and no two methods share one. With
    `relative` both lengths are shares: the map's change of ‖R(x)‖, the picture's as the root of the
    mean square in units of its range. 3 then says that noise of 1 % of the range moves the map by
    3 % of its length.

    Use it to learn how fast a map changes where the picture hardly does.

    It misleads in favour of maps that never look at the picture, which score 0. And a translated
    picture has a translated map even where everything is right: compare translations between
    methods, never with noise.
    """

    better = "lower"
    family = "robustness"
    explains_anew = True
    takes = EVERY_KIND
    lacks = dict.fromkeys(("text", "table", "volume"), ("translation",))

    move: str = knob(
        default="noise", choices=("noise", "translation"), help="what the neighbours differ by"
    )
    samples: int = knob(
        default=10, low=1, high=1000, unit="draws", log=True, help="how many noisy neighbours"
    )
    radius: float = knob(
        default=0.02, low=0.0001, high=1.0, log=True, unit="of the range",
        help="the largest change of a pixel by noise, as a share of the picture's range",
    )  # fmt: skip
    shift: int = knob(
        default=2, low=1, high=16, unit="pixels", help="the farthest translation, by steps of 1"
    )
    relative: bool = knob(default=True, help="divide the map and the picture by their own size")
    seed: int = seed_knob("which noise is drawn")

    def cost(self, case: Case) -> Passes:
        """The explanation, once for the picture and once for every neighbour."""
        own, count = explaining(case), 1 + self._neighbours
        return Passes(own.forward * count, own.backward * count)

    @property
    def _neighbours(self) -> int:
        return self.samples if self.move == "noise" else len(_AROUND) * self.shift

    def grade(self, case: Case) -> Graded:
        """The largest ratio, and how it grew with the neighbours."""
        noise = self.move == "noise"
        nearby = noisy(case.x, self.radius, self.seed) if noise else translated(case.x)
        moved, away = distances(case, self._neighbours, nearby)
        size = lengths(case.values)
        if self.relative:
            width = span(case.x).flatten().double().cpu().numpy() * case.x[0].numel() ** 0.5
            above, below = moved / size[:, None], away / np.where(width > 0, width, 1)[:, None]
        else:
            above, below = moved + 0 * size[:, None], away  # NaN where the map is constant
        ratio = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
        ratio[np.isnan(size) | ~(below > 0).any(1)] = np.nan
        growing = np.maximum.accumulate(ratio, axis=1)
        across = np.arange(1, self._neighbours + 1)
        moves = f"change of the map ÷ change of the {case.subject.words.whole}"
        curve = Curve(across, growing, "neighbours", moves)
        return said(case, Graded(growing[:, -1], {self.move: curve}), moved)


def translated(x: torch.Tensor) -> Nearby:
    """Pictures moved by 1, 2 ... pixels in eight directions, nearest first, the edge repeated."""

    def move(sample: int) -> torch.Tensor:
        far = 1 + sample // len(_AROUND)
        down, right = (far * step for step in _AROUND[sample % len(_AROUND)])
        height, width = x.shape[-2:]
        padded = F.pad(x, (far,) * 4, mode="replicate")
        return padded[..., far - down : far - down + height, far - right : far - right + width]

    return move
