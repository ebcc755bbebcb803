"""The way of relevance down a network: what every operation keeps, who takes it, and the maps."""

import functools
import itertools

import pytest
import torch
import torch.nn.functional as F
from networks import NETWORKS, ResidualNetwork, noise, seeded
from state import State
from torch import nn

import xaiwidgets as xw
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods.relevance import (
    AlphaBeta,
    Epsilon,
    Flat,
    Gamma,
    Table,
    WSquare,
    ZBox,
    ZPlus,
)
from xaiwidgets.methods.relevance.affine import Affine
from xaiwidgets.methods.relevance.derived import Negated, Unbiased
from xaiwidgets.methods.relevance.layerwise import recording_now
from xaiwidgets.methods.relevance.rules import Flow

QUICK = ["modules", "functional", "residual"]
PRESETS = ["LRP-0", "ε-plus-flat", "ε-αβ", "ε-γ-box", "AttnLRP"]
SLOW = [
    pytest.param(*each, marks=pytest.mark.slow)
    for each in itertools.product(["resnet", "vit", "timm", "transformers"], PRESETS)
]
WAYS_DOWN = [xw.LRP(preset="ε", epsilon=0.01), xw.CLRP(), xw.SGLRP(), xw.DeepTaylor(), xw.RAP(),
             xw.ExcitationBackprop(contrastive=False), xw.ConceptRelevance()]  # fmt: skip


@functools.cache
def network(name: str) -> nn.Module:
    """One for all tests: each of them leaves it as it was."""
    return seeded(ResidualNetwork if name == "residual" else NETWORKS[name][0]).double()


def picture(name: str, count: int = 1) -> torch.Tensor:
    size = 18 if name == "residual" else NETWORKS[name][1]
    return noise(count, 3, size, size, dtype=torch.float64)


def report(name: str, **settings):
    return xw.LRP(**settings).explain_rules(network(name), picture(name), 1)


# --- every operation's account ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "preset"),
    [*itertools.product(QUICK, PRESETS), *SLOW],
)
def test_what_arrives_and_what_every_operation_keeps_make_up_the_score(name, preset):
    found = report(name, preset=preset, epsilon=1e-3)
    assert found.begun == pytest.approx(found.score, rel=1e-12)
    size = max(abs(step.entered or 0) for step in found.steps)
    assert abs(found.unnamed) < 1e-9 * size
    named = found.biases + found.stabilisers + found.constants + found.lost + found.untold
    assert abs(found.begun - found.arrived - named) < 1e-9 * size
    assert found.layers[0].entered is not None
    assert found.layers[-1].entered == pytest.approx(found.begun, rel=1e-12)


@pytest.mark.parametrize("method", WAYS_DOWN, ids=lambda method: method.label)
def test_every_way_down_of_every_method_adds_up(method):
    for found in method.flows(network("functional"), picture("functional"), 1):
        size = max(abs(found.begun), *(abs(step.entered or 0) for step in found.steps))
        assert size > 0
        assert abs(found.unnamed) < 1e-9 * size


def test_a_residual_sum_gives_each_side_its_part_and_keeps_nothing():
    found = report("residual", preset="ε")
    sums = [step for step in found.steps if step.kind == "add"]
    assert [step.name for step in sums[:5]] == [*(f"layer1.{i}" for i in range(4)), "layer2.0"]
    for step in sums:
        assert step.left == pytest.approx(step.entered, rel=1e-9)


def test_the_bias_of_a_norm_and_a_constant_that_is_added_are_named():
    found = report("vit", preset="LRP-0")
    norms = [step for step in found.steps if step.kind == "layer_norm"]
    assert len(norms) == 5
    assert sum(step.kept for step in found.steps if not step.is_layer) == pytest.approx(
        found.elsewhere, rel=1e-9
    )
    position = next(step for step in found.steps if step.kind == "add" and step.name == "encoder")
    assert abs(position.bias) > 1e-6
    assert position.bias == position.kept


