import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.baselines import (
    BASELINE_HELP,
    BASELINES,
    baseline,
    baseline_draws,
    normal,
    uniform,
)
from xaiwidgets.core.declare import knob
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from ..sampling import precision_knob, report_error
from .gap import completeness
from .sampling import mean_of, sampled_gradients


class GradientShap(Attribution, title="Gradient SHAP", source="erion2021"):
    """Integrated gradients from many baselines at once, at random points of the way.

    R = E[(x′ − b) · ∂f/∂x (b + a (x′ − b))], a ~ U(0, 1), x′ = x + noise, b drawn from the
    baselines ("noise", "given" and "rows" have several; the others one). Under independence of the
    pixels this approximates Shapley values (Lundberg and Lee 2017; expected gradients, Erion et al.
    2021).
    The values add up to f(x) − E[f(b)] up to the standard error, which comes with the map; with one
    baseline the completeness gap is measured too.

    Use it where no single baseline is right: many are drawn, and the error is told.

    It misleads where pixels depend on each other, as those of pictures do: the Shapley values that
    it approximates are those of independent ones.
    """

    looks_inside = False

    usual = {"table": {"baseline": "rows"}}

    samples: int = knob(
        default=50, low=2, high=500, unit="draws", log=True, help="how many random points"
    )
    noise: float = knob(
        default=0.0, low=0.0, high=0.5, step=0.01, unit="of the range",
        help="noise added to the picture, as a share of its range",
    )  # fmt: skip
    baseline: str = knob(default="noise", choices=BASELINES, help=BASELINE_HELP)
    precision: float = precision_knob()
    seed: int = knob(default=0, low=0, high=9999, help="which points are drawn")

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward and backward pass a draw; both ends too where there is one baseline."""
        return Passes(self.samples + 2 * self._one_baseline, self.samples)

    @property
    def _one_baseline(self) -> bool:
        return self.baseline not in ("noise", "given", "rows") and self.noise == 0

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """Every input sees the same draws."""
        sigma = self.noise * (x.amax((1, 2, 3), True) - x.amin((1, 2, 3), True))

        starts = baseline_draws(self.baseline, subject, x, self.seed)

        def draw(sample: int) -> tuple[torch.Tensor, torch.Tensor]:
            start = starts(3 * sample)
            end = x if self.noise == 0 else x + sigma * normal(x[0], self.seed, 3 * sample + 1)
            away = end - start
            a = uniform(x.new_zeros(1), self.seed, 3 * sample + 2)
            return torch.addcmul(start, a, away), away

        moments = sampled_gradients(
            subject, x, target, self.samples, draw, precision=self.precision
        )
        found = report_error(mean_of(x)(moments), moments.count, self.samples)
        if not self._one_baseline:
            return found
        absent = baseline(self.baseline, subject, x)
        return completeness(found, subject.scores(x, target) - subject.scores(absent, target))
