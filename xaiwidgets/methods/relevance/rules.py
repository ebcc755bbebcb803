"""The rules of layer-wise relevance propagation for dense layers and convolutions.

A rule says how the relevance R of a layer's outputs z is shared among its inputs x. What flows
backward here is c = R ÷ activation, not R: of an operation that is linear, or passes relevance to
one place, c is then the plain gradient, and only layers with a rule cost anything. A rule takes the
c of the outputs and gives that of the inputs. Rules `at_input` give R itself, for the pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Real

import torch

from xaiwidgets.core.errors import ExplainError

from .affine import Affine

STABILISER = 1e-6
_ROUNDING = 1e-2  # of a box: so near it end pictures in half precision, or resized elsewhere
Parts = list[tuple[torch.Tensor | None, float]]


@dataclass
class Flow:
    """What a rule works on: a layer with its input x and output z, and c = R ÷ z of the output.

    `positive` says that z is known only where it is positive, and 0 elsewhere: a ReLU follows, and
    no relevance comes from a unit that is off. `topmost` is the layer that relevance meets first.
    """

    layer: Affine
    x: torch.Tensor
    z: torch.Tensor
    c: torch.Tensor
    positive: bool
    topmost: bool = False

    @property
    def relevance(self) -> torch.Tensor:
        """R of the outputs."""
        return self.c * self.z

    def signs(self) -> Parts:
        """The input's parts by sign: where it is positive, and where it is negative, each as a mask
        (None where it holds everywhere) with its sign."""
        if bool(self.x.amin() >= 0):
            return [(None, 1.0)]
        return [(self.x > 0, 1.0), (self.x < 0, -1.0)]


class Rule:
    """How a layer's relevance is shared among its inputs. A rule of your own gives `share`.

    One that is `at_input` gives relevance itself; one that is `blind` gives it to inputs that are 0
    as well; one that `needs_bounds` is asked for itself `within` those of the layer's input.
    """

    at_input = False
    blind = False
    needs_input = True
    needs_bounds = False

    def share(self, flow: Flow) -> torch.Tensor:
        """c of the layer's inputs, or their relevance where the rule is `at_input`; shaped like
        flow.x."""
        raise NotImplementedError

    def bias(self, flow: Flow) -> float | None:
        """The relevance that the layer's bias takes; None where it is not told from the rest."""
        return None

    def stranded(self, flow: Flow) -> float:
        """The relevance of outputs that have nothing to share it among."""
        return 0.0

    def within(self, low: torch.Tensor, high: torch.Tensor) -> Rule:
        """This rule for inputs between these bounds."""
        return self

    def beyond(self, x: torch.Tensor) -> float:
        """How far a layer's input goes beyond what the rule was made for; 0 where it does not."""
        return 0.0

    def __str__(self) -> str:
        return type(self).__name__


def _need_amount(name: str, value: object) -> None:
    """Refuse what is no number from 0 on."""
    if not isinstance(value, Real) or not 0 <= float(value) < math.inf:
        raise ExplainError(f"{name} is {value!r}; it takes a number from 0 on, such as 0.25.")


@dataclass(frozen=True)
class Epsilon(Rule):
    """LRP-ε (Bach et al. 2015): R_j = Σ_k x_j w_jk R_k ÷ (z_k + ε·sign z_k).

    ε takes relevance away from outputs that are near 0; `relative` counts it in root mean squares
    of the layer's outputs, after a ReLU that follows at once. With ε = 0 it is LRP-0, which is
    gradient × input on ReLU networks.
    """

    epsilon: float = STABILISER
    relative: bool = False
    needs_input = False

    def __post_init__(self) -> None:
        _need_amount("ε", self.epsilon)

    def share(self, flow: Flow) -> torch.Tensor:
        """One backward pass of the layer."""
        return flow.layer.pull(self.damped(flow), flow.x)

    def bias(self, flow: Flow) -> float | None:
        """Σ b · R ÷ (z + ε · sign z)."""
        bias = flow.layer.merged()[1]
        if bias is None:
            return 0.0
        return _sum(self.damped(flow) * flow.layer.by_channel(bias, flow.z))

    def damped(self, flow: Flow) -> torch.Tensor:
        """c · |z| ÷ (|z| + ε), in memory of its own."""
        c, z = flow.c, flow.z
        if self.epsilon == 0:
            return torch.where(z > 0, c, 0) if flow.positive else c.clone()
        size = z if flow.positive else z.abs()
        share = size + self._stabiliser(size)
        return torch.div(size, share, out=share).mul_(c)

    def _stabiliser(self, size: torch.Tensor) -> torch.Tensor | float:
        if not self.relative:
            return self.epsilon
        dims = tuple(range(1, size.ndim))
        return size.square().mean(dims, keepdim=True).sqrt_().mul_(self.epsilon) + _tiny(size)

    def __str__(self) -> str:
        unit = " rms" if self.relative else ""
        return f"ε = {self.epsilon:g}{unit}" if self.epsilon else "LRP-0"


