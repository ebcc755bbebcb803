"""Accounts of relevance: what enters every operation, what leaves it, and what is kept there.

Kept on demand, in the same two passes that make the map: every tensor between operations tells
c · activation when c arrives there, and every module tells when it begins and ends, so that an
operation is known by its place in the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from xaiwidgets.core.intercept import Operation
from xaiwidgets.core.layers import Layer, hooked, layout_of
from xaiwidgets.core.subject import Subject

from .operations import off_unit
from .rules import Flow, Rule

Fold = Callable[[torch.Tensor], "np.ndarray | None"]
Watch = Callable[[torch.Tensor, torch.Tensor], "torch.Tensor | None"]

# what is not linear up to a constant: relevance that is missing there was not given to a bias
_NOT_LINEAR = (
    "softmax", "local_response_norm", "log_softmax", "normalize", "scaled_dot_product_attention",
)  # fmt: skip
# of heads and tokens, whatever shape they have
_NO_MAP = (
    "scaled_dot_product_attention", "softmax", "matmul", "bmm", "baddbmm", "einsum", "unknown",
)  # fmt: skip


@dataclass
class Step:
    """One operation that relevance meets, and what is done there.

    `name` is the layer's, or that of the module in which something else is done. Where accounts are
    kept, a step also has the relevance that `entered` it from above and what `left` it towards the
    input; of the difference, what a `bias` or another constant took (None where the rule does not
    tell it from the stabiliser) and what was `lost`: of outputs that had nothing to share among, of
    inputs that are 0, of operations that are not linear. `map` is the relevance that entered,
    channels summed (height, width), where a map lies in an output of this `shape`.
    """

    kind: str
    name: str
    rule: str
    note: str = ""
    entered: float | None = None
    left: float | None = None
    bias: float | None = None
    lost: float = 0.0
    shape: tuple[int, ...] = ()
    map: np.ndarray | None = field(default=None, repr=False)

    @property
    def is_layer(self) -> bool:
        """Whether it shares relevance by a rule of the table."""
        return self.kind in ("convolution", "dense")

    @property
    def kept(self) -> float:
        """The relevance that went no further."""
        return 0.0 if self.entered is None else self.entered - (self.left or 0.0)

    @property
    def stabiliser(self) -> float | None:
        """What neither a bias took nor was lost; None where that is not told apart."""
        return None if self.bias is None else self.kept - self.bias - self.lost

    def arrive(self, relevance: torch.Tensor, fold: Fold) -> None:
        """Relevance came in; of a layer that is used twice it adds up."""
        self.entered = (self.entered or 0.0) + total(relevance)
        folded = None if self.kind in _NO_MAP else fold(relevance)
        if folded is not None:
            self.map = folded if self.map is None else self.map + folded


@dataclass
class Inlet:
    """What passed on to the inputs of one operation."""

    left: float = 0.0

    def note(self, c: torch.Tensor, value: torch.Tensor) -> None:
        """c arrived at one of them."""
        self.left += total(carried(c, value))


class Ledger:
    """The accounts of one propagation. Closed, it writes nothing down."""

    def __init__(self, fold: Fold) -> None:
        self.fold, self.open = fold, True
        self.begun = 0.0
        self._scopes: list[str] = []
        self._inlets: list[tuple[Step, Inlet]] = []

    # --- where an operation is done ---------------------------------------------------------

    @property
    def place(self) -> str:
        """The module whose forward pass runs now."""
        return self._scopes[-1] if self._scopes else ""

    def following(self, network: nn.Module) -> AbstractContextManager[None]:
        """Know at every operation in which module it is done."""
        names = {module: name for name, module in network.named_modules() if name}

        def enter(module: nn.Module, _: Any) -> None:
            self._scopes.append(names[module])

        def leave(module: nn.Module, _: Any, output: Any) -> None:
            self._scopes.pop()

        return hooked(list(names), leave, before=enter)

    # --- what comes in and goes out ---------------------------------------------------------

    def begin(self, outputs: torch.Tensor) -> None:
        """Relevance begins at the network's outputs."""
        attach(outputs, self._began)

    def inlet(self, operation: Operation, active: list[torch.Tensor]) -> tuple[Operation, Inlet]:
        """The operation on aliases of its inputs, which tell what of it arrives at each. One that
        is written into stays itself, as nothing but this operation can use what it was."""
        inlet = Inlet()
        aliases: dict[int, torch.Tensor] = {}
        for tensor in active:
            if operation.inplace and tensor is operation.args[0]:
                attach(tensor, self._while_open(inlet.note))
            elif id(tensor) not in aliases:
                aliases[id(tensor)] = alias = tensor.view_as(tensor)
                for name in ("_gate", "_depth"):
                    if hasattr(tensor, name):
                        setattr(alias, name, getattr(tensor, name))
                attach(alias, self._while_open(inlet.note))
        return operation.exchanging(aliases), inlet

    def outlet(self, step: Step, results: list[torch.Tensor], inlet: Inlet) -> None:
        """The operation's outputs tell what arrives at them."""
        self._inlets.append((step, inlet))
        if len(results) == 1:
            step.shape = tuple(results[0].shape[1:])
        for result in results:
            result._outlet = step  # type: ignore[attr-defined]
            attach(
                result, self._while_open(lambda c, value: step.arrive(carried(c, value), self.fold))
            )

    def layer(
        self, step: Step, flow: Flow, rule: Rule, found: torch.Tensor, given: torch.Tensor
    ) -> None:
        """A layer shared relevance by a rule, which `found` what its inputs get; `given` is that
        without what an input that is 0 cannot pass on as c."""
        if not self.open:
            return
        step.shape = tuple(flow.z.shape[1:])
        step.arrive(flow.relevance, self.fold)
        step.left = (step.left or 0.0) + total(given if rule.at_input else given * flow.x)
        if found is not given:
            step.lost += total(found - given)
        bias = rule.bias(flow)
        step.bias = None if bias is None else (step.bias or 0.0) + bias
        step.lost += rule.stranded(flow)

    def altered(self, watch: Watch, tensor: torch.Tensor) -> Watch:
        """A watch whose changes to what flows are written down as relevance that begins there."""
        step: Step | None = getattr(tensor, "_outlet", None)

        def seen(c: torch.Tensor, value: torch.Tensor) -> torch.Tensor | None:
            found = watch(c, value)
            if found is not None and self.open:
                self._began(found - c, value)
                if step is not None:
                    step.arrive((found - c) * value, self.fold)
            return found

        return seen

    def close(self) -> None:
        """Settle every operation that is no layer, and write down nothing more."""
        self.open = False
        for step, inlet in self._inlets:
            if step.entered is None:
                continue
            step.left = inlet.left
            loses = step.kind in _NOT_LINEAR or step.rule.startswith("unknown")
            step.bias, step.lost = (0.0, step.kept) if loses else (step.kept, 0.0)

    def carry(self, steps: Iterable[Step], relevance: torch.Tensor) -> None:
        """What rules gave to the pixels goes unshared through what the network does before its
        first layer, such as a normalisation of its own."""
        for step in steps:
            if step.entered is None:
                step.rule, step.bias = "carried to the pixels", 0.0
                step.entered = step.left = total(relevance)

    def _began(self, c: torch.Tensor, value: torch.Tensor) -> None:
        self.begun += total(c * value)

    def _while_open(self, note: Callable[[torch.Tensor, torch.Tensor], None]) -> Watch:
        return lambda c, value: note(c, value) if self.open else None


