"""SmoothGrad: judged by what noise does to a network whose smoothed gradient is known, so that it
does not matter how the noise was drawn; and the standard error of a mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from .asking import called, finite, map_of, named, tensor
from .examples import cubic_subject, normal
from .marking import MOST, Part, Report, Wrong, marked
from .slips import Question, Slip, agree

_SHAPE = (3, 32, 32)
_MEAN = "the mean of ∂f/∂x over noisy copies of x."
_SPREAD = 0.08  # how far off an estimate of σ may be: four standard deviations of it
_SLOPE = 0.1  # how far off a known factor may be
_FOLLOWS = 0.9  # of the variance that x² may leave in what follows it
_FEWER = 0.75, 1.33


def smoothgrad(
    student: Any,
    *,
    samples: int = 25,
    noise: float = 0.15,
    seed: int = 0,
    points: float | None = None,
) -> Report | float:
    """Whether a method averages the gradient over `samples` noisy copies, with a standard deviation
    of `noise` times the picture's range, and if not, which slip it makes.

    `student` is a function of (subject, x, target) or an `xw.Attribution`; it may draw its noise as
    it likes, since the network is f(x) = Σ w x³ ÷ 3, whose smoothed gradient w (x² + σ²) tells σ,
    and its flicker how many copies there were. Raises CheckFailed; with `points` returns the points
    earned instead.
    """
    subject = cubic_subject(seed)
    x = 0.5 + 3 * torch.rand(1, *_SHAPE, generator=torch.Generator().manual_seed(seed + 1))
    target = subject.bind(1, x)
    weights = subject.model.weights.detach().double()  # type: ignore[union-attr, operator]
    wished = float(noise * (x.max() - x.min()))
    made: list[_Fit] = []

    def fit() -> _Fit:
        if not made:
            yours = map_of(student, subject, x, target)
            made.append(_Fit(yours, x.double(), weights, wished, samples))
        return made[0]

    def repeats() -> None:
        fit().slope()
        first, second = (map_of(student, subject, x, target) for _ in range(2))
        if not torch.allclose(first, second):
            raise Wrong(
                "the same map when asked twice.", "another one every time.",
                "draw with a generator of a fixed seed: torch.randn(x.shape, "
                "generator=torch.Generator().manual_seed(seed)).",
            )  # fmt: skip

    parts = [
        Part("a mean of gradients", lambda: fit().is_a_mean()),
        Part("the size of the noise", lambda: fit().has_its_noise()),
        Part("how many copies", lambda: fit().has_its_samples()),
        Part("asked twice", repeats),
    ]
    return marked("SmoothGrad", parts, points)


def standard_error(student: Any, *, seed: int = 0, points: float | None = None) -> Report | float:
    """Whether a function of (gradients), shape (samples, ...), gives the standard error of their
    mean at every pixel, std ÷ √n. Raises CheckFailed; with `points` returns the points earned
    instead."""

    def ask(n: int) -> None:
        gradients = normal(seed, n, (2, 4, 5))
        yours = finite(tensor(called(student, gradients, takes="(gradients)"), ""), named(student))
        agree(yours, _error_of(gradients))

    parts = [Part("five samples", lambda: ask(5)), Part("forty samples", lambda: ask(40))]
    return marked("The standard error", parts, points)


def _error_of(g: torch.Tensor) -> Question:
    n = len(g)
    error = g.std(0) / n**0.5
    return Question(
        error, "std ÷ √n at every pixel, over the first dimension.",
        [
            Slip("the standard deviation of one sample", g.std(0),
                 "the mean of n samples varies √n times less: divide by √n"),
            Slip("std ÷ n", g.std(0) / n, "divide by √n, not by n"),
            Slip("the variance ÷ n", g.var(0) / n, "take the root"),
            Slip("the variance", g.var(0), "take the root, and divide by √n", 0.0),
            Slip("the standard error by the biased standard deviation",
                 g.std(0, correction=0) / n**0.5,
                 "around their own mean n samples count as n − 1: torch.std, np.std(..., ddof=1)",
                 MOST),
            Slip("the mean", g.mean(0), "this is the map; its error is std ÷ √n", 0.0),
            Slip("one number for all pixels", torch.full_like(error, float(g.std()) / n**0.5),
                 "take the standard deviation over the samples alone: dim=0"),
        ],
        {}, "take one pixel: its n values, their standard deviation, ÷ √n.", twists=False,
    )  # fmt: skip


@dataclass
class _Fit:
    """A map y held against w · (slope · x² + offset): the mean of gradients has slope 1 and offset
    σ², and what is left over varies as that of so many copies does."""

    yours: torch.Tensor
    x: torch.Tensor
    weights: torch.Tensor
    sigma: float
    samples: int

    def __post_init__(self) -> None:
        if self.yours.shape != self.x.shape:
            raise Wrong(
                f"a value for every channel, shape {tuple(self.x.shape)}.",
                f"shape {tuple(self.yours.shape)}.",
                "leave the channels as they are: the widget folds them.",
            )  # fmt: skip

    def fitted(self, values: torch.Tensor) -> tuple[float, float]:
        """The slope along x², and the share of the values' variance that the line leaves."""
        square = self.x.square().flatten()
        line = torch.stack([square, torch.ones_like(square)], 1)
        found = torch.linalg.lstsq(line, values.flatten()[:, None]).solution
        rest = values.flatten() - (line @ found)[:, 0]
        return float(found[0, 0]), float(rest.var() / values.var().clamp_min(1e-30))

    def is_a_mean(self) -> None:
        self._refuse_slope(self.slope())

    def slope(self) -> float:
        """By how much the mean of gradients is too large; raises `Wrong` for what is none."""
        if not bool(self.yours.any()):
            raise Wrong(_MEAN, "0 everywhere.", "is something detached, or a softmax saturated?")
        readings = self._readings()
        fits = [self.fitted(values) for _, values, _ in readings]
        best = min(range(len(fits)), key=lambda i: fits[i][1])
        if fits[best][1] > _FOLLOWS:
            raise Wrong(
                _MEAN, "not a mean of gradients: it does not follow ∂f/∂x.",
                "add up the gradients of all copies with their signs, and divide by their number.",
            )  # fmt: skip
        if best > 0:
            raise Wrong(_MEAN, f"{readings[best][0]}.", readings[best][2])
        return fits[0][0]

    def _readings(self) -> list[tuple[str, torch.Tensor, str]]:
        """What a map may be, each brought to what follows x² if it is that; first what is asked."""
        y, (other, own) = self.yours, self.weights
        root = y.clamp_min(0).sqrt() / own.abs()
        return [
            ("the mean", y / own, ""),
            ("the map of class 0; class 1 was asked for", y / other,
             "explain the class of `target`: target.score(subject(copy))."),
            ("without signs: abs() was taken", y / own.abs(),
             "take no abs(), neither before nor after the mean: signs cancel where the gradient "
             "flickers, which is what smooths."),
            (self._squares(root), root, "take the mean of the gradients themselves, unsquared."),
            ("multiplied by the input", y / (own * self.x),
             "leave out the product with x: that is another method."),
        ]  # fmt: skip

    def _squares(self, root: torch.Tensor) -> str:
        """The mean of squares lies about 3 σ² above x² when the root is taken, the square of the
        mean σ²."""
        if float((root - self.x.square()).median()) > 2 * self.sigma**2:
            return "the mean of squares (Hooker et al.'s SmoothGrad²)"
        return "the square of the mean"

    def _refuse_slope(self, slope: float) -> None:
        n = self.samples
        for times, what, hint in (
            (float(n), f"{n} times the mean: their sum", "divide by the number of copies"),
            ((n + 1) / 2, "larger than the mean, copy by copy: gradients add up in x.grad",
             "set x.grad to None before every backward pass, or use torch.autograd.grad"),
            (-1.0, "the mean with its sign turned", "look for a minus"),
            (1 / n, "the mean divided by the number of copies once more", "divide once"),
        ):  # fmt: skip
            if abs(slope / times - 1) < _SLOPE:
                raise Wrong(_MEAN, f"{what}.", f"{hint}.")
        if abs(slope - 1) > _SLOPE:
            raise Wrong(
                _MEAN, f"{slope:.3g} times the mean.",
                "leave the scale as it is: no normalisation, and divide by the number of copies.",
            )  # fmt: skip

    def above(self) -> torch.Tensor:
        """What the map, its scale put right, has above w x²: σ², and a flicker."""
        slope = self.slope()
        usual = 1.0, -1.0, float(self.samples), (self.samples + 1) / 2, 1 / self.samples
        scale = next((each for each in usual if abs(slope / each - 1) < _SLOPE), slope)
        return self.yours / self.weights[1] / scale - self.x.square()

    def sigma_found(self) -> float:
        """σ; pixels count by how little they flicker."""
        above, counts = self.above(), 1 / self.x.square()
        return max(float((above * counts).sum() / counts.sum()), 0.0) ** 0.5

    def has_its_noise(self) -> None:
        words = f"noise of a standard deviation of {self.sigma:.3f}, the share × (max x − min x)."
        found = self.sigma_found()
        if abs(found / self.sigma - 1) < _SPREAD:
            return
        what, hint = self._noise_of(found)
        raise Wrong(words, f"about {found:.3f}{what}", hint)

    def _noise_of(self, found: float) -> tuple[str, str]:
        x, wished = self.x, self.sigma
        reach = float(x.max() - x.min())
        share = wished / reach
        for sigma, what, hint in (
            (share, ": the share itself", "multiply it by the picture's range, x.max() − x.min()"),
            (share * float(x.max()), ": the share × max x", "the range is max − min"),
            (share * float(x.std()), ": the share × the standard deviation of x",
             "the range is max − min"),
            (wished**0.5, ": σ was taken for the variance",
             "multiply torch.randn by σ, not by its root"),
            (wished**2, ": the variance was taken for σ", "multiply torch.randn by σ, not by σ²"),
            (wished * ((self.samples + 1) / 2) ** 0.5, ": the noise grows from copy to copy",
             "begin every copy with x itself, not with the copy before"),
            (wished / 3**0.5, ": uniform noise", "draw from the normal distribution: torch.randn"),
        ):  # fmt: skip
            if abs(found / sigma - 1) < _SPREAD:
                return f"{what}.", f"{hint}."
        if found < 0.2 * wished:
            return ": nearly none.", "add the noise to what goes into the network: x + noise."
        return ".", "print noise.std() beside x.max() − x.min()."

    def has_its_samples(self) -> None:
        words, sigma = f"{self.samples} copies, each with noise of its own.", self.sigma_found()
        if sigma < 1e-2:
            raise Wrong(
                words, "no noise, so that copies cannot be counted.", "first add the noise."
            )
        each = 4 * self.x.square() * sigma**2 + 2 * sigma**4  # the variance of one copy
        count = 1 / float(((self.above() - sigma**2).square() / each).mean())
        if _FEWER[0] < count / self.samples < _FEWER[1]:
            return
        if count < 1.5:
            raise Wrong(
                words, "as noisy as one copy.",
                "draw new noise for every copy, inside the loop and from a generator that is made "
                "before it; and return the mean, not the last gradient.",
            )  # fmt: skip
        raise Wrong(
            words,
            f"as noisy as {count:.0f} of them.",
            "compare the number of copies with `samples`.",
        )
