"""Layers, gates and attention in other words: einsum, GLU, torch's fast paths."""

import pytest
import torch
import torch.nn.functional as F
from networks import noise, seeded
from torch import nn

import xaiwidgets as xw
from xaiwidgets.methods.relevance import Epsilon, Flat, Gamma, Table, ZBox, ZPlus

RULES = [Epsilon(0.3), Gamma(0.25), ZPlus(), Flat(), ZBox(-3.0, 3.0)]


class Written(nn.Module):
    """One layer (heads, width, inputs) on tokens, in some writing, and a head behind a ReLU."""

    def __init__(self, written):
        super().__init__()
        self.written = written
        self.weight = nn.Parameter(torch.randn(2, 3, 4))
        self.head = nn.Linear(30, 3)

    def forward(self, x):
        return self.head(F.relu(self.written(x[:, 0], self.weight)).flatten(1))  # (b, t, h, d)


def as_a_product(x, weight):
    return F.linear(x, weight.flatten(0, 1)).unflatten(2, (2, 3))


EQUATIONS = {
    "to heads": lambda x, w: torch.einsum("bti,hdi->bthd", x, w),
    "with the weight first": lambda x, w: torch.einsum("hdi, bti -> bhtd", w, x).transpose(1, 2),
    "with dots": lambda x, w: torch.einsum("...i,hdi->...hd", [x, w]),
    "without a result": lambda x, w: torch.einsum("xzi,yhi", x, w).permute(1, 3, 2, 0),
    "of one axis": lambda x, w: torch.einsum("ti,oi->to", x.flatten(0, 1), w.flatten(0, 1)).view(
        len(x), 5, 2, 3
    ),
    "of two axes": lambda x, w: torch.einsum(
        "btij,hdij->bthd", x.unflatten(2, (2, 2)), w.unflatten(2, (2, 2))
    ),
}


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("equation", list(EQUATIONS))
def test_a_layer_by_an_equation_has_the_rules_of_one_by_a_product(equation, rule):
    x = noise(2, 1, 5, 4, dtype=torch.float64)
    table = Table([("first", rule), ("any", Epsilon(0.0))])
    maps = []
    for written in (as_a_product, EQUATIONS[equation]):
        network = seeded(lambda w=written: Written(w)).double()
        maps.append(xw.LRP.by(table)(network, x, 1).values)
        report = xw.LRP.by(table).explain_rules(network, x[:1], 1)
        assert [step.rule for step in report.layers] == [str(rule), "LRP-0"]
        assert abs(report.unnamed) < 1e-12
    torch.testing.assert_close(maps[1], maps[0], rtol=1e-11, atol=1e-12)


def test_a_layer_by_an_equation_is_known_by_its_name():
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.to_heads, self.head = nn.Linear(4, 6, bias=False), nn.Linear(6, 3)

        def forward(self, x):
            return self.head(torch.einsum("bti,oi->bo", x[:, 0], self.to_heads.weight))

    network, x = seeded(Named).double(), noise(1, 1, 5, 4, dtype=torch.float64)
    report = xw.LRP(preset="ε").explain_rules(network, x, 1)
    assert report.unknown == []
    assert [step.name for step in report.layers] == ["head"]  # summed over tokens: no plain layer
    network.forward = lambda x: network.head(
        torch.einsum("bti,oi->bto", x[:, 0], network.to_heads.weight).mean(1)
    )
    report = xw.LRP(preset="ε").explain_rules(network, x, 1)
    assert [step.name for step in report.layers] == ["to_heads", "head"]


class Gated(nn.Module):
    """A gated linear unit in some writing."""

    def __init__(self, written):
        super().__init__()
        self.written = written
        self.layer, self.head = nn.Linear(4, 12), nn.Linear(6, 3)

    def forward(self, x):
        return self.head(self.written(self.layer(x[:, 0])).mean(1))


def by_hand(z):
    signal, gate = z.chunk(2, -1)
    return signal * torch.sigmoid(gate)


@pytest.mark.parametrize("preset", ["ε", "AttnLRP"])
@pytest.mark.parametrize("written", [F.glu, nn.GLU(), lambda z: F.glu(z.mT, dim=1).mT])
def test_a_gated_linear_unit_gives_all_to_its_signal(written, preset):
    x = noise(2, 1, 5, 4, dtype=torch.float64)
    one, other = (seeded(lambda w=w: Gated(w)).double() for w in (by_hand, written))
    expected = xw.LRP(preset=preset)(one, x, 1)
    found = xw.LRP(preset=preset)(other, x, 1)
    torch.testing.assert_close(found.values, expected.values, rtol=1e-11, atol=1e-12)
    assert found.warnings == []
    steps = xw.LRP(preset=preset).explain_rules(other, x[:1], 1).steps
    assert ("glu", "gate held constant") in [(step.kind, step.rule) for step in steps]


