from collections.abc import Iterator
from functools import partial

import torch

from xaiwidgets.core.activations import layer_gradients, layer_outputs
from xaiwidgets.core.answers import Findings
from xaiwidgets.core.baselines import normal
from xaiwidgets.core.declare import knob
from xaiwidgets.core.layers import Layer
from xaiwidgets.core.method import Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from ..sampling import enough, precision_knob, report_error
from .activation_map import SPECIFIC, TargetMap, in_words, together, weighed
from .gradcam_plus_plus import positive_weights
from .layer_choice import chosen_layers

GROUPS = 8  # of copies, each of which is left out once


class SmoothGradCamPlusPlus(
    TargetMap, title="Smooth Grad-CAM++", source="omeiza2019", taxonomy=SPECIFIC
):
    """Grad-CAM++ with derivatives averaged over noisy copies of the picture, for calmer weights.

    w_k = Σ_ij α_ij · max(D₁, 0), α = D₂ ÷ (2D₂ + Σ_ab A_ab · D₃), where D₁, D₂ and D₃ are the means
    of g, g² and g³ over copies with noise of σ = `noise` × (max x − min x); the maps A are those of
    the picture itself. Its standard error is told by how far the map moves as each eighth of the
    copies is left out (the grouped jackknife).

    Use it where Grad-CAM++ jumps between pictures that are nearly the same.

    It misleads whoever hopes for a finer map: only the weights are smoothed, and the map stays as
    coarse as its layer.
    """

    samples: int = knob(
        default=25, low=2, high=500, unit="copies", log=True, help="how many noisy copies"
    )
    noise: float = knob(
        default=0.15, low=0.0, high=0.5, step=0.01, unit="of the range",
        help="standard deviation of the noise, as a share of the picture's range",
    )  # fmt: skip
    precision: float = precision_knob()
    seed: int = knob(default=0, low=0, high=9999, help="which noise is drawn")

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward and backward pass a copy, and one forward pass for the maps."""
        return Passes(self.samples + 1, self.samples)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """The map and its standard error, shown after every batch of copies; (batch, 1, h, w)."""
        layers, aim = chosen_layers(subject, self.layer, x), self.aimed(target)
        values, error = torch.zeros_like(x[:, :1]), torch.zeros_like(x[:, :1])
        done = 0

        def found(i: int, powers: Powers) -> Findings:
            every = together([self.cut(maps) for maps in powers.maps()], x)
            values[i], error[i] = every[0], _jackknife(every)
            facts = [f"{in_words(layer)}." for layer in layers]
            return Findings(values.clone(), error.clone(), facts=facts)

        for i in range(len(x)):
            for powers in self._summed(subject, x[i : i + 1], aim[i], layers):
                look, done = partial(found, i, powers), powers.count
                if enough(look, self.precision, done, self.samples):
                    break
            last = look()
        return report_error(last, done, self.samples)

    def raw(
        self, subject: Subject, x: torch.Tensor, target: BoundTarget, layers: list[Layer]
    ) -> list[torch.Tensor]:
        """Means of the derivatives' powers, then the formula once."""
        found = []
        for i in range(len(x)):
            *_, powers = self._summed(subject, x[i : i + 1], target[i], layers)
            found.append([self.cut(maps[:1]) for maps in powers.maps()])
        return [torch.cat(each) for each in zip(*found, strict=True)]

    def _summed(
        self, subject: Subject, x: torch.Tensor, target: BoundTarget, layers: list[Layer]
    ) -> Iterator["Powers"]:
        """The derivatives' powers for one input, after every batch of its copies."""
        names = [layer.name for layer in layers]
        outputs, _ = layer_outputs(subject, x, names)
        powers = Powers([layer.fold(outputs[layer.name]) for layer in layers])
        for copies in torch.arange(self.samples).split(subject.batch_size(x)):
            noisy = self._copies(x, copies.tolist())
            found = layer_gradients(subject, noisy, target.of_rows(copies * 0), names)
            powers.add([layer.fold(found[layer.name][1]) for layer in layers])
            yield powers

    def _copies(self, x: torch.Tensor, copies: list[int]) -> torch.Tensor:
        sigma = self.noise * (x.max() - x.min())
        return torch.cat([x + sigma * normal(x, self.seed, i) for i in copies])


class Powers:
    """Sums of g, g² and g³ over the copies of one input, beside its maps (1, channels, *space) at
    every layer; in a few groups of copies, so that each may be left out."""

    def __init__(self, maps: list[torch.Tensor]) -> None:
        self.layers, self.count = maps, 0
        self.sums = [each.new_zeros(GROUPS, 3, *each.shape[1:]) for each in maps]

    def add(self, slopes: list[torch.Tensor]) -> None:
        """Add the derivatives (copies, channels, *space) at every layer, copies in their turn."""
        copies = len(slopes[0])
        group = (torch.arange(self.count, self.count + copies) % GROUPS).to(slopes[0].device)
        for sums, slope in zip(self.sums, slopes, strict=True):
            for power in range(3):
                sums[:, power].index_add_(0, group, slope ** (power + 1))
        self.count += copies

    def maps(self) -> list[torch.Tensor]:
        """Grad-CAM++'s map at every layer from all copies, then without each group of them:
        (1 + groups, 1, *space)."""
        return [self._weighed(*pair) for pair in zip(self.layers, self.sums, strict=True)]

    def _weighed(self, maps: torch.Tensor, sums: torch.Tensor) -> torch.Tensor:
        groups = min(GROUPS, self.count) if self.count > 1 else 0
        own = torch.arange(self.count).remainder(GROUPS).bincount(minlength=GROUPS)[:groups]
        left = torch.cat([torch.tensor([self.count]), self.count - own]).to(sums)
        whole = sums.sum(0, keepdim=True)
        means = torch.cat([whole, whole - sums[:groups]]) / left.view(-1, *[1] * (sums.ndim - 1))
        weights = positive_weights(maps, *means.unbind(1))
        return weighed(weights, maps.expand(len(weights), *maps.shape[1:]))[:, None]


def _jackknife(every: torch.Tensor) -> torch.Tensor:
    """The standard error of the first of these maps (1 + groups, 1, h, w), from the others, each
    without one group: √((G − 1) ÷ G · Σ (L₋ − mean)²). Of a single copy it is the map itself."""
    without = every[1:]
    if not len(without):
        return every[0].abs()
    return (without.var(0, correction=0) * (len(without) - 1)).sqrt()
