import numpy as np
import torch

from xaiwidgets.core.baselines import baseline, normal
from xaiwidgets.core.declare import knob
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.evaluation import Case, Evaluation, Graded, explaining
from xaiwidgets.core.method import Passes

from ..knobs import scale_knob, seed_knob
from ..ordering import block_side
from .sampled import Change, sampled


class Infidelity(Evaluation, title="Infidelity", source="yeh2019"):
    """How wrong the map is about what changes of the input do to the score.

    E_I[(β Iᵀφ − (f(x) − f(x − I)))²] over perturbations I, with the scale that suits the map best,
    β = E[Δf · Iᵀφ] ÷ E[(Iᵀφ)²] (Yeh et al. 2019): lower is better. Beside it stand the raw value,
    β = 1, which only maps in the score's own units can keep low, and the value relative to a map of
    zeros, E[Δf²]: 0 is perfect, 1 says nothing. A best scale below zero belongs to a map that
    points the wrong way; the scaled value forgives that, a warning does not.

    "gaussian" puts noise on every pixel and so asks for the slope around x. By Stein's identity no
    map does better than SmoothGrad with the same noise; less smoothing sees one point only, more
    asks about places further away, and does worse than none. "square" takes a random square to 0,
    and "noisy baseline" the whole picture to a noisy black (σ = 0.2 there): the paper's settings.
    For squares φ is multiplied by what was there, unless `counted` says that the map's values are
    shares already (gradient × input, integrated gradients, LRP).

    The paper finds that smoothing lowers every map's infidelity. `benchmarks/findings.py` tries
    that on the zoo.

    Use it where a map's values should foretell what a kind of change does, one that you choose.

    It misleads when the scaled value is read alone, which forgives a map that points the wrong way,
    and between perturbations, which ask different questions.
    """

    better = "lower"
    family = "faithfulness"
    lacks = dict.fromkeys(("text", "table"), ("square",))

    perturbation: str = knob(
        default="gaussian", choices=("gaussian", "square", "noisy baseline"),
        help="noise on every pixel, a random square taken to 0, or all taken to a noisy black",
    )  # fmt: skip
    noise: float = knob(
        default=0.05, low=0.001, high=1.0, log=True, unit="of the range",
        help="standard deviation of the noise, as a share of the picture's range",
    )  # fmt: skip
    side: int = knob(
        default=70, low=1, high=224, log=True, unit="pixels of 224",
        help="largest side of a square; every side up to it is drawn equally often",
    )  # fmt: skip
    counted: str = knob(
        default="slopes", choices=("slopes", "shares"),
        help=(
            "what the map's values are: slopes, the change of the score for one unit of a pixel, "
            "or shares, what a pixel as it stands adds to the score (for squares)"
        ),
    )  # fmt: skip
    samples: int = knob(
        default=100, low=2, high=10000, unit="perturbations", log=True, help="how many are drawn"
    )
    scale: str = scale_knob("score")
    seed: int = seed_knob("which perturbations are drawn")

    def cost(self, case: Case) -> Passes:
        """The explanation, the intact input, and one forward pass a perturbation."""
        own = explaining(case)
        return Passes(own.forward + 1 + self.samples, own.backward)

    def grade(self, case: Case) -> Graded:
        """The infidelity of every input at its best scale."""
        change = self._square(case) if self.perturbation == "square" else self._noisy(case)
        lost, said = sampled(case, self.samples, self.scale, change)
        size = (said**2).mean(1)
        best = (lost * said).mean(1) / np.where(size > 0, size, 1.0)
        values = ((best[:, None] * said - lost) ** 2).mean(1)
        zero = (lost**2).mean(1)
        known = zero > 0
        numbers = {
            "raw": float(((said - lost) ** 2).mean()),
            "relative to zero": float((values[known] / zero[known]).mean()) if known.any() else 0.0,
            "scale": float(best.mean()),
        }
        warnings = []
        if (best < 0).any():
            warnings = [
                f"For {int((best < 0).sum())} of {len(case)} inputs the best scale is negative: "
                "the map says the opposite of what the score does."
            ]
        return Graded(values, warnings=warnings, numbers=numbers)

    def _noisy(self, case: Case) -> Change:
        """Noise on the picture itself, or on black in the picture's place."""
        if self.counted == "shares":
            raise ExplainError(
                "Infidelity.counted is 'shares', which says nothing about noise on a pixel; take "
                "perturbation='square', or counted='slopes'."
            )
        x, values = case.x, case.values.to(case.x)
        sigma = self.noise * (x.amax((1, 2, 3)) - x.amin((1, 2, 3)))[:, None, None, None]
        whole = torch.zeros_like(x)
        if self.perturbation == "noisy baseline":
            whole = x - baseline("black", case.subject, x)

        def change(numbers: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            own, where = numbers.unique(return_inverse=True)
            drawn = torch.stack([normal(x[0], self.seed, sample) for sample in own.tolist()])
            lost = whole[rows] + sigma[rows] * drawn[where.to(x.device)]
            return x[rows] - lost, (lost * values[rows]).sum((1, 2, 3), dtype=torch.float64)

        return change

    def _square(self, case: Case) -> Change:
        x, values = case.x, case.values.to(case.x)
        shares = values * x if self.counted == "slopes" else values
        largest = block_side(self.side, x)

        def change(numbers: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            batch, said = x[rows], []
            own, counts = numbers.unique_consecutive(return_counts=True)
            parts = (part.split(counts.tolist()) for part in (batch, shares[rows]))
            for sample, changed, worth in zip(own.tolist(), *parts, strict=True):
                drawn = np.random.Generator(np.random.PCG64([self.seed, sample]))
                side = int(drawn.integers(1, largest + 1))
                top, left = (int(drawn.integers(0, size - side + 1)) for size in x.shape[-2:])
                here = ..., slice(top, top + side), slice(left, left + side)
                changed[here] = 0
                said.append(worth[here].sum((1, 2, 3), dtype=torch.float64))
            return batch, torch.cat(said)

        return change
