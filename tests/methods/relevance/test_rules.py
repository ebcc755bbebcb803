"""Every rule on every kind of layer, against the formula of its paper on a dense matrix."""

import math

import pytest
import torch
import torch.nn.functional as F
from methods.relevance import plain
from networks import FunctionalNetwork, ModuleNetwork, ReluNetwork, noise, seeded
from torch import nn

import xaiwidgets as xw
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods.relevance import (
    AlphaBeta,
    Epsilon,
    Flat,
    Gamma,
    Norm,
    Pass,
    Table,
    WSquare,
    ZBox,
    ZPlus,
)
from xaiwidgets.methods.relevance.bounds import Bounds
from xaiwidgets.methods.relevance.derived import POSITIVE
from xaiwidgets.methods.relevance.lrp import relevance
from xaiwidgets.methods.relevance.rules import STABILISER

RULES = {
    "LRP-0": (Epsilon(0.0), plain.epsilon(0.0)),
    "epsilon": (Epsilon(0.3), plain.epsilon(0.3)),
    "norm": (Norm(), plain.epsilon(STABILISER)),
    "epsilon relative": (Epsilon(0.2, relative=True), plain.epsilon(0.2, relative=True)),
    "gamma": (Gamma(0.25), plain.gamma(0.25)),
    "gamma large": (Gamma(3.0), plain.gamma(3.0)),
    "alpha 2 beta 1": (AlphaBeta(2.0, 1.0), plain.alpha_beta(2, 1)),
    "alpha 1.5 beta 0.5": (AlphaBeta(1.5, 0.5), plain.alpha_beta(1.5, 0.5)),
    "z plus": (ZPlus(), plain.alpha_beta(1, 0)),
    "z plus without biases": (
        POSITIVE, lambda x, weight, bias, relevance: plain.alpha_beta(1, 0)(
            x, weight, 0 * bias, relevance
        ),
    ),
    "flat": (Flat(), plain.flat),
    "w square": (WSquare(), plain.w_square),
    "z box": (ZBox(-4.0, 3.5), plain.z_box(-4.0, 3.5)),
}  # fmt: skip
LAYERS = {
    "dense": (lambda: nn.Linear(12, 7), (12,)),
    "dense without bias": (lambda: nn.Linear(12, 7, bias=False), (12,)),
    "dense on tokens": (lambda: nn.Linear(4, 5), (3, 4)),
    "conv1d": (lambda: nn.Conv1d(3, 4, 3, padding=1), (3, 8)),
    "conv2d": (lambda: nn.Conv2d(2, 4, 3, padding=1), (2, 5, 6)),
    "conv3d": (lambda: nn.Conv3d(2, 3, 2, padding=1), (2, 3, 3, 2)),
    "without bias": (lambda: nn.Conv2d(2, 4, 3, bias=False), (2, 5, 6)),
    "pointwise": (lambda: nn.Conv2d(3, 4, 1), (3, 4, 4)),
    "grouped": (lambda: nn.Conv2d(4, 6, 3, padding=1, groups=2), (4, 5, 4)),
    "depthwise": (lambda: nn.Conv2d(3, 6, 3, groups=3), (3, 5, 4)),
    "dilated": (lambda: nn.Conv2d(2, 3, 3, padding=2, dilation=2), (2, 6, 6)),
    "strided": (lambda: nn.Conv2d(2, 3, 3, stride=(2, 3), padding=(0, 2)), (2, 7, 6)),
    "valid": (lambda: nn.Conv2d(2, 3, (2, 3), padding="valid"), (2, 5, 5)),
    "same": (lambda: nn.Conv2d(2, 3, (3, 5), padding="same"), (2, 5, 6)),
    "same, even": (lambda: nn.Conv2d(2, 3, (2, 4), padding="same"), (2, 5, 6)),
    "same, even and odd": (lambda: nn.Conv2d(2, 3, (4, 3), padding="same"), (2, 5, 6)),
    "same, even, dilated": (lambda: nn.Conv1d(2, 3, 2, padding="same", dilation=3), (2, 8)),
    "transposed 1d": (lambda: nn.ConvTranspose1d(3, 2, 3, stride=2), (3, 5)),
    "transposed": (
        lambda: nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1, output_padding=1), (3, 3, 4)
    ),
    "transposed, grouped": (
        lambda: nn.ConvTranspose2d(4, 6, 3, stride=(2, 3), output_padding=(0, 2), groups=2),
        (4, 3, 2),
    ),
    "transposed, dilated": (
        lambda: nn.ConvTranspose2d(2, 3, 2, dilation=2, bias=False), (2, 4, 4)
    ),
    "transposed 3d": (lambda: nn.ConvTranspose3d(2, 3, 2, stride=2), (2, 2, 2, 2)),
}  # fmt: skip
RECTIFIED = {"relu": ReluNetwork, "modules": ModuleNetwork, "functional": FunctionalNetwork}
every_rule = pytest.mark.parametrize("rule", list(RULES))


