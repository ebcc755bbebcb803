"""The engine: one forward pass in which every operation is seen, and one backward pass of rules.

Layers wait. A convolution's output is computed at once, but what its backward pass does is settled
only when the next operation asks for it: a batch normalisation is merged into the layer, and a ReLU
tells that outputs below 0 carry no relevance. Nothing of the network is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

import torch
import torch.nn.functional as F

from xaiwidgets.core.attention import Visit, attending
from xaiwidgets.core.errors import ExplainError, InPlaceError
from xaiwidgets.core.intercept import Operation, replacing
from xaiwidgets.core.layers import first_tensor, hooked
from xaiwidgets.core.layout import by_planes
from xaiwidgets.core.method import refuse_black_box
from xaiwidgets.core.operands import over_and_under
from xaiwidgets.core.spelling import bare_name, is_quantised
from xaiwidgets.core.subject import Subject, differentiating
from xaiwidgets.core.target import BoundTarget

from . import operations
from .accounts import Fold, Ledger, Step, Watch, attach, every_tensor
from .affine import AFFINE_KINDS, Affine, read_affine, read_equation
from .bounds import Bounds
from .hidden import nodes_below, refuse_functions, refuse_unseen, unhooked
from .operations import GATES, NORMS, PASSED, PRODUCTS, SHARED_BY_GRADIENT, SOFT_GATES, Treatment
from .pooling import MAX_POOLS, shared_by_proportion
from .rules import Flow, Rule


@dataclass(frozen=True)
class Place:
    """Where in the network a layer stands, for a table that picks its rule."""

    name: str
    kind: str
    number: int
    first: bool


Choice = Callable[[Place], Rule]


@dataclass
class Waiting:
    """A layer whose output exists, but not yet its way back."""

    layer: Affine
    x: torch.Tensor
    rule: Rule
    step: Step
    used: bool = False
    watches: list[Watch] = field(default_factory=list)


@dataclass
class _Work:
    """What the way back of one layer needs."""

    layer: Affine
    rule: Rule
    y: torch.Tensor | None
    z: torch.Tensor
    like: torch.Tensor
    positive: bool
    restored: bool
    off: bool
    step: Step
    ledger: Ledger | None
    met: list[Affine]


class _Share(torch.autograd.Function):
    """A layer's output, and its rule as the way back."""

    @staticmethod
    def forward(ctx, x, work):  # type: ignore[no-untyped-def]
        y, work.y = work.y, None
        ctx.save_for_backward(work.z, *([x] if work.rule.needs_input else []))
        ctx.work, work.z = work, None
        return y

    @staticmethod
    def backward(ctx, c):  # type: ignore[no-untyped-def]
        z, *inputs = ctx.saved_tensors
        work = ctx.work
        x = inputs[0] if inputs else work.like
        topmost = not work.met
        work.met.append(work.layer)
        flow = Flow(work.layer, x, z, c, work.positive, topmost)
        found = work.rule.share(flow)
        shared = given = found
        if work.restored:  # relevance as c again, for what lies below
            given = found if work.off else torch.where(x == 0, 0, found)
            shared = given / torch.where(x == 0, operations.off_unit(x), x)
        if work.ledger is not None:
            work.ledger.layer(work.step, flow, work.rule, found, given)
        return shared, None


class _CannotWait(BaseException):
    """A layer's output went where nobody can tell it to settle; the network's own handlers for
    errors shall not catch this."""


class _UnitsOff(BaseException):
    """A rule in mid-network gives relevance to units that are 0."""


