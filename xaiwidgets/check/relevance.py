"""LRP-ε: the rule at one layer, the whole way down, its conservation, and where the rest went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget
from xaiwidgets.methods import LRP

from .asking import called, finite, map_of, named, numbers, tensor
from .examples import dense_inputs, dense_subject, normal, other_classes
from .marking import MOST, Part, Report, Wrong, marked
from .slips import SAME, Question, Slip, agree

_RULE = "R_j = a_j Σ_k w_kj R_k ÷ (z_k + ε·sign z_k), z = W a + b"
_USUAL = (0.0, 1e-9, 1e-6, 1e-4, 1e-3, 1e-2, 0.1, 0.25, 0.5, 1.0)  # what ε may have been set to
Divide = Callable[[torch.Tensor], torch.Tensor]


def epsilon_rule(student: Any, *, seed: int = 0, points: float | None = None) -> Report | float:
    """Whether a function of (a, weight, bias, relevance, epsilon) is the ε rule of a linear layer.

    a is (batch, inputs), weight (outputs, inputs), relevance (batch, outputs); what comes back is
    (batch, inputs). Raises CheckFailed; with `points` returns the points earned instead.
    """

    def ask(epsilon: float) -> None:
        layer = _layer(seed, epsilon)
        takes = "(a, weight, bias, relevance, epsilon)"
        given = (layer.a, layer.weight, layer.bias, layer.relevance, epsilon)
        yours = finite(tensor(called(student, *given, takes=takes), named(student)), named(student))
        agree(yours, Question(
            layer.passed(), f"{_RULE}; here ε = {epsilon:g}.", layer.slips(),
            {}, "work one output k out by hand: its z, its share a_j w_kj ÷ z of every input.",
            twists=False,
        ))  # fmt: skip

    parts = [
        Part("an ε that hardly counts", lambda: ask(1e-6)),
        Part("an ε that counts", lambda: ask(0.5)),
    ]
    return marked("The ε rule", parts, points)


def lrp_epsilon(
    student: Any,
    *,
    epsilon: float = 1e-6,
    subject: Any = None,
    inputs: Any = None,
    seed: int = 0,
    points: float | None = None,
) -> Report | float:
    """Whether a method is LRP-ε from the score down to the input, and if not, which slip it makes.

    `student` is a function of (subject, x, target) or an `xw.Attribution`, and uses `epsilon`. It
    is tried on linear layers and ReLUs in an nn.Sequential. Raises CheckFailed; with `points`
    returns the points earned instead.
    """
    subject = dense_subject(seed) if subject is None else Subject.of(subject)
    x = subject.prepare(dense_inputs(seed + 1) if inputs is None else inputs).x
    reference = LRP(preset="ε", epsilon=epsilon)

    def ask(x: torch.Tensor, target: BoundTarget) -> None:
        yours = map_of(student, subject, x, target)
        expected = reference.values(subject, x, target)
        agree(yours, Question(
            expected, f"{_RULE} at every layer, from the score of the class; ε = {epsilon:g}.",
            _slips_on_the_way(subject, x, target, epsilon), {},
            "hold every layer against the last: Σ_j R_j has to be nearly Σ_k R_k where b = 0.",
        ))  # fmt: skip

    parts = [
        Part("one input, the predicted class", lambda: ask(x[:1], subject.bind(None, x[:1]))),
        Part("several inputs, a class that is asked for",
             lambda: ask(x, subject.bind(other_classes(subject, x), x))),
    ]  # fmt: skip
    return marked("LRP-ε", parts, points)


def conservation(
    student: Any,
    *,
    subject: Any = None,
    inputs: Any = None,
    within: float = 1e-3,
    seed: int = 0,
    points: float | None = None,
) -> Report | float:
    """Whether the values of a method add up to the score that they explain.

    Tried on a network without biases, on which LRP with a small ε, and gradient × input, conserve;
    the gap may be the share `within` of the score. Raises CheckFailed; with `points` returns the
    points earned instead.
    """
    subject = dense_subject(seed, bias=False) if subject is None else Subject.of(subject)
    x = subject.prepare(dense_inputs(seed + 1, 3) if inputs is None else inputs).x

    def ask(what: Any) -> None:
        target = subject.bind(what, x)
        sums = map_of(student, subject, x, target).flatten(1).sum(1)
        _adds_up(sums, subject.scores(x, target).double(), _other_sums(subject, x, target), within)

    parts = [
        Part("the predicted class", lambda: ask(None)),
        Part("a class that is asked for", lambda: ask(other_classes(subject, x))),
    ]
    return marked("Conservation", parts, points)


def accounts(
    student: Any, *, epsilon: float = 0.1, seed: int = 0, points: float | None = None
) -> Report | float:
    """Whether a function of (a, weight, bias, relevance, epsilon) says where a layer's relevance
    went: (to the inputs, to the bias, to ε), each summed over everything, which add up to Σ R.

    Raises CheckFailed; with `points` returns the points earned instead.
    """
    layer = _layer(seed, epsilon)

    def given() -> torch.Tensor:
        takes = "(a, weight, bias, relevance, epsilon)"
        found = called(
            student, layer.a, layer.weight, layer.bias, layer.relevance, epsilon, takes=takes
        )
        values = numbers(found, named(student))
        if values.shape != (3,):
            raise Wrong(
                "three numbers: inputs, bias, ε.",
                f"{len(values)} of them.",
                "return inputs, bias, epsilon.",
            )
        return values

    def ask(index: int) -> None:
        mine, value = float(given()[index]), float(layer.accounts()[index])
        if abs(mine - value) > SAME * abs(value):
            raise Wrong(
                f"{value:.4g}; the three add up to Σ_k R_k = {float(layer.relevance.sum()):.4g}.",
                f"{mine:.4g}; they add up to {float(given().sum()):.4g}.",
                "Σ_j a_j w_kj = z_k − b_k, so the inputs get the share (z_k − b_k) ÷ (z_k + ε·sign "
                "z_k) of R_k, the bias b_k ÷ the same, and ε ε·sign z_k ÷ the same; add up over k.",
            )  # fmt: skip

    names = "to the inputs", "to the bias", "to ε"
    parts = [Part(name, partial(ask, index)) for index, name in enumerate(names)]
    return marked("Where the relevance went", parts, points)


@dataclass(frozen=True)
class _Layer:
    """One linear layer with the relevance of its outputs."""

    a: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor
    relevance: torch.Tensor
    epsilon: float

    @property
    def z(self) -> torch.Tensor:
        return self.a @ self.weight.T + self.bias

    def passed(self, divide: Divide | None = None, *, bias: bool = True) -> torch.Tensor:
        """The relevance of the inputs; `divide` makes of z what R is divided by."""
        z = self.z if bias else self.a @ self.weight.T
        below = (divide or self.stabilised)(z)
        return self.a * ((self.relevance / below) @ self.weight)

    def stabilised(self, z: torch.Tensor) -> torch.Tensor:
        return z + self.epsilon * torch.where(z < 0, -1.0, 1.0)

    def slips(self) -> list[Slip]:
        e, below = self.epsilon, self.stabilised(self.z)
        positive = self.weight.clamp_min(0)
        return [
            Slip("the rule without the bias in z", self.passed(bias=False),
                 "z_k = Σ_j a_j w_kj + b_k: the bias gets its share too, and keeps it"),
            Slip("the rule with ε added to z whatever its sign", self.passed(lambda z: z + e),
                 "ε has to take z away from 0: add ε·sign(z), or a negative z comes nearer to it",
                 MOST),
            Slip("the rule with ε subtracted",
                 self.passed(lambda z: z - e * torch.where(z < 0, -1.0, 1.0)),
                 "add ε·sign(z), which takes z away from 0"),
            Slip("the rule with ε = 0", self.passed(lambda z: z),
                 "add ε·sign(z) to z before you divide", MOST),
            Slip("the rule with |z| + ε below", self.passed(lambda z: z.abs() + e),
                 "keep the sign of z: z + ε·sign(z)"),
            Slip("the rule without a_j", (self.relevance / below) @ self.weight,
                 "multiply by the input a_j at the end"),
            Slip("the rule with positive weights alone (that is z⁺)",
                 self.a * ((self.relevance / (self.a @ positive.T + e)) @ positive),
                 "keep negative weights: the ε rule shares by all contributions"),
            Slip("the relevance through the weights, not divided by z",
                 self.a * (self.relevance @ self.weight), "divide R_k by z_k + ε·sign(z_k) first",
                 0.0),
            Slip("the relevance shared by the weights without the inputs in z",
                 self.a * ((self.relevance / self.stabilised(self.weight.sum(1))) @ self.weight),
                 "z_k = Σ_j a_j w_kj + b_k holds the inputs a_j", 0.0),
        ]  # fmt: skip

    def accounts(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What goes to the inputs, to the bias and to ε."""
        z = self.z
        share = self.relevance / self.stabilised(z)
        kept = self.epsilon * torch.where(z < 0, -1.0, 1.0)
        return ((z - self.bias) * share).sum(), (self.bias * share).sum(), (kept * share).sum()


