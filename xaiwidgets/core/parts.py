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

from .copies import sharing_copy

_CELL_BY_CELL = (
    nn.Identity, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.SiLU, nn.GELU, nn.Hardswish, nn.BatchNorm2d,
    nn.Dropout,
)  # fmt: skip
_FUNCTIONS = (operator.add, operator.iadd, torch.add, torch.relu, F.relu)
_METHODS = ("add", "add_", "relu", "relu_")


def split(modules: Sequence[nn.Module]) -> list[Part]:
    """The parts of modules that a map passes one after the other, each with one convolution wider
    than a pixel in a row; none where they do what cannot be written down beforehand."""
    root = nn.Sequential(*modules)
    try:
        nodes = _written(root)
    except Exception:  # whatever depends on the numbers in the map
        return []
    stages = _stages(root, nodes)
    made: list[Part] = []
    for number in range(1, max(stages.values()) + 1):
        made.append(Part(root, stages, number, made[-1] if made else None))
    return made


def _written(root: nn.Module) -> list[fx.Node]:
    """What modules do with a map, in order; modules that hold no others are asked as a whole."""
    tracer = _Tracer(root)
    told = {id(m): _StandIn(tracer, name) for name, m in root.named_modules() if _whole(m)}
    twin = sharing_copy(root, told)
    made = twin(tracer.create_proxy("placeholder", "x", (), {}))
    tracer.create_node("output", "output", (tracer.create_arg(made),), {})
    return list(tracer.graph.nodes)


def _whole(module: nn.Module) -> bool:
    """Whether nobody looks into a module: it holds no others, or is one of torch's own layers."""
    holder = isinstance(module, (nn.Sequential, nn.ModuleList, nn.ModuleDict))
    own = type(module).__module__.startswith("torch.nn") and not holder
    return own or not any(module.children())


class _Tracer(fx.proxy.GraphAppendingTracer):
    """Writes down what is done with a map. `fx.Tracer` exchanges `nn.Module.__call__` meanwhile,
    and with it that of every network which another thread asks at that time."""

    def __init__(self, root: nn.Module) -> None:
        super().__init__(fx.Graph())
        tensors = (*root.named_parameters(), *root.named_buffers())
        self.names = {id(tensor): name for name, tensor in tensors}

    def create_arg(self, a: Any) -> Any:
        """What a node is given: the modules' own numbers by name."""
        name = self.names.get(id(a))
        return super().create_arg(a) if name is None else self.create_node("get_attr", name, (), {})


class _StandIn(nn.Module):
    """In the place of a module, notes that it is asked."""

    def __init__(self, tracer: _Tracer, name: str) -> None:
        super().__init__()
        self.tracer, self.name = tracer, name

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What stands for the module's answer."""
        return self.tracer.create_proxy("call_module", self.name, args, kwargs)


def _stages(root: nn.Module, nodes: Sequence[fx.Node]) -> dict[fx.Node, int]:
    """In which part each value is made, counted from 1: as soon as what it is made of is there."""
    found: dict[fx.Node, int] = {}
    for node in nodes:
        before = max((found[each] for each in node.all_input_nodes), default=0)
        module = root.get_submodule(str(node.target)) if node.op == "call_module" else None
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
        self, root: nn.Module, stages: dict[fx.Node, int], number: int, before: Part | None
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
        self.of = [root], [before]  # in lists, or they would be modules of this one
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
        ((root,), _) = self.of
        return root.get_submodule(str(node.target))

    def own_modules(self) -> list[nn.Module]:
        """The modules that it asks."""
        return [self._module(node) for node in self.nodes if node.op == "call_module"]

    def _made(self, node: fx.Node, values: dict[fx.Node, Any]) -> Any:
        ((root,), _), target = self.of, node.target
        args: Sequence[Any] = fx.node.map_arg(node.args, values.__getitem__)
        kwargs: dict[str, Any] = fx.node.map_arg(node.kwargs, values.__getitem__)
        if node.op == "call_module":
            return self._module(node)(*args, **kwargs)
        if node.op == "call_method":
            return getattr(args[0], str(target))(*args[1:], **kwargs)
        if node.op == "get_attr":
            return _attribute(root, str(target))
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
