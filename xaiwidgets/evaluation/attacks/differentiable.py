"""Explanations that can be differentiated themselves: by the picture, or by the weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from xaiwidgets.core.baselines import baseline, normal
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.layers import first_tensor, hooked
from xaiwidgets.core.method import Attribution, as_method
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget
from xaiwidgets.methods.cam import GradCam
from xaiwidgets.methods.cam.activation_map import together
from xaiwidgets.methods.cam.layer_choice import chosen_layers
from xaiwidgets.methods.gradient import (
    BetaSmoothedGradient,
    GradientTimesInput,
    IntegratedGradients,
    Saliency,
    SmoothGrad,
    Smoothing,
)

TAKEN = (
    "Saliency, GradientTimesInput, IntegratedGradients, SmoothGrad, BetaSmoothedGradient and "
    "GradCam"
)

Values = Callable[..., torch.Tensor]


def attackable(thing: object, who: str) -> Attribution:
    """The method, or an ExplainError that says which ones can be differentiated here."""
    method = as_method(thing)
    if type(method) not in _VALUES:
        raise ExplainError(
            f"{who} differentiates the explanation itself, and {method!r} is not written for that; "
            f"it takes {TAKEN}."
        )
    return method


def rows_in_a_pass(method: Attribution, subject: Subject, x: torch.Tensor) -> int:
    """How many inputs fit in one pass of `values_of` and the pass back through it."""
    points = method.settings.get("steps" if isinstance(method, IntegratedGradients) else "samples")
    return max(1, subject.batch_size(x) // (2 * int(points or 1)))


def values_of(
    method: Attribution, subject: Subject, x: torch.Tensor, target: BoundTarget, rows: torch.Tensor
) -> torch.Tensor:
    """What the method makes of x, shaped like x or with one channel, with the graph that made it:
    it can be differentiated by x and by the network's parameters."""
    return _VALUES[type(method)](method, subject, x, target, rows)


def sizes(values: torch.Tensor) -> torch.Tensor:
    """Σ|R| over channels: (batch, height, width)."""
    return values.abs().sum(1)


def even(maps: torch.Tensor) -> torch.Tensor:
    """Maps (batch, height, width) divided by their means; a map of zeros stays one."""
    return maps / maps.mean((1, 2), keepdim=True).clamp_min(1e-30)


def correlation(a: torch.Tensor, b: torch.Tensor) -> np.ndarray:
    """Pearson's correlation of maps (inputs, height, width), one an input; NaN for a constant."""
    a, b = (each.double().cpu().flatten(1) for each in (a, b))
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    length = a.norm(dim=1) * b.norm(dim=1)
    found = (a * b).sum(1) / length
    return torch.where(length > 0, found, torch.nan).numpy()


# --- one function a method ----------------------------------------------------------------------


def _gradient(
    subject: Subject, points: torch.Tensor, target: BoundTarget, rows: torch.Tensor
) -> torch.Tensor:
    """∂ score / ∂ points with the graph that made it."""
    if not points.requires_grad:
        points = points.detach().requires_grad_()
    score = target.score(subject(points), rows)
    (gradient,) = torch.autograd.grad(score.sum(), points, create_graph=True)
    return gradient


def _saliency(
    method: Saliency, subject: Subject, x: torch.Tensor, target: BoundTarget, rows: torch.Tensor
) -> torch.Tensor:
    gradient = _gradient(subject, x, target, rows)
    if method.form == "absolute":
        return gradient.abs()
    return gradient.square() if method.form == "squared" else gradient


def _times_input(
    method: Attribution, subject: Subject, x: torch.Tensor, target: BoundTarget, rows: torch.Tensor
) -> torch.Tensor:
    return x * _gradient(subject, x, target, rows)


def _smoothed(
    method: BetaSmoothedGradient,
    subject: Subject,
    x: torch.Tensor,
    target: BoundTarget,
    rows: torch.Tensor,
) -> torch.Tensor:
    return _gradient(Smoothing(subject, method.beta), x, target, rows)


def _integrated(
    method: IntegratedGradients,
    subject: Subject,
    x: torch.Tensor,
    target: BoundTarget,
    rows: torch.Tensor,
) -> torch.Tensor:
    """The same Gauss–Legendre points as the method takes."""
    absent = baseline(method.baseline, subject, x)
    places, weights = np.polynomial.legendre.leggauss(method.steps)
    steps = x.new_tensor((places + 1) / 2).view(-1, 1, 1, 1, 1)
    shares = x.new_tensor(weights / 2).view(-1, 1, 1, 1, 1)
    points = absent + steps * (x - absent)
    gradient = _gradient(subject, points.flatten(0, 1), target, rows.repeat(method.steps))
    return (x - absent) * (shares * gradient.view_as(points)).sum(0)


def _smoothgrad(
    method: SmoothGrad, subject: Subject, x: torch.Tensor, target: BoundTarget, rows: torch.Tensor
) -> torch.Tensor:
    """The same noise as the method draws."""
    spread = x.amax((1, 2, 3), keepdim=True) - x.amin((1, 2, 3), keepdim=True)
    noise = torch.stack([normal(x[0].detach(), method.seed, i) for i in range(method.samples)])
    points = x + method.noise * spread * noise[:, None]
    gradient = _gradient(subject, points.flatten(0, 1), target, rows.repeat(method.samples))
    gradient = gradient.view_as(points)
    if method.form == "variance":
        return gradient.var(0, unbiased=False)
    return gradient.square().mean(0) if method.form == "squared" else gradient.mean(0)


def _grad_cam(
    method: GradCam, subject: Subject, x: torch.Tensor, target: BoundTarget, rows: torch.Tensor
) -> torch.Tensor:
    x = x if x.requires_grad else x.detach().requires_grad_()
    layers = chosen_layers(subject, method.layer, x.detach())
    modules = dict(subject.model.named_modules())
    caught: dict[torch.nn.Module, torch.Tensor] = {}

    def catch(module: torch.nn.Module, inputs: object, output: object) -> torch.Tensor | None:
        value = first_tensor(output)
        assert value is not None
        caught[module] = value
        return value.clone() if output is value else None  # what follows may work in place

    with hooked([modules[layer.name] for layer in layers], catch):
        score = method.aimed(target).score(subject(x), rows)
    outputs = [caught[modules[layer.name]] for layer in layers]
    gradients = torch.autograd.grad(score.sum(), outputs, create_graph=True)
    found = [
        method.cut(method.formula(layer.fold(output), layer.fold(gradient))[:, None])
        for layer, output, gradient in zip(layers, outputs, gradients, strict=True)
    ]
    return together(found, x)


_VALUES: dict[type[Attribution], Values] = {
    Saliency: _saliency,
    GradientTimesInput: _times_input,
    IntegratedGradients: _integrated,
    SmoothGrad: _smoothgrad,
    BetaSmoothedGradient: _smoothed,
    GradCam: _grad_cam,
}
