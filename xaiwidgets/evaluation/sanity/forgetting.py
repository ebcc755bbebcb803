"""Networks that forgot some of their blocks, beside the user's own, which is left alone."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Iterable

import torch
from torch import nn

from xaiwidgets.core.copies import sharing_copy
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject

from ..drawing import DrawnBy
from .blocks import Block

STARTS = ("own", "kaiming", "shuffled", "normal")
START_HELP = (
    "what a forgotten parameter becomes: its layer's own initial values drawn anew (normal where "
    "the layer has none), Kaiming's with zero biases, its own numbers shuffled, or normal noise of "
    "its own mean and spread"
)


class Forgetting:
    """Copies of a network in which blocks have forgotten what they learnt.

    A copy shares every parameter that is not forgotten with the user's network, and every forgotten
    one with the other copies of this object, so that a whole cascade takes the memory of one more
    network. Each parameter is drawn by a generator of its own, from `seed` and its name.
    BatchNorm's running statistics stay as they were trained (Adebayo et al. 2018), unless
    `statistics`.
    """

    def __init__(
        self, subject: Subject, start: str = "own", seed: int = 0, statistics: bool = False
    ) -> None:
        self.subject, self.start, self.seed, self.statistics = subject, start, seed, statistics
        self._drawn: dict[str, nn.Parameter] = {}
        self._buffers: dict[int, torch.Tensor] = {}

    def without(self, blocks: Iterable[Block]) -> Subject:
        """The subject with a copy of its network in which these blocks have forgotten."""
        network = _copied(self.subject.model)
        modules = dict(network.named_modules())
        fresh: dict[int, nn.Parameter] = {}  # by the learnt one's id: what is tied stays tied
        for block in blocks:
            for name in block.parameters:
                owner, _, own = name.rpartition(".")
                fresh[id(modules[owner]._parameters[own])] = self._forgotten(
                    modules[owner], own, name
                )
                if self.statistics:
                    self._reset_statistics(modules[owner])
        for module in modules.values():
            for own, learnt in module._parameters.items():
                if id(learnt) in fresh:
                    module._parameters[own] = fresh[id(learnt)]
        return self.subject.with_network(network)

    def _forgotten(self, module: nn.Module, own: str, name: str) -> nn.Parameter:
        if name not in self._drawn:
            learnt = module._parameters[own]
            assert learnt is not None
            values = _drawn(module, own, learnt.detach(), self.start, _generator(self.seed, name))
            self._drawn[name] = nn.Parameter(values.to(learnt), learnt.requires_grad)
        return self._drawn[name]

    def _reset_statistics(self, module: nn.Module) -> None:
        if not hasattr(module, "reset_running_stats"):
            return
        for name, buffer in module._buffers.items():
            if buffer is None:
                continue
            if id(buffer) not in self._buffers:
                fresh = torch.ones_like(buffer) if "var" in name else torch.zeros_like(buffer)
                # under its own id too: one module's parameters come one after the other
                self._buffers[id(buffer)] = self._buffers[id(fresh)] = fresh
            module._buffers[name] = self._buffers[id(buffer)]


def seed_of(seed: int, draw: int) -> int:
    """From what the networks of a draw are drawn, in every test that has several."""
    return seed + 10_000 * draw


def _copied(network: nn.Module) -> nn.Module:
    """A copy of the modules that shares every parameter and buffer with the network."""
    try:
        return sharing_copy(network)
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ExplainError(
            f"The network cannot be copied ({reason}), and only copies are made to forget; detach "
            "or remove what it keeps from earlier passes."
        ) from error


def _generator(seed: int, name: str) -> torch.Generator:
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def _drawn(
    module: nn.Module, own: str, learnt: torch.Tensor, start: str, generator: torch.Generator
) -> torch.Tensor:
    """New values for one parameter, on the CPU."""
    if start == "shuffled":
        return learnt.flatten()[torch.randperm(learnt.numel(), generator=generator)].view_as(learnt)
    if start == "kaiming":
        if learnt.ndim < 2:
            return torch.zeros_like(learnt) if "bias" in own else torch.ones_like(learnt)
        spread = math.sqrt(2 / max(learnt[0].numel(), 1))
        return spread * torch.randn(learnt.shape, generator=generator)
    if start == "own":
        found = _by_its_own_initialiser(module, own, generator)
        if found is not None:
            return found
    wide = learnt.double().cpu()
    spread = float(wide.std(correction=0))
    return float(wide.mean()) + spread * torch.randn(learnt.shape, generator=generator)


def _by_its_own_initialiser(
    module: nn.Module, own: str, generator: torch.Generator
) -> torch.Tensor | None:
    """What the module's `reset_parameters` gives this parameter, drawn by our generator; None for a
    module that has none."""
    if not any(hasattr(module, name) for name in _RESETS):
        return None
    apart = copy.deepcopy(module).cpu()
    with torch.no_grad(), DrawnBy(generator):
        for name in _RESETS:
            if hasattr(apart, name):
                getattr(apart, name)()
    found = apart._parameters[own]
    return None if found is None else found.detach()


_RESETS = ("reset_parameters", "_reset_parameters")
