"""Max pooling by proportion against its formula, window by window."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from networks import noise, seeded
from torch import nn

import xaiwidgets as xw
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods.relevance import Epsilon, Table
from xaiwidgets.methods.relevance.lrp import relevance
from xaiwidgets.methods.relevance.operations import Treatment

POOLS = {
    "plain": ((6, 8), lambda x: F.max_pool2d(x, 2)),
    "overlapping": ((7, 8), lambda x: F.max_pool2d(x, 3, stride=2)),
    "padded": ((6, 7), lambda x: F.max_pool2d(x, (3, 2), stride=(2, 1), padding=(1, 0))),
    "dilated": ((7, 7), lambda x: F.max_pool2d(x, 2, stride=1, dilation=2)),
    "rounded up": ((6, 5), lambda x: F.max_pool2d(x, 3, stride=2, padding=1, ceil_mode=True)),
    "module": ((6, 6), nn.MaxPool2d(2)),
    "1d": ((9,), lambda x: F.max_pool1d(x, 3, padding=1)),
    "3d": ((4, 4, 2), lambda x: F.max_pool3d(x, (2, 2, 1))),
    "adaptive": ((6, 4), lambda x: F.adaptive_max_pool2d(x, (3, 1))),
}  # fmt: skip


class Pooled(nn.Module):
    """A pooling of the input itself and a dense head without bias; takes (batch, 1, 1, size)."""

    def __init__(self, shape, pool, rectified=False):
        super().__init__()
        self.shape, self.pool, self.rectified = shape, pool, rectified
        self.head = nn.Linear(self.pool(torch.zeros(1, 2, *shape)).numel(), 3, bias=False)

    def forward(self, x):
        x = x.reshape(len(x), 2, *self.shape)
        return self.head(self.pool(x.relu() if self.rectified else x).flatten(1))


def windows(pool, shape):
    """For every output, which inputs are in its window (outputs, inputs): those that can make it
    the maximum."""
    count = torch.Size(shape).numel()
    probes = torch.eye(count, dtype=torch.float64).view(count, 1, *shape)
    return (pool(probes).flatten(1) > 0).T


def by_proportion(x, inside, relevance):
    """The formula, one window at a time."""
    found = torch.zeros_like(x)
    for n, channel, k in itertools.product(*map(range, relevance.shape)):
        values = x[n, channel] * inside[k]
        part = values.clamp(min=0) if values.max() > 0 else values
        if part.sum() != 0:
            found[n, channel] += part / part.sum() * relevance[n, channel, k]
    return found


@pytest.mark.parametrize("sign", [0, 1, -1], ids=["signed", "positive", "negative"])
@pytest.mark.parametrize("name", list(POOLS))
def test_a_window_shares_as_its_values_are(name, sign):
    shape, pool = POOLS[name]
    network = seeded(lambda: Pooled(shape, pool)).double()
    x = noise(2, 2, torch.Size(shape).numel(), seed=5, dtype=torch.float64)
    x = x if sign == 0 else sign * x.abs()
    given = x.view(2, 1, 1, -1)
    table = Table([("any", Epsilon(0.0))], Treatment(pooling="proportion"))
    subject = Subject(network)
    found = relevance(subject, given, subject.bind(1, given), table)
    y = pool(x.view(2, 2, *shape)).flatten(2)
    top = y * network.head.weight[1].detach().view(2, -1)
    expected = by_proportion(x, windows(pool, shape), top)
    assert float((found.values.flatten() - expected.flatten()).abs().max()) <= 1e-12
    assert float(found.values.sum()) == pytest.approx(float(network(given)[:, 1].detach().sum()))


def test_the_winner_takes_it_all_by_default_and_the_knob_shares():
    shape, pool = POOLS["plain"]
    network = seeded(lambda: Pooled(shape, pool, rectified=True)).double()
    x = noise(1, 1, 1, 96, seed=2, dtype=torch.float64)
    winner, shared = (
        xw.LRP(preset="LRP-0", pooling=pooling)(network, x, 1).values
        for pooling in ("winner", "proportion")
    )
    assert int((winner != 0).sum()) <= 24 < int((shared != 0).sum())
    assert float(winner.sum()) == pytest.approx(float(shared.sum()))


@pytest.mark.parametrize("name", ["plain", "overlapping", "1d", "3d", "adaptive"])
def test_of_equals_in_a_window_one_takes_it_all(name):
    shape, pool = POOLS[name]
    network = seeded(lambda: Pooled(shape, pool)).double()
    x = torch.full((1, 1, 1, 2 * torch.Size(shape).numel()), 0.5, dtype=torch.float64)
    found = xw.LRP(preset="LRP-0")(network, x, 1).values.flatten()
    assert 0 < int((found != 0).sum()) <= pool(torch.zeros(1, 2, *shape)).numel()
    assert float(found.sum()) == pytest.approx(float(network(x)[0, 1].detach()))


def test_what_cannot_be_shared_is_refused_in_a_sentence():
    table = Table([("any", Epsilon(0.0))], Treatment(pooling="proportion"))
    for pool, words in (
        (lambda x: F.adaptive_max_pool2d(x, 4), "windows of several sizes"),
        (lambda x: F.max_pool2d(x, 2, return_indices=True)[0], "returns its winners' places"),
    ):
        network = seeded(lambda pool=pool: Pooled((6, 6), pool))
        with pytest.raises(ExplainError, match=words):
            xw.LRP.by(table)(network, noise(1, 1, 1, 72), 1)
