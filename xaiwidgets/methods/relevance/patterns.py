"""Patterns: which way the input of a unit changes when its output rises (Kindermans et al. 2018).

A filter w has to cancel what distracts, so it need not look like the signal that it finds. The
pattern does: a = cov(x, y) ÷ wᵀ cov(x, y), over the places where a ReLU lets y through, and over
all where none follows. Both means that it takes are gradients of the layer's weights, so that one
pass over the data suffices, and only sums of the weights' own size are kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from xaiwidgets.core.batches import batches
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.method import refuse_black_box
from xaiwidgets.core.subject import Subject, uncounted

from .affine import Affine
from .operations import Treatment
from .propagation import Place, propagate
from .rules import Epsilon, Flow, Rule

Sums = dict[str, torch.Tensor]


@dataclass(eq=False)
class Patterns:
    """The patterns of every layer of one network, estimated once from data.

    >>> patterns = Patterns.of(subject, pictures)
    >>> xw.compare(subject, cat, [xw.PatternNet(patterns), xw.PatternAttribution(patterns)])
    """

    count: int
    layers: dict[int, torch.Tensor]

    @classmethod
    def of(cls, subject: Any, data: Any) -> Patterns:
        """Estimate them in one pass over `data`: pictures or tensors as any method takes them, or
        an iterable of batches, such as a DataLoader (labels in it are left out). Some hundred
        inputs do; dense layers with many inputs want several times that number.

        Raises ExplainError for data that the network cannot take, and for a single input.
        """
        subject = Subject.of(subject)
        refuse_black_box(subject, "Patterns.of")
        sums: dict[int, Sums] = {}
        count = 0
        with uncounted():
            for inputs in batches(subject, data):
                count += len(inputs)
                for part in inputs.x.split(subject.batch_size(inputs.x)):
                    _watch(subject, part, sums)
        if count < 2:
            raise ExplainError(
                f"Patterns are estimated from {count} input; they take what inputs have in common, "
                "so give some hundred."
            )
        return cls(count, {number: _pattern(each) for number, each in sums.items()})

    def __repr__(self) -> str:
        return f"<patterns of {len(self.layers)} layers from {self.count} inputs>"

    def at(self, place: Place) -> torch.Tensor:
        """The pattern of a layer, shaped like its weight."""
        if place.number not in self.layers:
            raise _of_another_network()
        return self.layers[place.number]


def of_white_noise(weight: torch.Tensor, layer: Affine) -> torch.Tensor:
    """The patterns that data without any structure would give: w ÷ wᵀw."""
    return _normed(weight, weight, layer)


def checked(pattern: torch.Tensor, weight: torch.Tensor, layer: Affine) -> torch.Tensor:
    """The pattern, if wᵀa is 1 for the weights as they are now."""
    if pattern.shape != weight.shape:
        raise _of_another_network()
    pattern = pattern.to(weight)
    fit = _by_output(weight * pattern, layer).flatten(1).sum(1)
    alive = _by_output(pattern, layer).flatten(1).any(1)
    if bool(((fit - 1).abs() > 1e-2)[alive].any()):
        raise _of_another_network()
    return pattern


def _of_another_network() -> ExplainError:
    return ExplainError(
        "These patterns were estimated for other weights than the network has now; estimate them "
        "anew with Patterns.of(subject, data)."
    )


# --- estimating -------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Watch(Rule):
    """Adds up what a layer sees, and hands the gradient on."""

    sums: Sums = field(hash=False)

    def share(self, flow: Flow) -> torch.Tensor:
        """Counts, Σ y, Σ x and Σ x y over the places where the output counts."""
        counted = (flow.z > 0) if flow.positive else torch.ones_like(flow.z, dtype=torch.bool)
        inside = counted.to(flow.z.dtype)
        y = flow.z * inside
        self._add("weight", flow.layer.merged()[0], keep=True)
        self._add("count", _by_channel(inside, flow.layer))
        self._add("y", _by_channel(y, flow.layer))
        self._add("x", _by_output(_weight_gradient(flow, inside), flow.layer))
        self._add("xy", _by_output(_weight_gradient(flow, y), flow.layer))
        self.sums["layer"] = flow.layer  # type: ignore[assignment]
        return Epsilon(0.0).share(flow)

    def _add(self, name: str, value: torch.Tensor, keep: bool = False) -> None:
        value = value.detach().double()
        self.sums[name] = value if keep or name not in self.sums else self.sums[name] + value


def _watch(subject: Subject, x: torch.Tensor, sums: dict[int, Sums]) -> None:
    def choice(place: Place) -> Rule:
        return _Watch(sums.setdefault(place.number, {}))

    everything = subject.bind(lambda outputs: outputs.sum(1), x)
    propagate(subject, x, everything, torch.arange(len(x)), choice, Treatment())


def _weight_gradient(flow: Flow, s: torch.Tensor) -> torch.Tensor:
    """Σ over examples and places of s times the input seen there, shaped like the weight."""
    layer, x = flow.layer, flow.x
    if layer.kind == "dense":
        return s.flatten(0, -2).t() @ x.flatten(0, -2)
    wanted = (False, True, False)
    return torch.ops.aten.convolution_backward(
        s, layer.padded(x), layer.weight, None, *layer.geometry, wanted
    )[1]


def _pattern(sums: Sums) -> torch.Tensor:
    if not sums:
        return torch.zeros(())
    layer: Affine = sums["layer"]  # type: ignore[assignment]
    count = sums["count"].clamp_min(1).view(-1, *[1] * (sums["x"].ndim - 1))
    mean = sums["y"].view(count.shape) / count
    covariance = sums["xy"] / count - sums["x"] / count * mean
    return _normed(_by_output(covariance, layer), sums["weight"], layer).to(layer.weight.dtype)


def _normed(direction: torch.Tensor, weight: torch.Tensor, layer: Affine) -> torch.Tensor:
    """`direction` scaled for every output so that wᵀa = 1; 0 for an output that never changed."""
    fit = _by_output(direction * weight, layer).flatten(1).sum(1)
    size = _by_output(weight, layer).flatten(1).norm(dim=1)
    size = size * _by_output(direction, layer).flatten(1).norm(dim=1)
    alive = fit > 1e-6 * size
    scale = torch.where(alive, 1 / torch.where(alive, fit, 1), 0)
    spread = scale.view(-1, *[1] * (weight.ndim - 1))
    return _by_output(_by_output(direction, layer) * spread, layer)


def _by_output(weight: torch.Tensor, layer: Affine) -> torch.Tensor:
    """A weight with its outputs first, and one such turned back: a transposed convolution's lie
    second, within its groups."""
    if layer.kind == "dense" or not layer.geometry[3]:
        return weight
    return weight.unflatten(0, (layer.geometry[5], -1)).transpose(1, 2).flatten(0, 1)


def _by_channel(values: torch.Tensor, layer: Affine) -> torch.Tensor:
    """Sums for every output (outputs,)."""
    last = layer.kind == "dense"
    return values.sum([d for d in range(values.ndim) if d != (values.ndim - 1 if last else 1)])
