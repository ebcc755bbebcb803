"""A copy of a network made ready for many passes.

Batch normalisation is folded into the convolution before it: of a network that does not train, γ
(conv(x) − μ) ÷ √(σ² + ε) + β is again a convolution, with other numbers. That saves a walk over
every map. A ReLU whose input nobody reads afterwards writes over it, which saves fresh memory for
every map. Filters are put in the order in which the passes want them once, not in every pass. A
first convolution with a stride gets a quicker way back (see `strided`). Scores are the same up to
rounding. The copy shares all other numbers with the network, and is made anew for every answer:
numbers may have changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from . import strided
from .copies import sharing_copy
from .eager import is_compiled
from .fingerprint import every_module
from .layers import hooked, is_ours
from .layout import PlanesConvolution, wants_planes

Pair = tuple[str, str]
Ask = Callable[[nn.Module], torch.Tensor]
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_WATCHED = (*_CONVOLUTIONS, *_NORMS, nn.Linear, nn.ReLU)
_NEAR = 1e-4  # of the largest score


def fits(network: nn.Module, x: torch.Tensor) -> bool:
    """Whether it is worth a try: there are convolutions, numbers are fine enough, and nobody
    watches what goes through the network."""
    modules = every_module(network)
    convolves = any(type(module) in _CONVOLUTIONS for module in modules)
    return convolves and x.dtype.itemsize >= 4 and not any(map(_watched, modules))


@dataclass(frozen=True)
class Plan:
    """What is done to a copy: which batch normalisation is folded into which convolution, both by
    name, whether filters get their channels `last` in memory, which ReLUs write `over` their
    input, which convolutions get a quicker way `back`, and which work in `planes` all the same."""

    pairs: tuple[Pair, ...]
    last: bool
    over: tuple[str, ...] = ()
    back: tuple[str, ...] = ()
    planes: tuple[str, ...] = ()

    @property
    def layered(self) -> Plan:
        """What leaves every layer's output as it is, until the next layer has read it."""
        return Plan((), self.last, self.over)


NOTHING = Plan((), False)


def plan_for(network: nn.Module, ask: Ask, last: bool) -> Plan | None:
    """The most that may be done to a copy; None where there is nothing to do, or where a copy
    cannot be made or answers otherwise. `ask` gives a network's scores of one input."""
    plain, pairs, over, planes = _watch(network, ask)
    planes = planes if last else ()
    over = over if _unread(network, over, ask, plain) else ()
    back = tuple(name for name, module in network.named_modules() if strided.gains(module))
    most = Plan(pairs, last, over, back, planes)
    for plan in (most, replace(most, pairs=()), Plan((), last)):
        if plan != NOTHING and _agrees(network, plan, ask, plain):
            return plan
    return None


def ready(network: nn.Module, plan: Plan) -> nn.Module:
    """A copy to which the plan is done, and which shares all other numbers."""
    twin = sharing_copy(network)
    for name, after in plan.pairs:
        last = plan.last and name not in plan.planes
        _fold(twin.get_submodule(name), twin.get_submodule(after), last)
        _put(twin, after, nn.Identity())
    for name in plan.over:
        twin.get_submodule(name).inplace = True  # type: ignore[assignment]
    for name in plan.planes:
        _put(twin, name, PlanesConvolution(twin.get_submodule(name)))  # type: ignore[arg-type]
    for module in every_module(twin) if plan.last else ():
        if type(module) is nn.Conv2d:
            ordered = module.weight.detach().contiguous(memory_format=torch.channels_last)
            module.weight = nn.Parameter(ordered, requires_grad=False)
    for name in plan.back:
        _put(twin, name, strided.StridedConvolution(twin.get_submodule(name)))  # type: ignore[arg-type]
    return twin


