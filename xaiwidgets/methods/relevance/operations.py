"""What relevance does at operations that are no layers: activations, products, norms, attention.

All of it in terms of c = R ÷ activation: an operation that passes relevance through unshared has
c_x = c_y · y ÷ x, one that shares by contribution has the plain gradient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F

from xaiwidgets.core.intercept import Operation
from xaiwidgets.core.operands import heads, masked, over_and_under

Products = Literal["signal", "uniform"]
Attention = Literal["conservative", "attnlrp"]

PASSED = (
    "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "hardswish",
    "hardtanh", "logsigmoid", "softsign", "log", "sqrt", "square", "sin", "clamp", "clamp_min",
    "prelu", "exp", "pow", "threshold",
)  # fmt: skip
GATES = ("sigmoid", "hardsigmoid", "tanh", "erf", "rsqrt", "reciprocal")
SOFT_GATES = ("silu", "gelu", "hardswish", "mish")
PRODUCTS = ("mul", "matmul", "bmm", "mm", "baddbmm", "einsum", "bilinear")
NORMS = (
    "layer_norm", "group_norm", "instance_norm", "rms_norm", "batch_norm", "local_response_norm",
)  # fmt: skip

# operations whose gradient shares relevance by contribution, or sends it to the one place that won
SHARED_BY_GRADIENT = frozenset(
    (
        "_upsample_bicubic2d_aa", "_upsample_bilinear2d_aa", "_upsample_nearest_exact2d",
        "abs", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d",
        "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "add", "addmm",
        "alpha_dropout", "amax", "amin", "as_strided", "avg_pool1d", "avg_pool2d",
        "avg_pool3d", "baddbmm", "batch_norm", "bfloat16", "bmm", "broadcast_tensors",
        "broadcast_to", "cat", "channel_shuffle", "chunk", "clone", "col2im", "column_stack",
        "concat", "constant_pad_nd", "contiguous", "conv1d", "conv2d", "conv3d",
        "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "copy", "cpu", "cuda",
        "cumsum", "detach", "diagonal", "div", "double", "dropout", "dstack", "einsum",
        "expand", "expand_as", "feature_alpha_dropout", "feature_dropout", "flatten", "flip",
        "float", "gather", "getitem", "grid_sampler", "grid_sampler_2d", "H", "half",
        "hsplit", "hstack", "im2col", "index_add", "index_copy", "index_put", "index_select",
        "instance_norm", "linear", "log_softmax", "masked_fill", "matmul", "max",
        "max_pool1d", "max_pool2d", "max_pool3d", "maximum", "mean", "mH", "min", "minimum",
        "mm", "moveaxis", "movedim", "mT", "mul", "narrow", "native_channel_shuffle", "neg",
        "pad", "permute", "pixel_shuffle", "pixel_unshuffle", "ravel", "reflection_pad1d",
        "reflection_pad2d", "relu", "repeat", "repeat_interleave", "replication_pad1d",
        "replication_pad2d", "requires_grad", "reshape", "reshape_as", "resolve_conj", "roll",
        "rot90", "rsub", "scatter_add", "select", "setitem", "softmax", "sort", "split",
        "split_with_sizes", "squeeze", "stack", "sub", "sum", "swapaxes", "swapdims", "T",
        "t", "take_along_dim", "tensor_split", "to", "topk", "transpose", "tril", "triu",
        "type", "type_as", "unbind", "unflatten", "unsafe_chunk", "unsafe_split", "unsqueeze",
        "upsample_bicubic2d", "upsample_bilinear2d", "upsample_linear1d",
        "upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d",
        "upsample_trilinear3d", "view", "view_as", "vsplit", "vstack", "where",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Treatment:
    """What a preset says about operations that are no layers.

    `products` of two tensors that both depend on the input: "signal" gives all to the side that is
    no gate, "uniform" half to each (gates by sigmoid or tanh excepted). `attention`: "conservative"
    holds the attention weights constant (Ali et al. 2022), "attnlrp" shares with queries and keys
    (Achtibat et al. 2024).
    """

    products: Products = "signal"
    attention: Attention = "conservative"


class Passed(torch.autograd.Function):
    """The value y, and c_x = c_y · slope."""

    @staticmethod
    def forward(ctx, x, y, slope):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(slope)
        return y

    @staticmethod
    def backward(ctx, c):  # type: ignore[no-untyped-def]
        return c * ctx.saved_tensors[0], None, None


class _Halved(torch.autograd.Function):
    """The value y; each of the two that made it gets half."""

    @staticmethod
    def forward(ctx, y):  # type: ignore[no-untyped-def]
        return y.view_as(y)

    @staticmethod
    def backward(ctx, c):  # type: ignore[no-untyped-def]
        return c / 2


def passed(operation: Operation) -> torch.Tensor:
    """An activation: relevance goes through. A constant f(0) counts as a bias, and where x is all
    but 0 the derivative stands for (f(x) − f(0)) ÷ x."""
    x = operation.input
    with torch.no_grad():
        before = x.detach().clone() if operation.inplace else x.detach()
        y = operation.run()
        at_zero = _at_zero(operation, before)
        small = before.abs() < (1e-12 if x.dtype == torch.float64 else 1e-6)
        slope = (y - at_zero) / torch.where(small, 1, before)
        if bool(small.any()):
            slope = torch.where(small, _derivative(operation, before), slope)
    if operation.inplace:  # y is x itself by now
        return _in_place(x, y, slope)
    return Passed.apply(x, y, slope)


def _in_place(x: torch.Tensor, y: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
    return x.copy_(Passed.apply(x.view_as(x), y.detach().clone(), slope))


def _at_zero(operation: Operation, x: torch.Tensor) -> torch.Tensor:
    """f(0), and 0 where that is not finite."""
    value = _again(operation, torch.zeros_like(x[:1] if x.ndim else x))
    return torch.where(torch.isfinite(value), value, 0)


def _derivative(operation: Operation, x: torch.Tensor) -> torch.Tensor:
    with torch.enable_grad():
        point = x.clone().requires_grad_()
        (found,) = torch.autograd.grad(_again(operation, point).sum(), point)
    return torch.where(torch.isfinite(found), found, 0)


def _again(operation: Operation, x: torch.Tensor) -> torch.Tensor:
    """The activation of another tensor, out of place."""
    work = x.clone() if operation.inplace else x
    if operation.args:
        return operation.function(work, *operation.args[1:], **operation.kwargs)
    return operation.function(**{**operation.kwargs, "input": work})


def halved(operation: Operation) -> torch.Tensor:
    """A product of two that both depend on the input: half of its relevance to each."""
    if not operation.inplace:
        return _Halved.apply(operation.run())
    value = operation.input.clone() * operation.argument(1, "other")
    return operation.write(_Halved.apply(value))


def normalised(operation: Operation) -> torch.Tensor:
    """A norm whose spread is held constant, so that what is left is linear."""
    return _NORMS[operation.kind](operation)


def _standardised(x: torch.Tensor, dims: tuple[int, ...], eps: float) -> torch.Tensor:
    spread = x.detach().var(dims, unbiased=False, keepdim=True).add_(eps).sqrt_()
    return (x - x.mean(dims, keepdim=True)) / spread


def _affine(
    y: torch.Tensor, weight: torch.Tensor | None, bias: torch.Tensor | None
) -> torch.Tensor:
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def _by_channel(values: torch.Tensor | None, x: torch.Tensor) -> torch.Tensor | None:
    return None if values is None else values.view(-1, *[1] * (x.ndim - 2))


def _layer_norm(operation: Operation) -> torch.Tensor:
    dims = tuple(range(-len(operation.argument(1, "normalized_shape")), 0))
    y = _standardised(operation.input, dims, operation.argument(4, "eps", 1e-5))
    return _affine(y, operation.argument(2, "weight"), operation.argument(3, "bias"))


def _rms_norm(operation: Operation) -> torch.Tensor:
    x = operation.input
    dims = tuple(range(-len(operation.argument(1, "normalized_shape")), 0))
    eps = operation.argument(3, "eps")
    eps = torch.finfo(x.dtype).eps if eps is None else eps
    size = x.detach().square().mean(dims, keepdim=True).add_(eps).sqrt_()
    return _affine(x / size, operation.argument(2, "weight"), None)


def _group_norm(operation: Operation) -> torch.Tensor:
    x = operation.input
    grouped = x.reshape(len(x), operation.argument(1, "num_groups"), -1)
    y = _standardised(grouped, (2,), operation.argument(4, "eps", 1e-5)).reshape(x.shape)
    weight, bias = operation.argument(2, "weight"), operation.argument(3, "bias")
    return _affine(y, _by_channel(weight, x), _by_channel(bias, x))


def _instance_norm(operation: Operation) -> torch.Tensor:
    x = operation.input
    if not operation.argument(5, "use_input_stats", True):
        return operation.run()
    y = _standardised(x, tuple(range(2, x.ndim)), operation.argument(7, "eps", 1e-5))
    weight, bias = operation.argument(3, "weight"), operation.argument(4, "bias")
    return _affine(y, _by_channel(weight, x), _by_channel(bias, x))


def _batch_norm(operation: Operation) -> torch.Tensor:
    if normalisation(operation) is not None:
        return operation.run()
    x = operation.input
    dims = (0, *range(2, x.ndim))
    y = _standardised(x, dims, operation.argument(7, "eps", 1e-5))
    weight, bias = operation.argument(3, "weight"), operation.argument(4, "bias")
    return _affine(y, _by_channel(weight, x), _by_channel(bias, x))


def _local_response_norm(operation: Operation) -> torch.Tensor:
    """y_k = x_k ÷ (k + b Σ x_i²)^β by the first-order Taylor expansion of Binder et al. (2016): the
    unit without its neighbours, x_k ÷ (k + b x_k²)^β, and for each neighbour x_j ∂y_k/∂x_j, which
    is below 0. What the expansion leaves out is relevance that a layer loses."""
    x, y = operation.input, operation.run()
    size, b = operation.argument(1, "size"), operation.argument(2, "alpha", 1e-4)
    beta, k = operation.argument(3, "beta", 0.75), operation.argument(4, "k", 1.0)
    b, at = b / size, x.detach()
    alone = (k + b * at.square()).pow(-beta)
    slope = -2 * b * beta * at * (k + b * _neighbourhood(at.square(), size)).pow(-beta - 1)
    neighbours = _neighbourhood(at * x, size) - at * x
    linear = alone * x + slope * neighbours
    return y.detach() + linear - linear.detach()


def _neighbourhood(values: torch.Tensor, size: int) -> torch.Tensor:
    """Sums over so many neighbouring channels, as torch counts them."""
    rows = F.pad(values.flatten(2).unsqueeze(1), (0, 0, size // 2, (size - 1) // 2))
    return (F.avg_pool2d(rows, (size, 1), 1) * size).squeeze(1).reshape(values.shape)


_NORMS = {
    "local_response_norm": _local_response_norm,
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
    "group_norm": _group_norm,
    "instance_norm": _instance_norm,
    "batch_norm": _batch_norm,
}


def normalisation(operation: Operation) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Scale and shift (channels,) of a batch normalisation by running statistics."""
    if operation.function is not F.batch_norm or operation.argument(5, "training", False):
        return None
    mean, var = operation.argument(1, "running_mean"), operation.argument(2, "running_var")
    if mean is None or var is None:
        return None
    weight, bias = operation.argument(3, "weight"), operation.argument(4, "bias")
    scale = (var + operation.argument(7, "eps", 1e-5)).rsqrt_()
    scale = scale if weight is None else scale * weight
    shift = -mean * scale
    return scale, shift if bias is None else shift + bias


def attention(operation: Operation, treatment: Treatment) -> torch.Tensor:
    """softmax(q kᵀ) v, with the weights held constant or sharing by halves."""
    query, key, value = heads(operation)
    if treatment.attention == "conservative":
        query, key = query.detach(), key.detach()
    weights = masked(_shared(query @ key), operation).softmax(-1)
    return _shared(weights @ value) if weights.requires_grad else weights @ value


def _shared(product: torch.Tensor) -> torch.Tensor:
    return _Halved.apply(product) if product.requires_grad else product


def divided(operation: Operation) -> Any:
    """x ÷ y with y held constant; a constant divided by y is a gate."""
    over, under = over_and_under(operation)
    rounding = {k: v for k, v in operation.kwargs.items() if k == "rounding_mode"}
    return operation.write(torch.div(over, under.detach(), **rounding))
