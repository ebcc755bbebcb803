"""Sanity: let the network forget block after block while every map is redrawn."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from typing_extensions import Unpack

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject
from xaiwidgets.evaluation.sanity.forgetful import ForgettingBlocks

from . import code
from .given import refuse_other
from .opening import Given, names_of, spelt_out

if TYPE_CHECKING:
    from .compare import Compare


@spelt_out(Given)
def sanity(
    subject: Any,
    images: Any,
    target: Any = None,
    methods: Sequence[Any] | None = None,
    *,
    mode: str = "top down",
    measure: str = "signed spearman",
    draws: int = 3,
    start: str = "own",
    seed: int = 0,
    others: Mapping[str, Any] | None = None,
    **given: Unpack[Given],
) -> Compare:
    """`compare` on a network that forgets: switch its blocks off, and every map is redrawn.

    `mode` is "top down" (a cascade from the output), "bottom up", "one at a time" or "any blocks"
    (each switch for itself); `measure` how a map is compared with the trained network's, by
    default as the sanity badge does (see xaiwidgets.evaluation.similarity; "spearman" leaves the
    signs out); `start` what a forgotten parameter becomes, drawn `draws`
    times from `seed`: maps are those of the first draw, the curve is the mean, its band the lowest
    and the highest. `others` are networks of the same kind by name, such as one trained on permuted
    labels: `{"labels permuted": other}`. The rest is as for `compare`.

    Maps come when they are asked for, and meanwhile in the background; `w.wait()` waits for all.
    `w.answers` then hold the maps of all steps in `frames` and the similarities in `numbers`.
    """
    from .compare import Compare

    refuse_other("others", others, Mapping, "networks by name, such as {'labels permuted': other}")
    frame = sys._getframe(1)
    if others is not None and not isinstance(others, Mapping):
        raise ExplainError(
            f"others is a {type(others).__name__}; it takes networks by name, such as "
            '{"labels permuted": other}.'
        )
    names = names_of(frame, given, subject=subject, images=images, others=others)
    for name, other in (others or {}).items():
        names.update(code.names_in(frame, **{f"others[{name!r}]": other}))
    found = Subject.of(subject)
    beside = {str(name): _beside(found, other, name) for name, other in (others or {}).items()}
    experiment = ForgettingBlocks(
        beside, mode=mode, measure=measure, draws=draws, start=start, seed=seed
    )
    return Compare(found, images, target, methods, names=names, experiment=experiment, **given)


def _beside(subject: Subject, other: Any, name: str) -> Subject:
    if isinstance(other, Subject):
        return other
    if not isinstance(other, torch.nn.Module):
        raise ExplainError(
            f"others[{name!r}] is a {type(other).__name__}; it takes a network or a Subject."
        )
    return subject.with_network(other)
