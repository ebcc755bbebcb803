"""Filters: weights as pictures."""

import numpy as np
import pytest
import torch
from networks import ResidualNetwork, seeded
from torch import nn

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.methods.concepts.units.filters import filters_behind


def test_first_layer_filters_are_the_weights_in_colour_about_mid_grey():
    subject = zoo.subject("shapes")
    found = xw.filters(subject)
    weights = subject.model.conv1.weight.detach().numpy()
    assert found.layer == "conv1"
    assert found.colours
    assert np.array_equal(found.weights, weights)
    pictures = found.pictures()
    assert pictures.shape == (24, 5, 5, 3)
    unit = 7
    at = np.unravel_index(np.abs(weights[unit]).argmax(), weights[unit].shape)
    assert pictures[unit][at[1], at[2], at[0]] in (0, 255), "the largest weight fills the range"
    signs = weights[unit].transpose(1, 2, 0) > 0
    assert (pictures[unit][signs] >= 127).all()
    assert (pictures[unit][~signs] <= 128).all()


def test_later_filters_show_the_channel_that_weighs_most():
    subject = zoo.subject("shapes")
    found = xw.filters(subject, "conv3")
    assert not found.colours
    strongest = found.strongest(5, 3)
    lengths = np.linalg.norm(found.weights[5].reshape(len(found.weights[5]), -1), axis=1)
    assert strongest.tolist() == np.argsort(-lengths)[:3].tolist()
    kernel = found.weights[5, strongest[0]]
    picture = found.pictures()[5, ..., 0].astype(float)
    assert np.corrcoef(picture.ravel(), kernel.ravel())[0, 1] > 0.999


def test_a_dense_layer_that_reads_the_picture_has_filters():
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 6, 4)).eval()
    subject = xw.Subject(network, mean=0.5, std=0.5, size=(8, 6))
    subject.layers(torch.zeros(1, 3, 8, 6))
    found = xw.filters(subject)
    assert found.weights.shape == (4, 3, 8, 6)
    assert found.colours


@pytest.mark.parametrize("unit", [None, 3])
def test_filters_are_drawn(unit, tmp_path):
    xw.filters(zoo.subject("shapes"), "conv2").plot(unit).savefig(tmp_path / "filters.png")


def test_a_relu_passes_on_the_filters_of_its_convolution_and_a_sum_has_none():
    subject = zoo.subject("shapes")
    found = filters_behind(subject, ["relu3", "pool", "conv4", "linear"])
    assert {name: each.layer for name, each in found.items()} == {
        "relu3": "conv3",
        "pool": "conv3",
        "conv4": "conv4",
    }
    residual = xw.Subject(seeded(ResidualNetwork).eval())
    x = torch.zeros(1, 3, 16, 16)
    blocks = [layer.name for layer in residual.layers(x) if layer.kind == "Block"]
    assert blocks
    assert filters_behind(residual, blocks) == {}


def test_what_has_no_filters_is_said_in_words():
    subject = zoo.subject("shapes")
    with pytest.raises(xw.ExplainError, match="'relu1' has no filters of its own; they lie in"):
        xw.filters(subject, "relu1")
    with pytest.raises(xw.ExplainError, match="No layer is called 'conv8'"):
        xw.filters(subject, "conv8")
    with pytest.raises(xw.ExplainError, match="'conv1' has 24 units, counted from 0; there is no"):
        xw.filters(subject).plot(24)
    with pytest.raises(xw.ExplainError, match="there is no 'first'"):
        xw.filters(subject).strongest("first")
    with pytest.raises(xw.ExplainError, match="A layer was given as a list"):
        xw.filters(subject, ["conv1"])
    plain = xw.Subject(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)).eval(), size=(2, 4))
    plain.layers(torch.zeros(1, 3, 2, 2))
    with pytest.raises(xw.ExplainError, match="no convolution whose weights"):
        xw.filters(plain)
