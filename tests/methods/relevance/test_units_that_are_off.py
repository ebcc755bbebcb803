"""Rules for pixels in mid-network: relevance that they give to units which are 0 goes on."""

import pytest
import torch
import torch.nn.functional as F
from methods.relevance import plain
from networks import noise, seeded
from torch import nn

import xaiwidgets as xw
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods.relevance import Epsilon, Flat, Table, WSquare, ZBox, ZPlus
from xaiwidgets.methods.relevance.lrp import relevance

RULES = {
    "flat": (Flat(), plain.flat),
    "w square": (WSquare(), plain.w_square),
    "z box": (ZBox(-1.0, 4.0), plain.z_box(-1.0, 4.0)),
}
BELOW = {
    "LRP-0": (Epsilon(0.0), plain.epsilon(0.0)),
    "epsilon": (Epsilon(0.1), plain.epsilon(0.1)),
    "z plus": (ZPlus(), plain.alpha_beta(1, 0)),
}


class Chain(nn.Module):
    """A dense layer, a rectifier in some writing, a second layer and a head without bias."""

    def __init__(self, rectified):
        super().__init__()
        self.rectified = rectified
        self.first, self.second = nn.Linear(6, 8), nn.Linear(8, 5)
        self.head = nn.Linear(5, 3, bias=False)

    def forward(self, x):
        return self.head(self.second(self.rectified(self.first(x.flatten(1)))))


def summed_in_place(z):
    y = F.relu(z * 1)
    y.add_(F.relu(z))
    return y


WRITTEN = {
    "relu": F.relu,
    "in place": torch.relu_,
    "relu6": F.relu6,
    "clamped": lambda z: z.clamp(min=0),
    "a sum of two": lambda z: F.relu(z) + F.relu(z),
    "a sum in place": summed_in_place,
    "dropped out": lambda z: F.dropout(F.relu(z), 0.5, False),
}


def apart(found, expected):
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("below", list(BELOW))
@pytest.mark.parametrize("rule", list(RULES))
@pytest.mark.parametrize("written", list(WRITTEN))
def test_relevance_goes_on_from_units_that_are_off(written, rule, below):
    network = seeded(lambda: Chain(WRITTEN[written])).double()
    x = noise(3, 1, 1, 6, seed=4, dtype=torch.float64)
    (makes, formula), (under, plain_under) = RULES[rule], BELOW[below]
    table = Table([("first", under), ("second", makes), ("any", Epsilon(0.0))])
    subject = Subject(network)
    found = relevance(subject, x, subject.bind(1, x), table).values.flatten(1)

    hidden = network.rectified(network.first(x.flatten(1)).clone()).detach()
    z = network.second(hidden).detach()
    middle = formula(
        hidden, network.second.weight.T, network.second.bias, z * network.head.weight[1]
    )
    assert float(middle[hidden == 0].abs().max()) > 1e-3  # there is something to lose
    expected = plain_under(x.flatten(1), network.first.weight.T, network.first.bias, middle)
    assert apart(found, expected.detach()) <= 1e-9


class Residual(nn.Module):
    """Convolutions, a residual sum, pooling, batch normalisation; no biases."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = (
            nn.Conv2d(*each, 3, padding=1, bias=False) for each in ((3, 6), (6, 6), (6, 6))
        )
        self.norm, self.head = nn.BatchNorm2d(6), nn.Linear(6, 4, bias=False)
        nn.init.uniform_(self.norm.running_var, 0.5, 2.0)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm(self.first(x))), 2)
        x = F.relu(x + self.second(x))
        return self.head(F.relu(self.third(x)).mean((2, 3)))


def test_nothing_is_lost_where_every_convolution_is_flat():
    network, x = seeded(Residual).double(), noise(2, 3, 8, 8, dtype=torch.float64)
    table = Table([("convolution", Flat()), ("any", Epsilon(0.0))])
    report = xw.LRP().explain_rules(network, x[:1], 1, table=table)
    assert report.arrived == pytest.approx(report.score, rel=1e-5)
    assert abs(report.elsewhere) < 1e-5 * abs(report.score)
    heat = xw.LRP.by(table)(network, x, 1)
    assert float(heat.values.sum()) == pytest.approx(float(network(x)[:, 1].sum()), rel=1e-5)


def test_single_precision_gives_the_same():
    network, x = seeded(Residual), noise(2, 3, 8, 8)
    table = Table([("third", Flat()), ("any", Epsilon(0.01))])
    single = xw.LRP.by(table)(network, x, 1).values.clone()
    double = xw.LRP.by(table)(network.double(), x.double(), 1).values
    assert apart(single.double(), double) <= 1e-4