def _put(network: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    network.get_submodule(parent)._modules[own] = module


def _watch(
    network: nn.Module, ask: Ask
) -> tuple[torch.Tensor, tuple[Pair, ...], tuple[str, ...], tuple[str, ...]]:
    """The scores; the convolutions whose output a batch normalisation reads; the ReLUs that read
    the output of either, or of a linear layer, each used once; and the convolutions that take less
    time in planes."""
    names = {module: name for name, module in network.named_modules()}
    uses: Counter[nn.Module] = Counter()
    made: dict[int, tuple[nn.Module, torch.Tensor]] = {}  # kept, or an id would be used again
    found: list[tuple[nn.Module, nn.Module]] = []
    planes: dict[str, None] = {}

    def note(module: nn.Module, inputs: Any, output: Any) -> None:
        uses[module] += 1
        if inputs and wants_planes(module, inputs[0]):
            planes[names[module]] = None
        source = made.get(id(inputs[0])) if inputs else None
        if source is not None:
            found.append((source[0], module))
        if type(module) is not nn.ReLU:
            made[id(output)] = module, output

    kinds = [module for module in names if type(module) in _WATCHED]
    with hooked(kinds, note):
        scores = ask(network)
    once = [(a, b) for a, b in found if uses[a] == uses[b] == 1]
    pairs = [(a, b) for a, b in once if type(a) in _CONVOLUTIONS and _settled(b)]
    over = [names[b] for _, b in once if type(b) is nn.ReLU and not b.inplace]
    return scores, tuple((names[a], names[b]) for a, b in pairs), tuple(over), tuple(planes)


def _unread(network: nn.Module, over: tuple[str, ...], ask: Ask, plain: torch.Tensor) -> bool:
    """Whether nobody reads what these ReLUs were given after them: with NaN in its place the scores
    of a copy are the same."""

    def spoil(module: nn.Module, inputs: Any, output: Any) -> None:
        inputs[0].fill_(torch.nan)

    try:
        twin = sharing_copy(network)
        with torch.no_grad(), hooked([twin.get_submodule(name) for name in over], spoil):
            return torch.equal(ask(twin), plain)
    except Exception:  # a network that cannot be copied, or that hands on what was spoilt
        return False


def _agrees(network: nn.Module, plan: Plan, ask: Ask, plain: torch.Tensor) -> bool:
    """Whether a copy can be made, and gives the same scores up to rounding."""
    try:
        scores = ask(ready(network, plan))
    except Exception:  # whatever a copy cannot do, the network can
        return False
    near = _NEAR * plain.abs().max()
    return scores.shape == plain.shape and bool((scores - plain).abs().max() <= near)


@torch.no_grad()
def _fold(convolution: Any, norm: Any, last: bool) -> None:
    """Put one normalisation into the convolution before it: what it scales by is worked out in
    double precision, and the filters are scaled and laid out in one walk."""
    weight, bias = convolution.weight, convolution.bias
    mean, scale = norm.running_mean.double(), (norm.running_var.double() + norm.eps).rsqrt()
    scale = scale if norm.weight is None else scale * norm.weight
    offset = -mean if bias is None else bias - mean
    added = offset * scale + (0 if norm.bias is None else norm.bias)
    flat = last and weight.ndim == 4
    layout = torch.channels_last if flat else torch.contiguous_format
    made = torch.empty_like(weight, memory_format=layout)
    torch.mul(weight, scale.to(weight.dtype).view(-1, *[1] * (weight.ndim - 1)), out=made)
    convolution.weight = nn.Parameter(made, requires_grad=False)
    convolution.bias = nn.Parameter(added.to(weight.dtype), requires_grad=False)


def _settled(module: Any) -> bool:
    """Whether it is a normalisation by the mean and variance that it has learnt."""
    return type(module) in _NORMS and not module.training and module.running_mean is not None


def _watched(module: nn.Module) -> bool:
    """Whether somebody else looks at what goes through it, or it is no longer plain Python."""
    hooks = [*module._forward_hooks.values(), *module._forward_pre_hooks.values()]
    theirs = any(not is_ours(hook) for hook in hooks)
    return theirs or isinstance(module, torch.jit.ScriptModule) or is_compiled(module)
