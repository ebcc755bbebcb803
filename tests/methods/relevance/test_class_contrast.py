"""CLRP and SGLRP: relevance of one class against the others."""

import copy
import functools

import pytest
import torch
from networks import ReluNetwork, noise, seeded

from benchmarks.relevance import pairs, shares
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.target import Contrast
from xaiwidgets.methods import CLRP, SGLRP, DeepTaylor

CONTRASTS = [CLRP(), CLRP(others="uniform"), CLRP(pixels="w²"), SGLRP(), SGLRP(pixels="w²")]


@functools.cache
def _share(method) -> float:
    return float(shares(method, pairs(10)).mean())


@pytest.mark.parametrize("method", CONTRASTS, ids=str)
def test_relevance_lies_on_the_right_one_of_two_objects(method):
    assert _share(method) >= 0.80
    assert _share(method) >= _share(DeepTaylor(pixels=method.pixels)) + 0.25


def _without_biases():
    return seeded(lambda: ReluNetwork(False)).double(), noise(3, 3, 8, 8).double()


def test_the_relevance_of_softmax_starts_as_its_gradient_and_adds_up_to_nothing():
    network, x = _without_biases()
    found = SGLRP()(network, x, 1).values
    p = network(x).softmax(1).detach()
    starts = -p[:, 1:2] * p
    starts[:, 1] += p[:, 1]
    ones = [DeepTaylor()(network, x, k).values / network(x)[:, k].detach().view(-1, 1, 1, 1)
            for k in range(4)]  # fmt: skip
    expected = sum(starts[:, k].view(-1, 1, 1, 1) * ones[k] for k in range(4))
    assert torch.allclose(found, expected, atol=1e-6)
    assert float(found.sum((1, 2, 3)).abs().max()) < 1e-4 * float(found.abs().sum())


def test_of_a_class_that_is_all_but_sure_single_precision_tells_as_much_as_double():
    network, x = seeded(lambda: ReluNetwork(False)), noise(1, 3, 8, 8)
    first, second = network(x).detach().topk(2).values[0]
    with torch.no_grad():  # 1 − p is 1e-9, and p is 1 in single precision
        network.body[-1].weight.mul_(20 / (first - second))
    target = int(network(x).argmax())
    single = SGLRP()(network, x, target).values.double()
    double = SGLRP()(network.double(), x.double(), target).values
    assert torch.allclose(single, double, rtol=0, atol=1e-3 * float(double.abs().max()))


def test_a_contrast_of_two_classes_and_a_function_are_taken():
    network, x = _without_biases()
    one, other = (SGLRP()(network, x, k).values for k in (0, 2))
    both = SGLRP()(network, x, Contrast(0, 2)).values
    assert torch.allclose(both, one - other, atol=1e-9)
    function = SGLRP()(network, x, lambda outputs: outputs.softmax(1)[:, 0]).values
    assert torch.allclose(function, one, atol=1e-9)


def test_what_both_share_is_gone():
    network, x = _without_biases()
    with torch.no_grad():  # all classes alike: nothing speaks for one alone
        network.body[-1].weight[:] = network.body[-1].weight[:1]
    assert float(DeepTaylor()(network, x, 0).values.abs().max()) > 1e-3
    assert float(CLRP(others="uniform")(network, x, 0).values.abs().max()) < 1e-6


def test_against_one_other_class_alone():
    network, x = _without_biases()
    one, other = (DeepTaylor()(network, x, k).values for k in (0, 2))
    one, other = (each / each.sum((1, 2, 3), keepdim=True) for each in (one, other))
    found = CLRP(others="uniform")(network, x, Contrast(0, 2)).values
    found = found / found.sum((1, 2, 3), keepdim=True)
    expected = (one - other).clamp_min(0)
    expected = expected / expected.sum((1, 2, 3), keepdim=True)
    assert torch.allclose(found, expected, atol=1e-5)


def _of_one(network, x, k):
    """Deep Taylor's relevance of a class, for a score of 1."""
    found = DeepTaylor()(network, x, k).values
    return found / network(x)[:, k].detach().view(-1, 1, 1, 1)


def _contrasted(one, other):
    """What is left when the other has the same sum."""
    sums = [each.sum((1, 2, 3), keepdim=True) for each in (one, other)]
    return (one - other * sums[0] / sums[1]).clamp_min(0)


def test_all_other_classes_have_an_equal_share():
    network, x = _without_biases()
    others = sum(_of_one(network, x, k) for k in (0, 2, 3)) / 3
    expected = _contrasted(_of_one(network, x, 1), others)
    found = CLRP(others="uniform")(network, x, 1).values
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert float(expected.max()) > 1e-3


def test_the_opposite_class_has_negated_weights_and_the_same_sum():
    network, x = _without_biases()
    opposite = copy.deepcopy(network)
    with torch.no_grad():
        opposite.body[-1].weight.neg_()
    expected = _contrasted(_of_one(network, x, 1), _of_one(opposite, x, 1))
    found = CLRP()(network, x, 1).values
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert float(expected.max()) > 1e-3


@pytest.mark.parametrize("others", ["negated", "uniform"])
def test_both_are_brought_to_the_same_sum_where_a_layer_loses_some_by_hand(others):
    network = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(2, 2, bias=False), torch.nn.ReLU(),
        torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2, bias=False),
    ).double().eval()  # fmt: skip
    with torch.no_grad():
        network[1].weight.copy_(torch.eye(2))
        network[3].weight.copy_(torch.tensor([[1.0, 0], [0, -1], [1, 1]]))
        network[3].bias.copy_(torch.tensor([0.0, 2, 0]))
        network[5].weight.copy_(torch.tensor([[1.0, 1, -0.5], [0, 0, 1]]))
    x = torch.tensor([[3.0, 1], [2, 1]]).double().view(2, 1, 1, 2)
    # of x = (3, 1) the units are 3, 1, 4. Class 0 lies on the first two, 3/4 and 1/4; the second
    # has nothing but its bias: (3/4, 0) is left. The other lies on the third: (3/4, 1/4) · 3/4
    found = CLRP(others=others, pixels="w²")(network, x, 0).values.flatten(1)
    expected = torch.tensor([[3 / 4 - 9 / 16, 0], [2 / 3 - 4 / 9, 0]]).double()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_what_cannot_be_contrasted_is_refused_in_words():
    network, x = _without_biases()
    with pytest.raises(ExplainError, match="others='negated' takes every target"):
        CLRP(others="uniform")(network, x, lambda outputs: outputs[:, 0])
    single = torch.nn.Sequential(network, torch.nn.Linear(4, 1).double()).eval()
    with pytest.raises(ExplainError, match="this network has one score"):
        SGLRP()(single, x)