class OneLayer(nn.Module):
    """A layer, what stands behind it, and a dense head without bias; takes (batch, 1, 1, size)."""

    def __init__(self, make, shape, behind=()):
        super().__init__()
        self.shape, self.layer, self.behind = shape, make(), nn.ModuleList(behind)
        self.head = nn.Linear(self.layer(torch.zeros(1, *shape)).numel(), 3, bias=False)

    def affine(self, x):
        """The layer, with its normalisation if it has one."""
        x = self.layer(x)
        for module in self.behind:
            x = x if isinstance(module, nn.ReLU) else module(x)
        return x

    def forward(self, x):
        x = self.layer(x.reshape(-1, *self.shape))
        for module in self.behind:
            x = module(x)
        return self.head(x.flatten(1))


def normalisation(channels, rank):
    """Batch normalisation whose statistics are not trivial; some channels are turned round."""
    norm = (nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[rank](channels)
    nn.init.uniform_(norm.running_mean, -0.5, 0.5)
    nn.init.uniform_(norm.running_var, 0.5, 2.0)
    nn.init.uniform_(norm.weight, -1.5, 1.5)
    nn.init.uniform_(norm.bias, -0.5, 0.5)
    return norm


def one_layer(name, normalised, rectified):
    """The layer of this name in a small network of doubles."""
    make, shape = LAYERS[name]

    def build():
        behind = []
        if normalised:
            with torch.no_grad():
                channels = make()(torch.zeros(1, *shape)).shape[1]
            behind.append(normalisation(channels, len(shape) - 1))
        return OneLayer(make, shape, [*behind, *[nn.ReLU()] * rectified])

    return seeded(build, seed=4).double()


def both(network, rule, formula, x, rectified, target=1):
    """Relevance by the engine and by the formula, (batch, inputs) each."""
    table = Table([("layer", rule), ("any", Epsilon(0.0))])
    subject = Subject(network)
    found = relevance(subject, x, subject.bind(target, x), table)
    assert not found.warnings
    weight, bias = plain.matrix(network.affine, network.shape)
    z = x.flatten(1) @ weight + bias
    handed_on = z.clamp(min=0) if rectified else z
    expected = formula(x.flatten(1), weight, bias, handed_on * network.head.weight[target])
    return found.values.flatten(1), expected.detach()


def apart(found, expected):
    """The largest difference, in units of the largest value."""
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("rectified", [False, True], ids=["", "relu"])
@pytest.mark.parametrize("layer", list(LAYERS))
@every_rule
def test_a_rule_on_a_layer_is_its_formula_on_the_dense_matrix(rule, layer, rectified):
    makes, formula = RULES[rule]
    if rule == "epsilon relative":
        formula = plain.epsilon(0.2, relative=True, rectified=rectified)
    for normalised in (False, True) if layer != "dense on tokens" else (False,):
        network = one_layer(layer, normalised, rectified)
        signed = noise(2, 1, 1, torch.Size(network.shape).numel(), seed=5, dtype=torch.float64)
        for x in (signed, signed.clamp(min=0)):  # as behind a ReLU, many of them 0
            found, expected = both(network, makes, formula, x, rectified)
            assert expected.abs().max() > 1e-3
            assert apart(found, expected) <= 1e-12, f"normalised: {normalised}"


def test_two_layers_by_hand():
    network = (
        nn.Sequential(nn.Flatten(), nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2, bias=False))
        .double()
        .eval()
    )
    first, last = network[1], network[3]
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[2.0, -1.0], [1.0, 3.0]]))
        first.bias.copy_(torch.tensor([1.0, -2.0]))
        last.weight.copy_(torch.tensor([[1.0, 1.0], [2.0, -1.0]]))
    x = torch.tensor([3.0, 1.0], dtype=torch.float64).view(1, 1, 1, 2)
    # contributions to the hidden units: 6 − 1 + 1 = 6 and 3 + 3 − 2 = 4; scores: 10 and 8
    by_hand = {
        (0, Epsilon(0.0)): [6 / 6 * 6 + 3 / 4 * 4, -1 / 6 * 6 + 3 / 4 * 4],  # 9, 2; bias −1
        (1, Epsilon(0.0)): [6 / 6 * 12 - 3 / 4 * 4, -1 / 6 * 12 - 3 / 4 * 4],  # 9, −5; bias 4
        (0, Epsilon(2.0)): [6 / 8 * 6 + 3 / 6 * 4, -1 / 8 * 6 + 3 / 6 * 4],
        (0, ZPlus()): [6 / 7 * 6 + 3 / 6 * 4, 3 / 6 * 4],
        (0, AlphaBeta(2.0, 1.0)): [2 * (36 / 7 + 2), 2 * 2 - (6 + 0)],
        (0, Gamma(1.0)): [12 / 13 * 6 + 6 / 10 * 4, -1 / 13 * 6 + 6 / 10 * 4],
        (0, Flat()): [6 / 2 + 4 / 2, 6 / 2 + 4 / 2],
        (0, WSquare()): [4 / 5 * 6 + 1 / 10 * 4, 1 / 5 * 6 + 9 / 10 * 4],
        (0, ZBox(-1.0, 4.0)): [8 / 11 * 6 + 4 / 10 * 4, 3 / 11 * 6 + 6 / 10 * 4],
    }
    subject = Subject(network)
    for (target, rule), expected in by_hand.items():
        table = Table([("1", rule), ("any", Epsilon(0.0))])
        found = relevance(subject, x, subject.bind(target, x), table).values.flatten()
        expected = torch.tensor(expected, dtype=torch.float64)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5, msg=str(rule))


