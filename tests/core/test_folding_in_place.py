"""In the copy made for many passes a ReLU writes over its input, where nobody else reads that."""

import pytest
import torch
from networks import noise, seeded
from state import State
from torch import nn

from xaiwidgets import zoo
from xaiwidgets.core.subject import Subject


class Branching(nn.Module):
    """A convolution and a ReLU, whose input may be read once more."""

    def __init__(self, how="read once"):
        super().__init__()
        self.how = how
        self.conv, self.relu, self.head = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Linear(4, 3)

    def forward(self, x):
        made = self.conv(x)
        kept = made[:, :1] if self.how == "a part is read" else made
        out = self.relu(made)
        if self.how == "used twice":
            out = self.relu(self.conv(x)) + out
        elif self.how == "hardly read":
            out = out + 1e-9 * kept
        elif self.how not in ("read once", "read before"):
            out = out + kept
        return self.head(out.mean((2, 3)))


def over(network, x):
    """The ReLUs of the copy that write over their input."""
    quick = Subject(network).quick(x).model
    relus = {name: part for name, part in quick.named_modules() if isinstance(part, nn.ReLU)}
    return [name for name, part in relus.items() if part.inplace]


@pytest.mark.parametrize("how", ["read once", "read before"])
def test_a_relu_alone_behind_a_convolution_writes_over_it(how):
    network, x = seeded(lambda: Branching(how)), noise(2, 3, 12, 12)
    assert over(network, x) == ["relu"]
    assert not network.relu.inplace
    assert torch.equal(Subject(network).quick(x).outputs(x), Subject(network).outputs(x))


@pytest.mark.parametrize("how", ["read after", "hardly read", "a part is read", "used twice"])
def test_what_somebody_reads_afterwards_is_not_written_over(how):
    network, x = seeded(lambda: Branching(how)), noise(2, 3, 12, 12)
    assert over(network, x) == []


def test_also_where_the_input_tried_shows_no_difference():
    network = seeded(lambda: Branching("read after"))
    nn.init.constant_(network.conv.bias, 100.0)  # the ReLU changes nothing of any small input
    assert over(network, noise(2, 3, 12, 12)) == []


def test_the_zoos_network_is_copied_whole_and_left_alone():
    network, x = zoo.load("shapes"), noise(2, 3, 96, 96)
    state = State(network)
    assert over(network, x) == ["relu1", "relu2", "relu3", "relu4"]
    assert not any(part.inplace for part in network.modules() if isinstance(part, nn.ReLU))
    state.assert_unchanged()


def test_gradients_pass_through_it():
    network, x = zoo.load("shapes"), noise(2, 3, 96, 96)
    subject = Subject(network)
    target = subject.bind(3, x)
    plain, other = subject.gradient(x, target), subject.quick(x).gradient(x, target)
    torch.testing.assert_close(plain, other, rtol=1e-4, atol=1e-6 * float(plain.abs().max()))
