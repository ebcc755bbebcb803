"""The skeleton of the family: maps of a layer, or of several, made into one for the picture."""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F

from xaiwidgets.core.activations import layer_gradients_and_score
from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.layers import Layer
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .layer_choice import LAYER_HELP, chosen_layers

SPECIFIC = {"models": "specific: CNN"}
Formula = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class ActivationMap(Attribution):
    """What the maps of a layer show together."""

    takes = ("picture", "volume")

    layer: str = knob(default="", layers=True, help=LAYER_HELP)

    def raw(
        self, subject: Subject, x: torch.Tensor, target: BoundTarget, layers: list[Layer]
    ) -> list[torch.Tensor]:
        """One signed map (batch, 1, h, w) for each layer, at the layer's own resolution."""
        raise NotImplementedError

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """The layers' maps, enlarged and averaged; (batch, 1, height, width)."""
        layers = chosen_layers(subject, self.layer, x)
        maps = self.raw(subject, x, target, layers)
        return Findings(together(maps, x), facts=[f"{in_words(layer)}." for layer in layers])


class TargetMap(ActivationMap):
    """What the maps of a layer say of the target."""

    relu: bool = knob(default=True, help="keep only what speaks for the class, as in the paper")
    speaks: str = knob(
        default="for", choices=("for", "against"),
        help="what speaks for the target, or against it: the same of the negated score, which the "
        "Grad-CAM paper calls a counterfactual",
    )  # fmt: skip

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """The layers' maps, cut at 0 where that is wished, enlarged and averaged."""
        found = super().attribute(subject, x, self.aimed(target))
        if self.relu and not bool(found.values.flatten(1).any(1).all()):
            found.warnings.append(
                f"The map is 0 everywhere: nothing here speaks {self.speaks} the target. "
                "relu=False shows what was cut away."
            )
        return found

    def aimed(self, target: BoundTarget) -> BoundTarget:
        """The target, or its negative."""
        return target if self.speaks == "for" else target.negated()

    def cut(self, maps: torch.Tensor) -> torch.Tensor:
        """What is kept of a map."""
        return maps.clamp_min(0) if self.relu else maps


class GradientMap(TargetMap):
    """One forward pass, and a backward pass down to the layer: a method is its formula."""

    @staticmethod
    def formula(maps: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
        """The map (batch, *space) of a layer's maps A and ∂f/∂A (batch, channels, *space)."""
        raise NotImplementedError

    def raw(
        self, subject: Subject, x: torch.Tensor, target: BoundTarget, layers: list[Layer]
    ) -> list[torch.Tensor]:
        """The formula at every layer."""
        maps, _ = maps_and_scores(self.formula, subject, x, target, layers)
        return [self.cut(each) for each in maps]


def maps_and_scores(
    formula: Formula, subject: Subject, x: torch.Tensor, target: BoundTarget, layers: list[Layer]
) -> tuple[list[torch.Tensor], torch.Tensor]:
    """formula(A, ∂f/∂A) at every layer, each (batch, 1, h, w), and scores (batch,), of one pass."""
    names = [layer.name for layer in layers]
    parts: list[list[torch.Tensor]] = [[] for _ in layers]
    scores = []
    for part, rows in in_passes(subject, x):
        found, score = layer_gradients_and_score(subject, part, target, names, rows)
        scores.append(score)
        for kept, layer in zip(parts, layers, strict=True):
            maps, gradients = (layer.fold(value) for value in found[layer.name])
            kept.append(formula(maps, gradients)[:, None])
    return [torch.cat(kept) for kept in parts], torch.cat(scores)


def in_passes(
    subject: Subject, x: torch.Tensor, *, backward: bool = True
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Inputs in parts that fit in one pass, each with the numbers of its rows."""
    size = len(x) if len(x) == 1 else subject.batch_size(x, backward=backward)
    yield from zip(x.split(size), torch.arange(len(x)).split(size), strict=True)


def weighed(weights: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """Σ_k w_k A_k of weights (batch, channels) and maps (batch, channels, *space)."""
    return torch.einsum("nk,nk...->n...", weights, maps)


def over_space(values: torch.Tensor) -> torch.Tensor:
    """Sums over all places, of any number of dimensions: (batch, channels)."""
    return values.flatten(2).sum(2)


def places(maps: torch.Tensor) -> tuple[int, ...]:
    """The dimensions of maps (batch, channels, *space) that are space."""
    return tuple(range(2, maps.ndim))


def shared(part: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
    """part ÷ whole, and 0 where the whole is 0."""
    return torch.where(whole == 0, 0, part / torch.where(whole == 0, 1, whole))


def in_words(layer: Layer) -> str:
    """The layer and the size of its map."""
    return f"Layer {layer.name}, a map of {'×'.join(map(str, layer.grid))}"


def together(maps: list[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Maps at the picture's size; several are averaged, each divided by its largest magnitude."""
    if len(maps) == 1:
        return enlarge(maps[0], x)
    each = [enlarge(shared(m, m.abs().amax(places(m), keepdim=True)), x) for m in maps]
    return torch.stack(each).mean(0)


def enlarge(maps: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Maps brought to the size of the picture, or volume, by (tri)linear interpolation."""
    mode = "bilinear" if x.ndim == 4 else "trilinear"
    return F.interpolate(maps, size=x.shape[2:], mode=mode, align_corners=False)
