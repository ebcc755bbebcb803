import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.numbers import percent
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .activation_map import SPECIFIC, GradientMap, in_words, maps_and_scores, together
from .layer_choice import chosen_layers
from .xgradcam import XGradCam


class RespondCam(
    GradientMap,
    title="Respond-CAM",
    source="zhao2018",
    taxonomy={**SPECIFIC, "formulation": "closed form"},
):
    """Which places made how much of the score: a class activation map that adds up to it.

    L = Σ_k w_k A_k, w_k = Σ (g ⊙ A_k) ÷ Σ A_k with g = ∂f/∂A_k, the weights to which XGrad-CAM came
    later, and nothing is cut. Σ L = Σ g ⊙ A, which is the score where nothing behind the layer has
    a bias or a curve; `numbers` tell the gap as a share of the score. The paper explains volumes,
    which a `VolumeSubject` takes.

    Use it on volumes, or where the map has to add up to the score.

    It misleads at layers whose channels nearly cancel, where the weight is wild: take a layer
    behind a ReLU.
    """

    relu: bool = knob(
        default=False, help="keep only what speaks for the class; the sum is then off"
    )

    formula = staticmethod(XGradCam.formula)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """One forward pass and a backward pass down to the layer; (batch, 1, height, width)."""
        layers = chosen_layers(subject, self.layer, x)
        aim = self.aimed(target)
        maps, scores = maps_and_scores(self.formula, subject, x, aim, layers)
        found = Findings(together([self.cut(each) for each in maps], x))
        for layer, each in zip(layers, maps, strict=True):
            gap = _gap(each, scores)
            found.facts.append(
                f"{in_words(layer)}, which adds up to the score, but for {percent(gap)} of it."
            )
            if gap > 0.5 and not self.relu:
                found.warnings.append(
                    f"The map of {layer.name} misses {percent(gap)} of the score: what follows the "
                    "layer has biases or curves, so that its parts do not add up."
                )
            found.numbers[f"sum-to-score gap at {layer.name}"] = gap
        return found


def _gap(maps: torch.Tensor, scores: torch.Tensor) -> float:
    """|Σ L − f| ÷ |f|, over all inputs together."""
    off = (maps.flatten(1).sum(1) - scores).double().abs().sum()
    return float(off / scores.double().abs().sum().clamp_min(1e-30))
