"""The quicker way back through a first convolution gives the gradient that torch gives."""

import copy

import pytest
import torch
from conftest import network_of
from networks import noise
from torch import nn

from xaiwidgets.core.strided import StridedConvolution, gains
from xaiwidgets.core.subject import Subject

SHAPES = [
    # taps, stride, padding, height, width
    (7, 2, 3, 32, 32), (7, 2, 3, 33, 40), (11, 4, 2, 48, 37), (16, 16, 0, 48, 64),
    (4, 4, 0, 32, 35), (5, 3, 1, 34, 33), (4, 2, 1, 32, 31), (5, 8, 0, 40, 47), (8, 3, 5, 33, 36),
]  # fmt: skip


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_answers_and_sends_back_what_the_convolution_does(shape, memory, channels):
    taps, stride, padding, height, width = shape
    convolution = nn.Conv2d(channels, 6, taps, stride=stride, padding=padding).double()
    convolution = convolution.to(memory_format=memory)
    assert gains(convolution)
    x = noise(2, channels, height, width, dtype=torch.float64).requires_grad_()
    made, other = convolution(x), StridedConvolution(convolution)(x)
    torch.testing.assert_close(other, made, rtol=0, atol=0)
    arrived = noise(*made.shape, dtype=torch.float64)
    (wanted,) = torch.autograd.grad(made, x, arrived)
    (found,) = torch.autograd.grad(other, x, arrived)
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "other",
    [
        nn.Conv2d(3, 6, 3, stride=2), nn.Conv2d(3, 6, 7), nn.Conv2d(8, 6, 7, stride=2),
        nn.Conv2d(4, 8, 4, stride=2, groups=2), nn.Conv2d(3, 6, 4, stride=2, dilation=2),
        nn.Conv2d(3, 6, 4, stride=2, padding=1, padding_mode="reflect"),
        nn.Conv2d(3, 6, (4, 5), stride=2), nn.Conv2d(3, 6, 4, stride=(2, 3)),
        nn.Conv2d(3, 6, 4, stride=2, padding=(1, 0)), nn.Conv2d(3, 6, 7, padding="same"),
        nn.Conv1d(3, 6, 7, stride=2), nn.ConvTranspose2d(3, 6, 7, stride=2),
    ],
    ids=str,
)  # fmt: skip
def test_other_convolutions_stay_as_they_are(other):
    assert not gains(other)


def test_a_copy_for_many_passes_has_it_and_sends_the_same_gradient_back():
    network = copy.deepcopy(network_of("resnet18")).double()
    x = noise(2, 3, 48, 48, dtype=torch.float64)
    subject = Subject(network)
    quick, target = subject.quick(x), subject.bind([1, 2], x)
    assert type(quick.model.conv1) is StridedConvolution
    assert type(network.conv1) is nn.Conv2d
    wanted, found = subject.gradient(x, target), quick.gradient(x, target)
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-12)
