"""Grad-CAM: the weights of the channels, and the whole map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F

from xaiwidgets.core.activations import layer_gradients_and_score
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget
from xaiwidgets.methods import GradCam

from .asking import called, finite, map_of, named, tensor
from .examples import normal, other_classes, picture_subject, pictures
from .marking import MOST, Part, Report, marked
from .slips import Question, Slip, agree

_FORMULA = "L = ReLU(Σ_k α_k A_k), α_k the mean of ∂f/∂A_k over all places"


def channel_weights(student: Any, *, seed: int = 0, points: float | None = None) -> Report | float:
    """Whether a function of (gradients) averages them over space and nothing else.

    Gradients are (batch, channels, height, width), weights (batch, channels). Raises CheckFailed;
    with `points` returns the points earned instead.
    """

    def ask() -> None:
        gradients = normal(seed, 3, (4, 5, 6))
        yours = finite(tensor(called(student, gradients, takes="(gradients)"), ""), named(student))
        agree(yours.flatten(2).squeeze(2) if yours.ndim == 4 else yours, _weights(gradients))

    return marked("The channels' weights", [Part("mean over height and width", ask)], points)


def grad_cam(
    student: Any,
    *,
    layer: str = "relu4",
    subject: Any = None,
    inputs: Any = None,
    seed: int = 0,
    points: float | None = None,
) -> Report | float:
    """Whether a method is Grad-CAM, and if not, which slip it makes.

    `student` is a function of (subject, x, target) or an `xw.Attribution`, and looks at `layer`. It
    is tried on a small seeded network, whose layers are called as the zoo's are, or on a subject
    and inputs of yours. Raises CheckFailed; with `points` prints what it says and returns the
    points earned instead.
    """
    subject = picture_subject(seed) if subject is None else Subject.of(subject)
    x = subject.prepare(pictures(seed + 1) if inputs is None else inputs).x

    def expected(x: torch.Tensor, target: BoundTarget) -> torch.Tensor:
        return GradCam(layer=layer).values(subject, x, target)

    def of_one() -> None:
        target = subject.bind(None, x[:1])
        yours = map_of(student, subject, x[:1], target)
        agree(yours, _question(expected(x[:1], target), subject, x[:1], target, layer))

    def of_a_batch() -> None:
        target = subject.bind(other_classes(subject, x), x)
        yours = map_of(student, subject, x, target)
        agree(yours, _question(expected(x, target), subject, x, target, layer))

    def again() -> None:
        pair = x[:1], x[-1:].flip(3)
        targets = [subject.bind(None, one) for one in pair]
        before, now = (expected(one, target) for one, target in zip(pair, targets, strict=True))
        map_of(student, subject, pair[0], targets[0])
        question = _question(now, subject, pair[1], targets[1], layer)
        forget = (
            "keep nothing from call to call: make lists in the function, remove hooks, and use "
            "torch.autograd.grad or zero the gradients"
        )
        agree(map_of(student, subject, pair[1], targets[1]), replace(question, slips=[
            Slip("the map of the picture that was asked about before", before, forget, 0.0),
            *(Slip("the maps of several calls added up", times * before + now, forget, 0.0)
              for times in (1, 2)),
            *question.slips,
        ]))  # fmt: skip

    parts = [
        Part("one picture, the predicted class", of_one),
        Part("several pictures, each with a class that is asked for", of_a_batch),
        Part("another picture after that", again),
    ]
    return marked("Grad-CAM", parts, points)


def _weights(gradients: torch.Tensor) -> Question:
    places = gradients.shape[2] * gradients.shape[3]
    mean = gradients.mean((2, 3))
    return Question(
        mean, "α_k, the mean of the gradient over height and width: (batch, channels).",
        [
            Slip("averaged over the batch as well", gradients.mean((0, 2, 3)).expand_as(mean),
                 "leave dimension 0 alone: mean over (2, 3)"),
            Slip("the mean of what is positive", gradients.clamp_min(0).mean((2, 3)),
                 "the ReLU comes at the end, over the sum of the channels"),
            Slip("the largest gradient", gradients.amax((2, 3)), "take the mean", 0.0),
        ],
        {places: f"{places} is the number of places; take the mean, not the sum"},
        "gradients.mean(...) takes the dimensions to average over.",
    )  # fmt: skip


def _question(
    expected: torch.Tensor, subject: Subject, x: torch.Tensor, target: BoundTarget, layer: str
) -> Question:
    maps, gradients = _maps(subject, x, target, layer)
    places, channels = maps[0, 0].numel(), maps.shape[1]
    return Question(
        expected, f"{_FORMULA}, at {layer}, enlarged bilinearly.",
        [*_formulas(maps, gradients, x), *_others(subject, x, target, layer)],
        {
            places: f"{places} is the number of places of the map: α is the mean of the gradient, "
            "not the sum",
            1 / channels: f"{channels} is the number of channels: they are added up, not averaged",
        },
        "compare step by step with xw.GradCam: the layer's output A, the gradient of the score "
        "with respect to it, its mean over space, the sum over channels, the cut, the enlargement.",
    )  # fmt: skip


def _maps(
    subject: Subject, x: torch.Tensor, target: BoundTarget, layer: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """A and ∂f/∂A at a layer."""
    found, _ = layer_gradients_and_score(subject, x, target, [layer])
    return found[layer]


def _drawn(weighed: torch.Tensor, x: torch.Tensor, **how: Any) -> torch.Tensor:
    """Σ_k of (batch, channels, h, w), cut and enlarged."""
    how = how or {"mode": "bilinear", "align_corners": False}
    return F.interpolate(weighed.sum(1, keepdim=True).clamp_min(0), size=x.shape[2:], **how)


def _formulas(a: torch.Tensor, g: torch.Tensor, x: torch.Tensor) -> list[Slip]:
    """The slips in the formula, worked out from the layer's maps and gradients."""
    alpha = g.mean((2, 3), keepdim=True)
    plain = F.interpolate((alpha * a).sum(1, keepdim=True), size=x.shape[2:], mode="bilinear")
    draw = partial(_drawn, x=x)
    return [
        Slip("the map without the cut at 0", plain,
             "keep what speaks for the class: map.clamp_min(0)", MOST),
        Slip("the map cut at 0 after it was enlarged", plain.clamp_min(0),
             "cut first, then enlarge", MOST),
        Slip("the map with the gradient multiplied place by place, not averaged (that is HiResCAM)",
             draw(g * a), "average the gradient over height and width before you multiply"),
        Slip("the map without the channels that speak against the class: cut at 0 before the sum",
             draw((alpha * a).clamp_min(0)),
             "add all channels up with the signs of their weights; the ReLU is for the sum"),
        Slip("the map with the weights' sizes, without their signs", draw(alpha.abs() * a),
             "leave out abs(): a channel may speak against the class"),
        Slip("the sum of the layer's maps, without weights", draw(a),
             "multiply every map by its α_k before you add them up", 0.0),
        Slip("the sum of the gradients, without the layer's maps", draw(g),
             "multiply α_k by the map A_k", 0.0),
        Slip("the map with weights averaged over all pictures of the batch",
             draw(alpha.mean(0, keepdim=True) * a),
             "average over (2, 3) and not over 0: every picture has its own weights"),
        Slip("enlarged by repeating pixels", draw(alpha * a, mode="nearest"),
             "F.interpolate(..., mode='bilinear', align_corners=False)", MOST),
        Slip("enlarged with the corners aligned",
             draw(alpha * a, mode="bilinear", align_corners=True),
             "F.interpolate(..., mode='bilinear', align_corners=False)", MOST),
    ]  # fmt: skip


