"""A block of several convolutions as parts that a map passes one after the other.

A residual block hands its input on beside what its first convolution makes of it. As two parts, of
which the first makes one map of both, each part sees fewer pixels around a cell than the block. And
of a part that is known in this way no more need be computed than is wanted: of a window with an
edge around it, as wide as its convolution reaches, the cells within.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn

_CELL_BY_CELL = (
    nn.Identity, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.SiLU, nn.GELU, nn.Hardswish, nn.BatchNorm2d,
    nn.Dropout,
)  # fmt: skip
_FUNCTIONS = (operator.add, operator.iadd, torch.add, torch.relu, F.relu)
_METHODS = ("add", "add_", "relu", "relu_")


def split(modules: Sequence[nn.Module]) -> list[Part]:
    """The parts of modules that a map passes one after the other, each with one convolution wider
    than a pixel in a row; none where they do what cannot be written down beforehand."""
    try:
        root = nn.Sequential(*modules)
        traced = fx.GraphModule(root, _Tracer().trace(root))
    except Exception:  # whatever depends on the numbers in the map
        return []
    stages = _stages(traced)
    if sum(node.op == "placeholder" for node in stages) != 1:
        return []
    made: list[Part] = []
    for number in range(1, max(stages.values()) + 1):
        made.append(Part(traced, stages, number, made[-1] if made else None))
    return made


class _Tracer(fx.Tracer):
    """Looks into modules that hold others, and into no other."""

    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        """Whether a module is asked as a whole."""
        return super().is_leaf_module(module, name) or not any(module.children())


def _stages(traced: fx.GraphModule) -> dict[fx.Node, int]:
    """In which part each value is made, counted from 1: as soon as what it is made of is there."""
    found: dict[fx.Node, int] = {}
    for node in traced.graph.nodes:
        before = max((found[each] for each in node.all_input_nodes), default=0)
        module = traced.get_submodule(node.target) if node.op == "call_module" else None
        found[node] = before + _wide(module)
    return {node: max(stage, 1) for node, stage in found.items()}


def _wide(module: nn.Module | None) -> bool:
    """Whether it is a convolution that sees more than a pixel."""
    weight = getattr(module, "weight", None)
    return weight is not None and weight.ndim == 4 and weight[0, 0].numel() > 1


class Part(nn.Module):
    """What a network's graph makes at one stage. Values that are read later are handed on as one
    map, one after the other along its channels. Where one convolution reads what is given, and all
    else goes cell by cell, `edge` is how many cells it reads around its own, and 0 otherwise."""

    def __init__(
        self, traced: fx.GraphModule, stages: dict[fx.Node, int], number: int, before: Part | None
    ) -> None:
        super().__init__()
        own = [node for node, stage in stages.items() if stage == number]
        self.nodes = [node for node in own if node.op not in ("placeholder", "output")]
        self.given = before.handed if before else [n for n in own if n.op == "placeholder"]
        self.handed: list[fx.Node] = [
            node for node, stage in stages.items()
            if stage <= number and any(_reads(user, stages, number) for user in node.users)
        ]  # fmt: skip
        self.sizes: list[int] = []  # channels of what was handed on last
        self.of = [traced], [before]  # in lists, or they would be modules of this one
        self.edges = self._edges()
        self.edge = max(self.edges.values(), default=0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The map that the next part takes, or what the module makes."""
        values = self._given(x)
        for node in self.nodes:
            values[node] = self._made(node, values)
        return self._handed([values[node] for node in self.handed])

    def within(self, x: torch.Tensor) -> torch.Tensor:
        """The same of the cells within the edge alone; what lies around the map is 0 in x."""
        values = self._given(x)
        for node in self.nodes:
            edge = self.edges[node]
            if self._convolves(node):
                (read,) = node.all_input_nodes
                values[node] = _convolved(self._module(node), values[read])
            else:
                near = {n: _inner(values[n], self.edges[n] - edge) for n in node.all_input_nodes}
                values[node] = self._made(node, near)
        return self._handed([_inner(values[node], self.edges[node]) for node in self.handed])

    def _given(self, x: torch.Tensor) -> dict[fx.Node, Any]:
        (before,) = self.of[1]
        parts = [x] if before is None else x.split(before.sizes, 1)
        return dict(zip(self.given, parts, strict=True))

    def _handed(self, values: list[torch.Tensor]) -> torch.Tensor:
        self.sizes = [value.shape[1] for value in values]
        return values[0] if len(values) == 1 else torch.cat(values, 1)

    def _edges(self) -> dict[fx.Node, int]:
        """How many cells around those within each value has; none where that is not so simple."""
        wide = [node for node in self.nodes if self._convolves(node)]
        if len(wide) != 1 or wide[0].all_input_nodes[0] not in self.given:
            return {}
        edge = _reach(self._module(wide[0]))
        found = dict.fromkeys(self.given, edge)
        for node in self.nodes:
            least = min((found[each] for each in node.all_input_nodes), default=0)
            if not edge or not (node in wide or self._by_cells(node, least)):
                return {}
            found[node] = 0 if node in wide or self._strides(node) else least
        return found

    def _strides(self, node: fx.Node) -> bool:
        """Whether a module leaves cells out."""
        return node.op == "call_module" and getattr(self._module(node), "stride", 1) not in (
            1, (1, 1),
        )  # fmt: skip

    def _convolves(self, node: fx.Node) -> bool:
        return node.op == "call_module" and _wide(self._module(node))

    def _by_cells(self, node: fx.Node, edge: int) -> bool:
        """Whether each cell is made of the same one, or of some that no other is made of."""
        if node.op != "call_module":
            return node.target in (_FUNCTIONS if node.op == "call_function" else _METHODS)
        module = self._module(node)
        if isinstance(module, nn.Conv2d):
            return len({*module.stride}) == 1 and module.padding in (0, (0, 0))
        if isinstance(module, (nn.MaxPool2d, nn.AvgPool2d)):
            return (
                not edge and module.kernel_size == module.stride and module.padding in (0, (0, 0))
            )
        return type(module) in _CELL_BY_CELL

    def _module(self, node: fx.Node) -> nn.Module:
        ((traced,), _) = self.of
        return traced.get_submodule(str(node.target))

    def own_modules(self) -> list[nn.Module]:
        """The modules that it asks."""
        return [self._module(node) for node in self.nodes if node.op == "call_module"]

    def _made(self, node: fx.Node, values: dict[fx.Node, Any]) -> Any:
        ((traced,), _), target = self.of, node.target
        args: Sequence[Any] = fx.node.map_arg(node.args, values.__getitem__)
        kwargs: dict[str, Any] = fx.node.map_arg(node.kwargs, values.__getitem__)
        if node.op == "call_module":
            return self._module(node)(*args, **kwargs)
        if node.op == "call_method":
            return getattr(args[0], str(target))(*args[1:], **kwargs)
        if node.op == "get_attr":
            return _attribute(traced, str(target))
        assert callable(target)
        return target(*args, **kwargs)