@dataclass
class Propagation:
    """One forward pass over `rows` examples and what it leaves behind for the way back. A `careful`
    one settles every layer at once and keeps copies, for networks that overwrite what they have
    used or that compute a part of themselves without gradients. One that keeps units that are `off`
    has relevance flow through activations that are 0, as rules for pixels give it to them."""

    names: dict[int, str]
    choice: Choice
    treatment: Treatment = field(default_factory=Treatment)
    ledger: Ledger | None = None
    rows: int = 0
    bounds: Bounds | None = None  # of the input, for rules that need them
    careful: bool = False
    off: bool = False
    held: bool = False  # what was detached, or computed without gradients, went into the score
    beyond: float = 0.0  # how far an input lies outside the box that its rule was given
    steps: list[Step] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    entries: list[tuple[torch.Tensor, torch.Tensor]] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    met: list[Affine] = field(default_factory=list)  # layers, in the order of the way back
    leaf: torch.Tensor | None = None  # the input
    inside: list[str] = field(default_factory=list)  # modules that compute their weights

    def __call__(self, operation: Operation) -> Any:
        """One operation of the forward pass."""
        if self._is_question(operation):
            return operation.run()
        operation = self._without_others(operation)
        tensors = _given(operation)
        active = [tensor for tensor in tensors if _depends(tensor)]
        cut = any(hasattr(tensor, "_cut") for tensor in tensors)
        if not active:
            return self._passed_by(operation) if cut else operation.run()
        self.held = self.held or cut
        if not torch.is_grad_enabled():
            return self._without_gradients(operation, tensors)
        depth = max(map(_depth, active))
        result = self._layer(operation, depth)
        result = self._other(operation, active) if result is None else result
        for tensor in _made(operation, result):
            if _depends(tensor):
                known = getattr(tensor, "_depth", 0)
                tensor._depth = max(depth, known)  # type: ignore[attr-defined]
        return result

    def _is_question(self, operation: Operation) -> bool:
        """Whether the network asks about a tensor instead of computing with it."""
        name = _plain_name(operation)
        if name in _HOOKS:
            self._settle(operation.args[0])
        if name != "__get__":
            return name in _QUESTIONS or name in _HOOKS
        asked = getattr(getattr(operation.function, "__self__", None), "__name__", "")
        if asked in _ASKS_FOR_GRAPH:
            self._settle(operation.args[0])
        return asked not in ("T", "mT", "H", "mH", "real", "imag", "data")

    def _without_others(self, operation: Operation) -> Operation:
        """The operation with all tensors detached that require a gradient and do not depend on the
        input: weights that are no parameters, as `torch.func.functional_call` takes them."""
        others = {id(each): each.detach() for each in _given(operation) if self._is_other(each)}
        return operation.exchanging(others) if others else operation

    def _is_other(self, tensor: torch.Tensor) -> bool:
        if not tensor.requires_grad or hasattr(tensor, "_depth") or hasattr(tensor, "_waits"):
            return False
        leaves = [self.leaf, *(inner for _, inner in self.entries)]
        below = [tensor, *(getattr(node, "variable", None) for node in nodes_below(tensor.grad_fn))]
        return not any(each is leaf for each in below for leaf in leaves)

    def _without_gradients(self, operation: Operation, tensors: list[torch.Tensor]) -> Any:
        """Inside torch.no_grad, or inside an autograd Function of the network's own."""
        if any(hasattr(tensor, "_waits") for tensor in tensors):
            raise _CannotWait
        return self._passed_by(operation)

    def _passed_by(self, operation: Operation) -> Any:
        """The result of an operation that gradients pass by."""
        given = {id(tensor): _version(tensor) for tensor in _given(operation)}
        result = operation.run()
        made = list(_made(operation, result))
        if any(given.get(id(tensor)) == _version(tensor) for tensor in made):
            return result  # handed back as it came, such as a buffer of the network
        return self._cut_off(operation, result)

    def _cut_off(self, operation: Operation, result: Any) -> Any:
        """The result, which came of the input and does not depend on it as far as gradients know.
        Whether that matters is seen where it meets what does."""
        for tensor in _made(operation, result):
            if _depends(tensor):
                self.held = True
            elif tensor.is_floating_point() or tensor.is_quantized:
                tensor._cut = True  # type: ignore[attr-defined]
        return result

    # --- layers -----------------------------------------------------------------------------

    def _layer(self, operation: Operation, depth: int) -> Any:
        """The result, where the operation is a layer or is merged into one that waits."""
        kind = operation.kind
        if kind in AFFINE_KINDS:
            return self._affine(operation, depth)
        if kind == "einsum":
            return self._written(operation, depth)
        waits = getattr(operation.input, "_waits", None) if operation.args else None
        if waits is None and kind == "batch_norm":
            waits = self._read_before(operation.input)
        if waits is None:
            return None
        if kind == "relu" and not self.off:
            return self._rectified(operation, waits)
        if kind == "batch_norm":
            return self._merged(operation, waits)
        if kind == "dropout" and not operation.argument(2, "training", True):
            return operation.input
        return None

    def _affine(
        self, operation: Operation, depth: int, made_of: torch.Tensor | None = None
    ) -> torch.Tensor | None:
        """A layer; `made_of` is the parameter where its weight is another laying of it."""
        for tensor in _given(operation):
            self._settle(tensor)
        found = read_affine(operation)
        if found is None:
            return None
        x, layer = found
        if torch.is_autocast_enabled(x.device.type):
            raise ExplainError(_AUTOCAST)
        with torch.no_grad():
            y = operation.exchanging({id(x): by_planes(x, layer.weight)}).run()
            y = y.clone() if y._is_view() else y
        number = sum(step.is_layer for step in self.steps)
        own = layer.weight if made_of is None else made_of
        name = self.names.get(own.data_ptr()) or "".join(self.inside[-1:])
        rule = self.choice(Place(name, layer.kind, number, depth == 0))
        if rule.needs_bounds and depth == 0 and self.bounds is not None:
            rule = rule.within(*self.bounds.at(x))
        self.beyond = max(self.beyond, rule.beyond(x.detach()))
        if rule.blind and depth > 0 and not self.off:
            raise _UnitsOff
        step = Step(layer.kind, name, str(rule))
        self.steps.append(step)
        y._depth = depth + 1  # type: ignore[attr-defined]
        self._wait(y, Waiting(layer, x, rule, step))
        return y

    def _written(self, operation: Operation, depth: int) -> torch.Tensor | None:
        """A layer that an equation writes, where it does."""
        for tensor in _given(operation):
            self._settle(tensor)
        found = read_equation(operation)
        if found is None:
            return None
        found.x._depth = depth  # type: ignore[attr-defined]
        dense = Operation("linear", F.linear, (found.x, found.weight), {})
        y = self._affine(dense, depth, found.made_of)
        assert y is not None
        self._settle(y)
        result = found.laid(y)
        result._depth = depth + 1  # type: ignore[attr-defined]
        return result

    def _wait(self, y: torch.Tensor, waiting: Waiting) -> None:
        y._waits = waiting  # type: ignore[attr-defined]
        self.waiting.append(waiting)
        if self.careful:
            self._settle(y)

    def _read_before(self, tensor: torch.Tensor) -> Waiting | None:
        """The layer that a settled tensor came from, as long as nothing has overwritten either
        end: something has read it already, such as a hook that keeps a copy."""
        made = unhooked(tensor)
        if made is not tensor and not self.careful:
            raise _CannotWait
        waiting: Waiting | None
        waiting, version, below = getattr(made, "_settled", (None, None, None))
        if version != made._version:
            return None
        if not self.careful:
            raise _CannotWait
        return waiting if waiting is not None and waiting.x._version == below else None

    def _rectified(self, operation: Operation, waits: Waiting) -> torch.Tensor:
        with torch.no_grad():
            y = operation.run()
        if y is operation.input:
            del y._waits  # type: ignore[attr-defined]
        self._finish(y, waits, positive=True)
        return y

    def _merged(self, operation: Operation, waits: Waiting) -> torch.Tensor | None:
        numbers = operations.normalisation(operation)
        y = operation.input
        if numbers is None or waits.layer.scale is not None:
            return None
        if waits.layer.kind == "dense" and y.ndim != 2:
            return None
        with torch.no_grad():
            y = operation.run()
        waits.used = True
        waits.step.note = "with the batch normalisation behind it"
        layer = waits.layer.normalised(*numbers)
        self._wait(y, Waiting(layer, waits.x, waits.rule, waits.step, watches=waits.watches))
        return y

    def _settle(self, tensor: torch.Tensor, overwritten: bool = False) -> None:
        """Give a tensor that waits its way back: from here on it is part of the graph."""
        waits = getattr(tensor, "_waits", None)
        if waits is not None:
            del tensor._waits  # type: ignore[attr-defined]
            self._finish(tensor, waits, overwritten=overwritten)
            kept = waits if self.careful else None  # or its input would be kept with it
            tensor._settled = kept, tensor._version, waits.x._version  # type: ignore[attr-defined]

    def _finish(
        self, y: torch.Tensor, waits: Waiting, positive: bool = False, overwritten: bool = False
    ) -> None:
        waits.used = True
        rule, x = waits.rule, waits.x
        restored = rule.at_input and _depth(x) > 0
        if rule.at_input and not restored:
            x = self._entry(x)
        z = y.detach().clone() if overwritten or self.careful else y
        like = x.detach()
        x = x.clone() if self.careful and rule.needs_input else x
        work = _Work(
            waits.layer, rule, y, z, like, positive, restored, self.off, waits.step, self.ledger,
            self.met,
        )  # fmt: skip
        done = _Share.apply(x, work)
        assert done is y
        for watch in waits.watches:
            attach(y, watch)

    def watch(self, tensor: torch.Tensor, watch: Watch) -> None:
        """Have `watch` see c = R ÷ activation when it arrives at a tensor, with the activation; it
        may return another c. At a layer that is merged with what follows, it sees what follows."""
        waits = getattr(tensor, "_waits", None)
        watch = watch if self.ledger is None else self.ledger.altered(watch, tensor)
        if waits is None:
            attach(tensor, watch)
        else:
            waits.watches.append(watch)

    def _entry(self, x: torch.Tensor) -> torch.Tensor:
        """A leaf in place of x, at which relevance itself arrives."""
        for outside, leaf in self.entries:
            if outside is x:
                return leaf
        leaf = x.detach().requires_grad_()
        self.entries.append((x, leaf))
        return leaf

    # --- all other operations ---------------------------------------------------------------

    def _other(self, operation: Operation, active: list[torch.Tensor]) -> Any:
        for tensor in active:
            self._settle(tensor, operation.inplace and tensor is operation.args[0])
        if self.ledger is None:
            return self._treated(operation, active)
        operation, inlet = self.ledger.inlet(operation, active)
        before = len(self.steps)
        result = self._treated(operation, [each for each in _given(operation) if _depends(each)])
        if len(self.steps) > before:
            results = [each for each in every_tensor(result) if _depends(each)]
            self.ledger.outlet(self.steps[-1], results, inlet)
        return result

    def _treated(self, operation: Operation, active: list[torch.Tensor]) -> Any:
        kind = operation.kind
        if kind == "dropout" and not operation.argument(2, "training", True):
            return operation.input
        if kind in GATES or (kind == "pow" and _negative_power(operation)):
            self._note(operation, "passed on; held constant where it is a factor")
            return self._gate(operations.passed(operation, self.off), "gate")
        if (kind in PASSED or (kind == "relu" and self.off)) and _depends(operation.input):
            self._note(operation, "passed on")
            result = operations.passed(operation, self.off)
            return self._gate(result, "soft") if kind in SOFT_GATES else result
        if kind in NORMS and operation.function is not torch.batch_norm:
            return self._norm(operation)
        if kind == "div":
            return self._divided(operation)
        if kind == "glu":
            self._note(operation, "gate held constant")
            return operations.gated(operation)
        if kind == "scaled_dot_product_attention":
            held = self.treatment.attention == "conservative"
            self._note(operation, "weights held constant" if held else "half to weights and values")
            return operations.attention(operation, self.treatment)
        if kind in PRODUCTS and len(active) > 1:
            return self._product(operation, active)
        if kind == "softmax" and self.treatment.attention != "attnlrp":
            return self._softmax(operation)
        if kind == "add" and len(active) > 1:
            return self._sum(operation, active)
        if self.treatment.pooling == "proportion" and _name(operation) in MAX_POOLS:
            self._note(operation, "in proportion")
            return shared_by_proportion(operation)
        return self._native(operation, active)

    def _norm(self, operation: Operation) -> torch.Tensor:
        passed = self.treatment.norms == "passed"
        self._note(operation, "passed on" if passed else "spread held constant")
        return (operations.handed_on if passed else operations.normalised)(operation)

    def _softmax(self, operation: Operation) -> torch.Tensor:
        if self.treatment.attention == "passed":
            self._note(operation, "passed on")
            return operations.handed_on(operation)
        self._note(operation, "held constant where it is a factor")
        return self._gate(operation.run(), "gate")

    def _sum(self, operation: Operation, active: list[torch.Tensor]) -> Any:
        if self.treatment.sums == "balanced":
            found = operations.balanced(operation, self.rows)
            if found is not None:
                self._note(operation, "balanced")
                return found
        if self.off:
            self._note(operation, "by contribution")
            return operations.halved_at_zero(operation)
        return self._native(operation, active)

    def _note(self, operation: Operation, done: str) -> None:
        place = "" if self.ledger is None else self.ledger.place
        self.steps.append(Step(_name(operation), place, done))

    def _gate(self, tensor: torch.Tensor, gate: str) -> torch.Tensor:
        tensor._gate = gate  # type: ignore[attr-defined]
        return tensor

    def _divided(self, operation: Operation) -> Any:
        over, under = over_and_under(operation)
        if not _depends(under):
            return self._native(operation, [over])
        self._note(operation, "divisor held constant")
        return operations.divided(operation)

    def _product(self, operation: Operation, active: list[torch.Tensor]) -> Any:
        gate = self._gate_among(active)
        if gate is not None:
            self._note(operation, "gate held constant")
            return _holding(operation, gate)
        if len(active) > 2:
            self._note_unknown(operation)
        self._note(operation, "half to each factor")
        return operations.halved(operation)

    def _gate_among(self, active: list[torch.Tensor]) -> torch.Tensor | None:
        """The one factor of two that is a gate; a sigmoid before a SiLU, which may be a signal."""
        marks = [getattr(tensor, "_gate", "") for tensor in active]
        for mark in ("gate", "soft")[: 2 if self.treatment.products == "signal" else 1]:
            if len(active) == 2 and marks.count(mark) == 1:
                return active[marks.index(mark)]
        return None

    def _native(self, operation: Operation, active: list[torch.Tensor]) -> Any:
        cuts = _name(operation) in _CUTS or is_quantised(operation.function)
        with torch.no_grad() if cuts else nullcontext():
            result = operation.run()
        if not any(map(_depends, _made(operation, result))):
            return self._cut_off(operation, result) if cuts else result
        if _name(operation) not in SHARED_BY_GRADIENT:
            self._note_unknown(operation)
            self._note(operation, "unknown: by the gradient")
        elif operation.kind or _name(operation) in _TOLD:
            self._note(operation, _SHARED_IN_WORDS.get(_name(operation), "by contribution"))
        if len(active) == 1 and hasattr(active[0], "_gate"):
            for tensor in every_tensor(result):
                tensor._gate = active[0]._gate  # type: ignore[attr-defined]
        return result

    def _note_unknown(self, operation: Operation) -> None:
        name = _name(operation)
        if name in ("lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell"):
            raise ExplainError(
                f"The network holds a recurrent layer ({name}), for which there is no rule of "
                "relevance here; integrated gradients work on it."
            )
        if name not in self.unknown:
            self.unknown.append(name)


