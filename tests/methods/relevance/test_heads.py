"""Relevance through attention heads and tokens, tables of heads, and heads switched off."""

import numpy as np
import pytest
import torch
from networks import ModuleNetwork, noise, seeded, transformers_network, vision_transformer
from torch import nn

from benchmarks.rationale import accuracy, reader, texts
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.evaluation import prune_heads
from xaiwidgets.methods import LRP, HeadRelevance, TokenRelevance, head_relevance

NETWORKS = {"torchvision": vision_transformer, "transformers": transformers_network}
every_network = pytest.mark.parametrize("name", list(NETWORKS))


def of(name):
    return seeded(NETWORKS[name]).double(), noise(2, 3, 32, 32, dtype=torch.float64)


def apart(found, expected):
    return float((found - expected).abs().max() / expected.abs().max())


class OneBlock(nn.Module):
    """One attention of two heads by hand, without a skip connection."""

    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(6, 6, bias=False) for _ in range(4))
        self.head = nn.Linear(6, 3, bias=False)

    def read(self, x):
        q, k, v = (layer(x).unflatten(2, (2, 3)).transpose(1, 2)
                   for layer in (self.query, self.key, self.value))  # fmt: skip
        return (q @ k.mT / 3**0.5).softmax(-1) @ v  # (batch, heads, tokens, 3)

    def forward(self, x):
        return self.head(self.out(self.read(x[:, 0]).transpose(1, 2).flatten(2))[:, 0])


@every_network
@pytest.mark.parametrize("preset", ["AttnLRP", "CP-LRP"])
def test_the_parts_of_all_tokens_add_up_to_the_whole(name, preset):
    network, x = of(name)
    whole = LRP(preset=preset)(network, x, [1, 3]).values
    layer = {"torchvision": "encoder.layers.encoder_layer_0",
             "transformers": "vit.layers.0"}[name]  # fmt: skip
    method = TokenRelevance(preset=preset, layer=layer)
    parts = [method.having(token=k)(network, x, [1, 3]).values for k in range(17)]
    assert apart(sum(parts), whole) <= 1e-9