def test_bounds_that_an_input_leaves_move_its_sum_away_from_zero_on_its_own_side():
    network = nn.Sequential(nn.Flatten(), nn.Linear(1, 1, bias=False)).double().eval()
    nn.init.ones_(network[1].weight)
    x = torch.full((1, 1, 1, 1), 1.0, dtype=torch.float64)
    low = 1 + 1e-6  # x − low is as large as the stabiliser: on the other side it would divide by 0
    subject = Subject(network)
    table = Table([("any", ZBox(low, 2.0))])
    found = relevance(subject, x, subject.bind(0, x), table)
    assert found.values.item() == pytest.approx(1 / 2)  # of the score, 1


@pytest.mark.parametrize("name", ["relu", "modules", "functional"])
def test_without_a_stabiliser_it_is_gradient_times_input_on_networks_of_relus(name):
    network = seeded(RECTIFIED[name]).double()
    side = 8 if name == "relu" else 32
    x = noise(2, 3, side, side, seed=6, dtype=torch.float64)
    leaf = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(network(leaf)[:, 2].sum(), leaf)
    subject = Subject(network)
    found = relevance(subject, x, subject.bind(2, x), Table([("any", Epsilon(0.0))])).values
    assert apart(found, slope * x) <= 1e-12


def test_pass_hands_relevance_on_unshared():
    network = seeded(lambda: OneLayer(lambda: nn.Linear(6, 6), (6,)), seed=2).double()
    x = noise(2, 1, 1, 6, seed=3, dtype=torch.float64)
    found, expected = both(network, Pass(), lambda x, weight, bias, relevance: relevance, x, False)
    assert apart(found, expected) <= 1e-12


