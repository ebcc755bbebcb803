"""The same relevance when torch wraps a network, compiles or exports it, or makes its weights anew;
and a sentence where nobody can follow."""

import copy

import pytest
import torch
import torch.nn.functional as F
from methods.relevance.parts import apart, found, network, two_pictures, with_modules
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

import xaiwidgets as xw
from xaiwidgets.core.errors import ExplainError

PRESETS = ("ε", "ε-plus-flat", "ε-γ-box")


def assert_alike(net, plain, presets=PRESETS):
    """Both have the same relevance by every preset, and nothing to warn of."""
    x = two_pictures()
    for preset in presets:
        answer = xw.LRP(preset=preset)(net, x, 2)
        assert apart(answer.values, found(plain, x, preset)) <= 1e-12, preset
        assert answer.warnings == []


# --- compiled and exported -------------------------------------------------------------------


def graphs_of():
    """What torch compiles, and the backend that notes it."""
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    return graphs, backend


@pytest.mark.slow
def test_a_function_that_is_compiled_runs_as_python_while_it_is_explained():
    graphs, backend = graphs_of()
    rectified = torch.compile(lambda x: F.relu(x) * 2, backend=backend)

    def forward(net, x):
        return net.head(rectified(net.norm(net.first(x))).mean((2, 3)))

    def plain(net, x):
        return net.head((F.relu(net.norm(net.first(x))) * 2).mean((2, 3)))

    net = network(forward)
    assert_alike(net, network(plain))
    for method in (xw.DeepLift(), xw.GuidedBackprop()):
        expected = method(network(plain), two_pictures(), 2).values
        assert apart(method(net, two_pictures(), 2).values, expected) <= 1e-12
    torch._dynamo.reset()
    graphs.clear()
    net(two_pictures())
    assert graphs  # it is compiled again afterwards


@pytest.mark.slow
def test_a_network_that_is_compiled_as_one_graph_has_the_relevance_of_the_plain_one():
    net = torch.compile(network(with_modules), backend="eager", fullgraph=True)
    net(two_pictures())
    assert_alike(net, network(with_modules))


def in_inner_names(net, x):
    """Much of what exported programs hold."""
    y = net.inplace(net.norm(net.first(x)))
    first, second = y.chunk(2, 1)
    y = torch.cat([first, F.max_pool2d(second, 3, 1, 1)], 1)
    z = F.hardswish(net.second(F.dropout(y, training=False)))
    z += y
    y = F.layer_norm(z, (8,)) + z[:, :, 1:].mean(2, keepdim=True)
    return net.head(F.adaptive_avg_pool2d(y, 1).flatten(1)).softmax(1)


def exported(plain):
    """What torch.export makes of it, for any number of pictures."""
    rows = torch.export.Dim("rows", min=1, max=64)
    return torch.export.export(plain, (two_pictures(),), dynamic_shapes=({0: rows},)).module()


@pytest.mark.slow
@pytest.mark.parametrize("written", [with_modules, in_inner_names])
def test_an_exported_network_has_the_relevance_of_the_one_that_it_was_made_from(written):
    assert_alike(exported(network(written)), network(written))


@pytest.mark.slow
def test_other_rules_for_the_way_back_know_what_an_exported_network_does():
    net = exported(network(with_modules))
    for method in (xw.DeepLift(), xw.GuidedBackprop()):
        expected = method(network(with_modules), two_pictures(), 2).values
        assert apart(method(net, two_pictures(), 2).values, expected) <= 1e-12


def test_a_network_traced_by_fx_has_the_relevance_of_the_plain_one():
    class Plain(nn.Sequential):
        def forward(self, x):
            x = F.relu(self[1](self[0](x)))
            return self[2]((x + x).mean((2, 3)))

    parts = network(with_modules)
    plain = Plain(parts.first, parts.norm, parts.head).eval()
    assert_alike(torch.fx.symbolic_trace(plain), plain)


# --- wrapped ---------------------------------------------------------------------------------


def test_a_network_in_dataparallel_has_the_relevance_of_the_plain_one():
    assert_alike(nn.DataParallel(network(with_modules)).eval(), network(with_modules))