def test_the_parts_of_all_cells_of_a_map_add_up_to_the_whole():
    network, x = seeded(ModuleNetwork).double(), noise(2, 3, 32, 32, dtype=torch.float64)
    whole = LRP(preset="ε-plus-flat")(network, x, [1, 3]).values
    method = TokenRelevance(preset="ε-plus-flat", layer="5")  # 4 × 4 cells
    parts = [method.having(token=k)(network, x, [1, 3]).values for k in range(16)]
    assert apart(sum(parts), whole) <= 1e-9
    for k, part in enumerate(parts):  # row by row
        lies = part[0].abs().sum(0) / part[0].abs().sum()
        middle = (
            float((lies.sum(1) * torch.arange(32)).sum()),
            float((lies.sum(0) * torch.arange(32)).sum()),
        )
        assert middle == pytest.approx((8 * (k // 4) + 3.5, 8 * (k % 4) + 3.5), abs=2)


def test_the_parts_of_all_heads_and_tokens_add_up_to_the_whole_where_nothing_goes_around():
    network, x = seeded(OneBlock).double(), noise(2, 1, 5, 6, dtype=torch.float64)
    whole = LRP(preset="AttnLRP")(network, x, 1).values
    method = HeadRelevance(block=0)
    heads = [method.having(head=h)(network, x, 1).values for h in (0, 1)]
    assert apart(sum(heads), whole) <= 1e-12
    tokens = [method.having(head=1, token=t)(network, x, 1).values for t in range(5)]
    assert apart(tokens[0], heads[1]) <= 1e-12  # the class is read at token 0 alone
    assert all(float(each.abs().max()) == 0 for each in tokens[1:])


@every_network
def test_relevance_of_a_head_is_what_the_gradient_says_where_weights_are_constant(name):
    network, x = of(name)
    found = head_relevance(network, x, 1, preset="CP-LRP").relevance
    assert found.shape == (2, 2, 2)
    one = HeadRelevance(preset="CP-LRP", block=1, head=0)(network, x, 1)
    for i, fact in enumerate(one.facts):
        assert float(fact.split()[6]) == pytest.approx(found[i, 1, 0], rel=1e-2)


def test_the_table_of_one_block_is_activation_times_gradient_by_hand():
    network, x = seeded(OneBlock).double(), noise(2, 1, 5, 6, dtype=torch.float64)
    read = network.read(x[:, 0]).detach().requires_grad_()
    score = network.head(network.out(read.transpose(1, 2).flatten(2))[:, 0])[:, 2].sum()
    (slope,) = torch.autograd.grad(score, read)
    table = head_relevance(network, x, 2)
    expected = (slope * read).sum((2, 3)).detach().numpy()[:, None]
    np.testing.assert_allclose(table.relevance, expected, rtol=1e-12)
    np.testing.assert_allclose(table.importance, np.abs(expected).mean(0))
    assert table.order[0] == (0, int(np.abs(expected).mean(0)[0].argmax()))


def test_the_strongest_heads_and_tokens_come_first_in_a_strip():
    network, x = of("torchvision")
    heat = TokenRelevance(strip=3)(network, x[:1], 1)
    sizes = [frame.number for frame in heat.frames]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) == 3
    token = int(heat.frames[1].label.split()[1])
    alone = TokenRelevance(token=token)(network, x[:1], 1).values
    assert torch.equal(heat.frames[1].values, alone)
    assert [frame.label for frame in HeadRelevance(strip=2)(network, x, 1).frames] == [
        "rank 1", "rank 2"
    ]  # fmt: skip


def test_what_is_not_there_is_refused_in_words():
    network, x = of("torchvision")
    with pytest.raises(ExplainError, match="head is 2, but block 1 has 2 heads: 0 to 1"):
        HeadRelevance(block=1, head=2)(network, x, 1)
    with pytest.raises(ExplainError, match="block is 2, but this network has 2 blocks"):
        HeadRelevance(block=2)(network, x, 1)
    with pytest.raises(ExplainError, match="token is 17, but there are 17 tokens: 0 to 16"):
        HeadRelevance(token=17)(network, x, 1)
    with pytest.raises(ExplainError, match="holds no tokens"):
        TokenRelevance(layer="heads")(network, x, 1)
    plain = seeded(ModuleNetwork), noise(1, 3, 32, 32)
    with pytest.raises(ExplainError, match="no attention, and so no heads"):
        HeadRelevance()(*plain)
    with pytest.raises(ExplainError, match="no attention, and so no heads"):
        head_relevance(*plain)
    with pytest.raises(ExplainError, match="preset is 'best'; it takes one of LRP-0, "):
        head_relevance(network, x, preset="best")


# --- heads switched off ---------------------------------------------------------------------------


def test_a_head_that_is_off_reads_nothing():
    network, x = seeded(OneBlock).double(), noise(3, 1, 5, 6, dtype=torch.float64)
    scores = prune_heads(network, x, [(0, 1), (0, 0)], 2, follow="score")
    with torch.no_grad():
        read = network.read(x[:, 0])
        read[:, 1] = 0
        without = network.head(network.out(read.transpose(1, 2).flatten(2))[:, 0])[:, 2]
        whole = network(x)[:, 2]
    most = scores.curves["most important first"].y
    np.testing.assert_allclose(most, torch.stack([whole, without, 0 * whole], 1), atol=1e-12)
    least = scores.curves["least important first"].y
    np.testing.assert_allclose(scores.values, least.mean(1) - most.mean(1))
    assert scores.better == "higher"
    assert network(x).equal(network(x))


@every_network
def test_all_ways_of_writing_attention_are_switched_off(name):
    network, x = of(name)
    scores = prune_heads(network, x, head_relevance(network, x, 1), 1)
    curve = scores.curves["most important first"]
    assert curve.y.shape == (2, 5)
    assert np.ptp(curve.y, axis=1).min() > 1e-6
    ends = [curves.y[:, -1] for curves in scores.curves.values()]
    np.testing.assert_allclose(ends[0], ends[1])


def test_unknown_heads_and_measures_are_refused_in_words():
    network, x = of("torchvision")
    with pytest.raises(
        ExplainError, match="no head 5 of block 0; this network has 2 blocks with 2"
    ):
        prune_heads(network, x, [(0, 5)], 1)
    with pytest.raises(ExplainError, match="follow is 'loss'"):
        prune_heads(network, x, [(0, 0)], 1, follow="loss")
    with pytest.raises(ExplainError, match="No heads came"):
        prune_heads(network, x, [], 1)
    with pytest.raises(ExplainError, match="takes one class of each input"):
        prune_heads(network, x, [(0, 0)], lambda out: out[:, 0], follow="accuracy")


@pytest.mark.slow
def test_relevance_knows_which_heads_a_trained_network_needs():
    network, data = reader(), texts(100, seed=2)
    assert accuracy(network, data) >= 0.99
    for label in range(4):  # each class has heads of its own in this network
        x = data.x[data.classes[:, 0] == label]
        scores = prune_heads(network, x, head_relevance(network, x, label), label, follow="score")
        assert scores.mean > 2