def _layer(seed: int, epsilon: float) -> _Layer:
    weight = normal(seed, 4, (6,))
    bias = 0.7 * normal(seed + 1, 1, (4,))[0]
    a = normal(seed + 2, 3, (6,)).clamp_min(0)
    return _Layer(a, weight, bias, normal(seed + 3, 3, (4,)), epsilon)


Step = Callable[[_Layer], torch.Tensor]


def _slips_on_the_way(
    subject: Subject, x: torch.Tensor, target: BoundTarget, epsilon: float
) -> list[Slip]:
    """The slips of the rule at every layer, of what the way begins with, and of the way itself."""
    if not _in_a_row(subject.model):
        return []
    outputs = subject.outputs(x)
    asked = target.classes
    assert asked is not None
    one = torch.zeros_like(outputs).scatter_(1, asked.expand(len(x))[:, None], 1.0)

    def way(
        start: torch.Tensor, step: Step = _Layer.passed, rectified: bool = True
    ) -> torch.Tensor:
        return _way_down(subject.model, x, start, step, epsilon, rectified)

    rules = _layer(0, epsilon).slips()
    found = [
        Slip(slip.is_.replace("the rule", "LRP") + ", at every layer",
             way(one * outputs, partial(_slipping, i)), slip.hint, slip.earns)
        for i, slip in enumerate(rules)
    ]  # fmt: skip
    begins = "begin with the score of the class at its place, and 0 at the others"
    predicted = torch.zeros_like(outputs).scatter_(1, outputs.argmax(1)[:, None], 1.0)
    return [
        *found,
        Slip("LRP from 1 in place of the score", way(one), begins, MOST),
        Slip("LRP from the probability in place of the score", way(one * outputs.softmax(1)),
             begins, MOST),
        Slip("LRP from all scores at once", way(outputs), begins),
        Slip("LRP of the predicted class, which was not asked for", way(predicted * outputs),
             "explain the class of `target`: target.classes, or the gradient of target.score"),
        Slip("LRP with activations before the ReLU", way(one * outputs, rectified=False),
             "the inputs of a layer are what the ReLU before it let through"),
        *(
            Slip(f"LRP with ε = {other:g}",
                 _way_down(subject.model, x, one * outputs, _Layer.passed, other),
                 f"use ε = {epsilon:g}", MOST)
            for other in _USUAL if other != epsilon
        ),
    ]  # fmt: skip


