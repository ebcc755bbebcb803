"""Attention is met as the same two tensors, however a network writes it."""

import pytest
import torch
import torch.nn.functional as F
from networks import noise, seeded
from torch import nn

from xaiwidgets.core.attention import attending

ROWS, HEADS, TOKENS, WIDTH = 2, 2, 5, 6


class Attending(nn.Module):
    """One attention, written in several ways over the same weights."""

    def __init__(self, written):
        super().__init__()
        self.layer = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.written = written

    def parts(self, x):
        joint = F.linear(x, self.layer.in_proj_weight, self.layer.in_proj_bias)
        return [each.unflatten(2, (HEADS, -1)).transpose(1, 2) for each in joint.chunk(3, 2)]

    def forward(self, x):
        return self.written(self, x)


def module(net, x):
    return net.layer(x, x, x, need_weights=False)[0]


def module_with_weights(net, x):
    return net.layer(x, x, x)[0]


def in_one(net, x):
    read = F.scaled_dot_product_attention(*net.parts(x))
    return net.layer.out_proj(read.transpose(1, 2).flatten(2))


def by_hand(net, x):
    q, k, v = net.parts(x)
    weights = F.dropout(F.softmax(q @ k.mT / 3**0.5, dim=-1), 0.5, training=net.training)
    return net.layer.out_proj(torch.matmul(weights, v).transpose(1, 2).flatten(2))


def seen(written, x):
    net, met = seeded(lambda: Attending(written)).double(), []
    with attending(net, len(x), met.append):
        out = net(x.clone().requires_grad_())
    return out.detach(), met


@pytest.mark.parametrize("written", [module, module_with_weights, in_one, by_hand])
def test_every_way_of_writing_it_shows_the_same_weights_and_the_same_reading(written):
    x = noise(ROWS, TOKENS, WIDTH, dtype=torch.float64)
    expected, (one,) = seen(by_hand, x)
    out, (other,) = seen(written, x)
    torch.testing.assert_close(out, expected)
    assert other.by_head(other.weights).shape == (ROWS, HEADS, 1, TOKENS, TOKENS)
    assert other.by_head(other.read).shape == (ROWS, HEADS, 1, TOKENS, WIDTH // HEADS)
    for name in ("weights", "read"):
        first, second = (each.by_head(getattr(each, name)) for each in (one, other))
        torch.testing.assert_close(first, second)
    assert torch.allclose(one.weights.sum(-1), torch.ones(()).double())


def test_what_the_heads_read_can_be_replaced():
    x = noise(ROWS, TOKENS, WIDTH, dtype=torch.float64)
    net = seeded(lambda: Attending(module)).double()
    with attending(net, ROWS, lambda attention: attention.read * 0):
        out = net(x.clone().requires_grad_())
    torch.testing.assert_close(out, net.layer.out_proj.bias.expand_as(out))


def test_a_causal_mask_leaves_no_weight_on_what_comes_later():
    def causal(net, x):
        return F.scaled_dot_product_attention(*net.parts(x), is_causal=True)[:, 0]

    _, (one,) = seen(causal, noise(ROWS, TOKENS, WIDTH, dtype=torch.float64))
    assert float(one.weights.detach().triu(1).abs().max()) == 0


def test_a_softmax_that_nothing_reads_through_is_no_attention():
    def gated(net, x):
        return x * x.softmax(-1)

    assert seen(gated, noise(ROWS, TOKENS, WIDTH, dtype=torch.float64))[1] == []
