"""Patterns: the signal is found where the weights look for something else."""

import pytest
import torch
import torch.nn.functional as F
from networks import FunctionalNetwork, ModuleNetwork, noise, seeded
from torch import nn

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import PatternAttribution, PatternNet, Patterns

SIDE = 16


def _cosine(a, b):
    return float(F.cosine_similarity(a.flatten().double(), b.flatten().double(), 0))


def _with_distractor(count: int = 8000):
    """Pictures (count, 1, 16, 16) of a signal of changing strength over smooth distractors, the
    signal, and the linear model that reads its strength off them."""
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    signal = torch.exp(-((rows - 5.0) ** 2 + (columns - 9.0) ** 2) / 8)
    waves = torch.stack([
        torch.cos(torch.pi * (rows * i + columns * j + i) / SIDE)
        for i in range(4) for j in range(4)
    ])  # fmt: skip
    strength, distractor = noise(count, seed=1), noise(count, 16, seed=2)
    x = strength[:, None, None] * signal + torch.einsum("ni,ihw->nhw", distractor, waves)
    x = (x + 0.02 * noise(count, SIDE, SIDE, seed=3)).unsqueeze(1)
    w = torch.linalg.lstsq(x.flatten(1).double(), strength.double()[:, None]).solution
    network = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 1)).eval()
    with torch.no_grad():
        network[1].weight.copy_(w.t()), network[1].bias.zero_()
    return network, x, signal


def test_the_pattern_is_the_signal_where_the_weights_are_not():
    network, x, signal = _with_distractor()
    patterns = Patterns.of(network, x)
    assert (
        _cosine(PatternNet(patterns)(network, x[0]).values, signal * network(x[:1]).detach())
        >= 0.98
    )
    assert abs(_cosine(network[1].weight.detach(), signal)) < 0.7
    assert abs(_cosine(PatternNet()(network, x[0]).values, signal)) < 0.7


def test_the_attribution_of_a_linear_model_adds_up_to_its_score():
    network, x, _ = _with_distractor(400)
    found = PatternAttribution(Patterns.of(network, x))(network, x[:5]).values.sum((1, 2, 3))
    assert torch.allclose(found, network(x[:5]).detach().flatten(), rtol=1e-4)


def test_two_dimensions_of_the_paper():
    # x = s (1, 0) + d (1, 1), y = s: the filter is (1, −1), the signal (1, 0)
    s, d = noise(5000, seed=1), noise(5000, seed=2)
    x = torch.stack([s + d, d], 1).view(-1, 1, 1, 2)
    network = nn.Sequential(nn.Flatten(), nn.Linear(2, 1, bias=False)).eval()
    with torch.no_grad():
        network[1].weight.copy_(torch.tensor([[1.0, -1.0]]))
    (pattern,) = Patterns.of(network, x).layers.values()
    assert _cosine(pattern, torch.tensor([1.0, 0.0])) > 0.999
    assert torch.allclose((network[1].weight * pattern).sum(), torch.tensor(1.0))


CONVOLUTIONS = {
    "plain": nn.Conv2d(3, 4, 3, padding=1),
    "grouped, dilated": nn.Conv2d(4, 6, 3, dilation=2, groups=2),
    "strided": nn.Conv2d(3, 4, 3, stride=2),
    "around the edge": nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular"),
    "same, even": nn.Conv2d(3, 4, 2, padding="same"),
    "transposed": nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_convolution_is_estimated_as_the_dense_layer_that_it_is(name):
    """The pattern of one output channel from its unfolded inputs, one place after the other."""
    layer = seeded(lambda: CONVOLUTIONS[name]).double()
    network = nn.Sequential(layer, nn.ReLU(), nn.Flatten(), nn.LazyLinear(2)).double()
    x = noise(6, layer.in_channels, 7, 7).double()
    network(x)
    (pattern, _) = Patterns.of(network.eval(), x).layers.values()
    y = layer(x).detach()
    for k in range(layer.out_channels):
        seen, values = [], []
        for place in (y[:, k] > 0).nonzero().tolist():
            n, i, j = place
            weight = layer.weight.detach().clone().requires_grad_()
            out = torch.func.functional_call(layer, {"weight": weight}, x[n : n + 1])
            (gradient,) = torch.autograd.grad(out[0, k, i, j], weight)  # the input seen there
            seen.append(gradient.flatten()), values.append(y[n, k, i, j])
        seen, values = torch.stack(seen), torch.stack(values)
        cov = ((seen - seen.mean(0)) * (values - values.mean())[:, None]).mean(0)
        expected = cov / (layer.weight.detach().flatten() @ cov)
        mine = torch.zeros_like(layer.weight)
        if isinstance(layer, nn.ConvTranspose2d):
            group, within = divmod(k, layer.out_channels // layer.groups)
            rows = layer.in_channels // layer.groups
            part = slice(group * rows, (group + 1) * rows)
            mine[part, within] = pattern[part, within]
        else:
            mine[k] = pattern[k]
        assert torch.allclose(mine.flatten(), expected, atol=1e-9)


@pytest.mark.parametrize("method", [PatternNet, PatternAttribution])
def test_a_unit_that_is_off_has_no_signal(method):
    """Layer by layer as the paper has it: patterns in the place of weights, through what is on."""
    network = seeded(lambda: nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))).double()
    data, x = noise(400, 6).double(), noise(8, 6, seed=4).double()
    subject = Subject(nn.Sequential(nn.Flatten(), *network).eval())
    patterns = Patterns.of(subject, data.view(-1, 1, 1, 6))
    first, last = patterns.layers.values()
    if method is PatternAttribution:
        first, last = first * network[0].weight.detach(), last * network[2].weight.detach()
    on = (network[0](x) > 0).double()
    assert 0 < float(on.mean()) < 1
    expected = (network(x)[:, 1:2] * last[1] * on) @ first
    found = method(patterns)(subject, x.view(-1, 1, 1, 6), 1).values.flatten(1)
    assert torch.allclose(found, expected, rtol=1e-9)


