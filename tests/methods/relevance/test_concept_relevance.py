"""Relevance through one channel of a hidden layer, and of that channel itself."""

import pytest
import torch
from methods.relevance.parts import network, two_pictures
from networks import FunctionalNetwork, ModuleNetwork, noise, resnet18, seeded

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import LRP, ConceptRelevance


@pytest.mark.parametrize("preset", ["LRP-0", "ε-plus-flat", "γ-box"])
def test_the_parts_of_all_channels_add_up_to_the_whole(preset):
    network, x = seeded(ModuleNetwork).double(), noise(2, 3, 32, 32).double()
    whole = LRP(preset=preset)(network, x, [1, 3]).values
    for layer, count in (("0", 8), ("3", 12), ("4", 12)):
        method = ConceptRelevance(preset=preset, layer=layer)
        parts = [method.having(channel=k)(network, x, [1, 3]).values for k in range(count)]
        assert torch.allclose(sum(parts), whole, rtol=1e-9, atol=1e-12)
        assert max(float(part.abs().max()) for part in parts) > 0


def test_a_channel_itself_is_explained_like_the_score_of_a_network_that_ends_there():
    network, x = seeded(ModuleNetwork).double(), noise(2, 3, 32, 32).double()
    cut = torch.nn.Sequential(*list(network)[:5]).eval()
    cut = Subject(cut, output=lambda maps: maps.sum((2, 3)))
    method = ConceptRelevance(preset="γ-box", layer="4", begin="the channel")
    for k in (0, 7):
        expected = LRP(preset="γ-box")(cut, x, k).values
        assert torch.allclose(method.having(channel=k)(network, x, 1).values, expected, atol=1e-12)


def test_what_goes_around_the_layer_is_left_out():
    network, x = seeded(FunctionalNetwork).double(), noise(1, 3, 32, 32).double()
    parts = [ConceptRelevance(preset="LRP-0", layer="third", channel=k)(network, x, 1).values
             for k in range(8)]  # fmt: skip
    with torch.no_grad():  # without the skip connection's part nothing is left but this
        leaf = x.clone().requires_grad_()
    y = torch.relu(network.first(leaf))
    inner = network.third(network.second(y).relu()) * network.scale
    pooled = torch.relu(inner + y.detach())
    score = network.head(torch.nn.functional.max_pool2d(pooled, 2).mean((2, 3)))[0, 1]
    (gradient,) = torch.autograd.grad(score, leaf)
    assert torch.allclose(sum(parts), gradient * x, rtol=1e-6, atol=1e-12)


def _block(first, last):
    """A residual block with two rectifiers."""

    def forward(net, x):
        x = net.norm(net.first(x))
        return net.head(last(net)(net.second(first(net)(x)) + x).mean((2, 3)))

    return forward


def test_a_layer_that_is_used_twice_is_taken_at_its_last_use():
    def own(net):
        return net.relu

    def other(net):
        return torch.relu

    both, last = network(_block(own, own)), network(_block(other, own))
    x = two_pictures()
    for method in (ConceptRelevance(preset="LRP-0", layer="relu", channel=3),
                   ConceptRelevance.through({"relu": [3, 4]}, "LRP-0")):  # fmt: skip
        answer, expected = (method(net, x, 1) for net in (both, last))
        assert answer.facts == expected.facts
        assert torch.allclose(answer.values, expected.values, rtol=1e-9, atol=1e-12)
    units = [LRP(preset="LRP-0").units(net, x, 1, layer="relu") for net in (both, last)]
    assert torch.allclose(*units, rtol=1e-9, atol=1e-12)


def test_the_strongest_channel_is_found_for_every_input():
    network, x = seeded(ModuleNetwork).double(), noise(3, 3, 32, 32).double()
    method = ConceptRelevance(layer="4")
    answer = method(network, x, [0, 1, 2])
    sums = torch.stack([
        method.having(channel=k, preset="LRP-0")(network, x, [0, 1, 2]).values.sum((1, 2, 3))
        for k in range(12)
    ])  # fmt: skip
    assert sums.shape == (12, 3)
    for i, fact in enumerate(answer.facts):
        channel = int(fact.split()[1])
        alone = method.having(channel=channel)(network, x[i], [i])
        assert torch.allclose(alone.values[0], answer.values[i])
        assert alone.facts == [fact]
        carried = [float(method.having(channel=k)(network, x[i], [i]).facts[0].split()[5])
                   for k in range(12)]  # fmt: skip
        assert carried[channel] == max(carried)