def test_pass_refuses_a_layer_that_changes_the_shape():
    network = seeded(lambda: OneLayer(lambda: nn.Linear(6, 4), (6,))).double()
    with pytest.raises(ExplainError, match="keep the shape"):
        both(network, Pass(), None, noise(1, 1, 1, 6, dtype=torch.float64), False)


@pytest.mark.parametrize("shares", [(1.0, 1.0), (0.5, -0.5), (3.0, 1.0)])
def test_alpha_and_beta_that_do_not_fit_are_refused(shares):
    with pytest.raises(ExplainError, match="α − β = 1"):
        AlphaBeta(*shares)


@pytest.mark.parametrize("name", ["flat", "w square"])
def test_a_rule_for_pixels_serves_in_mid_network_too(name):
    rule, formula = RULES[name]
    network = seeded(
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(5, 6), nn.Softplus(), nn.Linear(6, 3))
    ).double()
    x = noise(2, 1, 1, 5, seed=1, dtype=torch.float64)
    subject = Subject(network)
    table = Table([("3", rule), ("any", Epsilon(0.0))])
    found = relevance(subject, x, subject.bind(2, x), table).values.flatten(1)

    hidden, z = network[:3](x), network(x)
    top = torch.zeros_like(z)
    top[:, 2] = z[:, 2]
    middle = formula(hidden, network[3].weight.T, network[3].bias, top)
    middle = middle * (hidden - math.log(2)) / hidden  # softplus(0) is a bias
    expected = plain.epsilon(0.0)(x.flatten(1), network[1].weight.T, network[1].bias, middle)
    assert apart(found, expected.detach()) <= 1e-12


class OnPixels(nn.Module):
    """A dense layer on the picture's pixels, in the order and the units of its own."""

    def __init__(self, written):
        super().__init__()
        self.written, self.layer = written, nn.Linear(48, 6)
        self.head = nn.Linear(6, 3, bias=False)

    def forward(self, x):
        return self.head(self.layer(self.written(x)))


WRITTEN = {
    "flattened": lambda x: x.flatten(1),
    "turned and padded": lambda x: F.pad(x.transpose(1, 3)[:, :2], (0, 0, 0, 4)).reshape(-1, 48),
    "normalised": lambda x: ((x - 0.5) / torch.tensor([[[0.2]], [[-0.3]], [[0.4]]])).flatten(1),
}


@pytest.mark.parametrize("known", [True, False], ids=["0 and 1", "each picture's own"])
@pytest.mark.parametrize("written", list(WRITTEN))
def test_bounds_go_with_the_input_through_what_the_network_makes_of_it(written, known):
    make = WRITTEN[written]
    network = seeded(lambda: OnPixels(make)).double()
    x = noise(2, 3, 4, 4, dtype=torch.float64)
    subject = Subject(network, mean=0.4, std=0.2) if known else Subject(network)
    low, high = (
        (torch.full_like(x, (level - 0.4) / 0.2) for level in (0.0, 1.0))
        if known
        else (x.amin((2, 3), True).expand_as(x), x.amax((2, 3), True).expand_as(x))
    )
    low, high = make(low), make(high)
    low, high = torch.minimum(low, high), torch.maximum(low, high)
    table = Table([("first", ZBox()), ("any", Epsilon(0.0))])
    found = relevance(subject, x, subject.bind(1, x), table).values

    inside, weight = make(x), network.layer.weight
    top = network.layer(inside) * network.head.weight[1]
    parts = inside[:, None] * weight - low[:, None] * weight.clamp(min=0)
    parts = parts - high[:, None] * weight.clamp(max=0)
    z = parts.sum(2, keepdim=True)
    shared = (parts / (z + STABILISER * torch.where(z < 0, -1.0, 1.0)) * top[..., None]).sum(1)
    leaf = x.clone().requires_grad_()
    (places,) = torch.autograd.grad(make(leaf).sum(), leaf)
    (sent,) = torch.autograd.grad(make(leaf), leaf, shared)
    assert apart(found, torch.where(places == 0, 0, sent / places).detach()) <= 1e-12


