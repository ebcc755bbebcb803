"""Faithfulness by hand: an order of pixels, the score while they go, and a control beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget
from xaiwidgets.methods import GradientTimesInput

from .asking import called, finite, named, numbers, tensor
from .examples import normal, other_classes, picture_subject, pictures
from .marking import MOST, Part, Report, Wrong, marked
from .slips import Question, Slip, agree

_STEPS = 8
_DRAWS = 60  # random orders that a control is held against


def removal_order(student: Any, *, seed: int = 0, points: float | None = None) -> Report | float:
    """Whether a function of (heatmap), shape (height, width), lists the pixels from the most
    relevant to the least, by their places in heatmap.flatten().

    Raises CheckFailed; with `points` returns the points earned instead.
    """

    def ask() -> None:
        heatmap = normal(seed, 1, (5, 8))[0]
        found = called(student, heatmap.clone(), takes="(heatmap)")
        yours = finite(tensor(found, named(student)), named(student)).flatten()
        agree(yours, _order_of(heatmap))

    return marked("The order of removal", [Part("most relevant first", ask)], points)


def deletion_curve(student: Any, *, seed: int = 0, points: float | None = None) -> Report | float:
    """Whether a function of (subject, x, target, order, steps) gives the probability of the target
    while pixels go in that order: steps + 1 numbers, the first for the whole picture, the last for
    one without any pixel. What goes becomes the mean colour of the picture.

    Raises CheckFailed; with `points` returns the points earned instead.
    """
    subject = picture_subject(seed)
    x = pictures(seed + 1, 1) + 0.5
    takes = "(subject, x, target, order, steps)"

    def ask(what: Any) -> None:
        target = subject.bind(what, x)
        order = _places(x, seed)
        kept = x.clone()
        found = called(student, subject, kept, target, order.clone(), _STEPS, takes=takes)
        yours = numbers(found, named(student))
        if not kept.equal(x):
            raise Wrong(
                "x as it was.", "your function writes into the picture that it was given.",
                "begin with x.clone().",
            )  # fmt: skip
        _refuse_length(yours, _STEPS + 1)
        agree(yours, _curve_of(subject, x, target, order))

    parts = [
        Part("the predicted class", lambda: ask(None)),
        Part("a class that is asked for", lambda: ask(other_classes(subject, x))),
    ]
    return marked("The deletion curve", parts, points)


def faithfulness(student: Any, *, seed: int = 0, points: float | None = None) -> Report | float:
    """Whether a function of (subject, x, target, heatmap) gives two curves: the probability of the
    target while the heatmap's most relevant pixels go first, and a control, while pixels go in
    random orders (one, or the mean of several).

    The curves may have any number of steps; what goes becomes the mean colour of the picture.
    Raises CheckFailed; with `points` returns the points earned instead.
    """
    subject = picture_subject(seed)
    x = pictures(seed + 1, 1) + 0.5
    target = subject.bind(None, x)
    heatmap = GradientTimesInput().values(subject, x, target).sum(1)[0]
    order = heatmap.flatten().argsort(descending=True)
    made: list[list[torch.Tensor]] = []

    def curves() -> list[torch.Tensor]:
        if not made:
            takes = "(subject, x, target, heatmap)"
            found = called(student, subject, x.clone(), target, heatmap.clone(), takes=takes)
            made.append(_curves(found, named(student)))
        return made[0]

    def of_the_map() -> None:
        yours = curves()[0]
        agree(yours, _curve_of(subject, x, target, order, len(yours) - 1))

    def has_a_control() -> None:
        yours, control = _both(curves())
        _refuse_length(control, len(yours))
        _refuse_what_is_not_random(subject, x, target, order, control)

    parts = [Part("the map's curve", of_the_map), Part("the control", has_a_control)]
    return marked("Faithfulness with a control", parts, points)


def _order_of(heatmap: torch.Tensor) -> Question:
    flat = heatmap.flatten()
    right = flat.argsort(descending=True)
    across = heatmap.T.flatten().argsort(descending=True)
    slips = [
        Slip("the order from the least relevant pixel to the most", flat.argsort(),
             "argsort goes upwards: argsort(descending=True), or [::-1]"),
        Slip("the order by size, whatever the sign", flat.abs().argsort(descending=True),
             "leave out abs(): what speaks against the class goes last"),
        Slip("every pixel's rank, not the pixels by rank", right.argsort(),
             "one argsort is enough"),
        Slip("the places column by column", across,
             "heatmap.flatten() goes row by row; leave out the transpose"),
        Slip("the sorted values", flat.sort(descending=True).values, "argsort gives the places",
        0.0),
    ]  # fmt: skip
    return Question(
        right.double(), "places in heatmap.flatten(), the most relevant first.",
        [replace(slip, gives=slip.gives.double()) for slip in slips], {},
        "try it on a map of six numbers that you can sort by hand.", twists=False,
    )  # fmt: skip


def _places(x: torch.Tensor, seed: int) -> torch.Tensor:
    """Some order of the pixels of one picture."""
    return torch.randperm(x[0, 0].numel(), generator=torch.Generator().manual_seed(seed))


def _without(
    x: torch.Tensor, order: torch.Tensor, steps: int, *, zero: bool = False, keep: bool = False,
    cumulative: bool = True, channels: int | None = None, alone: bool = False,
) -> torch.Tensor:  # fmt: skip
    """The picture (1, channels, height, width) with ever more pixels gone: (steps + 1, ...)."""
    count = len(order)
    rank = torch.empty(count, dtype=torch.long)
    rank[order] = torch.arange(count)
    numbers_gone = [step if alone else round(count * step / steps) for step in range(steps + 1)]
    fill = torch.zeros_like(x) if zero else x.mean((2, 3), keepdim=True).expand_as(x)
    made = []
    for before, now in zip([0, *numbers_gone], numbers_gone, strict=False):
        gone = (rank < now) & (rank >= (0 if cumulative else before))
        gone = (~gone if keep else gone).view(1, 1, *x.shape[2:]).expand_as(x).clone()
        if channels is not None:
            gone[:, channels:] = False
        made.append(torch.where(gone, fill, x))
    return torch.cat(made)


def _scores(
    subject: Subject, pictures: torch.Tensor, target: BoundTarget, kind: str = "probability"
) -> torch.Tensor:
    """The target's probability, or score, or the highest probability, of each picture."""
    outputs = subject.outputs(pictures).double()
    if kind == "probability":
        return target.score(outputs.softmax(1))
    return outputs.softmax(1).amax(1) if kind == "highest" else target.score(outputs)