def Norm() -> Epsilon:  # noqa: N802 - a rule by its name
    """The norm rule: in proportion to contributions, as sums and average pools share everywhere. Of
    a layer it is LRP-ε with the smallest ε."""
    return Epsilon(STABILISER)


@dataclass(frozen=True)
class AlphaBeta(Rule):
    """LRP-αβ (Bach et al. 2015), α − β = 1: positive contributions share α R, negative −β R."""

    alpha: float = 2.0
    beta: float = 1.0

    def __post_init__(self) -> None:
        if self.alpha < 1 or self.beta < 0 or abs(self.alpha - self.beta - 1) > 1e-9:
            raise ExplainError(
                f"α is {self.alpha:g} and β is {self.beta:g}; LRP-αβ takes α ≥ 1, β ≥ 0 and "
                "α − β = 1, such as 2 and 1."
            )

    def share(self, flow: Flow) -> torch.Tensor:
        """Passes over the positive contributions, and where β is not 0 over the negative ones."""
        contributions = _Contributions(flow)
        found = contributions.share(1.0).mul_(self.alpha)
        if self.beta:
            found.sub_(contributions.share(-1.0), alpha=self.beta)
        return found

    def bias(self, flow: Flow) -> float | None:
        """α Σ b⁺ · R ÷ Σ z⁺ − β Σ b⁻ · R ÷ Σ z⁻."""
        bias = flow.layer.merged()[1]
        if bias is None:
            return 0.0
        return sum(
            share
            * _sum(flow.relevance / below * flow.layer.by_channel(_signed(bias, sign), flow.z))
            for share, sign, below in self._sides(flow)
        )

    def stranded(self, flow: Flow) -> float:
        """R of outputs without a contribution of the sign that shares it."""
        return sum(
            share * _sum(torch.where(below == sign * STABILISER, flow.relevance, 0))
            for share, sign, below in self._sides(flow)
        )

    def _sides(self, flow: Flow) -> Iterator[tuple[float, float, torch.Tensor]]:
        """α with the positive contributions to every output, −β with the negative ones; each with
        the stabiliser, as they divide R."""
        contributions = _Contributions(flow)
        for share, sign in ((self.alpha, 1.0), (-self.beta, -1.0)):
            if share:
                yield share, sign, contributions.total(sign).add_(sign * STABILISER)

    def __str__(self) -> str:
        return f"α = {self.alpha:g}, β = {self.beta:g}" if self.beta else "z⁺"


def ZPlus() -> AlphaBeta:  # noqa: N802 - a rule by its name
    """The z⁺ rule (Montavon et al. 2017): positive contributions alone; αβ with α = 1, β = 0."""
    return AlphaBeta(1.0, 0.0)


@dataclass(frozen=True)
class Gamma(Rule):
    """LRP-γ (Montavon et al. 2019): contributions that point the way of the output count 1 + γ.

    For outputs above 0 these are the positive contributions, w + γ w⁺ for inputs above 0; for
    outputs below 0 the negative ones (Andéol et al. 2021), so that signed inputs serve too.
    """

    gamma: float = 0.25

    def __post_init__(self) -> None:
        _need_amount("γ", self.gamma)

    def share(self, flow: Flow) -> torch.Tensor:
        """Passes over the positive contributions and, where outputs are negative, those too."""
        contributions = _Contributions(flow)
        favoured = contributions.total(1.0)
        found = self._towards(contributions, 1.0, favoured)
        if flow.positive or not bool((flow.z < 0).any()):
            return found
        return found.add_(self._towards(contributions, -1.0, flow.z - favoured))

    def bias(self, flow: Flow) -> float | None:
        """Σ (b + γ b⁺) · R ÷ Σ z + γ z⁺ for outputs above 0, with b⁻ and z⁻ for those below."""
        contributions = _Contributions(flow)
        bias = contributions.bias
        if bias is None:
            return 0.0
        favoured = contributions.total(1.0)
        taken = 0.0
        for sign, points in ((1.0, favoured), (-1.0, flow.z - favoured)):
            below = torch.add(flow.z, points, alpha=self.gamma).add_(sign * STABILISER)
            own = flow.layer.by_channel(bias + self.gamma * _signed(bias, sign), flow.z)
            taken += _sum(torch.where(flow.z * sign > 0, flow.relevance / below * own, 0))
        return taken

    def _towards(
        self, contributions: _Contributions, sign: float, favoured: torch.Tensor
    ) -> torch.Tensor:
        """What outputs of one sign pass on; `favoured` are the contributions that point there."""
        flow, weight = contributions.flow, contributions.weight
        below = torch.add(flow.z, favoured, alpha=self.gamma)
        s = flow.relevance.div_(below.add_(sign * STABILISER))
        if not flow.positive:
            s = torch.where(flow.z * sign > 0, s, 0)
        if len(contributions.parts) == 1:
            return flow.layer.back(s, weight + self.gamma * _signed(weight, sign), flow.x)
        found = flow.layer.back(s, weight, flow.x)
        return found.add_(contributions.back(s, sign), alpha=self.gamma)

    def __str__(self) -> str:
        return f"γ = {self.gamma:g}"


