"""What a network says about inputs that were changed: target scores, as logits or probabilities."""

from __future__ import annotations

import torch

from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

SCALES = ("probability", "score")
SCALE_HELP = (
    "follow the class's softmax probability, or its score as the network gives it; a target that "
    "is no single class is always followed by its score"
)


def on_scale(
    outputs: torch.Tensor, target: BoundTarget, rows: torch.Tensor | None, scale: str
) -> torch.Tensor:
    """The target of each row of outputs (rows, classes), on that scale."""
    single = target.classes is not None and target.against is None and not target.rival
    if scale == "probability" and single:
        one = outputs.shape[1] == 1
        outputs = outputs.sigmoid() if one else outputs.softmax(1)
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