class Normalising(nn.Module):
    """It normalises its input itself."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(F.relu(self.first((x - 0.5) / 0.25)).mean((2, 3)))


@pytest.mark.parametrize("preset", ["ε", "ε-plus-flat"])
def test_a_normalisation_in_the_network_takes_its_constant_or_is_gone_through(preset):
    net = seeded(Normalising).double()
    found = xw.LRP(preset=preset).explain_rules(net, noise(1, 3, 8, 8).double(), 1)
    sub, div = found.steps[:2]
    assert [sub.kind, div.kind] == ["sub", "div"]
    assert abs(found.unnamed) < 1e-12
    if preset == "ε":
        assert abs(sub.bias) > 1e-3
    else:
        assert sub.rule == div.rule == "carried to the pixels"
        assert sub.entered == div.left == pytest.approx(found.arrived)


class Bounded(nn.Module):
    """softmax in the middle, which is not linear, and a network without constants around it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Conv2d(3, 4, 3, bias=False), nn.Linear(4, 3, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(F.relu(self.first(x)).mean((2, 3)).softmax(1))


def test_what_an_operation_that_is_not_linear_does_not_pass_on_is_lost():
    attn = xw.LRP(preset="AttnLRP")
    found = attn.explain_rules(seeded(Bounded).double(), noise(1, 3, 8, 8).double(), 1)
    soft = next(step for step in found.steps if step.kind == "softmax")
    assert soft.bias == 0
    assert abs(soft.lost) > 1e-6
    assert found.lost == pytest.approx(found.begun - found.arrived, rel=1e-9)
    assert found.biases == 0


def test_accounts_change_nothing_of_the_map_and_nothing_of_the_network():
    net, x = network("residual"), picture("residual")
    before = State(net)
    found = xw.LRP().explain_rules(net, x, 1)
    before.assert_unchanged()
    plain = xw.LRP()(net, x, 1)
    assert torch.equal(torch.from_numpy(found.map), plain.values[0].sum(0))


class Failing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if getattr(self, "fails", False):
            self.layer(x)
            raise RuntimeError("half way")
        return self.layer(x).mean((2, 3))


def test_a_network_that_fails_half_way_is_left_as_it_was():
    net = seeded(Failing)
    subject = Subject(net)
    subject.layers(noise(1, 3, 8, 8))
    net.fails = True
    before = State(net)
    with pytest.raises(xw.ExplainError, match="half way"):
        xw.LRP().explain_rules(subject, noise(1, 3, 8, 8), 1)
    before.assert_unchanged()
    assert not recording_now().accounts


# --- who took it --------------------------------------------------------------------------------


def dense(bias: bool = True, positive: bool = False):
    """A dense layer with signed inputs, and what flows through it."""
    x, weight = noise(2, 5, seed=1).double(), noise(4, 5, seed=2).double()
    b = noise(4, seed=3).double() if bias else None
    layer = Affine("dense", weight, b)
    z = F.linear(x, weight, b)
    z = z.clamp_min(0) if positive else z
    return Flow(layer, x, z, noise(2, 4, seed=4).double(), positive)


def always_one(flow: Flow) -> Flow:
    """The same layer with its bias as the weight of one more input, which is 1."""
    weight = torch.cat([flow.layer.weight, flow.layer.bias[:, None]], 1)
    x = torch.cat([flow.x, torch.ones(len(flow.x), 1).double()], 1)
    return Flow(Affine("dense", weight, None), x, flow.z, flow.c, flow.positive)


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize(
    "rule",
    [Epsilon(0.0), Epsilon(0.1), Epsilon(0.1, relative=True), ZPlus(), AlphaBeta(2.0, 1.0),
     AlphaBeta(3.0, 2.0), Gamma(0.0), Gamma(0.25), Negated(ZPlus()), Unbiased(ZPlus())],
    ids=str,
)  # fmt: skip
def test_a_bias_takes_what_an_input_that_is_always_one_would_get(rule, positive):
    flow = dense(positive=positive)
    wide = always_one(flow)
    if isinstance(rule, Negated):  # it turns the weights' signs, and not that of the bias
        wide.layer.weight[:, -1] *= -1
    given = (rule.share(wide) * wide.x)[:, -1].sum()
    wanted = 0.0 if isinstance(rule, Unbiased) else float(given)
    assert rule.bias(flow) == pytest.approx(wanted, rel=1e-9, abs=1e-12)
    assert rule.bias(dense(bias=False, positive=positive)) == 0


@pytest.mark.parametrize("rule", [Flat(), WSquare(), ZBox(-3.0, 3.0)], ids=str)
def test_rules_of_the_pixels_give_a_bias_nothing(rule):
    flow = dense()
    assert rule.bias(flow) == 0
    assert float(rule.share(flow).sum()) == pytest.approx(float(flow.relevance.sum()), rel=1e-3)


def test_the_stabiliser_takes_its_part_of_weak_outputs():
    layer = Affine("dense", torch.tensor([[1.0], [2.0]]).double(), None)
    flow = Flow(layer, torch.ones(1, 1).double(), torch.tensor([[1.0, 2.0]]).double(),
                torch.tensor([[3.0, 5.0]]).double(), False)  # fmt: skip
    left = float((Epsilon(0.5).share(flow) * flow.x).sum())
    taken = 3 * 1 * 0.5 / 1.5 + 5 * 2 * 0.5 / 2.5
    assert 13 - left == pytest.approx(taken)
    assert Epsilon(0.5).bias(flow) == 0
    assert Epsilon(0.5).stranded(flow) == 0


def test_an_output_without_positive_evidence_has_nothing_to_share_among():
    layer = Affine("dense", torch.tensor([[1.0], [-2.0]]).double(), None)
    flow = Flow(layer, torch.ones(1, 1).double(), torch.tensor([[1.0, -2.0]]).double(),
                torch.tensor([[3.0, 5.0]]).double(), False)  # fmt: skip
    assert ZPlus().stranded(flow) == pytest.approx(-10)
    assert AlphaBeta(2.0, 1.0).stranded(flow) == pytest.approx(2 * -10 - 3)
    assert float((ZPlus().share(flow) * flow.x).sum()) == pytest.approx(3, rel=1e-5)


def test_the_report_tells_bias_stabiliser_and_loss_apart():
    for preset in PRESETS:
        found = report("functional", preset=preset, epsilon=1e-2)
        for step in found.layers:
            assert step.kept == pytest.approx(step.bias + step.stabiliser + step.lost)
        told = found.biases + found.stabilisers + sum(step.lost for step in found.layers)
        assert told == pytest.approx(found.absorbed)
    assert abs(report("functional", preset="ε", epsilon=1e-2).stabilisers) > 1e-4
    plain = report("functional", preset="LRP-0")
    assert abs(plain.stabilisers) + abs(plain.lost) < 1e-9


def test_what_flat_gives_to_inputs_that_are_0_in_mid_network_goes_on_and_is_told():
    net, x = network("modules"), picture("modules")
    table = Table([("3", Flat()), ("any", Epsilon(0.0))])
    found = xw.LRP.by(table).explain_rules(net, x, 1)
    step = next(step for step in found.layers if step.name == "3")
    assert bool((part(net, 0, 3)(x) == 0).any())
    assert step.lost == 0
    assert step.left == pytest.approx(step.entered, rel=1e-6)
    below = next(step for step in found.steps if step.kind == "relu")
    assert below.entered == pytest.approx(step.left, rel=1e-9)
    assert below.left == pytest.approx(step.left, rel=1e-9)
    assert abs(found.unnamed) < 1e-12


# --- maps on the way ----------------------------------------------------------------------------


def part(net: nn.Sequential, start: int, stop: int) -> nn.Module:
    return nn.Sequential(*list(net)[start:stop]).eval()


@pytest.mark.parametrize(("depth", "above"), [(2, "0"), (5, "3")])
def test_the_map_at_a_depth_is_that_of_the_network_above_it_explained_alone(depth, above):
    net, x = network("modules"), picture("modules")
    below = part(net, 0, depth)(x).detach()
    alone = xw.LRP(preset="ε-plus").explain_rules(part(net, depth, 8), below, 1)
    whole = xw.LRP(preset="ε-plus").explain_rules(net, x, 1)
    step = whole.at(above)
    assert step.map == pytest.approx(alone.map, rel=1e-9, abs=1e-12)
    assert step.entered == pytest.approx(alone.arrived, rel=1e-9)
    units = xw.LRP(preset="ε-plus").units(net, x, 1, layer=str(depth - 1))
    values = xw.LRP(preset="ε-plus")(part(net, depth, 8), below, 1).values
    torch.testing.assert_close(units, values)


@pytest.mark.parametrize("name", QUICK)
def test_a_map_adds_up_to_what_entered_there(name):
    found = report(name, preset="ε-plus")
    assert len(found.depths) >= 3
    for step in found.depths:
        assert step.map.shape == step.shape[1:]
        assert step.map.sum() == pytest.approx(step.entered, rel=1e-9, abs=1e-12)


def test_tokens_lie_as_the_picture_does_and_heads_are_no_map():
    found = report("vit", preset="ε-plus")
    kinds = {step.kind for step in found.depths}
    assert {"layer_norm", "gelu", "add", "convolution", "dense"} <= kinds
    assert {step.map.shape for step in found.depths} == {(4, 4)}
    assert "scaled_dot_product_attention" not in kinds


class Attending(nn.Module):
    """Attention among the pixels of a convolution that cuts no patches."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        heads = self.first(x).flatten(2).transpose(1, 2).unflatten(2, (2, 2)).transpose(1, 2)
        mixed = F.scaled_dot_product_attention(heads, heads, heads)
        return self.head(mixed.transpose(1, 2).flatten(2).mean(1))


def test_heads_are_no_map_in_a_network_without_patches_either():
    found = xw.LRP().explain_rules(seeded(Attending), noise(1, 3, 8, 8), 1)
    assert [step.kind for step in found.steps][1] == "scaled_dot_product_attention"
    assert [step.kind for step in found.depths] == ["convolution"]


def test_relevance_that_begins_at_a_channel_is_what_went_through_it():
    crp = xw.ConceptRelevance(layer="second", channel=2)
    down, on = crp.flows(network("functional"), picture("functional"), 1)
    units = xw.LRP(preset="ε-plus-flat").units(
        network("functional"), picture("functional"), 1, layer="second"
    )
    assert (down.way, on.way) == ("to the layer", "from the channel")
    assert down.begun == pytest.approx(down.score)
    assert on.begun == pytest.approx(float(units[:, 2].sum()), rel=1e-6)


def test_units_of_a_batch_are_those_of_its_inputs_one_by_one():
    net, x = network("residual"), picture("residual", 3)
    lrp = xw.LRP(preset="ε")
    whole = lrp.units(net, x, 1, layer="layer1")
    assert whole.shape == (3, 8, 8, 8)
    for i in range(3):
        one = lrp.units(net, x[i : i + 1], 1, layer="layer1")
        torch.testing.assert_close(whole[i : i + 1], one)


def test_units_say_what_they_cannot_tell():
    net, x = network("modules"), picture("modules")
    with pytest.raises(xw.ExplainError, match="No layer is called 'conv9'"):
        xw.LRP().units(net, x, 1, layer="conv9")
    with pytest.raises(xw.ExplainError, match="goes down the network 2 times"):
        xw.CLRP().units(net, x, 1, layer="3")


def test_a_depth_that_has_no_map_is_refused_with_the_nearest():
    found = report("modules")
    with pytest.raises(xw.ExplainError, match=r"No map of relevance lies at '7'\."):
        found.at("7")
    assert report("residual").at("layer1").name == "layer1.3.relu"


def test_the_strip_shows_the_input_the_depths_and_the_pixels():
    found = report("residual", preset="ε-plus")
    figure = found.plot()
    titles = [axis.get_title() for axis in figure.axes if axis.get_title()]
    assert titles[0] == "Input"
    assert len(titles) == 10
    assert titles[-1].startswith("pixels")
    figure.draw_without_rendering()
    feet = [axis.get_position().y0 for axis in figure.axes if axis.get_title()]
    assert feet == pytest.approx([feet[0]] * 5 + [feet[5]] * 5), "pictures stand on two lines"
    chosen = found.plot(["layer2", "layer1.0"], colour_map="PuOr_r")
    names = [axis.get_title().split("\n")[0] for axis in chosen.axes if axis.get_title()]
    assert names == ["Input", "layer2.3.relu", "layer1.0.relu", "pixels"]
    assert figure._repr_png_()[:4] == b"\x89PNG"