def _holding(operation: Operation, gate: torch.Tensor) -> Any:
    """The product with its gate held constant: the signal takes all."""
    held = operation.exchanging({id(gate): gate.detach()})
    return operation.write(held.apart())


def _negative_power(operation: Operation) -> bool:
    power = operation.argument(1, "exponent")
    return isinstance(power, (int, float)) and power < 0


def _depends(value: Any) -> bool:
    """Whether a tensor depends on the input."""
    if not isinstance(value, torch.Tensor):
        return False
    return hasattr(value, "_waits") or value.requires_grad


def _depth(tensor: torch.Tensor) -> int:
    """How many layers lie below it at most; 1 for any number where it was filled part by part."""
    if not hasattr(tensor, "_depth"):
        refuse_unseen(tensor)
        tensor._depth = int(_behind_a_layer(tensor.grad_fn))  # type: ignore[attr-defined]
    depth: int = tensor._depth  # type: ignore[attr-defined]
    return depth


def _behind_a_layer(node: Any) -> bool:
    """Whether a rule is met on the way back from here."""
    return any(isinstance(getattr(each, "work", None), _Work) for each in nodes_below(node))


def _made(operation: Operation, result: Any) -> Iterator[torch.Tensor]:
    """Every tensor that an operation made, or wrote into where it gives nothing back."""
    return every_tensor(operation.input if result is None else result)


