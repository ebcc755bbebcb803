"""The sanity check by hand: a network that forgets, a similarity, and their curve."""

import copy
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from told import told
from torch import nn

from xaiwidgets import check


def layers_of(model):
    return [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]


def forget(model, count, *, choose=lambda layers, count: layers[-count:]):
    forgetful = copy.deepcopy(model)
    for layer in choose(layers_of(forgetful), count):
        layer.reset_parameters()
    return forgetful


def choosing(choose):
    return lambda model, count: forget(model, count, choose=choose)


def in_place(model, count):
    for layer in layers_of(model)[-count:]:
        layer.reset_parameters()
    return model


def weights_alone(model, count):
    forgetful = copy.deepcopy(model)
    for layer in layers_of(forgetful)[-count:]:
        nn.init.normal_(layer.weight)
    return forgetful


@pytest.mark.parametrize(
    ("words", "student"),
    {
        "the model itself has changed": in_place,
        "the check begins at the output": choosing(lambda layers, count: layers[:count]),
        "it is a cascade": choosing(lambda layers, count: [layers[-count]]),
        "keep the others": choosing(lambda layers, count: layers),
        "new weights in none": lambda model, count: copy.deepcopy(model),
        "the bias of": weights_alone,
        "returns a dict": lambda model, count: dict(model.state_dict()),
        "the model itself.": lambda model, count: model,
        "returns nothing": lambda model, count: None,
    }.items(),
)
def test_forgetting(words, student):
    assert check.forgetting(forget).share == 1
    assert words in told(check.forgetting, student)


def similarity(a, b):
    return float(spearmanr(a.flatten(), b.flatten()).statistic)


def of_sizes(a, b):
    return similarity(a.abs(), b.abs())


@pytest.mark.parametrize(
    ("words", "student"),
    {
        "Pearson": lambda a, b: np.corrcoef(a.flatten(), b.flatten())[0, 1],
        "of the sizes": of_sizes,
        "the cosine": lambda a, b: (a * b).sum() / a.norm() / b.norm(),
        "1 stands for alike": lambda a, b: 1 - similarity(a, b),
        "with the sign turned": lambda a, b: -similarity(a, b),
        "away from it": lambda a, b: 0.123,
    }.items(),
)
def test_the_similarity(words, student):
    assert check.similarity(similarity).share == 1
    assert words in told(check.similarity, student)


def maps(method, subject, networks, x, target, anew=False):
    subjects = [subject, *(subject.with_network(network) for network in networks)]
    aims = [s.bind(None, x) if anew else target for s in subjects]
    return [method(s, x, aim)[0, 0] for s, aim in zip(subjects, aims, strict=True)]


def curve(*given, anew=False, alike=similarity):
    made = maps(*given, anew=anew)
    return [alike(made[0], each) for each in made]


def from_step_to_step(*given):
    made = maps(*given)
    return [1.0, *(similarity(a, b) for a, b in pairwise(made))]


@pytest.mark.parametrize(
    ("words", "student"),
    {
        "the class that it names itself": lambda *given: curve(*given, anew=True),
        "the one before it": from_step_to_step,
        "of the sizes": lambda *given: curve(*given, alike=of_sizes),
        "1 at every step": lambda *given: [1.0] * 6,
        "the other way round": lambda *given: curve(*given)[::-1],
        "shape (6,)": lambda *given: curve(*given)[1:],
        "a list of numbers": lambda *given: 1.0,
    }.items(),
)
def test_the_curve(words, student):
    assert check.sanity(curve).share == 1
    assert words in told(check.sanity, student)


def test_a_curve_that_never_asks_earns_nothing():
    assert check.sanity(lambda *given: [1.0] * 6, points=3) == 0
    assert check.sanity(lambda *given: torch.tensor(curve(*given)), points=3) == 3