def _reach(module: Any) -> int:
    """How many cells around its own a convolution reads, if as many on all sides, which it takes
    for 0 around the map; 0 for others."""
    if type(module) is not nn.Conv2d:
        return 0
    reach = module.kernel_size[0] // 2
    same = module.padding in ((reach, reach), "same") and module.padding_mode == "zeros"
    whole = len({*module.stride}) == 1 and module.dilation == (1, 1)
    return reach if same and whole and module.kernel_size == (2 * reach + 1,) * 2 else 0


def _convolved(module: Any, x: torch.Tensor) -> torch.Tensor:
    """What a convolution makes of the cells that it reads whole; for a single cell a product of
    matrices takes half the time."""
    weight, bias = module.weight, module.bias
    if x.shape[2:] != weight.shape[2:] or module.groups > 1:
        return F.conv2d(x, weight, bias, module.stride, groups=module.groups)
    read, filters = (each.permute(0, 2, 3, 1).flatten(1) for each in (x, weight))
    return F.linear(read, filters, bias)[:, :, None, None]


def _inner(x: torch.Tensor, edge: int) -> torch.Tensor:
    return x[:, :, edge:-edge, edge:-edge] if edge else x


def _reads(user: fx.Node, stages: dict[fx.Node, int], number: int) -> bool:
    """Whether a value's user reads it after that part; the module's caller does so at the end."""
    return stages[user] > number or user.op == "output"


def _attribute(owner: Any, name: str) -> Any:
    for part in name.split("."):
        owner = getattr(owner, part)
    return owner
