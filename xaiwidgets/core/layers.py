"""The layers of a network, found by one traced pass: names, kinds, shapes, and how maps lie."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from .eager import uncompiled
from .errors import ExplainError, nearest

Layout = Literal["channels first", "channels last", "tokens", ""]

_POOLING = (
    nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.LPPool2d,
    nn.FractionalMaxPool2d, nn.MaxPool3d, nn.AvgPool3d, nn.AdaptiveAvgPool3d,
    nn.AdaptiveMaxPool3d,
)  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """One module of the network, as a traced pass met it.

    `shape` is that of its output for one example. `layout` says how a map lies in that output
    ("" when it holds none), `grid` is the map's (height, width), of a volume's (depth, height,
    width), and `prefix` counts the tokens in front of it, such as a class token. `uses` tells how
    often one pass runs it.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    order: int
    layout: Layout = ""
    grid: tuple[int, ...] = (0, 0)
    prefix: int = 0
    leaf: bool = True
    uses: int = 1

    @property
    def channels(self) -> int:
        """How many maps lie in its output."""
        return self.shape[0] if self.layout == "channels first" else self.shape[-1]

    @property
    def spatial(self) -> bool:
        """Whether a map of more than one cell lies in its output."""
        return math.prod(self.grid) > 1

    def fold(self, output: torch.Tensor) -> torch.Tensor:
        """The layer's output (or its gradient) as maps (N, channels, *grid)."""
        if self.layout == "channels last":
            return output.permute(0, 3, 1, 2)
        if self.layout == "tokens":
            patches = output[:, self.prefix :].transpose(1, 2)
            return patches.reshape(len(output), -1, *self.grid)
        return output


class Layers:
    """Every layer in the order in which the pass finished it, by name."""

    def __init__(
        self,
        found: list[Layer],
        outermost: list[Layer],
        activation_bytes: int,
        patches: tuple[int, int] | None = None,
    ) -> None:
        self._by_name = {layer.name: layer for layer in found}
        self._outermost = outermost
        self.activation_bytes = activation_bytes
        self.patches = patches  # the grid of the first layer, when that cuts into squares

    def __iter__(self) -> Iterator[Layer]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Layer:
        """The layer of that name, or an ExplainError that offers the nearest."""
        if not self._by_name:
            raise ExplainError(f"No layer is called {name!r}; layers of this network are not seen.")
        if not isinstance(name, str):
            raise ExplainError(
                f"A layer was given as a {type(name).__name__}; it takes a layer's name, such as "
                f"{(self.maps or list(self))[-1].name!r}."
            )
        if name in self._by_name:
            return self._by_name[name]
        last = f" The last layer with a map is {self.maps[-1].name!r}." if self.maps else ""
        raise ExplainError(
            f"No layer is called {name!r}.{last} {nearest(name, self._by_name)}".strip()
        )

    def named(self, names: str | Iterable[str]) -> list[Layer]:
        """The layers of one name or of several, each once; an ExplainError for others and none."""
        several = isinstance(names, Iterable) and not isinstance(names, str)
        chosen: list[Any] = list(names) if several else [names]
        if not chosen:
            maps = ", ".join(repr(layer.name) for layer in self.maps)
            raise ExplainError(f"layers= names no layer; layers with a map here are {maps}.")
        return list({self[name].name: self[name] for name in chosen}.values())

    @property
    def maps(self) -> list[Layer]:
        """Layers whose output holds a map, each map once under its outermost name, pooling left
        out; the last is where Grad-CAM looks."""
        return self._outermost


def trace(network: nn.Module, run: Callable[[], Any], size: tuple[int, ...]) -> Layers:
    """Run one pass on an input of that (height, width), or (depth, height, width); note every
    module that returns a tensor."""
    seen: list[tuple[str, nn.Module, torch.Tensor]] = []
    names = {
        module: name
        for name, module in network.named_modules()
        if name and not isinstance(module, torch.jit.RecursiveScriptModule)  # takes no hooks
    }

    def note(module: nn.Module, _: Any, output: Any) -> None:
        value = first_tensor(output)
        if value is not None and value.is_floating_point():
            seen.append((names[module], module, value))

    with hooked(list(names), note), torch.no_grad():
        run()
    patches = _patch_grid(seen)
    latest = {name: (module, value) for name, module, value in seen}
    order = sorted(latest, key=lambda name: max(i for i, s in enumerate(seen) if s[0] == name))
    uses = Counter(name for name, _, _ in seen)
    found = [
        _describe(name, *latest[name], i, uses[name], patches, size) for i, name in enumerate(order)
    ]
    outermost = _outermost(found, latest)
    total = sum(value.numel() * value.element_size() for _, m, value in seen if _is_leaf(m))
    return Layers(found, outermost, total, patches)


