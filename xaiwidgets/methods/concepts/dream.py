"""A picture that shows a concept's direction: activation maximisation along the vector."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xaiwidgets.core.arrays_file import read_arrays, write_arrays
from xaiwidgets.core.draws import generator
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.job import current_job
from xaiwidgets.core.subject import differentiating

from .vector import ConceptVector

_KIND = "dreams"


@dataclass(frozen=True, eq=False)
class Dream:
    """`picture` (height, width, 3) as uint8, and `path` (steps + 1,): how far along the vector of
    the `concept` at the `layer` the picture lay before each step and at the end."""

    picture: np.ndarray
    path: np.ndarray
    concept: str = ""
    layer: str = ""

    def save(self, path: str | Path) -> Path:
        """Write picture and path to one .npz file; nothing in it can run code."""
        about = {"concept": self.concept, "layer": self.layer}
        return write_arrays(path, _KIND, about, {"picture": self.picture, "path": self.path})

    @classmethod
    def load(cls, path: str | Path) -> Dream:
        """Read what `save` wrote; refuses any other file."""
        about, arrays = read_arrays(path, _KIND)
        return cls(arrays["picture"], arrays["path"], about["concept"], about["layer"])


def dream(
    vector: ConceptVector,
    start: Any = None,
    *,
    steps: int = 100,
    rate: float = 0.02,
    jitter: int = 4,
    smoothness: float = 0.1,
    seed: int = 0,
) -> Dream:
    """What the network would like to see for a concept: climb along its vector (Deep Dream).

    Begins with `start`, one picture, or with grey noise. Each step moves the pixels by `rate` of
    the range of values on average, after shifting the picture by up to `jitter` pixels, against
    `smoothness` times the total variation. Colours stay those of a picture. It shows what raises
    the activation, which may be texture that no person calls by the concept's name.
    """
    if not isinstance(vector, ConceptVector):
        raise ExplainError(
            f"dream was given a {type(vector).__name__}; it takes a concept's vector, which "
            "TCAV()(...).vector(concept) gives."
        )
    whole = all(isinstance(each, Integral) and each >= 0 for each in (steps, jitter))
    finite = all(isinstance(each, Real) and math.isfinite(each) for each in (rate, smoothness))
    if not whole or not finite:
        raise ExplainError(
            f"steps is {steps!r}, jitter {jitter!r}, rate {rate!r} and smoothness {smoothness!r}; "
            "a dream takes whole numbers from 0 for the first two, and finite ones for the others."
        )
    subject = vector.subject
    source = generator(seed)
    x = _grey_noise(vector, source) if start is None else subject.prepare(start).x[:1].clone()
    low, high = (subject.preprocessing.absent(level, x) for level in (0.0, 1.0))
    path = []
    for _ in range(steps):
        current_job().check()
        shift = torch.randint(-jitter, jitter + 1, (2,), generator=source).tolist()
        with differentiating():
            leaf = x.roll(shift, (2, 3)).detach().requires_grad_()
            along = vector.of(leaf)
            (gradient,) = torch.autograd.grad((along - smoothness * _variation(leaf)).sum(), leaf)
        path.append(float(along.detach()))
        step = gradient / gradient.abs().mean().clamp_min(1e-30) * rate * (high - low)
        x = (x + step.roll([-s for s in shift], (2, 3))).clamp(low, high)
    with torch.no_grad():
        path.append(float(vector.of(x)))
    picture = subject.preprocessing.pictures(x.cpu())[0][0]
    return Dream(picture, np.array(path), vector.concept, vector.layer)


def _grey_noise(vector: ConceptVector, source: torch.Generator) -> torch.Tensor:
    subject = vector.subject
    grey = subject.preprocessing.absent(0.5, torch.zeros(1, *vector.shape))
    noise = torch.randn(grey.shape, generator=source) * 0.05
    return (grey + noise).to(subject.device, subject.dtype)


def _variation(x: torch.Tensor) -> torch.Tensor:
    """The mean absolute step from one pixel to the next."""
    return x.diff(dim=2).abs().mean() + x.diff(dim=3).abs().mean()
