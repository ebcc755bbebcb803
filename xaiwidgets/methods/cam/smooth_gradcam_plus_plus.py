import torch

from xaiwidgets.core.activations import layer_gradients, layer_outputs
from xaiwidgets.core.baselines import normal
from xaiwidgets.core.declare import knob
from xaiwidgets.core.layers import Layer
from xaiwidgets.core.method import Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .activation_map import SPECIFIC, TargetMap, weighed
from .gradcam_plus_plus import positive_weights


class SmoothGradCamPlusPlus(
    TargetMap, title="Smooth Grad-CAM++", source="omeiza2019", taxonomy=SPECIFIC
):
    """Grad-CAM++ with derivatives averaged over noisy copies of the picture, for calmer weights.

    w_k = Σ_ij α_ij · max(D₁, 0), α = D₂ ÷ (2D₂ + Σ_ab A_ab · D₃), where D₁, D₂ and D₃ are the means
    of g, g² and g³ over copies with noise of σ = `noise` × (max x − min x); the maps A are those of
    the picture itself. Only the weights are smoothed: the map stays as coarse as its layer.
    """

    samples: int = knob(
        default=25, low=2, high=500, unit="copies", log=True, help="how many noisy copies"
    )
    noise: float = knob(
        default=0.15, low=0.0, high=0.5, step=0.01, unit="of the range",
        help="standard deviation of the noise, as a share of the picture's range",
    )  # fmt: skip
    seed: int = knob(default=0, low=0, high=9999, help="which noise is drawn")

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward and backward pass a copy, and one forward pass for the maps."""
        return Passes(self.samples + 1, self.samples)

    def raw(
        self, subject: Subject, x: torch.Tensor, target: BoundTarget, layers: list[Layer]
    ) -> list[torch.Tensor]:
        """Means of the derivatives' powers, then the formula once."""
        found = [self._one(subject, x[i : i + 1], target[i], layers) for i in range(len(x))]
        return [self.cut(torch.cat(each)[:, None]) for each in zip(*found, strict=True)]

    def _one(
        self, subject: Subject, x: torch.Tensor, target: BoundTarget, layers: list[Layer]
    ) -> list[torch.Tensor]:
        names = [layer.name for layer in layers]
        sums: list[list[torch.Tensor]] = [[] for _ in layers]
        for samples in torch.arange(self.samples).split(subject.batch_size(x)):
            copies = self._copies(x, samples.tolist())
            found = layer_gradients(subject, copies, target.of_rows(samples * 0), names)
            for kept, layer in zip(sums, layers, strict=True):
                slope = layer.fold(found[layer.name][1])
                powers = [(slope**power).sum(0, keepdim=True) for power in (1, 2, 3)]
                kept[:] = [a + b for a, b in zip(kept, powers, strict=True)] if kept else powers
        outputs = layer_outputs(subject, x, names)[0]
        every = zip(layers, sums, strict=True)
        return [self._weighed(layer.fold(outputs[layer.name]), kept) for layer, kept in every]

    def _copies(self, x: torch.Tensor, samples: list[int]) -> torch.Tensor:
        sigma = self.noise * (x.max() - x.min())
        return torch.cat([x + sigma * normal(x, self.seed, i) for i in samples])

    def _weighed(self, maps: torch.Tensor, sums: list[torch.Tensor]) -> torch.Tensor:
        return weighed(positive_weights(maps, *(total / self.samples for total in sums)), maps)
