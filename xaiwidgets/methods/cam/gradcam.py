import torch
import torch.nn.functional as F

from xaiwidgets.core.activations import layer_gradients
from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.layers import Layer, Layers
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.subject import Subject, uncounted
from xaiwidgets.core.target import BoundTarget

LAYER_HELP = "whose maps are weighed; '' is the last layer that holds a map"


class GradCam(
    Attribution,
    title="Grad-CAM",
    source="selvaraju2017",
    taxonomy={"models": "specific: CNN", "formulation": "closed form"},
):
    """Where in the picture the last feature maps speak for the class, coarse but class-specific.

    Each channel A_k is weighed by its mean gradient, L = Σ_k mean(∂f/∂A_k) · A_k, then cut at 0 and
    enlarged to the picture. It needs a differentiable network with maps inside. The layer is the
    last that holds a map; the tokens of a vision transformer are folded to a map, at the last layer
    whose patches the score depends on. Early layers give finer and less telling maps.
    """

    layer: str = knob(default="", layers=True, help=LAYER_HELP)
    relu: bool = knob(default=True, help="keep only what speaks for the class, as in the paper")

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """One forward pass and a backward pass down to the layer; (batch, 1, height, width)."""
        layer = chosen_layer(subject, self.layer, x, target)
        maps = grad_cam(subject, x, target, layer)
        if self.relu:
            maps = maps.clamp_min(0)
        grid = f"{layer.grid[0]}×{layer.grid[1]}"
        return Findings(enlarge(maps, x), facts=[f"Layer {layer.name}, a map of {grid}."])


def grad_cam(subject: Subject, x: torch.Tensor, target: BoundTarget, layer: Layer) -> torch.Tensor:
    """Σ_k mean(∂f/∂A_k) · A_k at the layer's own resolution, signed, (batch, 1, h, w)."""
    parts = []
    rows = torch.arange(len(x))
    size = len(x) if len(x) == 1 else subject.batch_size(x)
    for part, which in zip(x.split(size), rows.split(size), strict=True):
        found = layer_gradients(subject, part, target, [layer.name], which)[layer.name]
        maps, gradients = (layer.fold(value) for value in found)
        weights = gradients.mean((2, 3), keepdim=True)
        parts.append((weights * maps).sum(1, keepdim=True))
    return torch.cat(parts)


def enlarge(maps: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Maps brought to the picture's size by bilinear interpolation."""
    return F.interpolate(maps, size=x.shape[2:], mode="bilinear", align_corners=False)


def chosen_layer(subject: Subject, name: str, x: torch.Tensor, target: BoundTarget) -> Layer:
    """The layer of that name, which has to hold a map; or the last that the score depends on."""
    layers = subject.layers(x)
    if name:
        layer = layers[name]
        if not layer.spatial:
            last = f"; the last that does is {layers.maps[-1].name!r}" if layers.maps else ""
            raise ExplainError(f"Layer {name!r} holds no map (its output is {layer.shape}){last}.")
        return layer
    if not layers.maps:
        raise ExplainError(
            "This network has no convolution for Grad-CAM to weigh. Occlusion works on any network."
        )
    final = layers.maps[-1]
    return final if final.layout != "tokens" else _last_read_tokens(subject, x, target, layers)


def _last_read_tokens(
    subject: Subject, x: torch.Tensor, target: BoundTarget, layers: Layers
) -> Layer:
    """Behind the last attention a class token no longer reads the patches: their gradient is 0."""
    tokens = [layer for layer in layers.maps if layer.layout == "tokens"]
    if subject.read_tokens is None:
        with uncounted():
            found = layer_gradients(
                subject, x[:1], target[0], [layer.name for layer in tokens[-24:]]
            )
        read = [t for t in tokens[-24:] if t.fold(found[t.name][1]).any()]
        subject.read_tokens = (read or tokens)[-1].name
    return layers[subject.read_tokens]
