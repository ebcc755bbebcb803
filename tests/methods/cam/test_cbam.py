"""CBAM: the block as the paper writes it, and a look at its gates."""

import math

import pytest
import torch
from conftest import inputs_for, network_of
from networks import noise, seeded
from torch.nn import functional as F

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.methods import CBAM, CbamAttention


def sigmoid(value):
    return 1 / (1 + math.exp(-value))


def test_the_block_is_the_papers_written_out_place_by_place():
    block = seeded(lambda: CBAM(4, reduction=2, kernel=3)).double().requires_grad_(False)
    x = noise(1, 4, 3, 5, seed=2, dtype=torch.float64)
    mlp, convolution = block.channel.mlp, block.spatial.convolution
    gates = []
    for k in range(4):
        outputs = [mlp(stat)[0, k] for stat in (x.mean((2, 3)), x.flatten(2).max(2).values)]
        gates.append(sigmoid(float(sum(outputs))))
    weighed = x * torch.tensor(gates, dtype=torch.float64).view(1, 4, 1, 1)
    both = torch.stack([weighed[0].mean(0), weighed[0].max(0).values])
    padded, expected = F.pad(both, (1, 1, 1, 1)), torch.empty_like(weighed)
    for i in range(3):
        for j in range(5):
            window = padded[:, i : i + 3, j : j + 3]
            gate = sigmoid(float((window * convolution.weight[0]).sum() + convolution.bias[0]))
            expected[0, :, i, j] = weighed[0, :, i, j] * gate
    torch.testing.assert_close(block(x), expected, rtol=1e-12, atol=1e-14)


def test_the_method_shows_the_gate_of_the_last_block_or_of_the_one_that_is_named():
    network, x = network_of("attentive"), inputs_for("functional")
    last, first = (CbamAttention(layer=layer)(network, x) for layer in ("", "gate"))
    assert last.facts[0].startswith("Block last_gate: open from ")
    assert first.facts[0].startswith("Block gate: open from ")
    maps = F.relu(network.first(x))
    maps = maps * network.gate.channel(maps)
    torch.testing.assert_close(first.values, network.gate.spatial(maps).detach())
    same = CbamAttention(layer="gate.spatial")(network, x)
    assert torch.equal(same.values, first.values)


def test_a_network_that_is_a_block_has_one_without_a_name():
    network = seeded(lambda: torch.nn.Sequential(CBAM(3), torch.nn.Flatten()))
    assert CbamAttention(layer="0")(network, noise(1, 3, 4, 4)).values.shape == (1, 1, 4, 4)


def test_what_is_no_block_is_refused_in_words():
    with pytest.raises(ExplainError, match=r"has no CBAM block; put xaiwidgets.CBAM\(channels\)"):
        CbamAttention()(network_of("modules"), inputs_for("modules"))
    with pytest.raises(ExplainError, match=r"'first' is no CBAM block; .* gate, last_gate\."):
        CbamAttention(layer="first")(network_of("attentive"), inputs_for("functional"))
    with pytest.raises(ExplainError, match=r"CBAM\(8, reduction=16, kernel=4\).* an odd kernel"):
        CBAM(8, kernel=4)