def test_batches_and_a_loader_give_what_all_at_once_gives(monkeypatch):
    network, x = seeded(ModuleNetwork), noise(12, 3, 32, 32)
    at_once = Patterns.of(network, x).layers
    loader = torch.utils.data.DataLoader(list(zip(x, range(12), strict=True)), batch_size=5)
    for other in (Patterns.of(network, loader), Patterns.of(network, list(x))):
        for number, pattern in at_once.items():
            assert torch.allclose(other.layers[number], pattern, rtol=1e-3, atol=1e-5)
    monkeypatch.setattr(Subject, "batch_size", lambda *_, **__: 3)
    for number, pattern in Patterns.of(network, x).layers.items():
        assert torch.allclose(pattern, at_once[number], rtol=1e-3, atol=1e-5)


class _Functional(nn.Module):
    """ModuleNetwork, written with functions."""

    def __init__(self, modules):
        super().__init__()
        self.a, self.b, self.c = modules[0], modules[3], modules[7]

    def forward(self, x):
        x = F.max_pool2d(F.conv2d(x, self.a.weight, self.a.bias, padding=1).relu_(), 2)
        x = F.adaptive_avg_pool2d(F.relu(F.conv2d(x, self.b.weight, self.b.bias, padding=1)), 4)
        return x.flatten(1) @ self.c.weight.T + self.c.bias


@pytest.mark.parametrize("method", [PatternNet, PatternAttribution])
def test_modules_and_functions_give_the_same(method):
    modules, data = seeded(ModuleNetwork).double(), noise(20, 3, 32, 32).double()
    functions = _Functional(modules).eval()
    x = noise(2, 3, 32, 32, seed=5).double()
    one = method(Patterns.of(modules, data))(modules, x, 1).values
    other = method(Patterns.of(functions, data))(functions, x, 1).values
    assert torch.allclose(one, other, rtol=1e-9)
    assert float(one.abs().max()) > 0


@pytest.mark.parametrize("method", [PatternNet, PatternAttribution])
def test_a_batch_equals_single_inputs_and_patterns_go_along_with_copies(method):
    network, x = seeded(FunctionalNetwork).double(), noise(3, 3, 32, 32).double()
    patterned = method(Patterns.of(network, noise(16, 3, 32, 32, seed=9))).having()
    together = patterned(network, x, [0, 3, 1])
    assert together.facts == ["Patterns were estimated from 16 inputs."]
    assert together.warnings == [
        "Patterns from 16 inputs hold what these few have in common by chance: other inputs would "
        "give another map. Give some hundred."
    ]
    for i, target in enumerate((0, 3, 1)):
        alone = patterned(network, x[i], target).values
        assert torch.allclose(together.values[i : i + 1], alone, rtol=1e-9)
    assert patterned == patterned.having()
    assert patterned != method()


def test_some_hundred_inputs_are_enough_for_patterns():
    network = seeded(ModuleNetwork)
    patterned = PatternNet(Patterns.of(network, noise(100, 3, 32, 32)))
    assert patterned(network, noise(1, 3, 32, 32), 1).warnings == []


def test_without_patterns_it_says_what_stands_in_for_them():
    answer = PatternNet()(seeded(ModuleNetwork), noise(1, 3, 32, 32))
    assert "No patterns were given" in answer.warnings[0]


def test_what_cannot_be_used_is_refused_in_words():
    network, other = seeded(ModuleNetwork), seeded(ModuleNetwork, 1)
    patterns = Patterns.of(network, noise(4, 3, 32, 32))
    with pytest.raises(ExplainError, match="other weights than the network has now"):
        PatternNet(patterns)(other, noise(1, 3, 32, 32))
    with pytest.raises(ExplainError, match="from 1 input"):
        Patterns.of(network, noise(1, 3, 32, 32))
    with pytest.raises(ExplainError, match=r"which Patterns.of\(subject, data\) estimates"):
        PatternNet(noise(3))
