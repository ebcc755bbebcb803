"""Transformer attribution and attention rollout against plain restatements; what they refuse."""

import pytest
import torch
from golden import transformers_in_miniature as miniature
from methods.relevance import plain_transformer
from networks import ModuleNetwork, noise, seeded
from torch import nn

import xaiwidgets as xw
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.methods import AttentionRollout, TransformerAttribution
from xaiwidgets.methods.relevance.transformer_attribution import RULES

TARGET = 1


class FromEmbeddings(nn.Module):
    """A language model that takes (batch, 1, tokens, width) in place of words."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(inputs_embeds=x[:, 0]).logits


class Encoder(nn.Module):
    """torch's own encoder layers, written with the batch in front or with the tokens."""

    def __init__(self, batch_first=True, norm_first=True):
        super().__init__()
        self.batch_first = batch_first
        layer = nn.TransformerEncoderLayer(
            8, 2, 12, 0.0, "gelu", batch_first=batch_first, norm_first=norm_first
        )
        self.body, self.head = nn.TransformerEncoder(layer, 2), nn.Linear(8, 3)

    def forward(self, x):
        x = x[:, 0] if self.batch_first else x[:, 0].transpose(0, 1)
        x = self.body(x)
        return self.head(x[:, 0] if self.batch_first else x[0])


def apart(found, expected):
    return float((found - expected).abs().max() / expected.abs().max())


def tokens_of(heat):
    """A map of embeddings, by token (batch, tokens)."""
    return heat.values.sum((1, 3))


def test_it_is_the_paper_on_a_vision_transformer():
    network = miniature.MODELS["vit"]()
    pictures = torch.cat([miniature.picture(), miniature.picture().flip(3)])
    heat = TransformerAttribution()(network, pictures, TARGET)
    for values, picture in zip(heat.values, pictures, strict=True):
        patches = plain_transformer.of_torchvision(network, picture, TARGET)[1:].view(1, 1, 3, 3)
        expected = nn.functional.interpolate(patches, size=(12, 12), mode="bilinear")
        assert float(expected.min()) >= 0
        assert apart(values, expected[0]) <= 1e-9


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_it_is_the_paper_on_bert(attention):
    model = miniature.MODELS["bert"]()
    model.set_attn_implementation(attention)
    embeddings = miniature.embeddings()
    heat = TransformerAttribution()(FromEmbeddings(model).eval(), embeddings[:, None], TARGET)
    expected = plain_transformer.of_bert(model, embeddings[0], TARGET)
    assert apart(tokens_of(heat)[0], expected) <= 1e-9


def test_its_table_means_the_same_for_attention_in_one_operation():
    """A table of one's own may ask LRP for the same treatment, where attention is not opened."""
    model, maps = miniature.MODELS["bert"](), []
    for attention in ("eager", "sdpa"):
        model.set_attn_implementation(attention)
        network = FromEmbeddings(model).eval()
        maps.append(xw.LRP.by(RULES)(network, miniature.embeddings()[:, None], TARGET).values)
    assert apart(maps[1], maps[0]) <= 1e-9


@pytest.mark.parametrize("norm_first", [True, False])
def test_it_is_the_same_whichever_axis_the_batch_lies_along(norm_first):
    first = seeded(lambda: Encoder(True, norm_first)).double()
    second = seeded(lambda: Encoder(False, norm_first)).double()
    second.load_state_dict(first.state_dict())
    x = noise(2, 1, 5, 8, dtype=torch.float64)
    one, other = (TransformerAttribution()(net, x, TARGET).values for net in (first, second))
    assert apart(other, one) <= 1e-9


def test_rollout_is_the_product_of_maps_mixed_with_the_identity():
    network, x = seeded(Encoder).double(), noise(1, 1, 5, 8, dtype=torch.float64)
    rolled, y = torch.eye(5, dtype=torch.float64), x[:, 0]
    for block in network.body.layers:
        normed = block.norm1(y)
        _, weights = block.self_attn(normed, normed, normed, average_attn_weights=True)
        rolled = (weights[0].detach() + torch.eye(5)) / 2 @ rolled
        y = block(y)
    heat = AttentionRollout()(network, x, TARGET)
    assert apart(tokens_of(heat)[0], (rolled - torch.eye(5) / 4)[0]) <= 1e-12
    assert torch.equal(AttentionRollout()(network, x, 0).values, heat.values)


class Averaged(Encoder):
    def forward(self, x):
        return self.head(self.body(x[:, 0]).mean(1))


