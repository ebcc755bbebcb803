"""What the backward pass does at a ReLU: three rules, for modules and functions alike."""

from __future__ import annotations

from typing import Literal

import torch

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.intercept import Operation, Rule, replacing
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

Rectifying = Literal["backprop", "deconvnet", "guided"]
RECTIFIERS = ("relu", "relu6", "hardtanh", "clamp", "clamp_min")


def rectified(rule: Rectifying, passed: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """The gradient below a ReLU, from the mask of units it `passed` and the gradient above.

    backprop: where the unit passed; deconvnet: where the gradient is positive; guided: both.
    """
    below = gradient if rule == "backprop" else gradient.clamp_min(0)
    return below if rule == "deconvnet" else torch.where(passed, below, 0)


class _Rectified(torch.autograd.Function):
    """A ReLU, or one with an upper end, whose backward pass follows the deconvnet or the guided
    rule. Done in place it overwrites x, and keeps nothing but what came out."""

    @staticmethod
    def forward(ctx, x, high, guided, inplace):  # type: ignore[no-untyped-def]
        if high is None:
            y = x.relu_() if inplace else x.relu()
        else:
            y = x.clamp_(0, high) if inplace else x.clamp(0, high)
        if inplace:
            ctx.mark_dirty(x)
        if guided:
            ctx.save_for_backward(y)
        ctx.high = high
        return y

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        kept = ctx.saved_tensors
        if not kept:
            return gradient.clamp_min(0), None, None, None
        if ctx.high is None:
            below = torch.ops.aten.threshold_backward(gradient, kept[0], 0)
        else:
            below = torch.ops.aten.hardtanh_backward(gradient, kept[0], 0, ctx.high)
        return below.clamp_min_(0), None, None, None


def rectifier_rules(rule: Rectifying, met: list[str]) -> dict[str, Rule]:
    """Rules for every operation that cuts off below 0; the kind of each one met joins `met`."""

    def apply(operation: Operation) -> torch.Tensor:
        ends = bounds(operation)
        if ends is None:
            return operation.run()
        met.append(operation.kind)
        x, high = operation.input, ends[1]
        if rule == "backprop" or not x.requires_grad:
            return operation.run()
        inside = operation.inplace and not x._is_view()  # else it is written through the view
        y = _Rectified.apply(x, high, rule == "guided", inside)
        return y if inside else operation.write(y)

    return dict.fromkeys(RECTIFIERS, apply)


def bounds(operation: Operation) -> tuple[float, float | None] | None:
    """Where the operation cuts, (0, upper end or None); None when it is not a rectifier."""
    if operation.kind == "relu":
        return 0.0, None
    if operation.kind == "relu6":
        return 0.0, 6.0
    low_name, high_name = ("min_val", "max_val") if operation.kind == "hardtanh" else ("min", "max")
    defaults = (-1.0, 1.0) if operation.kind == "hardtanh" else (None, None)
    low = operation.argument(1, low_name, defaults[0])
    high = operation.argument(2, high_name, defaults[1]) if operation.kind != "clamp_min" else None
    plain = isinstance(low, (int, float)) and low == 0
    return (0.0, high) if plain and (high is None or isinstance(high, (int, float))) else None


def rectified_gradient(
    subject: Subject, x: torch.Tensor, target: BoundTarget, rule: Rectifying
) -> Findings:
    """∂ score / ∂ x with the rule in place of every ReLU's derivative."""
    met: list[str] = []
    with replacing(subject.model, rectifier_rules(rule, met)):
        gradient = subject.gradient(x, target)
    found = Findings(gradient, numbers={"rectifiers": float(len(met))})
    if not met:
        found.warnings.append(
            "This network has no ReLU, so nothing was changed: this is the plain gradient."
        )
    return found


class ReluTable(dict[str, torch.Tensor]):
    """What each rule makes of a gradient above a ReLU, by rule; a notebook shows the numbers."""

    def __init__(self, z: torch.Tensor, gradient: torch.Tensor) -> None:
        rules: tuple[Rectifying, ...] = ("backprop", "deconvnet", "guided")
        super().__init__({rule: rectified(rule, z > 0, gradient) for rule in rules})
        self.z, self.gradient = z, gradient

    def _repr_html_(self) -> str:
        shown = {"input z": self.z, "ReLU(z)": self.z.clamp_min(0), "gradient above": self.gradient}
        return "".join(_matrix(name, values) for name, values in {**shown, **self}.items())


def _matrix(name: str, values: torch.Tensor) -> str:
    """One small matrix under its name; what a rule stopped is faint."""
    cell = "padding:2px 8px;text-align:right;font-variant-numeric:tabular-nums"
    rows = "".join(
        "<tr>"
        + "".join(f'<td style="{cell};opacity:{1 if v else 0.35}">{v:g}</td>' for v in row)
        + "</tr>"
        for row in (values + 0.0).reshape(-1, values.shape[-1]).tolist()
    )
    style = "display:inline-table;margin:0 18px 12px 0;border-collapse:collapse"
    bold = "text-align:left;font-weight:600;white-space:nowrap"
    caption = f'<caption style="{bold}">{name}</caption>'
    return f'<table style="{style}">{caption}{rows}</table>'


def relu_backward_table(z: torch.Tensor, gradient: torch.Tensor) -> ReluTable:
    """What each rule makes of the gradient above a ReLU with input z, by rule; same shapes.

    Raises ExplainError when z and gradient differ in shape.

    >>> relu_backward_table(torch.tensor([1., -1., 5.]), torch.tensor([-2., 3., -1.]))["guided"]
    tensor([0., 0., 0.])
    """
    if z.shape != gradient.shape or z.ndim == 0:
        raise ExplainError(
            f"z has shape {tuple(z.shape)} and the gradient {tuple(gradient.shape)}; they have to "
            "be alike, with at least one dimension."
        )
    return ReluTable(z, gradient)
