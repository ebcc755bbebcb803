import numpy as np
import torch

from xaiwidgets.core.baselines import BASELINE_HELP, BASELINES, baseline
from xaiwidgets.core.declare import knob
from xaiwidgets.core.evaluation import Case, Evaluation, Graded, explaining
from xaiwidgets.core.kinds import EVERY_KIND
from xaiwidgets.core.method import Passes

from ..asking import ask
from ..knobs import scale_knob, seed_knob


class Completeness(Evaluation, title="Completeness", source="sundararajan2017"):
    """Whether the map's values add up to what they claim to share out.

    |Σ R − (f(x) − f(x₀))| ÷ |f(x) − f(x₀)|: 0 where the explanation accounts for all of the score's
    difference from the absent input x₀, 1 for a map of zeros. Take the x₀ that the method took, and
    "nothing" for methods that share out the score itself (LRP, gradient × input). Σ goes over
    pixels, or over segments where a method says one number of each; values that are given as an
    array know of no segments.

    Use it on methods that promise to share out the score or its change: LRP, DeepLIFT, integrated
    gradients, Shapley values.

    It misleads as a verdict on others: many maps never promise it (gradients, Grad-CAM), and one
    that keeps the promise may still have the pixels wrong.
    """

    better = "lower"
    family = "faithfulness"
    takes = EVERY_KIND

    against: str = knob(
        default="zero", choices=("nothing", *BASELINES),
        help=f"{BASELINE_HELP}; nothing compares with the score itself",
    )  # fmt: skip
    scale: str = scale_knob("score")
    seed: int = seed_knob("noise, where the absent input is noise")

    def cost(self, case: Case) -> Passes:
        """The explanation, and a forward pass for x and for x₀."""
        own = explaining(case)
        return Passes(own.forward + 1 + (self.against != "nothing"), own.backward)

    def grade(self, case: Case) -> Graded:
        """The relative gap of every input."""
        x, rows = case.x, torch.arange(len(case), device=case.x.device)
        if self.against != "nothing":
            x = torch.cat([x, baseline(self.against, case.subject, x, self.seed)])
            rows = rows.repeat(2)
        scores = ask(case.subject, x, case.target, rows, self.scale).double().cpu().numpy()
        change = scores[: len(case)] - (scores[len(case) :] if len(scores) > len(case) else 0.0)
        total = case.totals
        gap = np.abs(total - change)
        nothing = np.abs(change) <= 1e-9 * np.abs(scores[: len(case)])
        values = np.where(nothing, np.nan, gap / np.where(nothing, 1.0, np.abs(change)))
        warnings = []
        if nothing.any():
            warnings = [
                f"{int(nothing.sum())} of {len(case)} inputs score like the absent input, so that "
                "there is nothing to share out: no score (NaN)."
            ]
        numbers = {"sum": float(total.mean()), "difference": float(change.mean())}
        return Graded(values, warnings=warnings, numbers=numbers)