@contextmanager
def hooked(
    modules: list[nn.Module],
    hook: Callable[[nn.Module, Any, Any], Any],
    before: Callable[[nn.Module, Any], None] | None = None,
) -> Iterator[None]:
    """Watch modules' outputs in this thread only, and with `before` that they begin; the hooks are
    gone when the block ends, in which nothing is compiled. Raises ExplainError for scripted
    modules, which take no hooks."""
    after, beginning = _Hook(hook, threading.get_ident()), _Hook(before, threading.get_ident())
    handles = []
    try:
        for module in modules:
            if isinstance(module, torch.jit.RecursiveScriptModule):
                raise ExplainError(
                    "A scripted module cannot be watched from inside; use the Python network that "
                    "it was made from."
                )
            handles.append(module.register_forward_hook(after))
            if before is not None:
                handles.append(module.register_forward_pre_hook(beginning))
        with uncompiled():
            yield
    finally:
        for handle in handles:
            handle.remove()


class _Hook:
    """A hook of ours, for one thread. In a copy of the network, or where it is saved or sent to
    another process meanwhile, what stands in its place does nothing."""

    def __init__(self, function: Callable[..., Any] | None = None, thread: int = 0) -> None:
        self.function, self.thread = function, thread

    def __call__(self, module: nn.Module, *values: Any) -> Any:
        if self.function is None or threading.get_ident() != self.thread:
            return None
        return self.function(module, *values)

    def __reduce__(self) -> tuple[type[_Hook], tuple[()]]:
        return _Hook, ()


def is_ours(hook: Any) -> bool:
    """Whether `hooked` put this hook in place and will remove it."""
    return isinstance(hook, _Hook)


def first_tensor(output: Any) -> torch.Tensor | None:
    """The tensor in a module's output: itself, or the first of a tuple, list or mapping."""
    if isinstance(output, torch.Tensor):
        return output
    values = output.values() if hasattr(output, "values") else output
    if isinstance(output, (tuple, list)) or hasattr(output, "values"):
        return next((value for value in values if isinstance(value, torch.Tensor)), None)
    return None


def _is_leaf(module: nn.Module) -> bool:
    return next(module.children(), None) is None


def _describe(
    name: str,
    module: nn.Module,
    value: torch.Tensor,
    order: int,
    uses: int,
    patches: tuple[int, int] | None,
    size: tuple[int, ...],
) -> Layer:
    shape = tuple(value.shape[1:])
    layout, grid, prefix = layout_of(shape, patches, size)
    parameters = sum(p.numel() for p in module.parameters())
    kind, leaf = type(module).__name__, _is_leaf(module)
    return Layer(name, kind, shape, parameters, order, layout, grid, prefix, leaf, uses)


def layout_of(
    shape: tuple[int, ...], patches: tuple[int, int] | None, size: tuple[int, ...]
) -> tuple[Layout, tuple[int, ...], int]:
    """How a map lies in one example's output of that shape, its grid, and the tokens in front of
    it; `patches` is the grid of the patch embedding, `size` that of the picture or volume."""
    if len(size) == 3:
        return ("channels first", shape[1:], 0) if len(shape) == 4 else ("", (0, 0), 0)
    if len(shape) == 3:
        first, last = (shape[1], shape[2]), (shape[0], shape[1])
        if last == patches or _unlike(last, size) < _unlike(first, size):
            return "channels last", last, 0
        return "channels first", first, 0
    if len(shape) == 2 and patches:
        prefix = shape[0] - math.prod(patches)
        if 0 <= prefix <= 8:
            return "tokens", patches, prefix
        merged = patches
        while min(merged) > 1:  # a Swin transformer merges patches two by two
            merged = (-(-merged[0] // 2), -(-merged[1] // 2))
            if math.prod(merged) == shape[0]:
                return "tokens", merged, 0
    return "", (0, 0), 0


def _unlike(grid: tuple[int, ...], size: tuple[int, ...]) -> float:
    """How far a map's proportions are from the picture's."""
    return abs(math.log(max(grid[0], 1) * size[1] / (max(grid[1], 1) * size[0])))


def _patch_grid(seen: list[tuple[str, nn.Module, torch.Tensor]]) -> tuple[int, int] | None:
    """The grid of the patch embedding: the first convolution, when it cuts into squares."""
    for _, module, value in seen:
        if isinstance(module, nn.Conv2d):
            whole = module.kernel_size == module.stride and module.stride[0] > 1
            return (value.shape[2], value.shape[3]) if whole else None
    return None


def _outermost(
    found: list[Layer], latest: dict[str, tuple[nn.Module, torch.Tensor]]
) -> list[Layer]:
    pooled = {id(latest[f.name][1]) for f in found if isinstance(latest[f.name][0], _POOLING)}
    by_tensor = {}
    for layer in found:
        tensor = latest[layer.name][1]
        if layer.spatial and id(tensor) not in pooled:
            by_tensor[id(tensor)] = layer
    return sorted(by_tensor.values(), key=lambda layer: layer.order)
