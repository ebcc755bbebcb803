import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.baselines import normal
from xaiwidgets.core.declare import knob
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from ..sampling import Moments, precision_knob, report_error
from .sampling import mean_of, sampled_gradients


class SmoothGrad(Attribution, title="SmoothGrad", source="smilkov2017"):
    """The gradient averaged over noisy copies of the picture, which stills its flicker.

    R = 1/n Σ ∂f/∂x (x + ε), ε ~ N(0, σ²), σ = `noise` × (max x − min x). `form` is "mean",
    "squared" (mean of squares, Hooker et al. 2019) or "variance" (VarGrad, Adebayo et al. 2018).
    The standard error of every pixel comes with it.

    Use it where the gradient flickers; the error says whether more copies are needed.

    It misleads in being smooth: the sum is over what the network does *around* the picture, and a
    smooth map is not a more faithful one.
    """

    token_reduction = "norm"
    looks_inside = False

    samples: int = knob(
        default=50, low=2, high=500, unit="copies", log=True, help="how many noisy copies"
    )
    noise: float = knob(
        default=0.15, low=0.0, high=0.5, step=0.01, unit="of the range",
        help="standard deviation of the noise, as a share of the picture's range",
    )  # fmt: skip
    form: str = knob(
        default="mean", choices=("mean", "squared", "variance"),
        help="mean of the gradients, mean of their squares, or their variance (VarGrad)",
    )  # fmt: skip
    precision: float = precision_knob()
    seed: int = knob(default=0, low=0, high=9999, help="which noise is drawn")

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward and backward pass a copy."""
        return Passes(self.samples, self.samples)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """Every input sees the same noise, scaled by its own range."""
        spread = x.amax((1, 2, 3), keepdim=True) - x.amin((1, 2, 3), keepdim=True)
        sigma = self.noise * spread

        def draw(sample: int) -> tuple[torch.Tensor, None]:
            return torch.addcmul(x, sigma, normal(x[0], self.seed, sample)), None

        def form(gradient: torch.Tensor) -> torch.Tensor:
            return gradient.square() if self.form == "squared" else gradient

        def variance(moments: Moments) -> Findings:
            values, error = moments.variance(), moments.variance_error()
            return Findings(values.to(x.dtype), error.to(x.dtype))

        found, powers = (variance, 4) if self.form == "variance" else (mean_of(x), 2)
        moments = sampled_gradients(
            subject, x, target, self.samples, draw, form, powers,
            found=found, precision=self.precision,
        )  # fmt: skip
        return report_error(found(moments), moments.count, self.samples)
