"""Attention is met as the same two tensors, however a network writes it."""

import pytest
import torch
import torch.nn.functional as F
from networks import noise, seeded
from torch import nn

from xaiwidgets.core.attention import attending
from xaiwidgets.core.errors import ExplainError

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


def softmax_of(net, x, equation, dim=-1):
    """Weights in the layout of an equation over queries (b, h, q, d) and keys (b, h, k, d)."""
    q, k, v = net.parts(x)
    return torch.einsum(equation, q, k / 3**0.5).softmax(dim), v


def joined(net, read):
    """From (b, q, h, d)."""
    return net.layer.out_proj(read.flatten(2))


def einsum_of_heads(net, x):
    weights, v = softmax_of(net, x, "bhqd,bhkd->bhqk")
    return joined(net, torch.einsum("bhqk,bhkd->bqhd", weights, v))


def einsum_as_a_product(net, x):
    weights, v = softmax_of(net, x, "...qd,...kd->...qk")
    read = torch.einsum("...qk, ...kd", [weights, v])  # letters in their order: (b, h, d, q)
    return joined(net, read.permute(0, 3, 1, 2))


def einsum_with_heads_behind(net, x):
    weights, v = softmax_of(net, x, "bhqd,bhkd->bqhk")
    return joined(net, torch.einsum("bkhd,bqhk->bqhd", v.transpose(1, 2), weights))


def einsum_with_keys_in_front(net, x):
    weights, v = softmax_of(net, x, "bhqd,bhkd->bhkq", dim=2)
    return joined(net, torch.einsum("bhkq,bhkd->bqhd", weights, v))


def einsum_with_heads_in_front(net, x):
    weights, v = softmax_of(net, x, "bhqd,bhkd->hbqk")
    return joined(net, torch.einsum("hbqk,bhkd->bqhd", weights, v))


def weights_turned(net, x):
    weights, v = softmax_of(net, x, "bhqd,bhkd->bhqk")
    return joined(net, (v.mT @ weights.mT).permute(0, 3, 1, 2))


def heads_as_examples(net, x):
    q, k, v = (each.flatten(0, 1) for each in net.parts(x))
    weights = torch.baddbmm(q.new_zeros(1), q, k.mT, alpha=3**-0.5).softmax(-1)
    return joined(net, torch.bmm(weights, v).unflatten(0, (-1, HEADS)).transpose(1, 2))


def masked_cast_and_laid_anew(net, x):
    q, k, v = net.parts(x)
    weights = torch.softmax(q @ k.mT / 3**0.5, -1).to(torch.float64).masked_fill(q[..., :1] > 99, 0)
    weights = (weights * torch.ones(HEADS, 1, 1)).reshape(-1, TOKENS, TOKENS).contiguous()
    return joined(net, (weights @ v.flatten(0, 1)).view(ROWS, HEADS, TOKENS, -1).transpose(1, 2))


WRITTEN = [
    module, module_with_weights, in_one, by_hand, einsum_of_heads, einsum_as_a_product,
    einsum_with_heads_behind, einsum_with_keys_in_front, weights_turned, heads_as_examples,
    masked_cast_and_laid_anew,
]  # fmt: skip


def seen(written, x):
    net, met = seeded(lambda: Attending(written)).double(), []
    with attending(net, len(x), met.append):
        out = net(x.clone().requires_grad_())
    return out.detach(), met


@pytest.mark.parametrize("written", WRITTEN)
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


def without_the_first_head(attention):
    """What the heads read, with nothing in the first."""
    mask = torch.ones_like(attention.read)
    attention.by_head(mask)[:, 0] = 0
    return attention.read * mask


@pytest.mark.parametrize("written", WRITTEN)
def test_what_the_heads_read_can_be_replaced(written):
    x = noise(ROWS, TOKENS, WIDTH, dtype=torch.float64)
    outs = []
    for each in (by_hand, written):
        net = seeded(lambda each=each: Attending(each)).double()
        with attending(net, ROWS, without_the_first_head):
            outs.append(net(x.clone().requires_grad_()))
    assert not torch.allclose(outs[0], net(x))
    torch.testing.assert_close(*outs)


def test_examples_are_told_from_heads_by_their_number():
    x = noise(3, TOKENS, WIDTH, dtype=torch.float64)
    _, (one,) = seen(by_hand, x)
    _, (other,) = seen(einsum_with_heads_in_front, x)
    for name in ("weights", "read"):
        first, second = (each.by_head(getattr(each, name)) for each in (one, other))
        torch.testing.assert_close(first, second)


def one_value_for_all_heads(net, x):
    weights, v = softmax_of(net, x, "bhqd,bhkd->bhqk")
    return joined(net, torch.einsum("bhqk,bkd->bqhd", weights, v[:, 0]))


def one_weight_for_all_heads(net, x):
    q, k, v = net.parts(x)
    weights = (q[:, 0] @ k[:, 0].mT).softmax(-1)
    return joined(net, torch.einsum("bqk,bhkd->bqhd", weights, v))


@pytest.mark.parametrize(
    ("written", "heads"), [(one_value_for_all_heads, HEADS), (one_weight_for_all_heads, 1)]
)
def test_heads_may_share_their_values_or_their_weights(written, heads):
    x = noise(ROWS, TOKENS, WIDTH, dtype=torch.float64)
    out, (one,) = seen(written, x)
    torch.testing.assert_close(out, seeded(lambda: Attending(written)).double()(x).detach())
    weights, read = (one.by_head(each) for each in (one.weights, one.read))
    assert weights.shape == (ROWS, heads, 1, TOKENS, TOKENS)
    assert read.shape == (ROWS, heads, 1, TOKENS, 6 // heads)
    assert torch.allclose(weights.sum(-1), torch.ones(()).double())


def mixed_between_heads(net, x):
    weights, v = softmax_of(net, x, "bhqd,bhkd->bhqk")
    weights = torch.einsum("bhqk,hg->bgqk", weights, torch.ones(HEADS, HEADS).double())
    return joined(net, (weights @ v).transpose(1, 2))


def by_three(net, x):
    weights, v = softmax_of(net, x, "bhqd,bhkd->bhqk")
    return joined(net, torch.einsum("bhqk,bhkd,h->bqhd", weights, v, torch.ones(HEADS).double()))


def summed_up(net, x):
    weights, v = softmax_of(net, x, "bhqd,bhkd->bhqk")
    return joined(net, (weights[..., None] * v[:, :, None]).sum(3).transpose(1, 2))


@pytest.mark.parametrize("written", [mixed_between_heads, by_three, summed_up])
def test_weights_that_are_read_in_a_way_that_cannot_be_followed_are_refused(written):
    x = noise(ROWS, TOKENS, WIDTH, dtype=torch.float64)
    with pytest.raises(ExplainError, match=r"\(2, 2, 5, 5\) are read in a way") as refused:
        seen(written, x)
    assert "\n" not in str(refused.value)


def test_a_causal_mask_leaves_no_weight_on_what_comes_later():
    def causal(net, x):
        return F.scaled_dot_product_attention(*net.parts(x), is_causal=True)[:, 0]

    _, (one,) = seen(causal, noise(ROWS, TOKENS, WIDTH, dtype=torch.float64))
    assert float(one.weights.detach().triu(1).abs().max()) == 0


def test_a_softmax_that_nothing_reads_through_is_no_attention():
    def gated(net, x):
        return x * x.softmax(-1)

    assert seen(gated, noise(ROWS, TOKENS, WIDTH, dtype=torch.float64))[1] == []
