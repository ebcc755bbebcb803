import torch

from xaiwidgets.core.answers import Findings, Frame
from xaiwidgets.core.baselines import BASELINE_HELP, BASELINES, baseline
from xaiwidgets.core.declare import knob
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

ALPHAS = (0.02, 0.04, 0.06, 0.08, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)


class InteriorGradients(Attribution, title="Interior gradients", source="sundararajan2016"):
    """What the network looks at while the picture is still faint: ∂f/∂x at x₀ + α (x − x₀).

    A network that has made up its mind saturates, and its gradient at x says little; at a small α
    it has not. The strip shows α from 0.02 to 1. Averaged over α and times (x − x₀) this is
    integrated gradients, a different method.

    Use it where the network is sure of itself, and the gradient at the picture says little.

    It misleads about the picture itself: it explains fainter ones, of which the network may think
    something else.
    """

    token_reduction = "norm"
    looks_inside = False

    alpha: float = knob(
        default=0.1, low=0.01, high=1.0, log=True, help="how much of the picture is there"
    )
    strip: bool = knob(default=True, help="also show the ten maps from α = 0.02 to α = 1")
    baseline: str = knob(default="zero", choices=BASELINES, help=BASELINE_HELP)

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward and backward pass a map."""
        return Passes(len(self._alphas), len(self._alphas))

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """Gradients at every α, batched."""
        absent = baseline(self.baseline, subject, x)
        inside = torch.cat([absent + alpha * (x - absent) for alpha in self._alphas])
        rows = torch.arange(len(x)).repeat(len(self._alphas))
        maps = subject.gradient(inside, target, rows).split(len(x))
        at = dict(zip(self._alphas, maps, strict=True))
        frames = [Frame(f"α = {alpha:g}", at[alpha]) for alpha in ALPHAS if self.strip]
        return Findings(at[self.alpha], frames=frames)

    @property
    def _alphas(self) -> tuple[float, ...]:
        """Every α that is asked for, each once."""
        return tuple(dict.fromkeys((self.alpha, *(ALPHAS if self.strip else ()))))