def total(relevance: torch.Tensor) -> float:
    """The sum, in double precision."""
    return float(relevance.sum(dtype=torch.float64))


def carried(c: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """The relevance that c stands for at an activation, also at one that is 0: see off_unit."""
    return c * torch.where(value == 0, off_unit(value), value)


def attach(tensor: torch.Tensor, watch: Watch) -> None:
    """Have `watch` see c when it arrives at a tensor, with the tensor's value of now; it may return
    another c."""
    with torch._C.DisableTorchFunction():
        if tensor.requires_grad:
            value = _value(tensor)
            tensor.register_hook(lambda c: watch(c, value))


def _value(tensor: torch.Tensor) -> torch.Tensor:
    """A copy of its values; one for all that look at the same tensor before it is overwritten."""
    version, value = getattr(tensor, "_seen", (None, None))
    if version != tensor._version or value is None:
        value = tensor.detach().clone()
        tensor._seen = tensor._version, value  # type: ignore[attr-defined]
    return value


def folding(subject: Subject, x: torch.Tensor) -> Fold:
    """How relevance at any place becomes a map (height, width): its channels summed, where one
    example with a map comes; None elsewhere."""
    size = int(x.shape[2]), int(x.shape[3])
    patches = subject.layers(x).patches

    def fold(relevance: torch.Tensor) -> np.ndarray | None:
        if len(relevance) != 1:
            return None
        shape = tuple(relevance.shape[1:])
        layout, grid, prefix = layout_of(shape, patches, size)
        finer = patches is not None and (grid[0] > patches[0] or grid[1] > patches[1])
        layer = Layer("", "", shape, 0, 0, layout, grid, prefix)
        if finer or not layer.spatial:
            return None
        folded = layer.fold(relevance).sum(1, dtype=torch.float64)[0]
        return folded.cpu().numpy()

    return fold


def every_tensor(value: Any) -> Iterator[torch.Tensor]:
    """Every tensor in a value: itself, or those of a tuple or list."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for each in value:
            yield from every_tensor(each)