def _version(tensor: torch.Tensor) -> int:
    """How often it was written into, where that is counted."""
    return 0 if tensor.is_inference() else tensor._version


def _given(operation: Operation) -> list[torch.Tensor]:
    """Every tensor that an operation is given."""
    found: list[torch.Tensor] = []
    for value in (*operation.args, *operation.kwargs.values()):
        if isinstance(value, torch.Tensor):
            found.append(value)
        elif isinstance(value, (tuple, list)):
            found += every_tensor(value)
    return found


_ASKS_FOR_GRAPH = {"requires_grad", "grad_fn", "is_leaf", "_version", "data"}
_HOOKS = {"register_hook", "retain_grad"}
_QUESTIONS = {
    "size", "dim", "ndimension", "stride", "numel", "is_contiguous", "is_floating_point",
    "element_size", "get_device", "is_complex", "nelement", "__len__", "data_ptr", "is_inference",
    "storage_offset", "__hash__", "__repr__", "__format__", "is_pinned", "_is_view",
    "__set__", "new_zeros", "new_ones", "new_empty", "new_full", "new_tensor", "sym_size",
    "_assert_tensor_metadata",
}  # fmt: skip
_CUTS = {
    "detach", "data", "quantize_per_tensor", "quantize_per_tensor_dynamic", "quantize_per_channel",
}  # fmt: skip


