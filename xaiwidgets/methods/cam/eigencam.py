import torch

from xaiwidgets.core.activations import layer_outputs
from xaiwidgets.core.declare import knob
from xaiwidgets.core.layers import Layer
from xaiwidgets.core.method import Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .activation_map import SPECIFIC, ActivationMap, in_passes


class EigenCam(
    ActivationMap,
    title="Eigen-CAM",
    source="muhammad2020",
    taxonomy={**SPECIFIC, "formulation": "closed form"},
):
    """What stands out in the layer's maps, whatever the class: their first principal component.

    O = U Σ Vᵀ with a row for each place and a column for each channel; L = O v₁. No class and no
    gradient enters: for two classes the map is the same, so it cannot explain why one of them won.
    The sign of v₁ is arbitrary; here the map's sum is positive, or, when it is `centred`, its value
    of largest size. pytorch-grad-cam centres the channels first and leaves the sign to chance.
    """

    centred: bool = knob(
        default=False, help="take each channel's mean away first, which the paper does not"
    )

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward pass."""
        return Passes(1, 0)

    def raw(
        self, subject: Subject, x: torch.Tensor, target: BoundTarget, layers: list[Layer]
    ) -> list[torch.Tensor]:
        """The first component at every layer."""
        names = [layer.name for layer in layers]
        parts: list[list[torch.Tensor]] = [[] for _ in layers]
        for part, _ in in_passes(subject, x, backward=False):
            outputs, _ = layer_outputs(subject, part, names)
            for kept, layer in zip(parts, layers, strict=True):
                kept.append(first_component(layer.fold(outputs[layer.name]), self.centred)[:, None])
        return [torch.cat(kept) for kept in parts]


def first_component(maps: torch.Tensor, centred: bool) -> torch.Tensor:
    """O v₁ of maps (batch, channels, *space), with its sign settled: (batch, *space)."""
    places = maps.flatten(2).transpose(1, 2)
    wide = places if places.dtype.itemsize >= 4 else places.float()
    if centred:
        wide = wide - wide.mean(1, keepdim=True)
    u, size, _ = torch.linalg.svd(wide, full_matrices=False)
    found = u[..., 0] * size[..., :1]
    largest = found.gather(1, found.abs().argmax(1, keepdim=True))
    turn = (largest if centred else found.sum(1, keepdim=True)) < 0
    return torch.where(turn, -found, found).to(maps.dtype).view(len(maps), *maps.shape[2:])