@dataclass(frozen=True)
class Flat(Rule):
    """Every input of an output gets the same share (Lapuschkin et al. 2019): for the pixels, where
    neither value nor weight shall count. It keeps the picture's noise out of the map."""

    at_input = True
    blind = True

    def share(self, flow: Flow) -> torch.Tensor:
        """A convolution with ones, of one channel where all are alike."""
        layer, x, relevance = flow.layer, flow.x, flow.relevance
        if layer.kind == "convolution" and layer.geometry[5] == 1:
            ones = torch.ones_like(layer.weight[:1, :1])
            counted = layer.forward(torch.ones_like(x[:1, :1]), ones).mul_(x.shape[1])
            counted.add_(STABILISER)
            one = layer.back(relevance.sum(1, keepdim=True).div_(counted), ones, x[:, :1])
            return one.expand_as(x).clone()
        ones = torch.ones_like(layer.weight)
        counted = layer.forward(torch.ones_like(x[:1]), ones).add_(STABILISER)
        return layer.back(relevance.div_(counted), ones, x)

    def bias(self, flow: Flow) -> float | None:
        """Nothing: inputs share all."""
        return 0.0


@dataclass(frozen=True)
class WSquare(Rule):
    """The w² rule (Montavon et al. 2017), for inputs without bounds: shares by squared weights."""

    at_input = True
    blind = True

    def share(self, flow: Flow) -> torch.Tensor:
        """A convolution with the squared weights."""
        squared = flow.layer.merged()[0].square()
        counted = flow.layer.forward(torch.ones_like(flow.x[:1]), squared)
        return flow.layer.back(flow.relevance.div_(counted.add_(STABILISER)), squared, flow.x)

    def bias(self, flow: Flow) -> float | None:
        """Nothing: inputs share all."""
        return 0.0

    def __str__(self) -> str:
        return "w²"


@dataclass(frozen=True)
class ZBox(Rule):
    """The zᴮ rule (Montavon et al. 2017), for inputs between `low` and `high`: contributions are
    counted from the bound that lies against the weight. Bounds are numbers or tensors that go with
    the input (channels, 1, 1); None stands for 0 and 1 before the subject's normalisation, and
    where that is not known for each picture's own darkest and brightest value of a channel."""

    low: float | torch.Tensor | None = None
    high: float | torch.Tensor | None = None
    at_input = True
    blind = True

    def __post_init__(self) -> None:
        bounds = [_need_bound(each) for each in (self.low, self.high) if each is not None]
        if len(bounds) == 2 and not _in_order(*bounds):
            raise ExplainError(
                f"ZBox was given the bounds {_in_words(bounds[0])} and {_in_words(bounds[1])}; it "
                "takes the lowest input first and the highest second, such as ZBox(0.0, 1.0)."
            )

    @property
    def needs_bounds(self) -> bool:  # type: ignore[override]
        """Whether a bound was left open."""
        return self.low is None or self.high is None

    def within(self, low: torch.Tensor, high: torch.Tensor) -> Rule:
        """With these in place of the bounds that were left open."""
        return ZBox(low if self.low is None else self.low, high if self.high is None else self.high)

    def beyond(self, x: torch.Tensor) -> float:
        """The largest distance of an input from the box, but for what rounding moves it: only
        between the bounds do contributions have the sign of the output's (Montavon et al.)."""
        if self.needs_bounds or not x.numel():
            return 0.0
        low, high = (_bound(each, x) for each in (self.low, self.high))
        distance = torch.maximum(low - x, x - high).amax()
        return float(distance) if distance > _ROUNDING * (high - low).amax() else 0.0

    def share(self, flow: Flow) -> torch.Tensor:
        """Three passes: the input's and both bounds'."""
        layer, (weight, _) = flow.layer, flow.layer.merged()
        low, high = (_bound(each, flow.x) for each in (self.low, self.high))
        positive, negative = weight.clamp_min(0), weight.clamp_max(0)
        below = layer.forward(flow.x, weight) - layer.forward(low, positive)
        below -= layer.forward(high, negative)
        s = flow.relevance.div_(_away_from_zero(below))
        found = flow.x * layer.back(s, weight, flow.x)
        found -= low * layer.back(s, positive, flow.x)
        return found.sub_(high * layer.back(s, negative, flow.x))

    def bias(self, flow: Flow) -> float | None:
        """Nothing: inputs share all."""
        return 0.0

    def __str__(self) -> str:
        return "zᴮ"