def test_where_tokens_are_averaged_their_rows_are():
    single, averaged = seeded(Encoder).double(), seeded(Averaged).double()
    x = noise(1, 1, 5, 8, dtype=torch.float64)
    rows = []
    for place in range(5):
        single.forward = lambda x, place=place: single.head(single.body(x[:, 0])[:, place])
        rows.append(tokens_of(AttentionRollout()(single, x, TARGET)))
    found = tokens_of(AttentionRollout()(averaged, x, TARGET))
    assert apart(found, torch.stack(rows).mean(0)) <= 1e-12


class InWords(nn.Module):
    """Two blocks of attention by the same weights, written as a product or as an equation, and
    added in place or not."""

    def __init__(self, equation, over=False):
        super().__init__()
        self.equation, self.over = equation, over
        self.joint, self.out = (
            nn.ModuleList(nn.Linear(8, width) for _ in range(2)) for width in (24, 8)
        )
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = x[:, 0] * 1
        for joint, out in zip(self.joint, self.out, strict=True):
            q, k, v = (each.unflatten(2, (2, 4)) for each in joint(x).chunk(3, 2))  # (b, t, h, d)
            if self.equation:
                weights = torch.einsum("bqhd,bkhd->bhqk", q, k).softmax(-1)
                read = torch.einsum("bhqk,bkhd->bqhd", weights, v)
            else:
                weights = (q.transpose(1, 2) @ k.permute(0, 2, 3, 1)).softmax(-1)
                read = (weights @ v.transpose(1, 2)).transpose(1, 2)
            more = out(read.flatten(2))
            if self.over:
                x.add_(more)
            else:
                x = x + more
        return self.head(x[:, 0])


@pytest.mark.parametrize(
    "method",
    [TransformerAttribution(), AttentionRollout(), xw.HeadRelevance(block=0, head=1),
     xw.LRP(preset="AttnLRP"), xw.LRP(preset="CP-LRP")],
    ids=lambda method: method.label,
)  # fmt: skip
def test_attention_by_an_equation_is_explained_as_that_by_products(method):
    by_products, by_equation = (seeded(lambda e=e: InWords(e)).double() for e in (False, True))
    x = noise(2, 1, 5, 8, dtype=torch.float64)
    expected = method(by_products, x, TARGET).values
    assert float(expected.abs().max()) > 1e-3
    assert apart(method(by_equation, x, TARGET).values, expected) <= 1e-12


def test_a_sum_in_place_is_balanced_too():
    plain, in_place = (seeded(lambda o=o: InWords(False, o)).double() for o in (False, True))
    x = noise(2, 1, 5, 8, dtype=torch.float64)
    expected = TransformerAttribution()(plain, x, TARGET).values
    assert apart(TransformerAttribution()(in_place, x, TARGET).values, expected) <= 1e-12


def test_weights_that_nothing_reads_are_refused_in_a_sentence():
    class Odd(Encoder):
        def forward(self, x):
            x = x[:, 0]
            weights = (x @ x.mT).softmax(-1)
            return self.head((self.body(x) + (weights[..., None] * x[:, None]).sum(2))[:, 0])

    with pytest.raises(ExplainError, match="cannot be followed from token to token"):
        AttentionRollout()(seeded(Odd), noise(1, 1, 5, 8), 1)


@pytest.mark.parametrize("method", [TransformerAttribution(), AttentionRollout()], ids=str)
def test_networks_that_it_cannot_follow_are_refused_in_a_sentence(method):
    name = type(method).__name__
    with pytest.raises(ExplainError, match=f"no attention for {name} to follow"):
        method(seeded(ModuleNetwork), noise(1, 3, 32, 32), 1)
    from torchvision.models import SwinTransformer

    swin = seeded(lambda: SwinTransformer(
        [4, 4], 12, [1, 1], [1, 2], [4, 4], num_classes=3
    ))  # fmt: skip
    with pytest.raises(ExplainError, match="through windows"):
        method(swin, noise(1, 3, 64, 64), 1)


def test_tokens_that_lie_nowhere_are_refused_in_a_sentence():
    network = seeded(Encoder)
    network.forward = lambda x: network.head(network.body(x.flatten(2).transpose(1, 2))[:, 0])
    with pytest.raises(ExplainError, match="found 16 tokens, which lie on no grid"):
        xw.TransformerAttribution()(network, noise(1, 8, 4, 4), 1)
