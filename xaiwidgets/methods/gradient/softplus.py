"""A network whose ReLUs have been rounded off: every one answers with a softplus."""

from __future__ import annotations

from collections.abc import Hashable

import torch
import torch.nn.functional as F

from xaiwidgets.core.intercept import Operation, Rule, replacing
from xaiwidgets.core.subject import Subject

from .rectifiers import RECTIFIERS, bounds

BETA_HELP = (
    "how sharp the corner of the softplus that takes a ReLU's place is: the larger, the nearer to "
    "the ReLU"
)


def softplus_rules(smoothing: Smoothing) -> dict[str, Rule]:
    """Rules for every operation that cuts off below 0: softplus_β(x) = 1/β · log(1 + e^(βx)), and
    softplus_β(x) − softplus_β(x − a) where it also cuts off above a."""

    def apply(operation: Operation) -> torch.Tensor:
        ends = bounds(operation)
        if ends is None:
            return operation.run()
        smoothing.met += 1
        x, high, beta = operation.input, ends[1], smoothing.beta
        x = x.clone() if operation.inplace else x  # the derivative needs what is overwritten
        y = F.softplus(x, beta)
        return operation.write(y if high is None else y - F.softplus(x - high, beta))

    return dict.fromkeys(RECTIFIERS, apply)


class Smoothing(Subject):
    """A subject whose network answers with softplus_β for every ReLU, modules and functions alike.

    Any method explains it, forward and backward passes are smooth, and can be differentiated twice.
    The network itself is not changed and is shared with the subject that this one is made from;
    `beta` may be set anew between passes, and `met` counts the ReLUs that were replaced. Its scores
    are not the network's: the smaller β, the further away.

    >>> Saliency()(Smoothing(subject, beta=1.0), x, target="star")
    """

    def __init__(self, subject: Subject, beta: float) -> None:
        if not isinstance(self, type(subject)):  # of a subject that reads texts, one that does too
            self.__class__ = type("Smoothing", (Smoothing, type(subject)), {})
        vars(self).update(vars(subject))
        self.beta, self.met = float(beta), 0
        self.title = f"{subject.title}, β = {beta:g}"

    def __call__(self, x: torch.Tensor, rows: int | None = None) -> torch.Tensor:
        """Scores (batch, classes) of one batch, of the smoothed network."""
        with replacing(self.model, softplus_rules(self)):
            return super().__call__(x, rows)

    @property
    def key(self) -> Hashable:
        """What tells its answers from those of the network and of another β."""
        return super().key, self.beta
