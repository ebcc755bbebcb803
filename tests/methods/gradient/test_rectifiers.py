"""The backward pass at a ReLU: backprop, deconvnet, guided; by hand."""

import pytest
import torch
import torch.nn.functional as F
from networks import Formula
from torch import nn

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.methods import Deconvnet, GuidedBackprop, Saliency, relu_backward_table

Z = torch.tensor([[1.0, -1, 5], [2, -5, -7], [-3, 2, 4]])
ABOVE = torch.tensor([[-2.0, 3, -1], [6, -3, 1], [2, -1, 3]])
TABLE = {
    "backprop": [[-2.0, 0, -1], [6, 0, 0], [0, -1, 3]],
    "deconvnet": [[0.0, 3, 0], [6, 0, 1], [2, 0, 3]],
    "guided": [[0.0, 0, 0], [6, 0, 0], [0, 0, 3]],
}
METHODS = {"backprop": Saliency(), "deconvnet": Deconvnet(), "guided": GuidedBackprop()}

RELUS = {
    "nn.ReLU": nn.ReLU(),
    "nn.ReLU in place": nn.ReLU(inplace=True),
    "F.relu": F.relu,
    "F.relu in place": lambda x: F.relu(x, inplace=True),
    "F.relu_": F.relu_,
    "torch.relu": torch.relu,
    "torch.relu_": torch.relu_,
    "x.relu()": lambda x: x.relu(),
    "x.relu_()": lambda x: x.relu_(),
    "clamp": lambda x: x.clamp(min=0),
    "clamp_": lambda x: x.clamp_(0),
    "clamp_min": lambda x: x.clamp_min(0),
    "clip": lambda x: torch.clip(x, 0),
    "hardtanh": lambda x: F.hardtanh(x, 0.0, 9.0),
    "relu of a view": lambda x: F.relu(x.view(-1, 3), inplace=True).view(-1, 9),
}


def test_the_table_of_the_slide():
    found = relu_backward_table(Z, ABOVE)
    assert {rule: values.tolist() for rule, values in found.items()} == TABLE


@pytest.mark.parametrize("spelling", list(RELUS))
@pytest.mark.parametrize("rule", list(TABLE))
def test_every_spelling_of_a_relu_follows_the_table(spelling, rule):
    def scores(v):
        return torch.stack([(RELUS[spelling](v) * ABOVE.view(1, 9)).sum(1), v[:, 0]], 1)

    answer = METHODS[rule](Formula(scores), Z.view(1, 1, 3, 3), 0)
    assert answer.values.view(3, 3).tolist() == TABLE[rule]
    assert answer.warnings == []


@pytest.mark.parametrize("rule", list(TABLE))
def test_relu6_passes_nothing_above_six(rule):
    def scores(v):
        return torch.stack([(F.relu6(v) * ABOVE.view(1, 9)).sum(1), v[:, 0]], 1)

    z = Z.clone()
    z[1, 0] = 7.0
    expected = torch.tensor(TABLE[rule])
    if rule != "deconvnet":
        expected[1, 0] = 0.0
    answer = METHODS[rule](Formula(scores), z.view(1, 1, 3, 3), 0)
    assert answer.values.view(3, 3).tolist() == expected.tolist()


def test_a_clamp_that_is_no_relu_keeps_its_own_gradient_and_is_not_counted():
    def scores(v):
        return torch.stack([(v.clamp(-2, 3) * ABOVE.view(1, 9)).sum(1), v[:, 0]], 1)

    answer = GuidedBackprop()(Formula(scores), Z.view(1, 1, 3, 3), 0)
    plain = Saliency()(Formula(scores), Z.view(1, 1, 3, 3), 0)
    assert torch.equal(answer.values, plain.values)
    assert answer.numbers["rectifiers"] == 0
    assert "no ReLU" in answer.warnings[0]


def test_a_relu_in_place_through_a_view_changes_the_rest_as_it_should():
    """The first row is rectified through a view; the whole is read afterwards."""

    def scores(v):
        y = v.view(-1, 3, 3).clone()
        y[:, 0].relu_()
        return torch.stack([(y * ABOVE).sum((1, 2)), v[:, 0]], 1)

    plain = Saliency()(Formula(scores), Z.view(1, 1, 3, 3), 0).values.view(3, 3)
    assert plain.tolist() == [TABLE["backprop"][0], ABOVE[1].tolist(), ABOVE[2].tolist()]
    guided = GuidedBackprop()(Formula(scores), Z.view(1, 1, 3, 3), 0).values.view(3, 3)
    assert guided.tolist() == [TABLE["guided"][0], ABOVE[1].tolist(), ABOVE[2].tolist()]


def test_gradients_of_a_network_without_relu_are_plain_and_it_says_so():
    network = Formula(lambda v: torch.stack([v.tanh().sum(1), v[:, 0]], 1))
    answer = Deconvnet()(network, Z.view(1, 1, 3, 3), 0)
    assert torch.equal(answer.values, Saliency()(network, Z.view(1, 1, 3, 3), 0).values)
    assert "no ReLU" in answer.warnings[0]


def test_the_table_is_shown_in_numbers_and_refuses_shapes_that_differ():
    shown = relu_backward_table(Z, ABOVE)._repr_html_()
    assert shown.count("<table") == 6
    assert shown.count("<td") == 6 * 9
    assert "deconvnet" in shown
    assert ">-0<" not in shown
    with pytest.raises(ExplainError, match=r"z has shape \(3, 3\) and the gradient \(2,\)"):
        relu_backward_table(Z, torch.zeros(2))
