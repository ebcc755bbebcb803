"""Draws follow from a seed and a number, and no two of them are alike."""

import pytest
import torch

import xaiwidgets as xw
from xaiwidgets import evaluation
from xaiwidgets.core import draws
from xaiwidgets.core.draws import SEEDS, generator, normal, uniform
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.evaluation import Evaluation
from xaiwidgets.core.filling import own_noise
from xaiwidgets.core.method import Attribution
from xaiwidgets.evaluation.training import seeded
from xaiwidgets.methods.controls import random_map


def test_draws_depend_on_seed_and_number_and_on_nothing_else():
    like = torch.zeros(3, 8, 8)
    first = normal(like, 3, 5)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    assert torch.equal(normal(like, 3, 5), first)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(normal(like.double(), 3, 5).float(), first)
    assert not torch.equal(normal(like, 3, 6), first)
    assert not torch.equal(normal(like, 4, 5), first)


def test_first_numbers_of_consecutive_draws_are_spread_evenly():
    """Gradient SHAP takes one number from each draw: they have to be uniform among themselves."""
    first = torch.stack([uniform(torch.zeros(1), 0, k)[0] for k in range(1000)])
    # tenths: 100 each, give or take √90; four of these are allowed
    counts = torch.histc(first, 10, 0, 1)
    assert (counts - 100).abs().max() < 38
    # neighbours: correlation 0 give or take 1/√1000
    near = torch.corrcoef(torch.stack([first[1:], first[:-1]]))[0, 1]
    assert abs(near) < 0.13


def key(seed, number):
    """The number by which the generator is started, read from the generator."""
    started = []

    def draw(shape, generator, dtype):
        started.append(generator.initial_seed())
        return torch.zeros(shape)

    draws._drawn(draw, torch.zeros(1), seed, number)
    return started[0]


def apart(a, b):
    """How far two keys lie apart, counted around."""
    return min((a - b) % SEEDS, (b - a) % SEEDS)


def test_the_generator_tells_so_many_seeds_apart_and_no_more():
    def first(seed):
        return torch.rand(4, generator=torch.Generator().manual_seed(seed))

    assert torch.equal(first(7), first(7 + SEEDS))
    assert not torch.equal(first(7), first(7 + SEEDS // 2))


def test_no_two_draws_that_knobs_take_are_alike():
    knobs = [
        (name, one)
        for level in (Attribution, Evaluation)
        for declared in xw.declared(level)
        for name, one in declared.knobs.items()
    ]
    seeds = range(1 + max(one.high for name, one in knobs if name == "seed"))
    assert len(seeds) == 10_000
    drawing = (xw.GradientShap, 3), (xw.SmoothGrad, 1), (evaluation.Infidelity, 1)
    numbers = max(each * method.knobs["samples"].high for method, each in drawing)
    first, own = key(0, 0), key(0, random_map._OWN)
    for seed in seeds:
        assert seed == 0 or apart(key(seed, 0), first) > numbers
        assert apart(key(seed, 0), own) > numbers
        assert apart(key(seed, random_map._OWN), first) > numbers


@pytest.mark.parametrize("seed", [-1, SEEDS, 2**70])
def test_a_seed_that_would_stand_for_another_is_refused(seed):
    for draw in (
        lambda: normal(torch.zeros(1), seed, 0), lambda: uniform(torch.zeros(1), seed, 0),
        lambda: generator(seed), lambda: seeded(seed),
    ):  # fmt: skip
        with pytest.raises(ExplainError, match=f"The seed is {seed}; it takes a whole number from"):
            draw()


def test_noise_of_ones_own_takes_every_seed_with_every_input(monkeypatch):
    x = torch.zeros(1, 3, 4, 4)
    monkeypatch.setattr("zlib.crc32", lambda held: SEEDS - 1)
    assert torch.equal(own_noise(x, 1), normal(x, 0, 0))