@pytest.mark.parametrize("known", [True, False], ids=["0 and 1", "each picture's own"])
def test_pixels_lie_between_black_and_white(known):
    network, x = seeded(ReluNetwork).double(), noise(2, 3, 8, 8, dtype=torch.float64)
    mean, std = [0.3, 0.5, 0.6], [0.2, 0.3, 0.1]
    if known:
        subject = Subject(network, mean=mean, std=std)
        low, high = (
            ((level - torch.tensor(mean).double()) / torch.tensor(std)).view(3, 1, 1)
            for level in (0.0, 1.0)
        )
    else:
        subject, low, high = Subject(network), x.amin((2, 3), True), x.amax((2, 3), True)
    found = xw.LRP(preset="γ-box")(subject, x, 1).values
    right, wrong = (
        xw.LRP.by(Table([("first", ZBox(*bounds)), ("any", Gamma(0.25))]))(subject, x, 1).values
        for bounds in ((low, high), (2 * low, 2 * high))
    )
    assert apart(found, right) <= 1e-6
    assert apart(wrong, right) > 1e-2


def test_the_rules_of_a_preset_can_be_exchanged_kind_by_kind():
    network, x = seeded(ModuleNetwork).double(), noise(1, 3, 32, 32, dtype=torch.float64)

    def rules(**settings):
        return [step.rule for step in xw.LRP(**settings).explain_rules(network, x, 1).layers]

    assert rules() == ["Flat", "z⁺", "ε = 1e-06"]
    assert rules(convolutions="γ", gamma=0.5) == ["Flat", "γ = 0.5", "ε = 1e-06"]
    assert rules(first="w²", dense="LRP-0") == ["w²", "z⁺", "LRP-0"]
    assert rules(first="z+", convolutions="alphabeta", alpha=3) == [
        "z⁺", "α = 3, β = 2", "ε = 1e-06"
    ]  # fmt: skip
    assert rules(preset="ε-αβ", alpha=1.5)[0] == "α = 1.5, β = 0.5"
    by_knobs = xw.LRP(first="zB", convolutions="γ")(network, x, 1).values
    assert torch.equal(by_knobs, xw.LRP(preset="ε-γ-box")(network, x, 1).values)


def test_bounds_are_worked_out_only_where_a_rule_asks(monkeypatch):
    asked = []
    monkeypatch.setattr(Bounds, "at", lambda self, value: asked.append(1) or (-5.0, 5.0))
    network, x = seeded(ReluNetwork), noise(1, 3, 8, 8)
    for preset, times in (("ε-plus-flat", 0), ("ε-γ-box", 1)):
        xw.LRP(preset=preset)(network, x, 1)
        assert len(asked) == times


def test_bounds_that_do_not_go_with_the_layer_are_refused_in_a_sentence():
    network = seeded(lambda: OneLayer(lambda: nn.Linear(12, 6), (12,))).double()
    x = noise(2, 1, 3, 4, dtype=torch.float64)
    with pytest.raises(ExplainError, match="numbers or tensors that go with it"):
        both(network, ZBox(torch.zeros(3, 4), torch.ones(3, 4)), None, x, False)
    deep = seeded(ReluNetwork)
    table = Table([("body.3", ZBox()), ("any", Epsilon(0.0))])
    with pytest.raises(ExplainError, match="of layers that see the picture"):
        xw.LRP.by(table)(deep, noise(1, 3, 8, 8), 1)


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "a", None])
def test_epsilon_and_gamma_take_numbers_from_0_on(value):
    with pytest.raises(ExplainError, match=r"ε is .* from 0 on"):
        Epsilon(value)
    with pytest.raises(ExplainError, match=r"γ is .* from 0 on"):
        Gamma(value)


@pytest.mark.parametrize("table", [{"any": Epsilon()}, [("any", Epsilon())], "ε-plus", None])
def test_lrp_goes_by_a_table_alone(table):
    with pytest.raises(ExplainError, match=r"The table is .* it takes Table\("):
        xw.LRP.by(table)
