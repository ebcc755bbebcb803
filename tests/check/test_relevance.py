"""LRP-ε's checks: the rule, the way down, conservation, and where the rest went."""

import pytest
import torch
import torch.nn.functional as F
from told import told
from torch import nn

import xaiwidgets as xw
from xaiwidgets import check


def sign(z):
    return torch.where(z < 0, -1.0, 1.0)


def rule(a, weight, bias, relevance, epsilon):
    z = a @ weight.T + bias
    return a * ((relevance / (z + epsilon * sign(z))) @ weight)


WRONG_RULES = {
    "without the bias in z": lambda a, w, b, r, e: rule(a, w, 0 * b, r, e),
    "whatever its sign": lambda a, w, b, r, e: a * ((r / (a @ w.T + b + e)) @ w),
    "with ε subtracted": lambda a, w, b, r, e: rule(a, w, b, r, -e),
    "with ε = 0": lambda a, w, b, r, e: rule(a, w, b, r, 0),
    "the rule without a_j": lambda a, w, b, r, e: (r / (a @ w.T + b + e * sign(a @ w.T + b))) @ w,
    "that is z⁺": lambda a, w, b, r, e: a * ((r / (a @ w.clamp_min(0).T + e)) @ w.clamp_min(0)),
    "not divided by z": lambda a, w, b, r, e: a * (r @ w),
    "cannot be called so": lambda a, w: a,
    "shape (3, 4)": lambda a, w, b, r, e: r,
}


def lrp(subject, x, target, epsilon=1e-6, *, step=rule, start=None):
    inputs, value = [], x
    with torch.no_grad():
        for layer in subject.model:
            inputs.append(value)
            value = layer(value)
        chosen = F.one_hot(target.classes.expand(len(x)), value.shape[1])
        relevance = value * chosen if start is None else start(value, chosen)
        for layer, a in zip(reversed(subject.model), reversed(inputs), strict=True):
            if isinstance(layer, nn.Linear):
                bias = 0 if layer.bias is None else layer.bias
                relevance = step(a, layer.weight, bias, relevance, epsilon)
    return relevance.view_as(x)


def starting(start):
    return lambda subject, x, target: lrp(subject, x, target, start=start)


def forgetting_bias(subject, x, target):
    def step(a, weight, bias, relevance, epsilon):
        return rule(a, weight, 0, relevance, epsilon)

    return lrp(subject, x, target, step=step)


WRONG_WAYS = {
    "LRP from 1 in place of the score": starting(lambda value, chosen: chosen.float()),
    "LRP from the probability": starting(lambda value, chosen: value.softmax(1) * chosen),
    "LRP from all scores at once": starting(lambda value, chosen: value),
    "of the predicted class, which was not asked for": starting(
        lambda value, chosen: value * F.one_hot(value.argmax(1), value.shape[1])
    ),
    "LRP without the bias in z": forgetting_bias,
    "LRP with ε = 0.1": lambda subject, x, target: lrp(subject, x, target, 0.1),
    "with the sign turned": lambda *given: -lrp(*given),
    "without their signs": lambda *given: lrp(*given).abs(),
    "one map for 2 pictures": lambda *given: lrp(*given)[0],
}


def test_the_rule_as_it_is_written_passes():
    assert check.epsilon_rule(rule).share == 1
    assert check.epsilon_rule(rule, seed=5, points=3) == 3


@pytest.mark.parametrize(("words", "student"), WRONG_RULES.items(), ids=WRONG_RULES)
def test_a_slip_in_the_rule_is_told_by_name(words, student):
    assert words in told(check.epsilon_rule, student)


@pytest.mark.parametrize("student", [lrp, xw.LRP(preset="ε", epsilon=1e-6)], ids=["plain", "ours"])
def test_lrp_passes_and_conserves(student):
    assert check.lrp_epsilon(student).share == 1
    assert check.conservation(student).share == 1


def test_another_epsilon_is_asked_for():
    assert check.lrp_epsilon(lambda *given: lrp(*given, epsilon=0.25), epsilon=0.25).share == 1


@pytest.mark.parametrize(("words", "student"), WRONG_WAYS.items(), ids=WRONG_WAYS)
def test_a_slip_on_the_way_is_told_by_name(words, student):
    assert words in told(check.lrp_epsilon, student)


def test_gradient_times_input_is_lrp_without_epsilon():
    assert check.conservation(xw.GradientTimesInput()).share == 1
    with pytest.raises(check.CheckFailed, match="LRP with ε = 0"):
        check.lrp_epsilon(xw.GradientTimesInput(), epsilon=0.25)


@pytest.mark.parametrize(
    ("words", "student"),
    {
        "begins with 1": starting(lambda value, chosen: chosen.float()),
        "behind the softmax": starting(lambda value, chosen: value.softmax(1) * chosen),
        "all classes together": starting(lambda value, chosen: value),
        "minus the score": lambda *given: -lrp(*given),
        "a factor is lost or too many": lambda *given: 3 * lrp(*given),
        "times the score": xw.Saliency(),
        "adds up to": lambda *given: lrp(*given, epsilon=0.5),
    }.items(),
)
def test_what_does_not_conserve_is_told_its_sum(words, student):
    assert words in told(check.conservation, student)


def accounts(a, weight, bias, relevance, epsilon):
    z = a @ weight.T + bias
    share = relevance / (z + epsilon * sign(z))
    return ((z - bias) * share).sum(), (bias * share).sum(), (epsilon * sign(z) * share).sum()


def test_the_accounts_are_held_one_by_one(capsys):
    assert check.accounts(accounts).share == 1
    assert check.accounts(lambda *given: (*accounts(*given)[:2], 0), points=3) == 2
    assert "ε·sign z_k" in capsys.readouterr().out
    assert check.accounts(lambda *given: (given[3].sum(), 0, 0), points=3) == 0
    with pytest.raises(check.CheckFailed, match="three numbers"):
        check.accounts(lambda *given: accounts(*given)[:2])
