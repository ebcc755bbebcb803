"""DeepLIFT's rules, operation by operation.

The baseline goes through the network first, and every operation that needs a rule leaves its
inputs behind; then the picture goes through, and each rule meets its operation twice: `near`, as
the picture asks for it, and `far`, as the baseline did. It returns the picture's value, with
multipliers in place of derivatives:

- elementwise y = f(x): m = Δy ÷ Δx, and f′(x) where Δx is all but 0;
- a product of two active tensors: Δ(ab) = Δa · (b + b₀)/2 + Δb · (a + a₀)/2, exactly;
- softmax, normalisation layers and attention: composed of the two above and of sums;
- max pooling: a window's difference goes to the one place that made it.

Whatever is linear needs no rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.intercept import ELEMENTWISE, Operation, Rule
from xaiwidgets.core.operands import heads, masked, over_and_under, read_norm

Unary = Callable[[torch.Tensor], torch.Tensor]
Binary = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Rescaling:
    """The rules for pictures and their baseline: `rules` first serve the baseline's pass, and after
    `turn()` that of the pictures. One baseline serves any number of them, part by part: it may be
    a single row, which is compared with every picture, and `back()` lets the next part begin. What
    the baseline does after `aside()` is done anew for every part."""

    def __init__(self) -> None:
        self._kept: list[_Kept] = []
        self._lasting = 0
        self._next: int | None = None
        self._scratch = _Scratch()
        self.rules: dict[str, Rule] = {kind: self._rule(each) for kind, each in _PAIRED.items()}
        self.rules["relu"] = self._relu
        self.rules.update(dict.fromkeys(_POOLS, self._max_pool))

    def aside(self) -> None:
        """What is kept from here on is for one part of the pictures."""
        self._lasting = len(self._kept)

    def turn(self) -> None:
        """The baseline's pass is over."""
        self._next = 0

    def back(self) -> None:
        """The pictures' pass is over: everything that the baseline left has to have been met."""
        if self._next is not None and self._next < len(self._kept):
            raise _different(self._kept[self._next].kind)
        self._next = None
        del self._kept[self._lasting :]

    def _take(self, kind: str, shape: torch.Size) -> Any:
        assert self._next is not None
        if self._next == len(self._kept) or self._kept[self._next].kind != kind:
            raise _different(kind)
        kept = self._kept[self._next]
        if not _serves(kept.shape, shape):
            raise RowsMixedError(f"{kind} of {tuple(shape)} for one of {tuple(kept.shape)}")
        self._next += 1
        return kept.what

    def _keep(self, kind: str, shape: torch.Size, what: Any) -> None:
        self._kept.append(_Kept(kind, shape, what))

    def _rule(self, paired: _Paired) -> Rule:
        def apply(operation: Operation) -> Any:
            if not paired.needed(operation):
                return operation.run()
            shape = _first_tensor(operation).shape
            if self._next is not None:
                return operation.write(paired.apply(operation, self._take(operation.kind, shape)))
            self._keep(operation.kind, shape, _twin(operation))
            return operation.run()

        return apply

    def _relu(self, operation: Operation) -> Any:
        x = operation.input
        if not x.requires_grad:
            return operation.run()
        if self._next is None:
            # x₀, and not quite 0 where it is 0: it will be divided by
            self._keep("relu", x.shape, x.detach() - torch.finfo(x.dtype).tiny)
            return operation.run()
        inside = operation.inplace and not x._is_view()
        y = _RectifiedSlope.apply(x, self._take("relu", x.shape), inside, self._scratch)
        return y if inside else operation.write(y)

    def _max_pool(self, operation: Operation) -> Any:
        """The larger maximum's place made the difference: the picture's, or else the baseline's."""
        if not _pools(operation):
            return operation.run()
        x, kind = operation.input, operation.kind
        maxima, at = _POOLS[kind](**_pooling(operation), return_indices=True)
        if self._next is None:
            self._keep(kind, x.shape, (x.detach().clone(), maxima.detach().clone(), at))
            return maxima
        return _pooled(x, maxima, at, *self._take(kind, x.shape))


@dataclass(frozen=True)
class _Kept:
    """What the baseline left at one operation, on an input of some shape."""

    kind: str
    shape: torch.Size
    what: Any


class RowsMixedError(ExplainError):
    """The network folds its rows into another dimension, so that one row of a baseline cannot be
    set against many pictures there."""