# operations without a kind of their own that a reader looks for in a report
_TOLD = (
    "mean", "sum", "cat", "concat", "avg_pool1d", "avg_pool2d", "avg_pool3d",
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d",
)  # fmt: skip
_SHARED_IN_WORDS = {
    "relu": "passed on",
    **dict.fromkeys(("max_pool1d", "max_pool2d", "max_pool3d", "adaptive_max_pool2d", "amax",
                     "max", "maximum"), "to the winner"),
}  # fmt: skip


def _name(operation: Operation) -> str:
    """What an operation is called: its kind, or the function's plain name."""
    if operation.kind:
        return operation.kind
    name = _plain_name(operation)
    if name == "__get__":
        return getattr(getattr(operation.function, "__self__", None), "__name__", name)
    bare = name.strip("_").removesuffix("_with_indices")
    return bare if bare in SHARED_BY_GRADIENT else name


def _plain_name(operation: Operation) -> str:
    function = operation.function
    if isinstance(function, torch._ops.OpOverload):
        return bare_name(function)
    return getattr(function, "__name__", "")


_AUTOCAST = (
    "The network computes under autocast, in which rounding outweighs relevance; explain it "
    "outside torch.autocast, or with enabled=False in its forward pass."
)
_CHECKPOINTS = (
    "The network recomputes a part of itself on the way back (torch.utils.checkpoint), which rules "
    "of relevance cannot follow; switch checkpointing off for explanations."
)
HANDLED = (
    *AFFINE_KINDS, *GATES, *PASSED, *NORMS, *PRODUCTS, "relu", "div", "softmax", "dropout",
    "scaled_dot_product_attention", "max_pool1d", "max_pool2d", "max_pool3d",
    "adaptive_max_pool2d",
)  # fmt: skip


