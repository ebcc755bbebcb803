"""SmoothGrad's checks: σ, the number of copies and the mean are read from the map itself."""

import re

import pytest
import torch
from told import told

import xaiwidgets as xw
from xaiwidgets import check


def smoothgrad(
    subject, x, target, *, samples=25, sigma=None, draw=torch.randn, each=lambda g: g,
    fold=lambda total, n: total / n, seed=0,
):  # fmt: skip
    generator = torch.Generator().manual_seed(seed)
    sigma = 0.15 * (x.max() - x.min()) if sigma is None else sigma(x)
    total = torch.zeros_like(x)
    for _ in range(samples):
        copy = x + sigma * draw(x.shape, generator=generator)
        total += each(subject.gradient(copy, target))
    return fold(total, samples)


def having(**changes):
    return lambda subject, x, target: smoothgrad(subject, x, target, **changes)


def piling_up(subject, x, target):
    """x.grad that nobody set to None."""
    total, grad = torch.zeros_like(x), torch.zeros_like(x)
    generator = torch.Generator().manual_seed(0)
    for _ in range(25):
        copy = x + 0.15 * (x.max() - x.min()) * torch.randn(x.shape, generator=generator)
        grad = grad + subject.gradient(copy, target)
        total += grad
    return total / 25


def walking(subject, x, target):
    """Noise upon noise."""
    total, copy = torch.zeros_like(x), x
    generator = torch.Generator().manual_seed(0)
    sigma = 0.15 * (x.max() - x.min())
    for _ in range(25):
        copy = copy + sigma * torch.randn(x.shape, generator=generator)
        total += subject.gradient(copy, target)
    return total / 25


def one_noise(subject, x, target):
    noise = (
        0.15
        * (x.max() - x.min())
        * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    )
    return sum(subject.gradient(x + noise, target) for _ in range(25)) / 25


def of_the_other_class(subject, x, target):
    return smoothgrad(subject, x, subject.bind(0, x))


def unseeded(subject, x, target):
    return smoothgrad(subject, x, target, seed=int(torch.randint(10**6, (1,))))


WRONG = {
    "25 times the mean: their sum": having(fold=lambda total, n: total),
    r"gradients add up in x\.grad": piling_up,
    "the mean with its sign turned": having(fold=lambda total, n: -total / n),
    r"without signs: abs\(\) was taken": having(each=torch.abs),
    "the mean of squares": having(each=torch.square),
    "the square of the mean": having(fold=lambda total, n: (total / n).square()),
    "multiplied by the input": lambda subject, x, target: x * smoothgrad(subject, x, target),
    "the map of class 0": of_the_other_class,
    ": the share itself": having(sigma=lambda x: 0.15),
    "the share × max x": having(sigma=lambda x: 0.15 * x.max()),
    "the share × the standard deviation of x": having(sigma=lambda x: 0.15 * x.std()),
    "σ was taken for the variance": having(sigma=lambda x: (0.15 * (x.max() - x.min())).sqrt()),
    "the variance was taken for σ": having(sigma=lambda x: (0.15 * (x.max() - x.min())).square()),
    "uniform noise": having(
        draw=lambda shape, generator: 2 * torch.rand(shape, generator=generator) - 1
    ),
    "grows from copy to copy": walking,
    "nearly none": having(sigma=lambda x: 0 * x.max()),
    "as noisy as one copy": one_noise,
    "as noisy as (9|10|11) of them": having(samples=10),
    "another one every time": unseeded,
    "a value for every channel": lambda *given: smoothgrad(*given).sum(1, keepdim=True),
    "does not follow": lambda subject, x, target: torch.rand(x.shape),
    "0 everywhere": lambda subject, x, target: 0 * x,
}  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_what_is_right_passes_however_the_noise_is_drawn(seed):
    assert check.smoothgrad(smoothgrad, seed=seed).share == 1
    assert check.smoothgrad(having(seed=11), seed=seed, points=4) == 4
    assert check.smoothgrad(xw.SmoothGrad(samples=25), seed=seed).share == 1
    assert check.smoothgrad(having(samples=50), samples=50, seed=seed).share == 1


@pytest.mark.parametrize(("words", "student"), WRONG.items(), ids=WRONG)
def test_a_slip_is_told_by_name(words, student):
    assert re.search(words, told(check.smoothgrad, student))


def test_a_slip_costs_its_part_alone():
    assert check.smoothgrad(having(sigma=lambda x: 0.15), points=4) == 3
    assert check.smoothgrad(lambda subject, x, target: torch.ones_like(x), points=4) == 0


def error(gradients):
    return gradients.std(0) / len(gradients) ** 0.5


@pytest.mark.parametrize(
    ("words", "student"),
    {
        "the standard deviation of one sample": lambda g: g.std(0),
        "std ÷ n": lambda g: g.std(0) / len(g),
        "take the root": lambda g: g.var(0) / len(g),
        "by the biased standard deviation": lambda g: g.std(0, correction=0) / len(g) ** 0.5,
        "the mean": lambda g: g.mean(0),
        "one number for all pixels": lambda g: torch.full(
            g.shape[1:], float(g.std()) / len(g) ** 0.5
        ),
        "print the shape": lambda g: g.std() / len(g) ** 0.5,
    }.items(),
)
def test_the_standard_error(words, student):
    assert check.standard_error(error).share == 1
    assert check.standard_error(lambda g: error(g).numpy()).share == 1
    assert words in told(check.standard_error, student)