def _curve_of(
    subject: Subject, x: torch.Tensor, target: BoundTarget, order: torch.Tensor, steps: int = _STEPS
) -> Question:
    def curve(order: torch.Tensor = order, kind: str = "probability", **how: Any) -> torch.Tensor:
        return _scores(subject, _without(x, order, steps, **how), target, kind)

    return Question(
        curve(),
        f"{steps + 1} probabilities of the target: the whole picture, then with 1/{steps}, "
        f"2/{steps} ... of its pixels gone to the mean colour.",
        [
            Slip("the curve with the least relevant pixels gone first", curve(order.flip(0)),
                 "remove order[0] first: the most relevant pixel"),
            Slip("the curve of the score before the softmax", curve(kind="score"),
                 "a probability lies in 0...1: subject(x).softmax(1)", MOST),
            Slip("the curve of the highest probability, whichever class has it",
                 curve(kind="highest"),
                 "keep to the target: how sure the network is of *it* is asked"),
            Slip("the curve of the picture with 0 in place of what goes", curve(zero=True),
                 "fill with x.mean((2, 3), keepdim=True), the mean colour", MOST),
            Slip("the curve with the pixels kept that should go", curve(keep=True),
                 "turn the mask around: what comes first in the order goes"),
            Slip("the curve with only each step's own pixels gone", curve(cumulative=False),
                 "what is gone stays gone: order[:count], not order[before:count]"),
            Slip("the curve with one pixel gone at every step", curve(alone=True),
                 "a step is the share 1/steps of all pixels"),
            Slip("the curve with holes in the first channel alone", curve(channels=1),
                 "a pixel goes in all channels: picture[:, :, gone] = fill", MOST),
            Slip("the curve the other way round", curve().flip(0), "begin with the whole picture",
            MOST),
        ],
        {}, "look at the pictures: plot the one after every step.", twists=False,
    )  # fmt: skip


def _refuse_length(yours: torch.Tensor, length: int) -> None:
    if len(yours) == length:
        return
    missing = len(yours) == length - 1
    raise Wrong(
        f"{length} numbers.", f"{len(yours)} of them.",
        "begin with the whole picture: step 0 counts." if missing
        else "one number for the whole picture, and one for every step.",
    )  # fmt: skip


def _curves(found: Any, name: str) -> list[torch.Tensor]:
    """The curves that a function returned, or the one."""
    try:
        several = np.ndim(found[0]) > 0
    except (TypeError, LookupError):
        several = False
    return [numbers(curve, name) for curve in (found if several else [found])]


def _both(curves: list[torch.Tensor]) -> list[torch.Tensor]:
    """Two curves; raises `Wrong` where there is another number of them."""
    if len(curves) == 2:
        return curves
    yours = "one curve; the control is missing." if len(curves) == 1 else f"{len(curves)} curves."
    raise Wrong(
        "two curves, the map's and the control's.", yours,
        "any removal makes a score fall; only beside random orders does the fall tell that "
        "the map knew where to look. Return curve, control.",
    )  # fmt: skip


def _refuse_what_is_not_random(
    subject: Subject,
    x: torch.Tensor,
    target: BoundTarget,
    order: torch.Tensor,
    control: torch.Tensor,
) -> None:
    steps, expected = len(control) - 1, "the curve of random orders, or the mean of several."
    known = {
        "the map's own curve": (order, "give it an order of its own: torch.randperm(n)."),
        "the map's curve from the other end": (
            order.flip(0), "the reverse order is no control: it uses the map. torch.randperm(n)."),
        "the curve of the pixels row by row": (
            torch.arange(len(order)), "shuffle them: torch.randperm(n)."),
    }  # fmt: skip
    for what, (places, hint) in known.items():
        curve = _scores(subject, _without(x, places, steps), target)
        if float((control - curve).abs().max()) < 1e-3 * float(curve.abs().max()):
            raise Wrong(expected, f"{what}.", hint)
    orders = [_places(x, 1000 + draw) for draw in range(_DRAWS)]
    drawn = torch.stack([_scores(subject, _without(x, one, steps), target) for one in orders])
    away = (control - drawn.mean(0)).abs() / (drawn.std(0) + 1e-4)
    if float(away.max()) > 6:
        step = int(away.argmax())
        raise Wrong(
            expected,
            f"at step {step} {float(control[step]):.3f}, where {_DRAWS} random orders have "
            f"{float(drawn.mean(0)[step]):.3f} ± {float(drawn.std(0)[step]):.3f}.",
            "remove as for the map, with an order from torch.randperm, and average probabilities.",
        )  # fmt: skip
