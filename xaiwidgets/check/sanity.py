"""A sanity check by hand: a network that forgets, a similarity, and their curve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from xaiwidgets.core.copies import own_copy
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget
from xaiwidgets.evaluation.similarity import pearson, spearman
from xaiwidgets.methods import Saliency

from .asking import called, finite, named, numbers, tensor
from .examples import normal, other_classes, picture_subject, pictures
from .marking import HALF, MOST, Part, Report, Wrong, marked
from .slips import Question, Slip, agree

Method = Callable[[Subject, torch.Tensor, BoundTarget], torch.Tensor]


def forgetting(student: Any, *, seed: int = 0, points: float | None = None) -> Report | float:
    """Whether a function of (model, count) returns a copy whose last `count` layers with weights
    have forgotten what they learnt, and leaves the model alone.

    Raises CheckFailed; with `points` returns the points earned instead.
    """
    subject = picture_subject(seed)
    names = [n for n, m in subject.model.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear))]

    def ask(count: int) -> None:
        given = own_copy(subject.model)
        before = {key: value.clone() for key, value in given.state_dict().items()}
        made = called(student, given, count, takes="(model, count)")
        _refuse_what_is_no_network(made, named(student))
        if made is given and not _changed(given, before):
            raise Wrong(_COPY, "the model itself.", "begin with copy.deepcopy(model).")
        _refuse_other_layers(made.state_dict(), before, names, count)
        if _changed(given, before):
            raise Wrong(
                _COPY, "the model itself has changed.",
                "begin with copy.deepcopy(model), and change the copy alone.", earns=HALF,
            )  # fmt: skip

    parts = [
        Part("one layer", lambda: ask(1)),
        Part("two layers", lambda: ask(2)),
        Part("all layers", lambda: ask(len(names))),
    ]
    return marked("A network that forgets", parts, points)


def similarity(student: Any, *, seed: int = 0, points: float | None = None) -> Report | float:
    """Whether a function of (a, b), two maps (height, width), is their rank correlation with signs.

    Raises CheckFailed; with `points` returns the points earned instead.
    """

    def ask(seed: int, power: int) -> None:
        a, noise = normal(seed, 2, (6, 7)).double()
        b = (0.6 * a + 0.5 * noise).pow(power)
        yours = finite(
            tensor(called(student, a, b, takes="(a, b)"), named(student)), named(student)
        )
        agree(yours.flatten(), _similarity_of(a, b))

    parts = [
        Part("two maps that are alike", lambda: ask(seed, 1)),
        Part("a map whose largest values are very large", lambda: ask(seed + 1, 5)),
    ]
    return marked("The similarity of two maps", parts, points)


def sanity(student: Any, *, seed: int = 0, points: float | None = None) -> Report | float:
    """Whether a function of (method, subject, networks, x, target) says how alike a method's map is
    while the network forgets: 1 for the trained network itself, then one rank correlation with it
    for every one of `networks`.

    `method` is a function of (subject, x, target); subject.with_network(network) asks another
    network. Raises CheckFailed; with `points` returns the points earned instead.
    """
    subject = picture_subject(seed)
    x = pictures(seed + 1, 1)
    networks = _cascade(subject, seed)
    takes = "(method, subject, networks, x, target)"

    def ask(method: Method, target: BoundTarget) -> torch.Tensor:
        found = called(student, method, subject, networks, x, target, takes=takes)
        return numbers(found, named(student))

    def of_the_gradient(what: Any) -> None:
        target = subject.bind(what, x)
        agree(ask(_gradient, target), _curve_of(subject, networks, x, target))

    def of_a_control() -> None:
        def picture_alone(subject: Subject, x: torch.Tensor, target: BoundTarget) -> torch.Tensor:
            return x.sum(1, keepdim=True)

        of_the_gradient(None)
        agree(ask(picture_alone, subject.bind(None, x)), Question(
            torch.ones(len(networks) + 1, dtype=torch.float64),
            "1 at every step for a method that never asks the network.",
            steps="use the method that is handed over, for every network.",
        ))  # fmt: skip

    parts = [
        Part("the gradient, the predicted class", lambda: of_the_gradient(None)),
        Part("the gradient, a class that is asked for",
             lambda: of_the_gradient(other_classes(subject, x))),
        Part("a method that ignores the network", of_a_control),
    ]  # fmt: skip
    return marked("The sanity check", parts, points)


_COPY = "a copy of the model; the model itself as it was."


def _refuse_what_is_no_network(made: Any, name: str) -> None:
    if not isinstance(made, nn.Module):
        raise Wrong(_COPY, f"{name} returns a {type(made).__name__}.", "return the copy.")


def _changed(network: nn.Module, before: dict[str, torch.Tensor]) -> bool:
    return any(not value.equal(before[key]) for key, value in network.state_dict().items())


def _refuse_other_layers(
    made: dict[str, torch.Tensor], before: dict[str, torch.Tensor], names: Sequence[str], count: int
) -> None:
    forgot = [n for n in names if not made[f"{n}.weight"].equal(before[f"{n}.weight"])]
    wished = list(names[-count:])
    expected = f"new weights in the last {count} of {len(names)} layers: {', '.join(wished)}."
    yours = f"new weights in {', '.join(forgot) or 'none'}."
    if forgot != wished:
        raise Wrong(expected, yours, _layers_hint(forgot, names, count))
    kept = [n for n in wished if made[f"{n}.bias"].equal(before[f"{n}.bias"])]
    if kept:
        raise Wrong(
            expected, f"{yours[:-1]}, but the bias of {kept[0]} is the trained one.",
            "layer.reset_parameters() draws weight and bias anew.", earns=MOST,
        )  # fmt: skip


def _layers_hint(forgot: Sequence[str], names: Sequence[str], count: int) -> str:
    if not forgot:
        return (
            "layer.reset_parameters() draws a layer's weights anew; return the copy it was done to."
        )
    if forgot == list(names[:count]):
        return "the check begins at the output: take the last layers, layers[-count:]."
    if forgot == [names[-count]]:
        return "it is a cascade: the layers behind it have forgotten as well."
    if len(forgot) == len(names):
        return "keep the others: only layers[-count:] forget."
    return "list the layers with weights (nn.Conv2d, nn.Linear) and take layers[-count:]."


def _similarity_of(a: torch.Tensor, b: torch.Tensor) -> Question:
    def one(values: Any) -> torch.Tensor:
        return torch.as_tensor(values, dtype=torch.float64).flatten()[:1]

    pair = a[None].numpy(), b[None].numpy()
    plain = one(spearman(*pair, absolute=False))
    sizes = one(spearman(*pair, absolute=True))
    linear = one(pearson(*pair))
    flat = one((a * b).sum() / a.norm() / b.norm())
    return Question(
        plain, "Spearman's rank correlation of all values, signs and all.",
        [
            Slip("Pearson's correlation of the values", linear,
                 "correlate the ranks: a few large values must not decide"),
            Slip("the rank correlation of the sizes", sizes,
                 "leave out abs(): red and blue are two answers"),
            Slip("the cosine", flat, "rank the values, take off the mean of the ranks"),
            Slip("1 − the rank correlation", 1 - plain, "1 stands for alike, not for different",
            MOST),
            Slip("the rank correlation, squared", plain.square(), "leave out the square"),
        ],
        {}, "scipy.stats.spearmanr(a.flatten(), b.flatten()) is the same.", twists=True,
    )  # fmt: skip


def _gradient(subject: Subject, x: torch.Tensor, target: BoundTarget) -> torch.Tensor:
    return Saliency().values(subject, x, target).sum(1, keepdim=True)


def _cascade(subject: Subject, seed: int) -> list[nn.Module]:
    """Networks that forgot one, two ... layers from the output."""
    networks: list[nn.Module] = []
    network = subject.model
    layers = [n for n, m in network.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    for step, name in enumerate(reversed(layers)):
        network = own_copy(network)
        layer = network.get_submodule(name)
        for parameter in layer.parameters():
            fresh = normal(seed + 10 + step, 1, tuple(parameter.shape))[0]
            parameter.data = fresh * parameter.detach().std().clamp_min(0.1)
        networks.append(network)
    return networks


def _curve_of(
    subject: Subject, networks: Sequence[nn.Module], x: torch.Tensor, target: BoundTarget
) -> Question:
    subjects = [subject, *(subject.with_network(network) for network in networks)]
    maps = [_gradient(s, x, target) for s in subjects]
    anew = [_gradient(s, x, s.bind(None, x)) for s in subjects]

    def likeness(pairs: Sequence[tuple[torch.Tensor, torch.Tensor]], sizes: bool = False) -> Any:
        found = [spearman(a[:, 0].numpy(), b[:, 0].numpy(), absolute=sizes) for a, b in pairs]
        return torch.tensor([float(np.squeeze(value)) for value in found], dtype=torch.float64)

    first = maps[0]
    right = likeness([(first, m) for m in maps])
    steps = likeness([(a, b) for a, b in zip([first, *maps[:-1]], maps, strict=True)])
    return Question(
        right, f"1 for the trained network, then {len(networks)} rank correlations with its map.",
        [
            Slip("what comes out when every network explains the class that it names itself",
                 likeness([(anew[0], m) for m in anew]),
                 "keep `target`, the trained network's class: a new class makes a new map anyway"),
            Slip("every map beside the one before it", steps,
                 "hold every map against the trained network's"),
            Slip("the similarity of the sizes, without signs",
                 likeness([(first, m) for m in maps], sizes=True), "leave out abs()"),
            Slip("1 at every step", torch.ones_like(right),
                 "ask the other networks: method(subject.with_network(network), x, target)", 0.0),
            Slip("the curve the other way round", right.flip(0),
                 "go through `networks` in the order in which they are given", MOST),
            Slip("the dissimilarity", 1 - right, "1 stands for alike", MOST),
        ],
        {}, "method(subject, x, target) once, then method(subject.with_network(n), x, target) for "
        "every n in networks.", twists=False,
    )  # fmt: skip
