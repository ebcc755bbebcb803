"""What a network says about inputs that were changed: target scores, as logits or probabilities."""

from __future__ import annotations

import numpy as np
import torch

from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget, probabilities

SCALES = ("probability", "score")
SCALE_HELP = (
    "follow the class's softmax probability, or its score as the network gives it; a target that "
    "is no single class is always followed by its score"
)


def single_class(target: BoundTarget) -> bool:
    """Whether the target is one class of each input, and so has a probability."""
    return target.classes is not None and target.against is None and not target.rival


def on_scale(
    outputs: torch.Tensor, target: BoundTarget, rows: torch.Tensor | None, scale: str
) -> torch.Tensor:
    """The target of each row of outputs (rows, classes), on that scale."""
    if scale == "probability" and single_class(target):
        outputs = probabilities(outputs)
    return target.score(outputs, rows)


def ask(
    subject: Subject, x: torch.Tensor, target: BoundTarget, rows: torch.Tensor, scale: str
) -> torch.Tensor:
    """Target scores (rows,) without gradients, in passes that fit in memory. `rows` says which
    input each row of `x` was made from."""
    size = subject.batch_size(x, backward=False)
    with torch.no_grad():
        parts = [
            on_scale(subject(part), target, which, scale)
            for part, which in zip(x.split(size), rows.split(size), strict=True)
        ]
    return torch.cat(parts)


def substrate_words(
    subject: Subject, target: BoundTarget, scale: str, substrate: np.ndarray, intact: np.ndarray
) -> tuple[str, list[str]]:
    """What the network says of the picture with every pixel filled, as a fact; and a warning where
    that is far from chance: curves that end there have little room."""
    mean, whole = float(substrate.mean()), float(intact.mean())
    fact = f"With every pixel filled the {scale} is {mean:.3g} (intact: {whole:.3g})."
    if scale != "probability" or not single_class(target):
        return fact, []
    chance = 1 / max(2, class_count(subject))
    if mean <= chance + max(0.05, 0.25 * (whole - chance)):
        return fact, []
    return fact, [
        f"The filled picture alone has a probability of {mean:.2f}, where chance is {chance:.2g}: "
        "it still shows the class, and the score says little. Choose another fill."
    ]


def class_count(subject: Subject) -> int:
    """How many scores the network gives an input, as its last pass showed."""
    return subject._total or len(subject.classes)
