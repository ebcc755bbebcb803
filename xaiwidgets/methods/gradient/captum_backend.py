"""How Captum's algorithms ask our subject, so that its passes are counted and can be cancelled."""

from __future__ import annotations

from collections.abc import Callable

import torch

from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

Scoring = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def scoring(subject: Subject, target: BoundTarget) -> Scoring:
    """A function from rows of inputs, and the input that each was made from, to their scores."""

    def score(x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return target.score(subject(x), rows)

    return score


def rows_of(x: torch.Tensor) -> torch.Tensor:
    """The number of each input, to travel with it through Captum's expansions."""
    return torch.arange(len(x), device=x.device)