@dataclass(frozen=True)
class Pass(Rule):
    """Relevance goes through unshared, for layers that have as many inputs as outputs."""

    at_input = True
    blind = True

    def share(self, flow: Flow) -> torch.Tensor:
        """R of the outputs, as that of the inputs."""
        if flow.x.shape != flow.z.shape:
            raise ExplainError(
                f"The rule 'pass' was given to a layer with inputs {tuple(flow.x.shape)} and "
                f"outputs {tuple(flow.z.shape)}; it takes layers that keep the shape."
            )
        return flow.relevance

    def bias(self, flow: Flow) -> float | None:
        """Nothing: all goes through."""
        return 0.0


class _Contributions:
    """The contributions x w of a layer to its outputs, apart by sign; the bias is one of them."""

    def __init__(self, flow: Flow) -> None:
        self.flow, self.parts = flow, flow.signs()
        self.weight, self.bias = flow.layer.merged()
        self._weights: dict[float, torch.Tensor] = {}

    def total(self, sign: float) -> torch.Tensor:
        """The sum of all of one sign, for every output."""
        bias = None if self.bias is None else _signed(self.bias, sign)
        found = None
        for mask, side in self.parts:
            x = _within(mask, self.flow.x)
            part = self.flow.layer.forward(x, self._weight(sign * side), bias)
            found, bias = part if found is None else found.add_(part), None
        assert found is not None
        return found

    def back(self, s: torch.Tensor, sign: float) -> torch.Tensor:
        """Σ_k w s_k over the weights by which an input contributes with one sign."""
        found = None
        for mask, side in self.parts:
            part = self.flow.layer.back(s, self._weight(sign * side), self.flow.x)
            part = _within(mask, part)
            found = part if found is None else found.add_(part)
        assert found is not None
        return found

    def share(self, sign: float) -> torch.Tensor:
        """What those of one sign pass on when they share all of R."""
        below = self.total(sign).add_(sign * STABILISER)
        s = torch.div(self.flow.z, below, out=below).mul_(self.flow.c)
        return self.back(s, sign)

    def _weight(self, sign: float) -> torch.Tensor:
        """The weights of one sign, made once for the way there and the way back."""
        if sign not in self._weights:
            self._weights[sign] = _signed(self.weight, sign)
        return self._weights[sign]


def _sum(relevance: torch.Tensor) -> float:
    return float(relevance.sum(dtype=torch.float64))


def _within(mask: torch.Tensor | None, values: torch.Tensor) -> torch.Tensor:
    return values if mask is None else torch.where(mask, values, 0)


def _signed(values: torch.Tensor, sign: float) -> torch.Tensor:
    return values.clamp_min(0) if sign > 0 else values.clamp_max(0)


def _bound(value: float | torch.Tensor | None, x: torch.Tensor) -> torch.Tensor:
    if value is None:
        raise ExplainError(
            "The rule zᴮ knows the lowest and the highest input of layers that see the picture; "
            "for others give ZBox(low, high)."
        )
    bound = torch.as_tensor(value, dtype=x.dtype, device=x.device)
    try:
        return bound.expand_as(x)
    except RuntimeError as error:
        raise ExplainError(
            f"The rule zᴮ has bounds of shape {tuple(bound.shape)} for a layer whose input is "
            f"{tuple(x.shape)}. Give ZBox(low, high) as numbers or tensors that go with it, or "
            "leave them out for a layer that sees the picture."
        ) from error


def _need_bound(value: object) -> torch.Tensor:
    try:
        return torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ExplainError(
            f"ZBox was given the bound {value!r}; it takes numbers, or tensors that go with the "
            "input (channels, 1, 1)."
        ) from error


def _in_order(low: torch.Tensor, high: torch.Tensor) -> bool:
    """Whether the low bound is nowhere above the high one, where both go together: whether they go
    with the input is told where they meet it."""
    try:
        return bool((low <= high).all())
    except RuntimeError:
        return True


def _in_words(bound: torch.Tensor) -> str:
    return f"{bound.item():g}" if bound.numel() == 1 else f"of shape {tuple(bound.shape)}"


def _away_from_zero(z: torch.Tensor) -> torch.Tensor:
    return z + torch.where(z < 0, -STABILISER, STABILISER).to(z.dtype)


def _tiny(like: torch.Tensor) -> float:
    return torch.finfo(like.dtype).tiny