def test_without_a_channel_the_strongest_come_in_order_as_a_strip():
    network, x = seeded(ModuleNetwork).double(), noise(2, 3, 32, 32).double()
    method = ConceptRelevance(layer="4")
    strip = method.having(strip=12)(network, x[:1], 1)
    numbers = [frame.number for frame in strip.frames]
    assert numbers == sorted(numbers, reverse=True)
    channels = [int(frame.label.split()[1]) for frame in strip.frames]
    assert sorted(channels) == list(range(12))
    for frame, channel in zip(strip.frames[:3], channels, strict=False):
        alone = method.having(channel=channel)(network, x[:1], 1)
        assert torch.equal(frame.values, alone.values)
        assert float(alone.facts[0].split()[5]) == pytest.approx(frame.number, rel=1e-2)
    assert torch.equal(strip.values, strip.frames[0].values)
    whole = LRP(preset="ε-plus-flat")(network, x[:1], 1).values
    assert torch.allclose(sum(frame.values for frame in strip.frames), whole, atol=1e-12)
    few = method.having(strip=3)(network, x, 1)
    assert [frame.label for frame in few.frames] == ["rank 1", "rank 2", "rank 3"]
    assert few.facts[0].startswith("Channels ")
    assert method.having(strip=3, channel=5)(network, x, 1).frames == []


@pytest.mark.parametrize("preset", ["LRP-0", "ε-plus-flat", "γ-box"])
def test_the_flow_can_be_restricted_to_several_channels_of_a_layer(preset):
    network, x = seeded(ModuleNetwork).double(), noise(2, 3, 32, 32).double()
    one = ConceptRelevance(preset=preset, layer="3")
    alone = [one.having(channel=k)(network, x, [1, 3]).values for k in range(12)]
    few = ConceptRelevance.through({"3": [2, 5]}, preset)(network, x, [1, 3]).values
    assert torch.allclose(few, alone[2] + alone[5], rtol=1e-9, atol=1e-12)
    single = ConceptRelevance.through({"3": 5}, preset)(network, x, [1, 3]).values
    assert torch.equal(single, alone[5])


@pytest.mark.parametrize("preset", ["LRP-0", "ε-plus-flat"])
def test_the_flow_can_be_restricted_at_several_layers_one_below_another(preset):
    network, x = seeded(ModuleNetwork).double(), noise(2, 3, 32, 32).double()

    def through(channels):
        return ConceptRelevance.through(channels, preset)(network, x, 1).values

    upper = through({"4": [3, 8]})
    both = [through({"0": j, "4": [3, 8]}) for j in range(8)]
    assert torch.allclose(sum(both), upper, rtol=1e-9, atol=1e-12)
    assert torch.equal(both[1], through({"4": [3, 8], "0": 1}))
    lower = through({"0": 1})
    assert float((both[1] - lower).abs().max()) > 1e-3 * float(lower.abs().max())
    whole = LRP(preset=preset)(network, x, 1).values
    every = through({"0": range(8), "4": range(12)})
    assert torch.allclose(every, whole, rtol=1e-9, atol=1e-12)


def test_a_way_through_channels_tells_where_relevance_went():
    network, x = seeded(ModuleNetwork).double(), noise(1, 3, 32, 32).double()
    method = ConceptRelevance.through({"4": [3, 8], "0": 1}, "LRP-0", "Mine")
    ways = method.flows(network, x, 1)
    assert [way.way for way in ways] == ["to 4", "to 0", "from the channels"]
    assert ways[-1].arrived == pytest.approx(float(method(network, x, 1).values.sum()))
    assert method.title == "Mine"


def test_channels_that_are_not_there_are_refused_in_words():
    network, x = seeded(ModuleNetwork), noise(1, 3, 32, 32)
    for channels, words in (
        ({"4": [3, 12]}, "Layer '4' has no channel 12; it has 12: 0 to 11"),
        ({"4": -1}, "no channel -1"),
        ({"nine": 1}, "No layer is called 'nine'"),
        ({}, "it takes them by layer"),
    ):
        with pytest.raises(ExplainError, match=words):
            ConceptRelevance.through(channels)(network, x, 1)


@pytest.mark.parametrize("layer", ["layer2.0.conv1", "layer2.0.bn1", "layer3", "fc", ""])
def test_layers_merged_or_not_are_watched(layer):
    network, x = seeded(resnet18), noise(2, 3, 48, 48)
    answer = ConceptRelevance(layer=layer)(network, x, 1)
    assert torch.isfinite(answer.values).all()
    assert float(answer.values.abs().max()) > 0


def test_what_is_not_there_is_refused_in_words():
    network, x = seeded(ModuleNetwork), noise(1, 3, 32, 32)
    with pytest.raises(ExplainError, match="channel is 12, but 4 has 12 channels: 0 to 11"):
        ConceptRelevance(layer="4", channel=12)(network, x)
    with pytest.raises(ExplainError, match="No layer is called 'nothing'"):
        ConceptRelevance(layer="nothing")(network, x)


@pytest.mark.parametrize(
    ("channels", "words"),
    [
        ("conv4", "'conv4' was given; it takes them by layer"),
        ({}, "No channels were named"),
        ({"0": []}, "The channels of '0' are \\[\\]"),
        ({"0": "7"}, "The channels of '0' are '7'"),
        ({"0": 1.5}, "The channels of '0' are 1.5"),
        ({0: [1]}, "A layer was given as a int"),
        ({"conv9": [1]}, "No layer is called 'conv9'"),
    ],
)
def test_channels_that_are_none_are_refused_in_a_sentence(channels, words):
    with pytest.raises(ExplainError, match=words):
        ConceptRelevance.through(channels)(seeded(ModuleNetwork), noise(1, 3, 32, 32), 1)