def _serves(far: torch.Size, near: torch.Size) -> bool:
    """Whether one row stands for all: where a dimension differs, the baseline's has one place."""
    return len(far) == len(near) and all(
        one in (1, other) for one, other in zip(far, near, strict=True)
    )


class _Scratch:
    """Memory for what is needed at one operation only: new pages would cost more than the sums
    that are written into them."""

    def __init__(self) -> None:
        self._memory = torch.empty(0)

    def like(self, x: torch.Tensor) -> torch.Tensor:
        """Shaped and laid out like x, which has no gaps; it holds anything."""
        kept = self._memory
        if kept.numel() < x.numel() or (kept.dtype, kept.device) != (x.dtype, x.device):
            kept = self._memory = torch.empty(x.numel(), dtype=x.dtype, device=x.device)
        return kept[: x.numel()].as_strided(x.shape, x.stride())


def _different(kind: str) -> ExplainError:
    return ExplainError(
        f"The network does other operations for the picture than for its baseline (at {kind}); "
        "DeepLIFT compares the two one by one. Another baseline, or integrated gradients, may work."
    )


@dataclass(frozen=True)
class _Paired:
    """A rule, and which operations need it."""

    needed: Callable[[Operation], bool]
    apply: Callable[[Operation, Operation], torch.Tensor]


def _twin(operation: Operation) -> Operation:
    """The operation with copies of what depends on the input, which nobody else writes into."""
    kwargs = {name: _copied(value) for name, value in operation.kwargs.items()}
    return Operation(operation.kind, operation.function, _copied(operation.args), kwargs)


def _copied(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value)(map(_copied, value))
    return value.detach().clone() if _active(value) else value


def _first_tensor(operation: Operation) -> torch.Tensor:
    values = (*operation.args, *operation.kwargs.values())
    return next(value for value in _flat(values) if isinstance(value, torch.Tensor))


def _flat(values: Any) -> list[Any]:
    return [
        leaf
        for value in values
        for leaf in (_flat(value) if isinstance(value, (tuple, list)) else [value])
    ]


def _active(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.requires_grad


def _tiny(x: torch.Tensor) -> float:
    return 1e-12 if x.dtype == torch.float64 else 1e-7


class _Slope(torch.autograd.Function):
    """The value y, with slope m towards x."""

    @staticmethod
    def forward(ctx, x, y, slope):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(slope)
        return y.view_as(y)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        return gradient * ctx.saved_tensors[0], None, None


class _RectifiedSlope(torch.autograd.Function):
    """ReLU with slope Δy ÷ Δx, as 1 ÷ (2 − (x + x₀) ÷ (y + y₀)): it needs no case for Δx = 0, nor
    for units that are off in both. `far` is x₀. There is one backward pass, which writes where the
    slope was."""

    @staticmethod
    def forward(ctx, x, far, inplace, scratch):  # type: ignore[no-untyped-def]
        both = far + x
        y = x.relu_() if inplace else x.relu()
        if inplace:
            ctx.mark_dirty(x)
        both_out = torch.add(y, far.clamp_min(0), out=scratch.like(both))
        two = torch.full((), 2, dtype=y.dtype, device=y.device)
        ctx.inverse = torch.addcdiv(two, both, both_out, value=-1, out=both)
        return y

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        return torch.div(gradient, ctx.inverse, out=ctx.inverse), None, None, None


class _OnePlace(torch.autograd.Function):
    """The value y of a pooling, with slope m towards one place of each window of x; places and
    slope lie in rows."""

    @staticmethod
    def forward(ctx, x, y, places, slope, rows):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(places, slope)
        ctx.shape, ctx.rows = x.shape, rows
        return y.view_as(y)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        places, slope = ctx.saved_tensors
        below = ctx.rows.zeros(gradient, ctx.shape)
        ctx.rows.of(below).scatter_add_(ctx.rows.dim, places, ctx.rows.of(gradient) * slope)
        return below, None, None, None, None


class _Rows:
    """All places of a map along one dimension, without a copy where memory allows it."""

    def __init__(self, x: torch.Tensor) -> None:
        last = x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last)
        self.dim = 1 if last else 2

    def of(self, x: torch.Tensor) -> torch.Tensor:
        """x (batch, places, channels) or (batch, channels, places)."""
        return x.permute(0, 2, 3, 1).flatten(1, 2) if self.dim == 1 else x.flatten(2)

    def zeros(self, like: torch.Tensor, shape: torch.Size) -> torch.Tensor:
        """Zeros of a map's shape, of which `of` is a view."""
        last = torch.channels_last if self.dim == 1 else torch.contiguous_format
        return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=last).zero_()