WEIGHTS = {
    "parameters": lambda weight: weight,
    "copies": lambda weight: weight.clone(),
    "tensors that require a gradient": lambda weight: weight.detach().clone().requires_grad_(),
    "constants": lambda weight: weight.detach(),
}


@pytest.mark.parametrize("kind", list(WEIGHTS))
def test_a_functional_call_has_the_relevance_of_the_plain_network(kind):
    inner = network(with_modules)
    weights = {name: WEIGHTS[kind](weight) for name, weight in inner.named_parameters()}

    def forward(net, x):
        return torch.func.functional_call(inner, weights, (x,))

    assert_alike(network(forward), network(with_modules))


def test_a_number_that_requires_a_gradient_is_no_signal():
    def scaled(net, x):
        return net.head((net.scale * F.relu(net.first(x))).mean((2, 3)))

    plain, net = network(scaled), network(scaled)
    plain.scale = torch.tensor(1.5)
    net.__dict__["scale"] = torch.tensor(1.5, requires_grad=True)
    assert_alike(net, plain)


# --- weights that are made on the way --------------------------------------------------------


class Doubled(nn.Module):
    """A parametrisation of the user's own."""

    def forward(self, weight):
        return 2 * weight


MADE = {
    "parametrised": lambda module: parametrize.register_parametrization(
        module, "weight", Doubled()
    ),
    "spectral norm": parametrizations.spectral_norm,
    "spectral norm by hooks": nn.utils.spectral_norm,
    "weight norm": parametrizations.weight_norm,
    "weight norm by hooks": nn.utils.weight_norm,
    "pruned": lambda module: prune.l1_unstructured(module, "weight", amount=0.3),
}


@pytest.mark.parametrize("how", list(MADE))
def test_weights_that_are_made_on_the_way_serve_like_others(how):
    net = network(with_modules)
    layers = [net.first, net.second, net.head]
    for layer in layers:
        MADE[how](layer)
    net.eval()
    net(two_pictures())
    plain = network(with_modules)
    for layer, other in zip(layers, [plain.first, plain.second, plain.head], strict=True):
        other.weight = nn.Parameter(layer.weight.detach().clone())
    assert_alike(net, plain)
    report = xw.LRP().explain_rules(net, two_pictures()[:1], 2)
    assert [step.name for step in report.layers] == ["first", "second", "head"]


def test_a_layer_after_one_whose_weights_are_made_on_the_way_has_not_its_name():
    def forward(net, x):
        y = F.relu(net.first(x))
        return F.linear(y.mean((2, 3)), 2 * net.head.weight, net.head.bias)

    net = network(forward)
    MADE["parametrised"](net.first)
    report = xw.LRP().explain_rules(net, two_pictures()[:1], 2)
    assert [step.name for step in report.layers] == ["first", ""]


# --- what nobody can follow ------------------------------------------------------------------


def quantised(make):
    """What torch makes of a module when its dense layers are to compute with whole numbers."""
    return torch.ao.quantization.quantize_dynamic(make.float(), {nn.Linear}, dtype=torch.qint8)


def test_quantised_networks_are_refused_in_a_sentence():
    net = quantised(copy.deepcopy(network(with_modules)))
    for method in (xw.LRP(), xw.Saliency()):
        with pytest.raises(ExplainError, match=r"quantised layers.*cclusion"):
            method(net, two_pictures().float(), 2)


def in_whole_numbers(x):
    return torch.quantize_per_tensor(x, 0.01, 0, torch.qint8).dequantize()[:, :4]


BRANCHES = {
    "a layer": lambda: quantised(nn.Sequential(nn.Linear(6, 4))),
    "a value": lambda: in_whole_numbers,
}


@pytest.mark.parametrize("name", list(BRANCHES))
def test_a_quantised_branch_is_told_in_a_warning(name):
    branch = BRANCHES[name]()

    def forward(net, x):
        pooled = F.relu(net.first(x)).mean((2, 3))
        return net.head(pooled) + branch(pooled)

    (warning,) = xw.LRP()(network(forward).float(), two_pictures().float(), 2).warnings
    assert "computes without gradients" in warning
