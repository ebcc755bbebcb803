"""Interception of operations: what it sees, and what it leaves alone."""

import threading

import pytest
import torch
import torch.nn.functional as F
from networks import FunctionalNetwork, noise, seeded, vision_transformer
from state import State
from torch import nn

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.intercept import replacing
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import DeepLift, GuidedBackprop


def counting(*kinds):
    """Rules that change nothing, and the kinds they met."""
    met = []

    def rule(operation):
        met.append(operation.kind)
        return operation.run()

    return dict.fromkeys(kinds, rule), met


def depth() -> int:
    return torch._C._len_torch_function_stack()


def test_rules_that_change_nothing_change_nothing():
    network, x = seeded(FunctionalNetwork), noise(2, 3, 32, 32)
    rules, met = counting("relu", "conv2d", "mul", "add", "max_pool2d", "linear")
    plain = network(x)
    with replacing(network, rules):
        assert torch.equal(network(x), plain)
    assert sorted(met) == sorted(
        ["conv2d"] * 3 + ["relu"] * 3 + ["mul", "add", "max_pool2d", "linear"]
    )


def test_the_bodies_of_attention_are_seen():
    network = seeded(vision_transformer)
    rules, met = counting("layer_norm", "gelu", "scaled_dot_product_attention")
    with replacing(network, rules):
        network(noise(1, 3, 32, 32).requires_grad_())
    assert met.count("scaled_dot_product_attention") == 2
    assert met.count("layer_norm") == 5
    assert met.count("gelu") == 2


@pytest.mark.parametrize("opening", [True, False])
def test_functions_written_in_python_are_opened_where_that_is_asked_for(opening):
    met = []

    def otherwise(operation):
        met.append(operation.function.__name__)
        return operation.run()

    class Shrinking(nn.Module):
        def forward(self, x):
            return F.tanhshrink(x)

    network, x = Shrinking(), noise(1, 3)
    with replacing(network, {}, otherwise, opening=opening):
        found = network(x)
    assert met == (["tanh", "sub"] if opening else ["tanhshrink"])
    assert torch.equal(found, x - x.tanh())


def test_weights_of_attention_are_seen_when_they_are_asked_for():
    attention = nn.MultiheadAttention(8, 2, batch_first=True).eval()
    x = noise(1, 4, 8).requires_grad_()
    rules, met = counting("softmax", "bmm", "baddbmm", "matmul")
    with replacing(attention, rules):
        attention(x, x, x, need_weights=True)
    assert "softmax" in met


@pytest.mark.parametrize(
    "operation",
    [
        lambda x: x.relu_(), lambda x: F.relu(x, True), lambda x: F.relu(x, inplace=True),
        lambda x: torch.relu_(x), lambda x: nn.ReLU(inplace=True)(x), lambda x: x.clamp_(min=0),
    ],
)  # fmt: skip
def test_in_place_operations_write_where_they_are_told(operation):
    network = nn.Identity()

    def rule(seen):
        assert seen.inplace
        return seen.write(seen.input.clamp(min=0) * 10)

    with replacing(network, dict.fromkeys(("relu", "clamp"), rule)):
        x = noise(3, 4)
        kept = x.clone()
        result = operation(x)
    assert result.data_ptr() == x.data_ptr()
    assert torch.equal(x, kept.clamp(min=0) * 10)


@pytest.mark.parametrize("operation", [torch.relu, lambda x: F.relu(x), lambda x: x.relu()])
def test_operations_out_of_place_leave_their_input(operation):
    def rule(seen):
        assert not seen.inplace
        return seen.write(seen.input * 10)

    x = noise(3, 4)
    kept = x.clone()
    with replacing(nn.Identity(), {"relu": rule}):
        assert torch.equal(operation(x), kept * 10)
    assert torch.equal(x, kept)


def test_interceptions_may_be_nested_and_the_inner_one_goes_first():
    seen = []

    def named(name):
        def rule(operation):
            seen.append(name)
            return operation.run()

        return {"relu": rule}

    network = nn.ReLU()
    with replacing(network, named("outer")):
        network(noise(2))
        with replacing(network, named("inner")):
            network(noise(2))
        network(noise(2))
    assert seen[0] == "outer"
    assert "inner" in seen
    assert seen[-1] == "outer"
    assert seen.index("inner") == 1


def test_inside_a_rule_operations_are_plain():
    def rule(operation):
        return torch.relu(operation.input) + 1

    with replacing(nn.Identity(), {"relu": rule}):
        assert torch.relu(torch.tensor([-1.0, 2.0])).tolist() == [1.0, 3.0]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, ExplainError])
def test_the_mode_is_off_again_after_an_error(error):
    before = depth()

    def rule(operation):
        raise error("stop")

    with pytest.raises(error), replacing(nn.ReLU(), {"relu": rule}):
        nn.ReLU()(noise(2))
    assert depth() == before
    assert torch.relu(torch.tensor([-1.0])).item() == 0.0


def test_other_threads_see_nothing():
    results = []
    entered, left = threading.Event(), threading.Event()

    def elsewhere():
        entered.wait()
        results.append(torch.relu(torch.tensor([-1.0, 2.0])).tolist())
        left.set()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    with replacing(nn.Identity(), {"relu": lambda operation: operation.input * 0}):
        entered.set()
        left.wait()
        assert torch.relu(torch.tensor([-1.0, 2.0])).tolist() == [0.0, 0.0]
    thread.join()
    assert results == [[0.0, 2.0]]


def test_parameters_are_constants_for_rules():
    class Learnt(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(3))
            self.parts = nn.ParameterList([nn.Parameter(torch.ones(1, 3)) for _ in range(2)])

        def forward(self, x):
            return torch.cat([*self.parts, torch.mul(input=x, other=self.scale) * self.scale.exp()])

    needs = []

    def rule(operation):
        given = (*operation.args, *operation.kwargs.values())
        needs.extend(value.requires_grad for value in given)
        return operation.run()

    network = Learnt().eval()
    x = noise(1, 3).requires_grad_()
    with replacing(network, {"mul": rule, "exp": rule}):
        result = network(x)
    assert needs == [True, False, False, True, False]
    result.sum().backward()
    assert network.scale.grad is None
    assert network.scale.requires_grad


def test_a_scripted_network_is_refused_in_words():
    network = torch.jit.trace(seeded(FunctionalNetwork), noise(1, 3, 32, 32))
    with pytest.raises(ExplainError, match="scripted module, whose operations cannot be seen"):
        GuidedBackprop()(network.eval(), noise(1, 3, 32, 32), 1)


def test_a_compiled_network_runs_uncompiled_and_gives_the_same():
    network, x = seeded(FunctionalNetwork), noise(2, 3, 32, 32)
    compiled = torch.compile(network, backend="eager")
    compiled(x)
    state = State(network)
    for method in (GuidedBackprop(), DeepLift()):
        expected = method(network, x, 1).values
        assert torch.equal(method(compiled, x, 1).values, expected)
    state.assert_unchanged()


def test_a_subject_may_be_asked_plainly_inside():
    network, x = seeded(FunctionalNetwork), noise(2, 3, 32, 32)
    rules, met = counting("relu")
    with replacing(network, rules):
        Subject(network).outputs(x)
    assert len(met) == 3