def rescaled(function: Unary, x: torch.Tensor, far: torch.Tensor) -> torch.Tensor:
    """function(x), elementwise, with slope Δy ÷ Δx."""
    near = x.detach()
    with torch.no_grad():
        y = function(near)
        difference = near - far
        flat = difference.abs() < _tiny(x)
        slope = (y - function(far)) / torch.where(flat, 1, difference)
    if flat.any():
        with torch.enable_grad():
            point = near.clone().requires_grad_()
            (derivative,) = torch.autograd.grad(function(point).sum(), point)
        slope = torch.where(flat, derivative, slope)
    return _Slope.apply(x, y, slope)


def shared(
    function: Binary, a: torch.Tensor, b: torch.Tensor, a_far: torch.Tensor, b_far: torch.Tensor
) -> torch.Tensor:
    """function(a, b), linear in each, with the difference shared between the two."""
    if not (_active(a) and _active(b)):
        return function(a, b)
    middle_a, middle_b = (a.detach() + a_far) / 2, (b.detach() + b_far) / 2
    surrogate = function(a, middle_b) + function(middle_a, b)
    value = function(a.detach(), b.detach())
    return value + (surrogate - surrogate.detach())


def softmaxed(x: torch.Tensor, far: torch.Tensor, dim: int) -> torch.Tensor:
    """Softmax as exp(x) · (1 ÷ Σ exp(x)); one shift for both keeps exp in range."""
    with torch.no_grad():
        top = torch.maximum(x.detach().amax(dim, keepdim=True), far.amax(dim, keepdim=True))
        top = torch.where(torch.isfinite(top), top, torch.zeros_like(top))
        far = far - top
        raised_far = far.exp()
        sum_far = raised_far.sum(dim, keepdim=True)
    raised = rescaled(torch.exp, x - top, far)
    below = rescaled(torch.reciprocal, raised.sum(dim, keepdim=True), sum_far)
    return shared(torch.mul, raised, below, raised_far, sum_far.reciprocal())


def standardised(
    x: torch.Tensor, far: torch.Tensor, dims: tuple[int, ...], eps: float, centre: bool = True
) -> torch.Tensor:
    """(x − mean) ÷ √(mean square + eps) over `dims`."""
    if centre:
        x, far = x - x.mean(dims, keepdim=True), far - far.mean(dims, keepdim=True)
    spread = rescaled(torch.square, x, far).mean(dims, keepdim=True) + eps
    spread_far = far.square().mean(dims, keepdim=True) + eps
    below = rescaled(torch.rsqrt, spread, spread_far)
    return shared(torch.mul, x, below, far, spread_far.rsqrt())


def _input_active(operation: Operation) -> bool:
    return _active(operation.input)


def _alone(operation: Operation) -> bool:
    """Whether the input alone is active, in an operation that can be done out of place."""
    others = (*operation.args[1:], *operation.kwargs.values())
    can = not operation.inplace or operation.kind in _OUT_OF_PLACE
    return can and _active(operation.input) and not any(map(_active, others))


def _elementwise(near: Operation, far: Operation) -> torch.Tensor:
    rest = near.args[1:]
    kwargs = {k: v for k, v in near.kwargs.items() if k not in ("inplace", "input")}
    called = near.function
    if near.inplace:
        called = _OUT_OF_PLACE[near.kind]
        rest = tuple(other for other in rest if not isinstance(other, bool))

    def value(x: torch.Tensor) -> torch.Tensor:
        return called(x, *rest, **kwargs)

    return rescaled(value, near.input, far.input)


_OUT_OF_PLACE: dict[str, Callable[..., torch.Tensor]] = {
    **{kind: getattr(torch, kind) for kind in ELEMENTWISE if hasattr(torch, kind)},
    **{kind: getattr(F, kind) for kind in ELEMENTWISE if hasattr(F, kind)},
    "pow": torch.pow,
}


def _bilinear(function: Binary) -> _Paired:
    return _Paired(
        lambda operation: len(operation.args) > 1 and all(map(_active, operation.args[:2])),
        lambda near, far: shared(function, *near.args[:2], *far.args[:2]),
    )


def _divides(operation: Operation) -> bool:
    plain = len(operation.args) > 1 and not operation.kwargs.get("rounding_mode")
    return plain and _active(over_and_under(operation)[1])


