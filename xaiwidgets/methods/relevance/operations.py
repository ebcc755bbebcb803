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
from xaiwidgets.core.operands import heads, masked, over_and_under, read_norm

Products = Literal["signal", "uniform"]
Attention = Literal["conservative", "attnlrp", "passed"]
Norms = Literal["linear", "passed"]
Sums = Literal["by contribution", "balanced"]
Pooling = Literal["winner", "proportion"]

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
        "alias", "alpha_dropout", "amax", "amin", "as_strided", "avg_pool1d", "avg_pool2d",
        "avg_pool3d", "baddbmm", "batch_norm", "bfloat16", "bmm", "broadcast_tensors",
        "broadcast_to", "cat", "channel_shuffle", "chunk", "clone", "col2im", "column_stack",
        "concat", "constant_pad_nd", "contiguous", "conv1d", "conv2d", "conv3d",
        "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "copy", "cpu", "cuda",
        "cumsum", "detach", "diagonal", "div", "double", "dropout", "dstack", "einsum",
        "expand", "expand_as", "feature_alpha_dropout", "feature_dropout", "flatten", "flip",
        "float", "gather", "getitem", "grid_sampler", "grid_sampler_2d", "H", "half",
        "hsplit", "hstack", "im2col", "index_add", "index_copy", "index_put", "index_select",
        "instance_norm", "linalg_norm", "linalg_vector_norm", "linear", "log_softmax",
        "masked_fill", "matmul", "max", "max_pool1d", "max_pool2d", "max_pool3d", "maximum", "mean",
        "mH", "min", "minimum", "mm", "moveaxis", "movedim", "mT", "mul", "narrow",
        "native_channel_shuffle", "neg", "norm",
        "pad", "permute", "pixel_shuffle", "pixel_unshuffle", "ravel", "reflection_pad1d",
        "reflection_pad2d", "relu", "repeat", "repeat_interleave", "replication_pad1d",
        "replication_pad2d", "requires_grad", "reshape", "reshape_as", "resolve_conj", "roll",
        "rot90", "rsub", "scatter_add", "select", "setitem", "slice", "softmax", "sort", "split",
        "split_with_sizes", "squeeze", "stack", "std", "sub", "sum", "swapaxes", "swapdims", "T",
        "t", "take_along_dim", "tensor_split", "to", "to_copy", "topk", "transpose", "tril", "triu",
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
    by softmax's derivative (Achtibat et al. 2024), "passed" lets relevance through the softmax
    (Chefer et al. 2021). `norms` hold their spread constant, or pass relevance on; `sums` of two
    branches give each what it contributed, or are "balanced". `pooling` by maximum gives all to the
    winner of a window, or shares in proportion to its values.
    """

    products: Products = "signal"
    attention: Attention = "conservative"
    norms: Norms = "linear"
    sums: Sums = "by contribution"
    pooling: Pooling = "winner"


class Passed(torch.autograd.Function):
    """The value y, and c_x = c_y · slope. y comes in a tuple: what torch sees come in and go out is
    a view to it, into which nobody may write afterwards."""

    @staticmethod
    def forward(ctx, x, made, slope):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(slope)
        return made[0]

    @staticmethod
    def backward(ctx, c):  # type: ignore[no-untyped-def]
        return c * ctx.saved_tensors[0], None, None


class _Balanced(torch.autograd.Function):
    """a + b, where both keep their sign and share the sum of R by the size of theirs (Chefer et al.
    2021): a's relevance becomes R_a · (|Σ R_a| ÷ (|Σ R_a| + |Σ R_b|)) · Σ R ÷ Σ R_a. Sums are over
    each example, which lies along dimension `dim`."""

    @staticmethod
    def forward(ctx, a, b, dim):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(a, b)
        ctx.dims = [d for d in range(a.ndim) if d != dim]
        return a + b

    @staticmethod
    def backward(ctx, c):  # type: ignore[no-untyped-def]
        first, second = ((c * x).sum(ctx.dims, keepdim=True) for x in ctx.saved_tensors)
        size = first.abs() + second.abs()
        each = torch.where(size == 0, 1, (first + second) / torch.where(size == 0, 1, size))
        return c * each * first.sign(), c * each * second.sign(), None


class _Halved(torch.autograd.Function):
    """The value y; each of the two that made it gets half."""

    @staticmethod
    def forward(ctx, y):  # type: ignore[no-untyped-def]
        return y.view_as(y)

    @staticmethod
    def backward(ctx, c):  # type: ignore[no-untyped-def]
        return c / 2


def off_unit(like: torch.Tensor) -> torch.Tensor:
    """What stands for the activation of a unit that is 0, where relevance is given to it all the
    same: so small that c = R ÷ activation, of units that get none, comes to nothing."""
    return torch.full_like(like[:1], torch.finfo(like.dtype).tiny ** 0.5)


def passed(operation: Operation, off: bool = False) -> torch.Tensor:
    """An activation: relevance goes through, with `off` also that of units whose output is 0. A
    constant f(0) counts as a bias, and where x is all but 0 the derivative stands for
    (f(x) − f(0)) ÷ x."""
    x = operation.input
    with torch.no_grad():
        before = x.detach().clone() if operation.inplace else x.detach()
        y = operation.run()
        at_zero = _at_zero(operation, before)
        small = before.abs() < (1e-12 if x.dtype == torch.float64 else 1e-6)
        slope = (y - at_zero) / torch.where(small, 1, before)
        if bool(small.any()):
            slope = torch.where(small, _derivative(operation, before), slope)
        if off:
            silent = (y == 0) & ~small
            slope = torch.where(silent, off_unit(before) / torch.where(silent, before, 1), slope)
    if operation.inplace:  # y is x itself by now
        return _in_place(x, y, slope)
    return Passed.apply(x, (y,), slope)


def _in_place(x: torch.Tensor, y: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
    return x.copy_(Passed.apply(x.view_as(x), (y.detach().clone(),), slope))


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


def handed_on(operation: Operation) -> torch.Tensor:
    """A norm or a softmax: relevance goes through, value by value."""
    return _handed_on(operation.input, operation.run())


def _handed_on(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        small = x.abs() < torch.finfo(x.dtype).tiny ** 0.5
        slope = torch.where(small, 0, y / torch.where(small, 1, x))
    return Passed.apply(x, (y.detach(),), slope)


def balanced(operation: Operation, rows: int) -> torch.Tensor | None:
    """A sum of two branches of the same shape, each balanced against the other; None for others."""
    a, b = operation.input, operation.argument(1, "other")
    if a.shape != b.shape or operation.argument(2, "alpha", 1) != 1:
        return None
    a = a.clone() if operation.inplace else a
    return operation.write(_Balanced.apply(a, b, 0 if len(a) == rows else 1))


def halved_at_zero(operation: Operation) -> torch.Tensor:
    """A sum of two branches by what they contribute, and half to each where both are 0."""
    first, value = operation.argument(0, "input"), operation.apart()
    at_zero = torch.where(torch.as_tensor(first == 0), 0.5, 0.0)
    slope = torch.where(value == 0, at_zero, 1.0).to(value)
    return operation.write(Passed.apply(value, (value.detach(),), slope))


def halved(operation: Operation) -> torch.Tensor:
    """A product of two that both depend on the input: half of its relevance to each."""
    return operation.write(_Halved.apply(operation.apart()))


def gated(operation: Operation) -> torch.Tensor:
    """A gated linear unit: the half that says how much of the other passes is held constant."""
    signal, gate = operation.input.chunk(2, operation.argument(1, "dim", -1))
    return signal * gate.detach().sigmoid()


def normalised(operation: Operation) -> torch.Tensor:
    """A norm whose spread is held constant, so that what is left is linear."""
    if operation.kind == "local_response_norm":
        return _local_response_norm(operation)
    if _by_running_statistics(operation):
        return operation.run()
    x, norm = operation.input, read_norm(operation)
    laid = x.reshape(norm.shape)
    laid = laid - laid.mean(norm.dims, keepdim=True) if norm.centres else laid
    spread = laid.detach().square().mean(norm.dims, keepdim=True).add_(norm.eps).sqrt_()
    return norm.finished(laid / spread, x)


def _by_running_statistics(operation: Operation) -> bool:
    """Whether it is linear as it stands."""
    if operation.kind == "instance_norm":
        return not operation.argument(5, "use_input_stats", True)
    return operation.kind == "batch_norm" and normalisation(operation) is not None


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
    logits = masked(_shared(query @ key), operation)
    weights = logits.softmax(-1)
    if treatment.attention == "passed":
        weights = _handed_on(logits, weights)
    return _shared(weights @ value) if weights.requires_grad else weights @ value


def _shared(product: torch.Tensor) -> torch.Tensor:
    return _Halved.apply(product) if product.requires_grad else product


def divided(operation: Operation) -> Any:
    """x ÷ y with y held constant; a constant divided by y is a gate."""
    over, under = over_and_under(operation)
    rounding = {k: v for k, v in operation.kwargs.items() if k == "rounding_mode"}
    return operation.write(torch.div(over, under.detach(), **rounding))