def propagate(
    subject: Subject,
    x: torch.Tensor,
    target: BoundTarget,
    rows: torch.Tensor,
    choice: Choice,
    treatment: Treatment,
    fold: Fold | None = None,
    watches: Mapping[str, Watch] | None = None,
    visit: Visit | None = None,
) -> tuple[torch.Tensor, torch.Tensor, Propagation]:
    """Relevance of every input value (shaped like x), the scores (rows,), and the engine. With
    `fold`, which makes maps of relevance, accounts are kept: see Step. `watches` look at the
    outputs of modules by name, each at its last use, and may change what flows there: see
    Propagation.watch. `visit` sees every attention."""
    refuse_black_box(subject, "Relevance by layers")
    names = {p.data_ptr(): name.rpartition(".")[0] for name, p in subject.model.named_parameters()}
    careful = off = False
    while True:
        ledger = None if fold is None else Ledger(fold)
        engine = Propagation(names, choice, treatment, ledger, len(x), careful=careful, off=off)
        try:
            return _propagated(subject, x, target, rows, engine, watches or {}, visit)
        except _UnitsOff:
            off = True
        except _CannotWait:
            careful = True
        except InPlaceError:
            if careful:
                raise
            careful = True
        except RuntimeError as error:
            if "torch.utils.checkpoint" in str(error):
                raise ExplainError(_CHECKPOINTS) from error
            raise


