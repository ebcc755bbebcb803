"""Interception of operations: a method may replace what an operation does, forward or backward.

A `TorchFunctionMode` sees every operation that the network's forward pass asks for, whether a
module asks or plain code does: `nn.ReLU`, `F.relu`, `x.relu_()`, `x + y`. A rule receives the
operation and returns its result, most often through an autograd Function whose backward pass is
the method's own. Nothing of the user's network is changed, and other threads see nothing.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

from .eager import uncompiled
from .errors import ExplainError
from .fingerprint import every_module
from .hearing import unheard
from .spelling import in_usual_order, usual

Rule = Callable[["Operation"], Any]


@dataclass
class Operation:
    """One operation as the network asked for it; `run()` does what torch would have done."""

    kind: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inplace: bool = False

    def run(self) -> Any:
        """The operation itself, unchanged."""
        return self.function(*self.args, **self.kwargs)

    def apart(self) -> Any:
        """What the operation makes, and its input left as it was, also where it works in place."""
        if not self.inplace:
            return self.run()
        return self.function(self.input.clone(), *self.args[1:], **self.kwargs)

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        """An argument by position or by name."""
        if len(self.args) > position:
            return self.args[position]
        return self.kwargs.get(name, default)

    @property
    def input(self) -> torch.Tensor:
        """The first tensor that the operation works on."""
        return self.argument(0, "input")

    def exchanging(self, others: Mapping[int, torch.Tensor]) -> Operation:
        """The same operation with `others`, each under the id of the tensor that it replaces."""

        def exchanged(value: Any) -> Any:
            kind = type(value)
            if kind is tuple or kind is list:
                return kind(map(exchanged, value))
            return others.get(id(value), value)

        kwargs = {name: exchanged(value) for name, value in self.kwargs.items()}
        return replace(self, args=tuple(map(exchanged, self.args)), kwargs=kwargs)

    def write(self, result: torch.Tensor) -> torch.Tensor:
        """Hand a result back: for an operation in place, through the tensor that it works on.

        `copy_` sends the gradient of what it overwrites to the result alone, through views too.
        """
        return self.input.copy_(result) if self.inplace else result


def _names(*owners_and_names: tuple[Any, str]) -> list[Callable[..., Any]]:
    return [getattr(owner, name) for owner, name in owners_and_names if hasattr(owner, name)]


def _family(name: str, *more: tuple[Any, str]) -> list[Callable[..., Any]]:
    spellings = [
        (torch, name),
        (torch, f"{name}_"),
        (torch.Tensor, name),
        (torch.Tensor, f"{name}_"),
    ]
    functional = [(F, name), (F, f"{name}_"), (torch._C._nn, name), (torch._C._nn, f"{name}_")]
    return _names(*spellings, *functional, *more)


_T = torch.Tensor
KINDS: dict[Callable[..., Any], str] = {}
for _kind, _functions in {
    **{name: _family(name) for name in (
        "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "sigmoid",
        "tanh", "softplus", "hardswish", "hardsigmoid", "hardtanh", "logsigmoid", "softsign",
        "exp", "log", "sqrt", "rsqrt", "reciprocal", "square", "erf", "sin", "cos", "abs",
        "clamp", "clamp_min", "maximum", "softmax", "matmul", "mm", "bmm", "addmm", "baddbmm",
        "layer_norm", "group_norm", "instance_norm", "rms_norm", "batch_norm", "normalize",
        "max_pool1d", "max_pool2d", "max_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
        "adaptive_max_pool3d", "amax", "max", "pow",
        "einsum", "scaled_dot_product_attention", "multi_head_attention_forward", "linear",
        "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
        "dropout", "prelu", "log_softmax", "var", "std", "norm",
        "local_response_norm", "bilinear", "glu",
    )},
    "clamp": _family("clamp", (_T, "clip"), (_T, "clip_"), (torch, "clip"), (torch, "clip_")),
    "mul": _family("mul", (_T, "__mul__"), (_T, "__imul__"), (_T, "__rmul__"), (torch, "multiply"),
                   (_T, "multiply"), (_T, "multiply_")),
    "div": _family("div", (_T, "__truediv__"), (_T, "__itruediv__"), (_T, "__rtruediv__"),
                   (_T, "__rdiv__"), (torch, "true_divide"), (_T, "true_divide"),
                   (torch, "divide"), (_T, "divide")),
    "add": _family("add", (_T, "__add__"), (_T, "__iadd__"), (_T, "__radd__")),
    "sub": _family("sub", (_T, "__sub__"), (_T, "__isub__"), (_T, "__rsub__")),
    "pow": _family("pow", (_T, "__pow__"), (_T, "__ipow__"), (_T, "__rpow__")),
    "matmul": _family("matmul", (_T, "__matmul__"), (_T, "__rmatmul__")),
}.items():  # fmt: skip
    for _function in _functions:
        KINDS[_function] = _kind

# Python functions of torch whose bodies are made of operations that rules want to see
COMPOSITE = {F.multi_head_attention_forward, F.normalize}


class Interception(TorchFunctionMode):
    """While active, operations whose kind has a rule are done by that rule.

    Inside a rule the mode is off, so that a rule may use any operation. Parameters reach every
    operation detached: what requires a gradient depends on the input, and nothing else does.
    `otherwise` sees every operation that has no rule, questions such as `x.shape` among them;
    Python functions of torch without a rule are opened, so that it sees what they are made of;
    without `opening` it sees them whole.
    """

    def __init__(
        self, rules: Mapping[str, Rule], otherwise: Rule | None = None, opening: bool = True
    ) -> None:
        super().__init__()
        self.rules = dict(rules)
        self.otherwise = otherwise
        self.opening = opening and otherwise is not None

    def __torch_function__(  # type: ignore[no-untyped-def]
        self, func, types, args=(), kwargs=None
    ) -> Any:
        """Called by torch for every operation."""
        args = _constant(args)
        kwargs = {name: _constant(value) for name, value in (kwargs or {}).items()}
        func = usual(func)
        kind = KINDS.get(func, "")
        rule = self.rules.get(kind)
        if rule is None:
            if func in COMPOSITE or (self.opening and _is_python(func)):
                with self:
                    return plain_body(func)(*args, **kwargs)
            if self.otherwise is None:
                return func(*args, **kwargs)
            rule = self.otherwise
        else:
            func, args = in_usual_order(func, args)
        return rule(Operation(kind, func, args, kwargs, _inplace(func, kwargs)))


_OPENED = ("torch.nn.functional", "torch.functional")


def _is_python(function: Callable[..., Any]) -> bool:
    """Not by `__module__`: F.max_pool2d, defined elsewhere, would hand itself over for ever."""
    return isinstance(function, types.FunctionType) and function.__globals__["__name__"] in _OPENED


def _constant(value: Any) -> Any:
    """`value` with every parameter in it detached."""
    kind = type(value)
    if kind in _NO_PARAMETERS:
        return value
    if kind is tuple or kind is list:
        return value if _NO_PARAMETERS.issuperset(map(type, value)) else kind(map(_constant, value))
    return value.detach() if isinstance(value, nn.Parameter) else value


_NO_PARAMETERS = frozenset({torch.Tensor, int, float, bool, str, type(None)})


@contextmanager
def replacing(
    network: nn.Module,
    rules: Mapping[str, Rule],
    otherwise: Rule | None = None,
    opening: bool = True,
) -> Iterator[Interception]:
    """Apply rules to the operations of forward passes made in this block and this thread; see
    Interception.

    Raises ExplainError for scripted networks, whose operations cannot be seen. What is compiled,
    network or function, runs uncompiled in this block.
    """
    for module in every_module(network):
        if isinstance(module, torch.jit.ScriptModule):
            name = {id(part): name for name, part in network.named_modules()}[id(module)]
            raise ExplainError(
                f"{name or 'The network'} is a scripted module, whose operations cannot be seen; "
                "use the Python network that it was made from."
            )
    mode = Interception(rules, otherwise, opening)
    with uncompiled(), unheard(), mode:
        yield mode


def _inplace(func: Callable[..., Any], kwargs: Mapping[str, Any]) -> bool:
    """By its name (`x *= 2` is `mul_`), or by an argument, which torch hands over by name."""
    name = getattr(func, "__name__", "")
    by_name = name.endswith("_") and not name.startswith("__")
    return by_name or bool(kwargs.get("inplace", False))


@functools.cache
def plain_body(function: Callable[..., Any]) -> Callable[..., Any]:
    """A copy of a Python function of `torch.nn.functional` that does not hand itself over again,
    so that the operations in its body are seen one by one (multi-head attention, for one)."""
    scope = dict(function.__globals__)
    for name in ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic"):
        if name in scope:
            scope[name] = lambda *_, **__: False
    copy = types.FunctionType(
        function.__code__, scope, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


ACTIVATIONS = (
    "relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "sigmoid", "tanh",
    "softplus", "hardswish", "hardsigmoid", "hardtanh", "logsigmoid", "softsign", "clamp",
    "clamp_min",
)  # fmt: skip
ELEMENTWISE = (
    *ACTIVATIONS, "exp", "log", "sqrt", "rsqrt", "reciprocal", "square", "erf", "sin", "cos", "abs",
)  # fmt: skip
