"""Training for evaluations that need another network: quick, seeded, and with a way to stop."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from xaiwidgets.core.copies import own_copy
from xaiwidgets.core.draws import generator
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.job import CancelToken, Job
from xaiwidgets.core.subject import Subject, differentiating

from .drawing import DrawnBy


def fit(
    network: nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
    *,
    epochs: int = 15,
    seed: int = 0,
    rate: float = 3e-3,
    batch: int = 32,
    progress: Callable[[float], None] | None = None,
    cancel: CancelToken | None = None,
    enough: Callable[[float], bool] = lambda loss: False,
) -> list[float]:
    """Train a network in place on images (n, ...) and class indices (n,); it ends in eval mode.

    Cross-entropy, Adam, a rate that rises during the first epoch and falls along a cosine,
    gradients of at most length 1. `seed` sets the order of the batches, and what dropout leaves
    out. Stops early when `enough(loss)` is true of an epoch's mean loss. Returns every epoch's mean
    loss.
    Raises Cancelled when stopped.
    """
    images, labels = checked(images, labels, "fit")
    job = Job(progress, cancel or CancelToken())
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    adam = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=rate)
    order = generator(seed)
    steps = -(-len(images) // batch)
    losses = []
    network.train()
    with seeded(seed), differentiating():
        for epoch in range(epochs):
            total = 0.0
            for step, chosen in enumerate(
                torch.randperm(len(images), generator=order).split(batch)
            ):
                job.check()
                if len(chosen) == 1 and steps > 1:
                    continue  # batch normalisation has nothing to normalise by
                place = epoch + step / steps
                adam.param_groups[0]["lr"] = rate * _pace(place, epochs)
                outputs = network(images[chosen].to(device))
                loss = F.cross_entropy(outputs, labels[chosen].to(device))
                adam.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                adam.step()
                total += float(loss.detach()) * len(chosen)
                if progress:
                    progress((place + 1 / steps) / epochs)
            losses.append(total / len(images))
            if enough(losses[-1]):
                break
    network.zero_grad()
    network.eval()
    return losses


def accuracy(
    network: Any, images: torch.Tensor, labels: torch.Tensor, cancel: CancelToken | None = None
) -> float:
    """The share of images whose largest output is their label; in eval mode, in small passes."""
    subject = Subject.of(network)
    job = Job(None, cancel or CancelToken())
    right = 0
    for part, truth in zip(images.split(128), labels.split(128), strict=True):
        job.check()
        outputs = subject.outputs(part.to(subject.device, subject.dtype))
        right += int((outputs.argmax(1).cpu() == truth.cpu()).sum())
    return right / len(images)


def from_scratch(network: nn.Module, seed: int = 0) -> nn.Module:
    """A copy with every layer's parameters drawn anew by the layer's own `reset_parameters`,
    running statistics included. The global generator is left as it was.

    Raises ExplainError where parameters belong to a module that has no such method: their initial
    values are not known.
    """
    fresh = own_copy(network)
    for name, module in fresh.named_modules():
        own = list(module.parameters(recurse=False))
        if own and not callable(getattr(module, "reset_parameters", None)):
            raise ExplainError(
                f"{name or type(module).__name__} has parameters of its own and no "
                "reset_parameters(), so it cannot be started anew; give build=, a function that "
                "makes an untrained network."
            )
    with seeded(seed):
        for module in fresh.modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()
    for parameter in fresh.parameters():
        parameter.grad = None
    return fresh


def built(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """What `build` makes, its random numbers drawn from `seed`. Raises ExplainError where that is
    no network."""
    if not callable(build) or isinstance(build, nn.Module) or not fits(build):
        what = "a function that takes arguments" if callable(build) else f"a {type(build).__name__}"
        if isinstance(build, nn.Module):
            what = f"the network {type(build).__name__}"
        raise ExplainError(
            f"build= is {what}; it takes a function without arguments that makes an untrained "
            "network, such as lambda: Net(10)."
        )
    with seeded(seed):
        made = build()
    if not isinstance(made, nn.Module):
        raise ExplainError(
            f"build() returned a {type(made).__name__}; it has to make an untrained network."
        )
    return made


def fits(function: Callable[..., Any], *arguments: Any, **named: Any) -> bool:
    """Whether it can be called so, as far as its signature tells."""
    try:
        inspect.signature(function).bind(*arguments, **named)
    except TypeError:
        return False
    except ValueError:  # written in C
        return True
    return True


def seeded(seed: int) -> DrawnBy:
    """What is drawn in this block follows from the seed; the global generators are left alone."""
    return DrawnBy(generator(seed))


def checked(images: Any, labels: Any, who: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Images as floats and labels as whole numbers on the CPU, one a picture."""
    try:
        images, labels = torch.as_tensor(images), torch.as_tensor(labels)
    except (TypeError, ValueError, RuntimeError):
        raise ExplainError(
            f"{who} got images and labels that are no numbers (a {type(images).__name__} and a "
            f"{type(labels).__name__}); it takes images ready for the network, such as "
            "subject.prepare(pictures).x, and a class index for each."
        ) from None
    if images.ndim < 2 or labels.ndim != 1 or len(images) != len(labels) or not len(images):
        raise ExplainError(
            f"{who} got images {tuple(images.shape)} and labels {tuple(labels.shape)}; it takes "
            "a batch of images as the network takes them, and one class index for each."
        )
    if not images.is_floating_point() or labels.is_floating_point():
        raise ExplainError(
            f"{who} got images of {images.dtype} and labels of {labels.dtype}; it takes images as "
            "floats, ready for the network, and labels as whole numbers."
        )
    return images, labels.long()


def _pace(position: float, epochs: int) -> float:
    """The rate's share of its peak: up during the first epoch, then down along a cosine."""
    return min(1.0, position + 0.02) * (1 + math.cos(math.pi * position / epochs)) / 2