def _slipping(which: int, layer: _Layer) -> torch.Tensor:
    """What one of the rule's slips passes on."""
    return layer.slips()[which].gives


def _way_down(
    network: nn.Module, x: torch.Tensor, start: torch.Tensor, step: Step, epsilon: float,
    rectified: bool = True,
) -> torch.Tensor:  # fmt: skip
    """Relevance shaped like x, through the linear layers and ReLUs of a network in a row."""
    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    relevance = start
    with torch.no_grad():
        inputs = _inputs(layers, x, rectified)
        for layer, a in zip(reversed(layers), reversed(inputs), strict=True):
            bias = torch.zeros(len(layer.weight)) if layer.bias is None else layer.bias
            relevance = step(_Layer(a, layer.weight, bias, relevance, epsilon))
    return relevance.view_as(x)


def _inputs(layers: Sequence[nn.Linear], x: torch.Tensor, rectified: bool) -> list[torch.Tensor]:
    """The input of every layer, or what it was before the ReLU."""
    found, before, value = [], x.flatten(1), x.flatten(1)
    for layer in layers:
        found.append(value if rectified else before)
        before = layer(value)
        value = before.clamp_min(0)
    return found


def _in_a_row(network: nn.Module) -> bool:
    return all(isinstance(m, (nn.Flatten, nn.Linear, nn.ReLU)) for m in network.children())


def _other_sums(subject: Subject, x: torch.Tensor, target: BoundTarget) -> dict[str, torch.Tensor]:
    """What a map may add up to when the way begins with something else."""
    outputs = subject.outputs(x).double()
    score = target.score(outputs)
    assert target.classes is not None
    own = target.classes.expand(len(x))
    return {
        "1, so it begins with 1": torch.ones_like(score),
        "the probability, so it begins behind the softmax": outputs.softmax(1)[range(len(x)), own],
        "the score of all classes together": outputs.sum(1),
        "the score of the predicted class, which was not asked for": outputs.amax(1),
        "minus the score": -score,
    }


def _adds_up(
    sums: torch.Tensor, scores: torch.Tensor, others: dict[str, torch.Tensor], within: float
) -> None:
    away = (sums - scores).abs() / scores.abs().clamp_min(1e-12)
    if bool((away <= within).all()):
        return
    worst = int(away.argmax())
    told = f"input {worst + 1} adds up to {float(sums[worst]):.4g}"
    for what, value in others.items():
        if torch.allclose(sums, value, rtol=max(within, SAME)):
            raise Wrong(
                _words(scores, worst), f"{told}: that is {what}.",
                "begin with the score of the class at its place, and 0 at the others.",
            )  # fmt: skip
    ratio = sums / scores
    even = float(ratio.std()) < SAME * float(ratio.mean().abs()) if len(ratio) > 1 else False
    raise Wrong(
        _words(scores, worst),
        f"{told}, {float(ratio[worst]):.3g} times the score"
        + (", and so for every input: a factor is lost or too many." if even else "."),
        "add up the relevance behind every layer: where the sum changes first, the rule loses or "
        "makes some. An ε that is large, or a gradient that is not multiplied by its input, does.",
    )


def _words(scores: torch.Tensor, worst: int) -> str:
    return f"values that add up to the score, {float(scores[worst]):.4g} for input {worst + 1}."