class TwoGates(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.head = nn.Linear(2, 2, bias=False), nn.Linear(1, 2, bias=False)
        nn.init.eye_(self.layer.weight)

    def forward(self, x):
        first, second = self.layer(x.flatten(1)).chunk(2, 1)
        return self.head(torch.sigmoid(first) * torch.tanh(second))


def test_of_two_gates_each_takes_half():
    network, x = seeded(TwoGates).double(), noise(3, 1, 1, 2, dtype=torch.float64)
    found = xw.LRP(preset="LRP-0")(network, x, 1).values.flatten(1)
    half = network(x)[:, 1].detach() / 2
    sigmoid = torch.sigmoid(x.flatten(1)[:, 0])
    expected = torch.stack([half * (sigmoid - 0.5) / sigmoid, half], 1)  # σ(0) is a bias
    torch.testing.assert_close(found, expected)


class Attending(nn.Module):
    """One attention of four heads, of which two share keys and values where they are `grouped`."""

    def __init__(self, attention, grouped):
        super().__init__()
        self.attention = attention
        self.query, self.key, self.value = (
            nn.Linear(8, width) for width in (8, *(4 if grouped else 8,) * 2)
        )
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        q, k, v = (
            layer(x[:, 0]).unflatten(2, (-1, 2)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        return self.head(self.attention(q, k, v).transpose(1, 2).flatten(2).mean(1))


def in_one(**settings):
    return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, **settings)


def by_products(scale=2**-0.5, change=lambda logits: logits):
    def attention(q, k, v):
        k, v = (each.repeat_interleave(q.shape[1] // each.shape[1], 1) for each in (k, v))
        return change(q @ k.mT * scale).softmax(-1) @ v

    return attention


FROM_PLACES = torch.arange(5) - torch.arange(5)[:, None]
LATER = FROM_PLACES > 0
ATTENTIONS = {
    "plain": (in_one(), by_products()),
    "scaled": (in_one(scale=0.3), by_products(0.3)),
    "causal": (in_one(is_causal=True),
               by_products(change=lambda logits: logits.masked_fill(LATER, float("-inf")))),
    "masked": (in_one(attn_mask=~LATER),
               by_products(change=lambda logits: logits.masked_fill(LATER, float("-inf")))),
    "by distance": (in_one(attn_mask=FROM_PLACES / 3),
                    by_products(change=lambda logits: logits + FROM_PLACES / 3)),
    "grouped": (in_one(enable_gqa=True), by_products()),
}  # fmt: skip


@pytest.mark.parametrize("preset", ["AttnLRP", "CP-LRP"])
@pytest.mark.parametrize("name", list(ATTENTIONS))
def test_attention_in_one_operation_is_that_by_products(name, preset):
    x = noise(2, 1, 5, 8, dtype=torch.float64)
    whole, opened = (
        seeded(lambda a=a: Attending(a, name == "grouped")).double() for a in ATTENTIONS[name]
    )
    torch.testing.assert_close(whole(x), opened(x))
    found, expected = (xw.LRP(preset=preset)(net, x, 1) for net in (whole, opened))
    torch.testing.assert_close(found.values, expected.values, rtol=1e-11, atol=1e-12)
    assert found.warnings == []


class Added(nn.Module):
    """A product of two signals that is added to a constant."""

    def __init__(self, added):
        super().__init__()
        self.added = added
        self.query, self.key, self.head = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(5, 3)

    def forward(self, x):
        logits = self.added(torch.full((len(x), 5, 5), 0.1, dtype=x.dtype),
                            self.query(x[:, 0]), self.key(x[:, 0]).mT)  # fmt: skip
        return self.head(logits.mean(1))


@pytest.mark.parametrize("added", [torch.baddbmm, torch.Tensor.baddbmm_])
def test_a_product_that_is_added_to_a_constant_is_halved(added):
    x = noise(2, 1, 5, 8, dtype=torch.float64)
    by_hand = seeded(lambda: Added(lambda base, q, k: base + q @ k)).double()
    network = seeded(lambda: Added(added)).double()
    expected = xw.LRP(preset="LRP-0")(by_hand, x, 1).values
    found = xw.LRP(preset="LRP-0")(network, x, 1)
    torch.testing.assert_close(found.values, expected, rtol=1e-11, atol=1e-12)
    assert found.warnings == []


def test_a_product_of_three_is_named_in_a_warning():
    network = seeded(lambda: Gated(lambda z: torch.einsum("bti,bti,bti->bti", *z.split(4, -1))))
    network.head = nn.Linear(4, 3)
    (warning,) = xw.LRP(preset="LRP-0")(network, noise(1, 1, 5, 4), 1).warnings
    assert "No rule is known for einsum" in warning


@pytest.mark.parametrize(
    ("activation", "slope"),
    [(nn.SiLU(), 0.5), (nn.GELU(), 0.5), (nn.Softplus(), 0.5), (nn.Tanh(), 1.0), (nn.ELU(), 1.0)],
    ids=str,
)
def test_an_activation_at_zero_passes_on_by_its_slope(activation, slope):
    layer, head = nn.Linear(2, 1, bias=False), nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, -1.0]])), head.weight.fill_(2.0)
    network = nn.Sequential(nn.Flatten(), layer, activation, head).double().eval()
    x = torch.full((1, 1, 1, 2), 3.0, dtype=torch.float64)
    found = xw.LRP(preset="LRP-0")(network, x, 0).values.flatten()
    torch.testing.assert_close(found, 2 * slope * torch.tensor([3.0, -3.0]).double())


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True)
        self.body, self.head = nn.TransformerEncoder(layer, 2), nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.body(x[:, 0])[:, 0])


@pytest.mark.parametrize("preset", ["AttnLRP", "CP-LRP"])
def test_a_frozen_encoder_which_torch_runs_in_one_is_seen_all_the_same(preset):
    x = noise(2, 1, 5, 8, dtype=torch.float64)
    network = seeded(Encoder).double()
    expected = xw.LRP(preset=preset)(network, x, 1).values
    network.requires_grad_(False)
    with torch.no_grad():
        found = xw.LRP(preset=preset)(network, x, 1)
    torch.testing.assert_close(found.values, expected, rtol=1e-11, atol=1e-12)
    kinds = {step.kind for step in xw.LRP(preset=preset).explain_rules(network, x[:1], 1).steps}
    assert {"layer_norm", "dense"} <= kinds
    assert kinds & {"scaled_dot_product_attention", "softmax"}
    assert found.warnings == []
