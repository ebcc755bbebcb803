import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.baselines import BASELINE_HELP, BASELINES, baseline
from xaiwidgets.core.declare import knob
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .captum_backend import rows_of, scoring
from .gap import completeness


class IntegratedGradients(Attribution, title="Integrated gradients", source="sundararajan2017"):
    """Share the change in score among the pixels by adding up gradients on the way from a baseline.

    R = (x − x₀) · ∫₀¹ ∂f/∂x (x₀ + a (x − x₀)) da, by Gauss–Legendre points (Captum's
    implementation). The values add up to f(x) − f(x₀); what a finite number of points leaves over
    is reported as the completeness gap.

    Use it where values have to add up to the change in score, on any differentiable network.

    It misleads through its baseline: pixels that look like it get 0 by construction, and the
    pictures on the way from it are like none that the network was trained on.
    """

    looks_inside = False

    steps: int = knob(
        default=32, low=2, high=256, unit="points", log=True, help="how finely the path is cut"
    )
    baseline: str = knob(default="zero", choices=BASELINES, help=BASELINE_HELP)

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward and backward pass a point, and both ends."""
        return Passes(self.steps + 2, self.steps)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """Captum's integral, in passes that fit in memory."""
        from captum.attr import IntegratedGradients as Backend

        absent = baseline(self.baseline, subject, x)
        size = max(subject.batch_size(x), 1)
        backend = Backend(scoring(subject, target), multiply_by_inputs=True)
        rows = rows_of(x)
        parts = [
            backend.attribute(
                part,
                baselines=start,
                additional_forward_args=which,
                n_steps=self.steps,
                internal_batch_size=max(size, len(part)),
            )
            for part, start, which in zip(
                x.split(size), absent.split(size), rows.split(size), strict=True
            )
        ]
        values = torch.cat(parts)
        change = subject.scores(x, target) - subject.scores(absent, target)
        return completeness(Findings(values), change)
