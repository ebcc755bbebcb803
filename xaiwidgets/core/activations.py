"""A layer's output, the gradient of the score there, and what another output would have led to."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from .errors import ExplainError
from .hearing import unheard
from .layers import Layer, first_tensor, hooked
from .subject import Subject, differentiating, uncounted
from .target import BoundTarget

Pair = tuple[torch.Tensor, torch.Tensor]


def layer_gradients(
    subject: Subject,
    x: torch.Tensor,
    target: BoundTarget,
    names: list[str],
    rows: torch.Tensor | None = None,
) -> dict[str, Pair]:
    """Outputs of the named layers and ∂ score / ∂ output, each (batch, ...) as the layer lays it.

    One forward pass; the backward pass stops at the layers. A layer that is used several times is
    taken at its last use. A gradient is 0 where the score does not depend on the layer.
    """
    return layer_gradients_and_score(subject, x, target, names, rows)[0]


def layer_gradients_and_score(
    subject: Subject,
    x: torch.Tensor,
    target: BoundTarget,
    names: list[str],
    rows: torch.Tensor | None = None,
) -> tuple[dict[str, Pair], torch.Tensor]:
    """What `layer_gradients` gives, and the scores (batch,)."""
    wanted = dict(zip(_modules(subject, names, x), names, strict=True))
    caught: dict[str, torch.Tensor] = {}

    def catch(module: nn.Module, _: Any, output: Any) -> Any:
        value = first_tensor(output)
        if value is None or not value.is_floating_point():
            return None
        apart = len(wanted) == 1 or not value.requires_grad
        # a view of its own, or uses of the value inside the module would count as well
        kept = value.detach().requires_grad_() if apart else value.view_as(value)
        caught[wanted[module]] = kept
        return _replaced(output, value, kept.clone())

    with differentiating():
        with hooked(list(wanted), catch):
            score = target.score(subject(x), rows)
        outputs = [_caught(caught, name) for name in names]
        if not score.requires_grad:
            return {name: (o.detach(), torch.zeros_like(o)) for name, o in caught.items()}, score
        gradients = torch.autograd.grad(score.sum(), outputs, allow_unused=True)
    pairs = {
        name: (output.detach(), torch.zeros_like(output) if grad is None else grad)
        for name, output, grad in zip(names, outputs, gradients, strict=True)
    }
    return pairs, score.detach()


def layer_outputs(
    subject: Subject, x: torch.Tensor, names: list[str], *, differentiable: bool = False
) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Outputs of the named layers at their last use, each (batch, ...) as the layer lays it, and
    the network's scores (batch, classes): one pass, without gradients unless `differentiable`."""
    wanted = dict(zip(_modules(subject, names, x), names, strict=True))
    caught: dict[str, torch.Tensor] = {}

    def catch(module: nn.Module, _: Any, output: Any) -> None:
        value = first_tensor(output)
        if value is not None:
            caught[wanted[module]] = value.clone()  # what follows may work in place

    with torch.set_grad_enabled(differentiable), hooked(list(wanted), catch):
        scores = subject(x)
    return {name: _caught(caught, name) for name in names}, scores


def outputs_after(
    subject: Subject, x: torch.Tensor, layer: Layer, output: torch.Tensor
) -> torch.Tensor:
    """The network's scores (rows, classes) if a layer gave `output` (rows, ...) at its last use.

    `x` has one picture a row; or one for all rows, and what comes before the layer is then worked
    out once: see `shares_what_comes_before`.
    """
    met = 0

    def exchange(module: nn.Module, _: Any, own: Any) -> Any:
        nonlocal met
        met += 1
        value = first_tensor(own)
        assert value is not None
        return _replaced(own, value, output) if met == layer.uses else None

    with torch.no_grad(), unheard(), hooked(_modules(subject, [layer.name], x), exchange):
        return subject(x, len(output))


def shares_what_comes_before(
    subject: Subject, x: torch.Tensor, layer: Layer, output: torch.Tensor
) -> bool:
    """Whether rows that differ at a layer only may share one pass up to there: tried with `output`
    (1, ...) of the one picture `x`, and with nothing in its place.

    A network that notes its batch size early, or joins what comes before to what comes after with
    `cat`, cannot; a sum can.
    """
    pair = torch.cat([output, torch.zeros_like(output)])
    with uncounted():
        apart = outputs_after(subject, x.expand(2, *x.shape[1:]), layer, pair.clone())
        try:
            shared = outputs_after(subject, x, layer, pair)
        except ExplainError as error:
            if isinstance(error.__cause__, (RuntimeError, ValueError, type(None))):
                return False
            raise
    near = 1e-3 * float(apart.abs().max())
    return shared.shape == apart.shape and bool((shared - apart).abs().max() <= near)


def _caught(caught: dict[str, torch.Tensor], name: str) -> torch.Tensor:
    if name not in caught:
        raise ExplainError(f"Layer {name!r} gave no tensor in this pass; choose another.")
    return caught[name]


def _modules(subject: Subject, names: list[str], x: torch.Tensor) -> list[nn.Module]:
    modules = dict(subject.model.named_modules())
    for name in names:
        if name not in modules or not name:
            subject.layers(x)[name]
            raise ExplainError(f"No layer is called {name!r}.")
    return [modules[name] for name in names]


def _replaced(output: Any, value: torch.Tensor, other: torch.Tensor) -> Any:
    """`output` with one tensor exchanged, in the container that it came in."""
    if output is value:
        return other
    if isinstance(output, (tuple, list)):
        parts = [other if part is value else part for part in output]
        return type(output)(*parts) if hasattr(output, "_fields") else type(output)(parts)
    for key in list(output.keys()):
        if output[key] is value:
            output[key] = other
    return output
