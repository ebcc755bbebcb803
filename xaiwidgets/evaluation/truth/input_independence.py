import math
from typing import Any, ClassVar

import numpy as np
import torch

from xaiwidgets.core.baselines import normal
from xaiwidgets.core.declare import knob
from xaiwidgets.core.evaluation import Case, Graded, explaining
from xaiwidgets.core.method import Passes
from xaiwidgets.core.scores import mean_known

from ..besides import Besides
from ..knobs import seed_knob
from .attribution_of_objects import objects_share, partners, unscored

PAIRS_HELP = "pairs=(pictures without the object, the same pictures with it)"


class InputIndependence(Besides, title="Input independence rate (BAM)", source="yang2019"):
    """Does the map stay when something changes that the network does not notice?

    1 where |g(x) − g(x + δ)| < `tolerance` · g(x), else 0, with g the mean over the object's mask
    of the map's positive part, clipped at its 99th percentile and scaled to 0...1. δ lies inside
    the mask and is found by Adam: ‖f(x + δ) − f(x)‖ − 0.01 ‖δ‖ falls over `steps` steps that grow
    smaller along a cosine, so that the picture changes and the scores do not.

    Where δ starts and what the network has seen decide the rate. In the paper δ starts as an
    object, on a network that was trained on scenes without any: `pairs` holds pictures without one
    and the same with it, the inputs are those without, and δ goes from the object to something that
    the network overlooks; being large already, it gets no reward for growing. There Grad-CAM stays
    and guided backprop does not, on ShapeScenes too (benchmarks/findings.py). On a network that has
    learnt to look past objects, such as the zoo's "shapes-scene", no map stays; nor do the scores
    after much fewer than the paper's 300 steps. Without `pairs` δ starts as faint noise, and no
    pixel changes by more than `radius`: noise has no edges, and guided backprop is half blind to
    it.

    `numbers` tells the change of the scores as a share of their spread, and the size of δ.

    Use it to ask whether a map stays where something changes that the network overlooks.

    It misleads unless the change of the scores is small and that of the picture is not, as
    `numbers` tell; and a map that never looks at the network stays the same, and scores 1.

    >>> test = InputIndependence(pairs=(bare, x))
    >>> test(scenes_alone, bare, GradCam(), masks=masks)  # doctest: +SKIP
    """

    better = "higher"
    family = "truth"
    needs_gradients = True
    needs_masks = True
    explains_anew = True
    besides: ClassVar[tuple[str, ...]] = ("pairs",)

    pairs: Any = None
    steps: int = knob(
        default=300, low=10, high=5000, unit="steps", log=True, help="of the search for δ"
    )
    radius: float = knob(
        default=0.2, low=0.01, high=1.0, log=True, unit="of the range",
        help="without pairs, the largest change of a pixel, as a share of the picture's range",
    )  # fmt: skip
    tolerance: float = knob(
        default=0.1, low=0.001, high=1.0, unit="of g", help="the change that counts as none"
    )
    seed: int = seed_knob("where the search for δ starts")

    def cost(self, case: Case) -> Passes:
        """The search, a forward pass for the scores before and after, and two explanations."""
        own = explaining(case)
        return Passes(2 * own.forward + self.steps + 2, 2 * own.backward + self.steps)

    def grade(self, case: Case) -> Graded:
        """Whether the object's share stays."""
        masks = case.need_masks(type(self).__name__)
        size = case.subject.batch_size(case.x)
        who = type(self).__name__
        objects = case.x if self.pairs is None else partners(case, self.pairs, who, PAIRS_HELP)
        parts = [
            self._unnoticed(case, *rows)
            for rows in zip(case.x.split(size), objects.split(size), masks.split(size), strict=True)
        ]
        moved, scores = (torch.cat(part) for part in zip(*parts, strict=True))
        shares = [
            objects_share(values, masks.cpu().numpy())
            for values in (case.values, case.explain(moved))
        ]
        before, after = shares
        values = np.where(
            np.isnan(before) | np.isnan(after),
            np.nan,
            np.abs(after - before) < self.tolerance * before,
        )
        found = Graded(values, warnings=unscored(values))
        found.numbers = {
            **self._noticed(case, moved, scores),
            "g before": mean_known(before),
            "g after": mean_known(after),
        }
        return found

    def _unnoticed(
        self, case: Case, x: torch.Tensor, start: torch.Tensor, inside: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """x + δ for some inputs, each on its own, and the scores of x."""
        inside = inside[:, None].to(x.device)
        low = torch.minimum(x, start).amin((1, 2, 3), keepdim=True)
        high = torch.maximum(x, start).amax((1, 2, 3), keepdim=True)
        reach = self.radius * (high - low)
        with torch.no_grad():
            scores = case.subject(x)
        moved, reward = start, 0.0  # an object is large from the start
        if self.pairs is None:
            low, high = torch.maximum(low, x - reach), torch.minimum(high, x + reach)
            moved, reward = x + 0.1 * reach * normal(x[0], self.seed, 0), 0.01
        first, second = torch.zeros_like(x), torch.zeros_like(x)
        for step in range(1, self.steps + 1):
            moved = torch.where(inside, moved.clamp(low, high), x).requires_grad_()
            with torch.enable_grad():
                away = _length(case.subject(moved) - scores)
                loss = (away - reward * _length(moved - x)).sum()
                (gradient,) = torch.autograd.grad(loss, moved)
            first = 0.9 * first + 0.1 * gradient  # Adam, in units of each picture's reach
            second = 0.999 * second + 0.001 * gradient.square()
            way = first / (1 - 0.9**step) / ((second / (1 - 0.999**step)).sqrt() + 1e-12)
            pace = 0.1 * (1 + math.cos(math.pi * step / self.steps)) / 2
            moved = moved.detach() - pace * reach * way
        return torch.where(inside, moved.clamp(low, high), x), scores

    def _noticed(self, case: Case, moved: torch.Tensor, scores: torch.Tensor) -> dict[str, float]:
        before, after = scores.double(), case.subject.outputs(moved).double()
        spread = before.std(1).clamp_min(1e-30)
        step = (moved - case.x).flatten(1).double()
        masks = case.need_masks(type(self).__name__).to(case.x.device).flatten(1).sum(1)
        wide = case.x.flatten(1).amax(1) - case.x.flatten(1).amin(1)
        numbers = (masks * case.x.shape[1]).clamp_min(1)
        return {
            "change of the scores ÷ their spread": float(
                ((after - before).square().mean(1).sqrt() / spread).mean()
            ),
            "change inside the mask ÷ range": float(
                ((step.square().sum(1) / numbers).sqrt() / wide.clamp_min(1e-30)).mean()
            ),
            "same prediction": float((before.argmax(1) == after.argmax(1)).double().mean()),
        }


def _length(values: torch.Tensor) -> torch.Tensor:
    """Euclidean, with a gradient of 0 at 0."""
    return values.flatten(1).square().sum(1).clamp_min(1e-12).sqrt()
