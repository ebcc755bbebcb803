"""Any callable from an array to scores, as a network without layers or gradients."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

from .errors import ExplainError


class BlackBox(nn.Module):
    """Asks `ask` for the scores (batch, classes) of a NumPy array (batch, channels, height, width),
    or of what `hand` makes of it.

    Nothing can be seen of what is inside, so that no two black boxes are taken for the same one:
    each has a fingerprint of its own.
    """

    def __init__(
        self, ask: Callable[[Any], Any], hand: Callable[[np.ndarray], Any] = np.asarray
    ) -> None:
        super().__init__()
        _refuse_labels(ask)
        self.ask, self.hand = ask, hand
        self.title = _title(ask)
        self._own = uuid.uuid4().hex
        self.eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The scores as a tensor, in the input's own precision."""
        scores = self._read(self.ask(self.hand(x.detach().cpu().numpy())))
        return scores.to(x) if scores.is_floating_point() else scores

    def _read(self, answer: Any) -> torch.Tensor:
        if isinstance(answer, torch.Tensor):
            return answer.detach()
        try:
            return torch.from_numpy(np.ascontiguousarray(answer))
        except (TypeError, ValueError):
            kind = getattr(answer, "dtype", None)
            told = f" of {kind}" if isinstance(kind, np.dtype) else ""
            raise ExplainError(
                f"{self.title} returned a {type(answer).__name__}{told}; a black box has to return "
                "an array of scores (batch, classes), or (batch,)."
            ) from None

    def extra_repr(self) -> str:
        """What tells it from others."""
        return f"{self.title}, {self._own}"


def _refuse_labels(ask: Callable[[Any], Any]) -> None:
    """Refuse the `predict` of a classifier, as scikit-learn's have it."""
    if getattr(ask, "__name__", "") != "predict":
        return
    owner = getattr(ask, "__self__", None)
    for better in ("predict_proba", "decision_function"):
        if hasattr(owner, better):
            who = type(owner).__name__
            raise ExplainError(
                f"{who}.predict gives labels, and explanations take scores; give its {better}."
            )


def _title(ask: Callable[[Any], Any]) -> str:
    """What it is called: of a model's method the model."""
    owner = getattr(ask, "__self__", None)
    if owner is not None and not isinstance(owner, ModuleType):
        return type(owner).__name__
    return getattr(ask, "__name__", type(ask).__name__)
