"""The same relevance twice, by us and by zennit 0.5.1: networks, presets, and who wins in pooling.

zennit divides by the sum of the branches at residual sums and average pools and adds 1e-6 to it;
here these operations are the plain gradient. `stabiliser` is what zennit adds.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

import xaiwidgets as xw
from benchmarks.networks import import_torchvision
from xaiwidgets.methods.relevance.lrp import relevance
from xaiwidgets.methods.relevance.presets import Amounts, preset_table

import_torchvision()

from torchvision import models  # noqa: E402
from zennit import composites  # noqa: E402
from zennit.attribution import Gradient  # noqa: E402
from zennit.canonizers import SequentialMergeBatchNorm  # noqa: E402
from zennit.layer import Sum  # noqa: E402
from zennit.rules import Epsilon, Norm, Pass  # noqa: E402
from zennit.torchvision import ResNetCanonizer, VGGCanonizer  # noqa: E402
from zennit.types import Activation, AvgPool, Linear  # noqa: E402

CLASSES = 5
Composite = Callable[..., Any]


def _epsilon(layer_map: list[Any], canonizers: list[Any], amount: float = 1e-6) -> Any:
    """LRP-ε at every layer: zennit has no composite for it."""
    rules = [*layer_map, *composites.layer_map_base(), (Linear, Epsilon(amount))]
    return composites.LayerMapComposite(rules, canonizers=canonizers)


def _named(name: str, **settings: Any) -> Composite:
    """One of zennit's composites."""
    return lambda layer_map, canonizers: getattr(composites, name)(
        layer_map=layer_map, canonizers=canonizers, **settings
    )


THEIRS: dict[str, Composite] = {
    "ε": _epsilon,
    "ε-plus": _named("EpsilonPlus"),
    "ε-plus-flat": _named("EpsilonPlusFlat"),
    "ε-αβ": _named("EpsilonAlpha2Beta1"),
    "ε-αβ-flat": _named("EpsilonAlpha2Beta1Flat"),
    "ε-γ-box": _named("EpsilonGammaBox", low=torch.zeros(1, 3, 1, 1), high=torch.ones(1, 3, 1, 1)),
    "excitation backprop": _named("ExcitationBackprop"),
}
NETWORKS = {
    "vgg16": (models.vgg16, VGGCanonizer),
    "vgg16_bn": (models.vgg16_bn, VGGCanonizer),
    "resnet18": (models.resnet18, ResNetCanonizer),
    "resnet50": (models.resnet50, ResNetCanonizer),
    "mobilenet_v2": (models.mobilenet_v2, SequentialMergeBatchNorm),
}


def built(name: str, seed: int = 0) -> nn.Module:
    """A network with statistics of its own, and no ε in its batch normalisation: zennit merges it
    into the layer and leaves the ε behind."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = NETWORKS[name][0](num_classes=CLASSES).train()
        norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = None
            nn.init.normal_(norm.weight, 1.0, 0.3)
            nn.init.normal_(norm.bias, 0.0, 0.1)
        with torch.no_grad():
            network(torch.rand(4, 3, 64, 64))
    for norm in norms:
        norm.eps = 0.0
        norm.running_var.clamp_(min=1e-3)
    return network.eval()


def our_relevance(
    network: nn.Module,
    preset: str,
    x: torch.Tensor,
    target: int | Sequence[int],
    amount: float = 1e-6,
    channels_last: bool = False,
) -> torch.Tensor:
    """By our preset, with that amount of ε."""
    subject = xw.Subject(network, mean=0.0, std=1.0)
    x = x.to(memory_format=torch.channels_last) if channels_last else x
    table = preset_table(preset, Amounts(amount))
    return relevance(subject, x, subject.bind(target, x), table).values


def their_relevance(
    network: nn.Module,
    name: str,
    preset: str,
    x: torch.Tensor,
    target: int | Sequence[int],
    stabiliser: float = 1e-30,
    amount: float = 1e-6,
) -> torch.Tensor:
    """By zennit's composite for it."""
    other = sums_and_pools_as_modules(network) if name == "mobilenet_v2" else network
    # its excitation backprop lets a ReLU6 that is at 6 stop relevance, where all others pass it on
    layer_map = [(Sum, Norm(stabiliser)), (AvgPool, Norm(stabiliser)), (Activation, Pass())]
    settings = {"amount": amount} if preset == "ε" else {}
    # relevance begins as the score that each of them computes: they differ by rounding
    chosen = torch.eye(CLASSES, dtype=x.dtype)[target]
    composite = THEIRS[preset](layer_map, [NETWORKS[name][1]()], **settings)
    with Gradient(other, composite, attr_output=lambda outputs: outputs * chosen) as attributor:
        _, theirs = attributor(x.clone())
    return theirs.detach()


def sums_and_pools_as_modules(network: nn.Module) -> nn.Module:
    """A copy of MobileNetV2 whose additions and pooling zennit can see."""
    network = copy.deepcopy(network)
    network.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(torch.flatten(self.pool(self.features(x)), 1))

    def block(self: Any, x: torch.Tensor) -> torch.Tensor:
        if not self.use_res_connect:
            return self.conv(x)
        return self.sum(torch.stack([x, self.conv(x)], dim=-1))

    network.forward = types.MethodType(forward, network)
    for module in network.modules():
        if type(module).__name__ == "InvertedResidual":
            module.sum, module.forward = Sum(), types.MethodType(block, module)
    return network


@contextmanager
def merged(network: nn.Module, name: str) -> Iterator[None]:
    """As zennit runs it: with batch normalisation merged into the weights before it."""
    instances = NETWORKS[name][1]().apply(network)
    try:
        yield
    finally:
        for instance in instances:
            instance.remove()


def apart(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """The largest difference, in units of the largest value."""
    return float((ours - theirs).abs().max() / theirs.abs().max())


class Pooled(nn.Module):
    """Max pooling by 2 that remembers which value won in double precision, counts the windows in
    which single precision has another winner (`turned`, of the first picture), and, `held`, takes
    the remembered ones."""

    def __init__(self, place: int, known: dict[int, torch.Tensor]) -> None:
        super().__init__()
        self.place, self.known, self.held, self.turned = place, known, False, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch._C.DisableTorchFunction():
            winners = F.max_pool2d(x.detach(), 2, return_indices=True)[1]
        if x.dtype == torch.float64:
            self.known[self.place] = winners
        known = self.known[self.place][: len(x)]
        self.turned = int((winners[0] != known[0]).sum())
        if not self.held:
            return F.max_pool2d(x, 2)
        return x.flatten(2).gather(2, known.flatten(2)).unflatten(2, known.shape[2:])


def with_known_winners(
    network: nn.Module, dtype: torch.dtype, known: dict[int, torch.Tensor]
) -> nn.Module:
    """A copy of a VGG that shares with others what is known of the winners."""
    twin = copy.deepcopy(network).to(dtype)
    features: Any = twin.features
    for place, module in enumerate(features):
        if isinstance(module, nn.MaxPool2d):
            features[place] = Pooled(place, known)
    return twin


def pools(network: nn.Module) -> list[Pooled]:
    """Its poolings that know the winners."""
    return [module for module in network.modules() if isinstance(module, Pooled)]


def turned(network: nn.Module) -> int:
    """Windows whose winner was not that of doubles in the last pass."""
    return sum(pool.turned for pool in pools(network))


def hold(network: nn.Module, held: bool = True) -> None:
    """Take the winners of doubles from now on, or no longer."""
    for pool in pools(network):
        pool.held = held
