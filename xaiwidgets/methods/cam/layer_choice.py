"""Which layers a class activation map looks at."""

import torch

from xaiwidgets.core.activations import layer_gradients
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.layers import Layer, Layers
from xaiwidgets.core.subject import Subject, uncounted
from xaiwidgets.core.target import BoundTarget

LAYER_HELP = (
    "whose maps are weighed; '' is the last layer that holds a map, and of several names with "
    "commas between them the maps are averaged, each by its own largest value"
)


def chosen_layers(subject: Subject, names: str, x: torch.Tensor) -> list[Layer]:
    """The layers of those names, each once, which have to hold maps; or the usual one."""
    each = [names] if names in subject.layers(x) else names.split(",")
    return [chosen_layer(subject, name, x) for name in dict.fromkeys(n.strip() for n in each)]


def chosen_layer(subject: Subject, name: str, x: torch.Tensor) -> Layer:
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
            "This network has no convolution or other layer that holds a map. Occlusion works on "
            "any network."
        )
    final = layers.maps[-1]
    return final if final.layout != "tokens" else _last_read_tokens(subject, x, layers)


def _last_read_tokens(subject: Subject, x: torch.Tensor, layers: Layers) -> Layer:
    """Behind the last attention a class token no longer reads the patches: their gradient is 0."""
    tokens = [layer for layer in layers.maps if layer.layout == "tokens"][-24:]
    if subject.read_tokens is None:
        with uncounted():
            any_score = BoundTarget([""], scorer=_mixture)
            found = layer_gradients(subject, x[:1], any_score, [layer.name for layer in tokens])
        read = [t for t in tokens if t.fold(found[t.name][1]).any()]
        subject.read_tokens = (read or tokens)[-1].name
    return layers[subject.read_tokens]


def _mixture(outputs: torch.Tensor) -> torch.Tensor:
    """All scores together, unlike enough that nothing cancels, as the sum of a softmax would."""
    return outputs @ torch.linspace(1, 2, outputs.shape[1]).to(outputs)
