"""What a subject says of many copies of one input."""

from __future__ import annotations

import torch

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.fingerprint import finite
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget


def scores_of(subject: Subject, x: torch.Tensor, target: BoundTarget) -> torch.Tensor:
    """The scores (copies,) of copies `x` of the one input that a target is bound to, in double
    precision on the CPU.

    Raises ExplainError where a score is NaN or infinite: nothing can be fitted to such.
    """
    own = torch.zeros(len(x), dtype=torch.long)
    scores = subject.scores(x, target, own).double().cpu()
    if not finite(scores):
        bad = int((~torch.isfinite(scores)).sum())
        raise ExplainError(
            f"{subject.title} answers {bad} of {len(scores)} changed copies of this "
            f"{subject.words.whole} with NaN or infinite scores; let it give a number for whatever "
            "it is asked, or choose another filling."
        )
    return scores