def _others(subject: Subject, x: torch.Tensor, target: BoundTarget, layer: str) -> list[Slip]:
    """The slips in what is explained and where: another score, class or layer."""

    def of(target: BoundTarget, layer: str = layer) -> torch.Tensor:
        maps, gradients = _maps(subject, x, target, layer)
        return _drawn(gradients.mean((2, 3), keepdim=True) * maps, x)

    def scored(score: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        return of(subject.bind(score, x))

    outputs = subject.outputs(x)
    rows, asked = torch.arange(len(x)), target.classes
    found = [
        Slip("the map of all classes' scores added up", scored(lambda out: out.sum(1)),
             "explain one score: target.score(subject(x))"),
    ]  # fmt: skip
    if asked is not None:
        own = asked.expand(len(x))
        logit = "explain the score before the softmax, where classes do not hold each other down"
        found += [
            Slip("the map of the probability, not of the score",
                 scored(lambda out: out.softmax(1)[rows, own]), logit, MOST),
            Slip("the map of the log-probability, not of the score",
                 scored(lambda out: out.log_softmax(1)[rows, own]), logit, MOST),
            Slip("the map of the predicted class, which was not asked for",
                 of(subject.bind(None, x)), "explain the class of `target`: do not take argmax"),
            *(
                Slip(f"the map of class {other}, not of the one that was asked for",
                     of(subject.bind(other, x)), "explain the class of `target`")
                for other in range(outputs.shape[1])
            ),
        ]  # fmt: skip
    return found + [
        Slip(f"the map at {other.name}, not at {layer}", of(target, other.name), f"look at {layer}")
        for other in subject.layers(x)
        if other.name != layer and other.spatial and other.leaf
    ]
