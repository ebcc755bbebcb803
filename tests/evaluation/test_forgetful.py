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
from xaiwidgets.evaluation.experiment import Outcome
from xaiwidgets.evaluation.sanity.forgetful import Forgetful, ForgettingBlocks


def test_its_values_are_the_methods_own_and_its_strip_the_stages():
    subject, x = Subject(network_of("modules")), inputs_for("modules", 1)
    answer = Forgetful(xw.Saliency())(subject, x, 2)
    assert torch.equal(answer.values, xw.Saliency()(subject, x, 2).values)
    assert [frame.label for frame in answer.frames] == ["7", "3", "0"]
    found = ParameterRandomisation()(subject, x, xw.Saliency(), 2)
    kept = [frame.number for frame in answer.frames]
    assert kept == pytest.approx(found.curves["signed spearman"].y[0])
    assert answer.facts[-1] == found.facts[0]


def test_its_settings_and_its_name_are_the_methods():
    method = Forgetful(xw.SmoothGrad(samples=3), mode="one at a time")
    assert method.knobs is xw.SmoothGrad.knobs
    assert method.settings["samples"] == 3
    other = method.having(samples=5)
    assert other.settings["samples"] == 5
    assert other.experiment.mode == "one at a time"
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
    alone = xw.Saliency()(other, x, 1).values  # each subject lays its input out by itself
    torch.testing.assert_close(answer.frames[-1].values, alone, rtol=1e-4, atol=1e-6)
    assert not torch.allclose(answer.values, alone, rtol=0.1)
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


def test_several_draws_are_those_of_parameter_randomisation():
    subject, x = Subject(network_of("modules")), inputs_for("modules", 1)
    answer = Forgetful(xw.Saliency(), draws=3, seed=2)(subject, x, 2)
    found = ParameterRandomisation(draws=3, seed=2)(subject, x, xw.Saliency(), 2)
    assert [frame.number for frame in answer.frames] == pytest.approx(
        found.curves["signed spearman"].y[0]
    )
    assert answer.facts[-1] == found.facts[0]
    numbers = answer.numbers
    assert numbers["lowest similarity, 3"] < numbers["similarity, 3"]
    assert numbers["similarity, 3"] < numbers["highest similarity, 3"]


def test_a_step_is_a_set_of_blocks_whichever_the_mode():
    subject, x = Subject(network_of("modules")), inputs_for("modules", 1)
    keys = {
        mode: [step.key for step in ForgettingBlocks(mode=mode).on(subject, x).steps]
        for mode in ("top down", "bottom up", "one at a time", "any blocks")
    }
    assert keys["top down"] == ["7", "3 + 7", "0 + 3 + 7"]
    assert keys["bottom up"] == ["0", "0 + 3", "0 + 3 + 7"]
    assert keys["one at a time"] == ["7", "3", "0"]
    assert keys["any blocks"] == ["0", "3", "7"]
    same = [ForgettingBlocks(mode=mode).on(subject, x) for mode in ("top down", "bottom up")]
    weights = [course.at("0 + 3 + 7", 0, xw.Saliency()).subject.model[3].weight for course in same]
    assert torch.equal(*weights)
    assert not torch.equal(weights[0], subject.model[3].weight)


def test_all_methods_share_the_network_of_a_step():
    subject, x = Subject(network_of("modules")), inputs_for("modules", 1)
    course = ForgettingBlocks().on(subject, x)
    first = course.at("7", 0, xw.Saliency()).subject
    assert course.at("7", 0, xw.GradCam()).subject is first
    assert course.at("7", 1, xw.GradCam()).subject is not first


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("7", "when '7' alone forgets."),
        ("3 + 7", "when the last 2 of 3 blocks forget."),
        ("0 + 3", "when the first 2 of 3 blocks forget."),
        ("0 + 7", "when '0' and '7' forget."),
        ("0 + 3 + 7", "when all 3 blocks forget."),
        ("network: b", "when the network is 'b'."),
    ],
)
def test_every_step_is_told_in_a_sentence(key, words):
    subject, x = Subject(network_of("modules")), inputs_for("modules", 1)
    course = ForgettingBlocks({"b": subject}).on(subject, x)
    course.check(key)
    assert course.said(key, Outcome(0.42, 0.5)) == f"It keeps 0.42 of its ranks {words}"


def test_a_map_that_keeps_nothing_is_said_to():
    subject, x = Subject(network_of("modules")), inputs_for("modules", 1)
    said = ForgettingBlocks().on(subject, x).said("7", Outcome(-0.11, 1.0))
    assert said == "It keeps none (−0.11) of its ranks when '7' alone forgets."
    said = ForgettingBlocks().on(subject, x).said("7", Outcome(-0.001, 1.0))
    assert said == "It keeps none (0.00) of its ranks when '7' alone forgets."


def test_experiments_are_values():
    subject = Subject(network_of("modules"))
    one = ForgettingBlocks({"b": subject}, seed=1)
    assert one == ForgettingBlocks({"b": subject}, seed=1)
    assert hash(one) == hash(ForgettingBlocks({"b": subject}, seed=1))
    assert one != ForgettingBlocks(seed=1)
    assert one.having(mode="bottom up").key == one.key
    assert one.having(seed=2).key != one.key
    assert one.changed == {"seed": 1}


def test_unknown_experiments_are_refused_in_words():
    with pytest.raises(ExplainError, match="mode is 'sideways'"):
        Forgetful(xw.Saliency(), mode="sideways")
