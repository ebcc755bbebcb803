import torch

from xaiwidgets.core.activations import layer_outputs
from xaiwidgets.core.declare import knob
from xaiwidgets.core.layers import Layer
from xaiwidgets.core.method import Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .activation_map import SPECIFIC, ActivationMap, in_passes

STEPS = 100  # of the power method


class EigenCam(
    ActivationMap,
    title="Eigen-CAM",
    source="muhammad2020",
    taxonomy={**SPECIFIC, "formulation": "closed form"},
):
    """What stands out in the layer's maps, whatever the class: their first principal component.

    O = U Σ Vᵀ with a row for each place and a column for each channel; L = O v₁. No class and no
    gradient enters. The sign of v₁ is arbitrary; here the map's sum is positive, or, when it is
    `centred`, its value of largest size. pytorch-grad-cam centres the channels first and leaves the
    sign to chance.

    Use it for a first look at what a layer holds, or where there is no class score to ask about.

    It misleads as an answer to why this class: for two classes the map is the same, so that it
    cannot explain why one of them won.
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
    places = maps.flatten(2).transpose(1, 2).to(_wide(maps))
    if centred:
        places = places - places.mean(1, keepdim=True)
    if places.shape[1] < places.shape[2]:  # O Oᵀ has u₁, and O v₁ = σ₁ u₁
        strength, u = largest(places @ places.mT)
        found = strength.sqrt()[:, None] * u
    else:
        found = (places @ largest(places.mT @ places)[1][..., None])[..., 0]
    extreme = found.gather(1, found.abs().argmax(1, keepdim=True))
    turn = (extreme if centred else found.sum(1, keepdim=True)) < 0
    return torch.where(turn, -found, found).to(maps.dtype).view(len(maps), *maps.shape[2:])


def largest(gram: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The largest eigenvalue (batch,) of symmetric matrices (batch, n, n) that have no negative
    ones, and its eigenvector (batch, n).

    The power method, from a fixed random vector, until ‖G v − λ v‖ ≤ 1e-13 λ in double precision
    (1e-6 λ where a device has none): v is then right up to that much over the gap between the two
    largest eigenvalues, as a share of λ. Where they are so close that it takes longer, LAPACK says.
    """
    draw = torch.Generator().manual_seed(0)
    first = torch.randn(1, gram.shape[1], 1, generator=draw, dtype=torch.float64)
    ahead = gram @ first.to(gram)
    near = 1e-13 if gram.dtype == torch.float64 else 1e-6
    for _ in range(STEPS):
        size = ahead.norm(dim=1, keepdim=True)
        v = ahead / size.clamp_min(torch.finfo(gram.dtype).tiny)
        ahead = gram @ v
        if bool(((ahead - size * v).norm(dim=1) <= near * size[:, 0]).all()):
            return size[:, 0, 0], v[..., 0]
    sizes, vectors = torch.linalg.eigh(gram)
    return sizes[:, -1].clamp_min(0), vectors[..., -1]


def _wide(maps: torch.Tensor) -> torch.dtype:
    """Double precision, where the device has it: a Gram matrix squares what is lost."""
    return torch.float32 if maps.device.type == "mps" else torch.float64
