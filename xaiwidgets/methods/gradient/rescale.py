"""DeepLIFT's rules, operation by operation.

Every tensor holds the pictures in the first half of its first dimension and their baselines in the
second. Each rule returns the operation's own value, with multipliers in place of derivatives:

- elementwise y = f(x): m = Δy ÷ Δx, and f′(x) where Δx is all but 0;
- a product of two active tensors: Δ(ab) = Δa · (b + b₀)/2 + Δb · (a + a₀)/2, exactly;
- softmax, normalisation layers and attention: composed of the two above and of sums;
- max pooling: a window's difference goes to the one place that made it.

Whatever is linear needs no rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from xaiwidgets.core.intercept import ELEMENTWISE, Operation, Rule

Unary = Callable[[torch.Tensor], torch.Tensor]
Binary = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


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
        (slope,) = ctx.saved_tensors
        halves = gradient.unflatten(0, (2, -1))
        return (halves * slope).flatten(0, 1), None, None


def rescaled(function: Unary, x: torch.Tensor) -> torch.Tensor:
    """function(x), elementwise, with slope Δy ÷ Δx."""
    inside = x.detach()
    with torch.no_grad():
        y = function(inside)
        (near, far), (y_near, y_far) = inside.chunk(2), y.chunk(2)
        difference = near - far
        flat = difference.abs() < _tiny(x)
        slope = (y_near - y_far) / torch.where(flat, 1, difference)
    if flat.any():
        with torch.enable_grad():
            point = near.clone().requires_grad_()
            (derivative,) = torch.autograd.grad(function(point).sum(), point)
        slope = torch.where(flat, derivative, slope)
    return _Slope.apply(x, y, slope)


def rectified_slope(x: torch.Tensor) -> torch.Tensor:
    """ReLU with slope Δy ÷ Δx, which is (y + y₀) ÷ (|x| + |x₀|): it needs no case for Δx = 0."""
    with torch.no_grad():
        y = x.relu()
        size = torch.add(*x.abs().chunk(2)).clamp_min_(torch.finfo(x.dtype).tiny)
        slope = torch.add(*y.chunk(2)).div_(size)
    return _Slope.apply(x, y, slope)


def shared(function: Binary, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """function(a, b), linear in each, with the difference shared between the two."""
    if not (_active(a) and _active(b)):
        return function(a, b)
    surrogate = function(a, _middle(b)) + function(_middle(a), b)
    value = function(a.detach(), b.detach())
    return value + (surrogate - surrogate.detach())


def _middle(value: torch.Tensor) -> torch.Tensor:
    near, far = value.detach().chunk(2)
    middle = (near + far) / 2
    return torch.cat([middle, middle])


def softmaxed(x: torch.Tensor, dim: int) -> torch.Tensor:
    """Softmax as exp(x) · (1 ÷ Σ exp(x)); one shift for both halves keeps exp in range."""
    with torch.no_grad():
        top = torch.maximum(*(half.amax(dim, keepdim=True) for half in x.detach().chunk(2)))
        top = torch.cat([top, top])
        top = torch.where(torch.isfinite(top), top, torch.zeros_like(top))
    raised = rescaled(torch.exp, x - top)
    below = rescaled(torch.reciprocal, raised.sum(dim, keepdim=True))
    return shared(torch.mul, raised, below)


def standardised(
    x: torch.Tensor, dims: tuple[int, ...], eps: float, centre: bool = True
) -> torch.Tensor:
    """(x − mean) ÷ √(mean square + eps) over `dims`."""
    centred = x - x.mean(dims, keepdim=True) if centre else x
    spread = rescaled(torch.square, centred).mean(dims, keepdim=True)
    return shared(torch.mul, centred, rescaled(torch.rsqrt, spread + eps))


def _relu(operation: Operation) -> Any:
    if not _active(operation.input):
        return operation.run()
    return operation.write(rectified_slope(operation.input))


def _elementwise(operation: Operation) -> Any:
    if not _active(operation.input):
        return operation.run()
    others = operation.args[1:]
    if any(_active(other) for other in (*others, *operation.kwargs.values())):
        return operation.run()
    kwargs = {k: v for k, v in operation.kwargs.items() if k not in ("inplace", "input")}
    function = _OUT_OF_PLACE.get(operation.kind)
    if operation.inplace and function is None:
        return operation.run()
    called = function if operation.inplace and function else operation.function
    rest = others if not operation.inplace else tuple(o for o in others if not isinstance(o, bool))

    def value(x: torch.Tensor) -> torch.Tensor:
        return called(x, *rest, **kwargs)

    return operation.write(rescaled(value, operation.input))


_OUT_OF_PLACE: dict[str, Callable[..., torch.Tensor]] = {
    **{kind: getattr(torch, kind) for kind in ELEMENTWISE if hasattr(torch, kind)},
    **{kind: getattr(F, kind) for kind in ELEMENTWISE if hasattr(F, kind)},
    "pow": torch.pow,
}


def _bilinear(function: Binary) -> Rule:
    def apply(operation: Operation) -> Any:
        if len(operation.args) < 2 or not all(_active(value) for value in operation.args[:2]):
            return operation.run()
        return operation.write(shared(function, *operation.args[:2]))

    return apply


def _divide(operation: Operation) -> Any:
    values = operation.args[:2]
    turned = getattr(operation.function, "__name__", "") in ("__rdiv__", "__rtruediv__")
    over, under = values[::-1] if turned else values
    if not _active(under) or operation.kwargs.get("rounding_mode"):
        return operation.run()
    below = rescaled(torch.reciprocal, under)
    result = shared(torch.mul, over, below) if isinstance(over, torch.Tensor) else over * below
    return operation.write(result)


def _softmax(operation: Operation) -> Any:
    dim = operation.argument(1, "dim", -1)
    return softmaxed(operation.input, dim) if _active(operation.input) else operation.run()


def _log_softmax(operation: Operation) -> Any:
    x = operation.input
    if not _active(x):
        return operation.run()
    return rescaled(torch.log, softmaxed(x, operation.argument(1, "dim", -1)))


def _einsum(operation: Operation) -> Any:
    equation, *operands = operation.args
    pair = (
        operands[0] if len(operands) == 1 and isinstance(operands[0], (tuple, list)) else operands
    )
    if not isinstance(equation, str) or len(pair) != 2 or not all(map(_active, pair)):
        return operation.run()
    return shared(lambda a, b: torch.einsum(equation, a, b), *pair)


def _layer_norm(operation: Operation) -> Any:
    x, shape = operation.input, operation.argument(1, "normalized_shape")
    if not _active(x):
        return operation.run()
    dims = tuple(range(-len(shape), 0))
    y = standardised(x, dims, operation.argument(4, "eps", 1e-5))
    return _affine(y, operation.argument(2, "weight"), operation.argument(3, "bias"))


def _rms_norm(operation: Operation) -> Any:
    x, shape = operation.input, operation.argument(1, "normalized_shape")
    if not _active(x):
        return operation.run()
    eps = operation.argument(3, "eps")
    eps = torch.finfo(x.dtype).eps if eps is None else eps
    y = standardised(x, tuple(range(-len(shape), 0)), eps, centre=False)
    return _affine(y, operation.argument(2, "weight"), None)


def _group_norm(operation: Operation) -> Any:
    x, groups = operation.input, operation.argument(1, "num_groups")
    if not _active(x):
        return operation.run()
    y = standardised(x.reshape(len(x), groups, -1), (2,), operation.argument(4, "eps", 1e-5))
    weight, bias = operation.argument(2, "weight"), operation.argument(3, "bias")
    return _affine(y.reshape(x.shape), _by_channel(weight, x), _by_channel(bias, x))


def _instance_norm(operation: Operation) -> Any:
    x = operation.input
    if not _active(x) or not operation.argument(5, "use_input_stats", True):
        return operation.run()
    y = standardised(x, tuple(range(2, x.ndim)), operation.argument(7, "eps", 1e-5))
    weight, bias = operation.argument(3, "weight"), operation.argument(4, "bias")
    return _affine(y, _by_channel(weight, x), _by_channel(bias, x))


def _by_channel(values: torch.Tensor | None, x: torch.Tensor) -> torch.Tensor | None:
    return None if values is None else values.view(-1, *[1] * (x.ndim - 2))


def _affine(
    y: torch.Tensor, weight: torch.Tensor | None, bias: torch.Tensor | None
) -> torch.Tensor:
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def _attention(operation: Operation) -> Any:
    query, key, value = operation.args[:3]
    if not any(_active(part) for part in (query, key, value)):
        return operation.run()
    scale = operation.kwargs.get("scale") or 1 / math.sqrt(query.shape[-1])
    if operation.kwargs.get("enable_gqa"):
        repeats = query.shape[-3] // key.shape[-3]
        key, value = (part.repeat_interleave(repeats, -3) for part in (key, value))
    weights = shared(torch.matmul, query * scale, key.transpose(-2, -1))
    mask = operation.argument(3, "attn_mask")
    if operation.argument(5, "is_causal", False):
        mask = torch.ones(weights.shape[-2:], dtype=torch.bool, device=weights.device).tril()
    if mask is not None and mask.dtype == torch.bool:
        weights = weights.masked_fill(~mask, torch.finfo(weights.dtype).min)
    elif mask is not None:
        weights = weights + mask
    return shared(torch.matmul, softmaxed(weights, -1), value)


def _max_pool(operation: Operation) -> Any:
    x = operation.input
    if not _active(x):
        return operation.run()
    pool = {"max_pool1d": F.max_pool1d, "max_pool2d": F.max_pool2d, "max_pool3d": F.max_pool3d}
    names = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode")
    settings = dict(zip(names, operation.args, strict=False)) | operation.kwargs
    wants_places = settings.pop("return_indices", False)
    settings.pop("input")
    with torch.no_grad():
        y, places = pool[operation.kind](x.detach(), **settings, return_indices=True)
    if wants_places:
        return operation.run()
    return _one_place(x, y, places)


def _one_place(x: torch.Tensor, y: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """The larger maximum's place made the difference: the picture's, or else the baseline's."""
    with torch.no_grad():
        (near, far), (at_near, at_far) = y.chunk(2), places.chunk(2)
        place = torch.where(near >= far, at_near, at_far).flatten(2)
        both = torch.cat([place, place])
        inside = x.detach().flatten(2).gather(2, both)
        before, after = inside.chunk(2)
        difference = before - after
        flat = difference.abs() < _tiny(x)
        slope = (near - far).flatten(2) / torch.where(flat, 1, difference)
        slope = torch.where(flat, 1, slope)
    taken = x.flatten(2).gather(2, both) * torch.cat([slope, slope])
    return y + (taken - taken.detach()).view_as(y)


RESCALE_RULES: dict[str, Rule] = {
    **dict.fromkeys(ELEMENTWISE, _elementwise),
    "relu": _relu,
    "pow": _elementwise,
    "mul": _bilinear(torch.mul),
    "matmul": _bilinear(torch.matmul),
    "bmm": _bilinear(torch.bmm),
    "div": _divide,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "einsum": _einsum,
    "prelu": _elementwise,
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
    "group_norm": _group_norm,
    "instance_norm": _instance_norm,
    "scaled_dot_product_attention": _attention,
    **dict.fromkeys(("max_pool1d", "max_pool2d", "max_pool3d"), _max_pool),
}
