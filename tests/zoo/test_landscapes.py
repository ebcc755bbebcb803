"""Landscapes: what codes stand for, what the generator draws, and what can be seen in both."""

import hashlib

import numpy as np
import pytest
import torch

from xaiwidgets import zoo
from xaiwidgets.zoo.landscapes import CODE, PALETTE, SIDE


def codes(count, seed=77_000):
    return np.random.default_rng(seed).standard_normal((count, CODE)).astype(np.float32)


def pixels(pictures):
    return np.moveaxis((np.asarray(pictures) * 255).round().astype(np.uint8), 1, 3)


def test_a_landscape_is_made_of_the_things_in_their_colours():
    pictures = zoo.landscapes(codes(50))
    assert pictures.shape == (50, 3, SIDE, SIDE)
    masks = [zoo.landscape_masks(picture) for picture in pixels(pictures)]
    shares = {name: np.mean([each[name].mean() for each in masks]) for name in PALETTE}
    assert sum(shares.values()) == pytest.approx(1)
    assert all(share > 0.01 for share in shares.values())
    for name in ("sun", "house", "fir"):  # they come and go
        there = np.mean([each[name].any() for each in masks])
        assert 0.5 < there < 1


def test_the_same_code_is_the_same_landscape_everywhere():
    first, again = zoo.landscapes(codes(3)), zoo.landscapes(codes(3)[:2])
    assert np.array_equal(first[:2], again)
    digest = hashlib.sha256((zoo.landscapes(np.zeros((1, CODE))) * 255).round().tobytes())
    assert digest.hexdigest()[:12] == "1a747c6c5711"


def test_the_generator_draws_what_codes_stand_for():
    given = codes(200)
    with torch.no_grad():
        made = zoo.generator()(torch.from_numpy(given)).numpy()
    meant = zoo.landscapes(given)
    assert abs(made - meant).mean() < 0.03
    both = [[zoo.landscape_masks(p) for p in pixels(each)] for each in (made, meant)]
    for name in PALETTE:
        a, b = (np.stack([masks[name] for masks in each]) for each in both)
        assert (a & b).sum() / (a | b).sum() > 0.75


def test_the_generator_comes_fresh_with_a_card():
    first, second = zoo.generator(), zoo.generator()
    assert first is not second
    assert not first.training
    card = zoo.landscape_card()
    assert card["script"] == "python tools/train_zoo.py landscapes"
    assert "mean absolute error" in str(card)
    assert sum(p.numel() for p in first.parameters()) == card["parameters"] < 30_000