def _divide(near: Operation, far: Operation) -> torch.Tensor:
    over, under = over_and_under(near)
    over_far, under_far = over_and_under(far)
    below = rescaled(torch.reciprocal, under, under_far)
    if not isinstance(over, torch.Tensor):
        return over * below
    return shared(torch.mul, over, below, over_far, under_far.reciprocal())


def _softmax(near: Operation, far: Operation) -> torch.Tensor:
    return softmaxed(near.input, far.input, near.argument(1, "dim", -1))


def _log_softmax(near: Operation, far: Operation) -> torch.Tensor:
    dim = near.argument(1, "dim", -1)
    return rescaled(torch.log, softmaxed(near.input, far.input, dim), far.input.softmax(dim))


def _factors(operation: Operation) -> tuple[Any, ...]:
    operands = operation.args[1:]
    nested = len(operands) == 1 and isinstance(operands[0], (tuple, list))
    return tuple(operands[0]) if nested else operands


def _two_factors(operation: Operation) -> bool:
    factors = _factors(operation)
    return isinstance(operation.args[0], str) and len(factors) == 2 and all(map(_active, factors))


def _einsum(near: Operation, far: Operation) -> torch.Tensor:
    equation = near.args[0]
    return shared(lambda a, b: torch.einsum(equation, a, b), *_factors(near), *_factors(far))


def _uses_input_statistics(operation: Operation) -> bool:
    return _active(operation.input) and operation.argument(5, "use_input_stats", True)


def _norm(near: Operation, far: Operation) -> torch.Tensor:
    x, norm = near.input, read_norm(near)
    here, there = x.reshape(norm.shape), far.input.reshape(read_norm(far).shape)
    return norm.finished(standardised(here, there, norm.dims, norm.eps, norm.centres), x)


def _attends(operation: Operation) -> bool:
    return any(map(_active, operation.args[:3]))


def _attention(near: Operation, far: Operation) -> torch.Tensor:
    query, key, value = heads(near)
    query_far, key_far, value_far = heads(far)
    weights = masked(shared(torch.matmul, query, key, query_far, key_far), near)
    weights_far = masked(query_far @ key_far, far)
    return shared(
        torch.matmul, softmaxed(weights, weights_far, -1), value, weights_far.softmax(-1), value_far
    )


def _pools(operation: Operation) -> bool:
    return _active(operation.input) and not operation.argument(6, "return_indices", False)


_POOLS: dict[str, Callable[..., Any]] = {
    "max_pool1d": F.max_pool1d, "max_pool2d": F.max_pool2d, "max_pool3d": F.max_pool3d,
}  # fmt: skip


def _pooling(operation: Operation) -> dict[str, Any]:
    """The arguments of a max pooling by name, but for the wish to know the places."""
    names = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode")
    settings = dict(zip(names, operation.args, strict=False)) | operation.kwargs
    settings.pop("return_indices", None)
    return settings


def _pooled(
    x: torch.Tensor,
    maxima: torch.Tensor,
    at: torch.Tensor,
    far: torch.Tensor,
    maxima_far: torch.Tensor,
    at_far: torch.Tensor,
) -> torch.Tensor:
    """The maxima, with slope Δy ÷ Δx towards one place of each window."""
    with torch.no_grad():
        rows = _Rows(x)
        # the choice as a product: `where` is slow where it cannot be foreseen
        places = rows.of((at_far - at).mul_(maxima < maxima_far).add_(at))
        difference = rows.of(x).gather(rows.dim, places)
        difference -= rows.of(far).expand(len(x), -1, -1).gather(rows.dim, places)
        slope = rows.of(maxima - maxima_far).div_(difference)
        slope.masked_fill_(difference.abs_() < _tiny(x), 1)
    return _OnePlace.apply(x, maxima.detach(), places, slope, rows)


_PAIRED: dict[str, _Paired] = {
    **dict.fromkeys((*ELEMENTWISE, "pow", "prelu"), _Paired(_alone, _elementwise)),
    "mul": _bilinear(torch.mul),
    "matmul": _bilinear(torch.matmul),
    "bmm": _bilinear(torch.bmm),
    "div": _Paired(_divides, _divide),
    "softmax": _Paired(_input_active, _softmax),
    "log_softmax": _Paired(_input_active, _log_softmax),
    "einsum": _Paired(_two_factors, _einsum),
    **dict.fromkeys(("layer_norm", "rms_norm", "group_norm"), _Paired(_input_active, _norm)),
    "instance_norm": _Paired(_uses_input_statistics, _norm),
    "scaled_dot_product_attention": _Paired(_attends, _attention),
}
