"""A method with what it says while the network forgets, in one answer."""

import numpy as np
import pytest
import torch
from conftest import inputs_for, network_of
from networks import ModuleNetwork, seeded
from state import State

import xaiwidgets as xw
from xaiwidgets.core.cache import AnswerCache
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject
from xaiwidgets.evaluation import ParameterRandomisation
from xaiwidgets.evaluation.sanity.forgetful import Forgetful


def test_its_values_are_the_methods_own_and_its_strip_the_stages():
    subject, x = Subject(network_of("modules")), inputs_for("modules", 1)
    answer = Forgetful(xw.Saliency())(subject, x, 2)
    assert torch.equal(answer.values, xw.Saliency()(subject, x, 2).values)
    assert [frame.label for frame in answer.frames] == ["7", "3", "0"]
    found = ParameterRandomisation()(subject, x, xw.Saliency(), 2)
    kept = [frame.number for frame in answer.frames]
    assert kept == pytest.approx(found.curves["spearman"].y[0])
    assert answer.facts[-1] == found.facts[0]


def test_its_settings_and_its_name_are_the_methods():
    method = Forgetful(xw.SmoothGrad(samples=3), mode="one at a time")
    assert method.knobs is xw.SmoothGrad.knobs
    assert method.settings["samples"] == 3
    other = method.having(samples=5)
    assert other.settings["samples"] == 5
    assert other.mode == "one at a time"
    assert repr(other) == "SmoothGrad(samples=5)"
    answer = method(network_of("modules"), inputs_for("modules", 1))
    assert answer.provenance.method == "SmoothGrad"
    assert answer.provenance.settings == xw.SmoothGrad(samples=3).settings


def test_another_network_adds_its_map():
    x = inputs_for("modules", 1)
    other = Subject(seeded(ModuleNetwork))
    with torch.no_grad():
        other.model[0].weight.neg_()
    answer = Forgetful(xw.Saliency(), others={"second": other})(network_of("modules"), x, 1)
    assert answer.frames[-1].label == "second"
    assert torch.equal(answer.frames[-1].values, xw.Saliency()(other, x, 1).values)
    assert not np.isnan(answer.numbers["similarity, second"])


def test_a_cache_tells_experiments_apart():
    subject, x, cache = Subject(network_of("modules")), inputs_for("modules", 1), AnswerCache()
    method = Forgetful(xw.Saliency())
    assert not method(subject, x, 1, cache=cache).provenance.cached
    assert Forgetful(xw.Saliency())(subject, x, 1, cache=cache).provenance.cached
    for other in (Forgetful(xw.Saliency(), seed=1), Forgetful(xw.Saliency(), mode="bottom up")):
        assert not other(subject, x, 1, cache=cache).provenance.cached
    assert not xw.Saliency()(subject, x, 1, cache=cache).provenance.cached


def test_a_function_can_forget_too_and_the_network_stays():
    def loud(subject, x, target):
        return subject.gradient(x, target) ** 2

    network = network_of("functional")
    state = State(network)
    answer = Forgetful(loud)(network, inputs_for("functional", 1))
    state.assert_unchanged()
    assert len(answer.frames) >= 3


def test_unknown_experiments_are_refused_in_words():
    with pytest.raises(ExplainError, match="mode is 'sideways'"):
        Forgetful(xw.Saliency(), mode="sideways")
