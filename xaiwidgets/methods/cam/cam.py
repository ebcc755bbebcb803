from dataclasses import dataclass, field
from typing import Any

import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.intercept import Operation, replacing
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .activation_map import enlarge, in_passes, places, weighed


class CAM(
    Attribution,
    title="CAM",
    source="zhou2016",
    taxonomy={"models": "specific: CNN with global average pooling", "formulation": "closed form"},
):
    """Where the evidence for the class lies, exactly, if the last maps are averaged and weighed.

    L = Σ_k w_k A_k, where the scores are w · mean(A) + b: the mean of the map plus the bias *is*
    the score, and what is negative speaks against the class. Only for networks that end so (ResNet,
    DenseNet, Swin ...; also those that average maps of scores): the one pass is watched, and its
    numbers checked. Of other networks Grad-CAM is the generalisation.

    Use it on a network that ends in averaged maps and one linear layer: nothing has to be estimated
    there.

    It misleads whoever reads single pixels off it: the map is the last layer's and as coarse, and
    what pixels did below that layer it does not tell.
    """

    takes = ("picture", "volume")

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward pass."""
        return Passes(1, 0)

    def attribute(self, subject: Subject, x: torch.Tensor, target: BoundTarget) -> Findings:
        """One pass, watched; (batch, 1, height, width)."""
        parts = []
        for part, rows in in_passes(subject, x, backward=False):
            end = ending(subject, part)
            parts.append(weighed(_slope(target, end.outputs, rows) @ end.weight, end.maps))
        maps = torch.cat(parts)[:, None]
        size = "×".join(map(str, maps.shape[2:]))
        return Findings(
            enlarge(maps, x), facts=[f"Of a map of {size} the mean, and a bias, is the score."]
        )


@dataclass
class Ending:
    """How a network ends: maps (batch, channels, *space), the weight (classes, channels) by which
    their means become scores, and those scores (batch, classes)."""

    maps: torch.Tensor
    weight: torch.Tensor
    outputs: torch.Tensor


def ending(subject: Subject, x: torch.Tensor) -> Ending:
    """Watch one pass; an ExplainError for a network that does not end in means and one linear
    layer."""
    seen = _Watched()
    with torch.no_grad(), replacing(subject.model, {}, seen.note):
        outputs = subject(x)
    for entered, mean in reversed(seen.averaged):
        weight = seen.weight_between(mean, outputs)
        maps = None if weight is None else _as_maps(entered, mean.flatten(1), subject, x)
        if weight is not None and maps is not None:
            return Ending(maps, weight, outputs)
    raise ExplainError(
        "CAM takes a network whose last maps are averaged over the picture and go through one "
        "linear layer to the scores; this one ends otherwise. Grad-CAM works on it."
    )


def _as_maps(
    entered: torch.Tensor, mean: torch.Tensor, subject: Subject, x: torch.Tensor
) -> torch.Tensor | None:
    """What was averaged, as maps (batch, channels, *space), however it lies; None where the mean is
    over something else."""
    if entered.ndim == x.ndim:
        both = (entered, entered.movedim(-1, 1))
        return next((maps for maps in both if _alike(maps.mean(places(maps)), mean)), None)
    folded = [layer for layer in subject.layers(x).maps if layer.shape == entered.shape[1:]]
    fits = entered.ndim == 3 and folded and _alike(entered.mean(1), mean)
    return folded[-1].fold(entered) if fits else None


@dataclass
class _Watched:
    """The averages that a pass took, as (what entered, what came out), and its linear layers, as
    (what entered, weight, what came out)."""

    averaged: list[tuple[torch.Tensor, torch.Tensor]] = field(default_factory=list)
    linear: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = field(default_factory=list)

    def note(self, operation: Operation) -> Any:
        made = operation.run()
        name = getattr(operation.function, "__name__", "")
        if operation.kind in ("linear", "conv2d", "conv3d"):
            weight = operation.argument(1, "weight")
            self.linear.append((operation.input, weight.flatten(1), made))
        elif operation.kind == "addmm":
            self.linear.append((operation.args[1], operation.args[2].T, made))
        elif name == "mean" or "avg_pool" in name:
            self.averaged.append((operation.input, made))
        return made

    def weight_between(self, mean: torch.Tensor, outputs: torch.Tensor) -> torch.Tensor | None:
        """The weight of the one linear layer from means to scores; of none, where the means are
        the scores, the identity."""
        if _alike(mean.flatten(1), outputs):
            return torch.eye(outputs.shape[1]).to(outputs)
        for entered, weight, made in reversed(self.linear):
            if _alike(entered.flatten(1), mean.flatten(1)) and _alike(made.flatten(1), outputs):
                return weight
        return None


def _alike(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether two tensors are the same up to rounding."""
    if a.shape != b.shape:
        return False
    near = 8 * torch.finfo(b.dtype).eps * a.shape[1] ** 0.5 * float(b.abs().max())
    return bool((a - b).abs().max() <= near)


def _slope(target: BoundTarget, outputs: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """∂ score ÷ ∂ outputs (batch, classes): 1 at the class, and so on for a function."""
    leaf = outputs.detach().requires_grad_()
    return torch.autograd.grad(target.score(leaf, rows).sum(), leaf)[0]
