import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .softplus import BETA_HELP, Smoothing


class BetaSmoothedGradient(
    Attribution,
    title="β-smoothed gradient",
    source="dombrowski2019",
    taxonomy={"models": "specific: ReLU"},
):
    """The gradient of a network with its corners rounded off, which a forged picture cannot steer.

    R = ∂f_β/∂x, where every ReLU max(0, x) is replaced by softplus_β(x) = 1/β · log(1 + e^(βx)). A
    ReLU network is made of flat pieces: its gradient may turn from one to the next while the score
    hardly moves, and that is what an attack on explanations uses. The smaller β, the less the
    gradient can turn; β → ∞ gives the plain gradient. To first order it is SmoothGrad with noise of
    a width of about 1/β, in one pass.

    Use it where a picture may have been changed so that its map lies, or for a calm gradient in one
    pass.

    It misleads with a small β: it is the gradient of a neighbouring network, which may well predict
    something else.
    """

    token_reduction = "norm"

    beta: float = knob(default=1.0, low=0.1, high=100.0, log=True, help=BETA_HELP)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """One forward and one backward pass, with ReLUs intercepted."""
        smooth = Smoothing(subject, self.beta)
        found = Findings(smooth.gradient(x, target), numbers={"rectifiers": float(smooth.met)})
        if not smooth.met:
            found.warnings.append(
                "This network has no ReLU, so nothing was changed: this is the plain gradient."
            )
        return found