def _propagated(
    subject: Subject,
    x: torch.Tensor,
    target: BoundTarget,
    rows: torch.Tensor,
    engine: Propagation,
    watches: Mapping[str, Watch],
    visit: Visit | None,
) -> tuple[torch.Tensor, torch.Tensor, Propagation]:
    ledger = engine.ledger
    with differentiating():
        leaf = engine.leaf = x.detach().requires_grad_()
        engine.bounds = Bounds(subject, leaf)
        with (
            _watching(subject, engine, watches),
            _naming(subject, engine),
            replacing(subject.model, dict.fromkeys(HANDLED, engine), engine),
            nullcontext() if ledger is None else ledger.following(subject.model),
            nullcontext() if visit is None else attending(subject.model, len(x), visit),
        ):
            outputs = subject(leaf)
        if ledger is not None:
            ledger.begin(outputs)
        score = target.score(outputs, rows)
        if not score.requires_grad or not all(each.used for each in engine.waiting):
            raise _lost(engine)
        refuse_unseen(outputs)
        refuse_functions(score)
        leaves = [leaf, *(inner for _, inner in engine.entries)]
        found = torch.autograd.grad(score.sum(), leaves, allow_unused=True)
        if ledger is not None:
            ledger.close()
        relevance = torch.zeros_like(x) if found[0] is None else found[0] * x
        for (outside, _), arrived in zip(engine.entries, found[1:], strict=True):
            if arrived is not None:
                relevance = relevance + _carried(arrived, outside, leaf)
        if ledger is not None and engine.entries:
            ledger.carry(takewhile(lambda step: not step.is_layer, engine.steps), relevance)
    return relevance, score.detach(), engine


def _watching(
    subject: Subject, engine: Propagation, watches: Mapping[str, Watch]
) -> AbstractContextManager[None]:
    if not watches:
        return nullcontext()
    modules = dict(subject.model.named_modules())
    wanted = {modules[name]: watch for name, watch in watches.items()}
    uses = dict.fromkeys(wanted, 0)

    def note(module: torch.nn.Module, _: Any, output: Any) -> None:
        value = first_tensor(output)
        if value is None:
            return
        use = uses[module] = uses[module] + 1
        watch = wanted[module]
        engine.watch(value, lambda c, value: watch(c, value) if use == uses[module] else None)

    return hooked(list(wanted), note)


def _naming(subject: Subject, engine: Propagation) -> AbstractContextManager[None]:
    """Have layers that compute their weights (parametrised, pruned) known by the module's name."""
    layers = torch.nn.Linear, torch.nn.modules.conv._ConvNd
    modules: dict[torch.nn.Module, str] = {
        module: name
        for name, module in subject.model.named_modules()
        if isinstance(module, layers) and "weight" not in module._parameters
    }
    if not modules:
        return nullcontext()

    def enter(module: torch.nn.Module, _: Any) -> None:
        engine.inside.append(modules[module])

    def leave(module: torch.nn.Module, _: Any, output: Any) -> None:
        engine.inside.pop()

    return hooked(list(modules), leave, before=enter)


def _lost(engine: Propagation) -> BaseException:
    if not engine.careful:
        return _CannotWait()
    return ExplainError(
        "The network's output does not depend on its input by operations that can be seen: "
        "something in its forward pass detaches it or runs without gradients (torch.no_grad, "
        "quantised layers, checkpointing, scripted functions). Explain the network without that; "
        "occlusion works as it is."
    )


def _carried(arrived: torch.Tensor, outside: torch.Tensor, leaf: torch.Tensor) -> torch.Tensor:
    """Relevance at the network's first layer as that of the input itself, through copies, padding
    and normalisation inside the network."""
    if outside.shape == leaf.shape and torch.equal(outside, leaf):
        return arrived
    ones = torch.ones_like(arrived)
    (below,) = torch.autograd.grad(outside, leaf, arrived, retain_graph=True)
    (share,) = torch.autograd.grad(outside, leaf, ones)
    return torch.where(share == 0, 0, below / torch.where(share == 0, 1, share))
