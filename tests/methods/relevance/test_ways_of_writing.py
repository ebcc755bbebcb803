"""The same relevance however a network is written, and a sentence where it cannot be followed."""

import functools
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
import torch.nn.functional as F
from methods.relevance.parts import apart, found, network, two_pictures, with_modules
from networks import FunctionalNetwork, noise, seeded
from state import State
from torch import nn
from torch.utils.checkpoint import checkpoint

import xaiwidgets as xw
from xaiwidgets.core.errors import ExplainError

PRESETS = ("ε", "ε-plus-flat", "ε-γ-box", "LRP-0")
every_preset = pytest.mark.parametrize("preset", PRESETS)


@pytest.fixture
def picture():
    return two_pictures()


def with_functions(net, x):
    bn = net.norm
    x = F.conv2d(x, net.first.weight, net.first.bias, padding=1)
    x = F.batch_norm(x, bn.running_mean, bn.running_var, bn.weight, bn.bias, eps=bn.eps)
    x = F.relu(x)
    x = torch.add(x, torch.conv2d(x, net.second.weight, net.second.bias, padding=1).relu())
    return F.linear(F.adaptive_avg_pool2d(x, 1).flatten(1), net.head.weight, net.head.bias)


def in_place(net, x):
    x = net.inplace(net.norm(net.first(x)))
    y = x * 1
    y += torch.relu_(net.second(x))
    return net.head(y.mean((2, 3)))


def by_clamping(net, x):
    x = net.norm(net.first(x)).clamp(min=0)
    y = F.threshold(net.second(x), 0, 0)
    return torch.addmm(net.head.bias, (x + y).mean((-1, -2)), net.head.weight.t())


@every_preset
@pytest.mark.parametrize("written", [with_functions, in_place, by_clamping])
def test_a_network_has_the_same_relevance_however_it_is_written(written, preset, picture):
    expected = found(network(with_modules), picture, preset)
    assert apart(found(network(written), picture, preset), expected) <= 1e-10


def either(in_place, apart):
    """Makes an activation of one's own by whether it is to work in place."""
    return lambda inplace: in_place if inplace else apart


ACTIVATIONS = {
    "relu": nn.ReLU, "relu6": nn.ReLU6, "elu": nn.ELU, "selu": nn.SELU, "celu": nn.CELU,
    "silu": nn.SiLU, "mish": nn.Mish, "hardswish": nn.Hardswish, "hardsigmoid": nn.Hardsigmoid,
    "hardtanh": nn.Hardtanh, "dropout": nn.Dropout,
    "leaky relu": functools.partial(nn.LeakyReLU, 0.2),
    "threshold": functools.partial(nn.Threshold, 0.1, 0.0),
    "sigmoid": either(torch.sigmoid_, torch.sigmoid),
    "tanh": either(torch.tanh_, torch.tanh),
    "exp": either(lambda x: x.mul_(0.2).exp_(), lambda x: (x * 0.2).exp()),
    "square": either(torch.square_, torch.square),
    "clamp": either(lambda x: x.clamp_(-0.5, 0.5), lambda x: x.clamp(-0.5, 0.5)),
    "constants": either(
        lambda x: x.mul_(2).add_(1).sub_(0.5).div_(3).neg_(), lambda x: -((x * 2 + 1 - 0.5) / 3)
    ),
}  # fmt: skip


def around(activation):
    """A network that applies it behind a normalisation, behind a sum, and behind a layer."""

    def forward(net, x):
        x = activation(net.norm(net.first(x)))
        x = activation(x * 1 + net.second(x))
        return net.head(activation(net.second(x)).mean((2, 3)))

    return forward


@pytest.mark.parametrize("preset", ["LRP-0", "ε-plus-flat"])
@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_an_operation_in_place_has_the_relevance_of_the_one_that_is_not(name, preset, picture):
    in_place, expected = (
        found(network(around(_in_eval_mode(ACTIVATIONS[name](inplace=inplace)))), picture, preset)
        for inplace in (True, False)
    )
    assert expected.abs().max() > 1e-9
    assert apart(in_place, expected) <= 1e-12


def added_to(activation, write):
    """A network that adds to what an activation made, by `write`."""

    def forward(net, x):
        x = net.norm(net.first(x))
        return net.head(write(activation(x * 1), net.second(x)).mean((2, 3)))

    return forward


@pytest.mark.parametrize("preset", ["LRP-0", "ε-plus-flat"])
@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name != "relu"])
def test_what_an_activation_made_may_be_written_over(name, preset, picture):
    # but for ReLU's, which torch itself then has no gradient of
    plain = _in_eval_mode(ACTIVATIONS[name](inplace=False))
    over, expected = (
        found(network(added_to(plain, write)), picture, preset)
        for write in (torch.Tensor.add_, torch.add)
    )
    assert expected.abs().max() > 1e-9
    assert apart(over, expected) <= 1e-12


FACTORS = {
    "signals": lambda y, z: (y * 1, z),
    "a gate behind": lambda y, z: (y * 1, z.sigmoid()),
    "a gate in front": lambda y, z: (z.sigmoid(), y),
}


@pytest.mark.parametrize("preset", ["LRP-0", "ε-plus-flat", "AttnLRP"])
@pytest.mark.parametrize("name", list(FACTORS))
def test_a_product_may_be_written_over_its_first_factor(name, preset, picture):
    def multiplied(over):
        def forward(net, x):
            y = net.norm(net.first(x))
            first, second = FACTORS[name](y, net.second(F.relu(y)))
            if over:
                first.mul_(second)
            return net.head((first if over else first * second).mean((2, 3)))

        return forward

    in_place, expected = (found(network(multiplied(over)), picture, preset) for over in (1, 0))
    assert expected.abs().max() > 1e-9
    assert apart(in_place, expected) <= 1e-12


def _in_eval_mode(activation):
    return activation.eval() if isinstance(activation, nn.Module) else activation


def kept_for_later(net, x):
    y = net.norm(net.first(x))
    return net.head((F.relu(y) + 0.5 * y).mean((2, 3)))


def overwritten_later(net, x):
    y = net.norm(net.first(x))
    kept = y * 0.5
    return net.head((y.relu_() + kept).mean((2, 3)))


def overwritten_by_a_view(net, x):
    y = net.norm(net.first(x))
    kept = y * 0.5
    y.view(-1).relu_()
    return net.head((y + kept).mean((2, 3)))


@every_preset
@pytest.mark.parametrize("written", [overwritten_later, overwritten_by_a_view])
def test_an_output_may_be_used_before_and_after_its_relu(written, preset, picture):
    expected = found(network(kept_for_later), picture, preset)
    assert apart(found(network(written), picture, preset), expected) <= 1e-10


def twice_through_the_same(net, x):
    x = F.relu(net.first(x))
    return net.head(F.relu(net.second(F.relu(net.second(x)))).mean((2, 3)))


def before_the_convolution(net, x):
    x = net.first(x)
    x = x + net.second(F.relu(net.norm(x)))
    return net.head(x.mean((2, 3)))


def with_a_probability(net, x):
    return F.softmax(with_modules(net, x), 1)


def a_part_overwritten(net, x):
    y = net.second(F.relu(net.first(x)))
    y[:, :3] = 0
    return net.head(F.relu(y).mean((2, 3)))


def normalised_twice(net, x):
    return net.head(F.relu(net.norm(net.norm(net.first(x)))).mean((2, 3)))


def through_a_cast(net, x):
    with torch.autocast("cpu", enabled=False):
        return with_modules(net, x)


def with_a_scaled_head(net, x):
    x = F.relu(net.first(x)).mean((2, 3))
    return torch.addmm(net.head.bias, x, net.head.weight.t(), beta=0.5, alpha=3)


def with_the_weight_on_the_left(net, x):
    """Calls __rmatmul__ itself, as a type that torch does not know makes Python do."""
    x = F.relu(net.first(x)).mean((2, 3))
    return x.t().__rmatmul__(net.head.weight).t()


@pytest.mark.parametrize(
    "written",
    [with_a_scaled_head, with_the_weight_on_the_left, twice_through_the_same,
     before_the_convolution, a_part_overwritten, normalised_twice, through_a_cast, with_modules,
     in_place, kept_for_later, overwritten_by_a_view],
)  # fmt: skip
def test_without_a_stabiliser_it_is_gradient_times_input(written, picture):
    net = network(written)
    leaf = picture.clone().requires_grad_()
    (slope,) = torch.autograd.grad(net(leaf)[:, 2].sum(), leaf)
    assert apart(found(net, picture, "LRP-0"), slope * picture) <= 1e-10


def by_a_sum(net, x, held=False):
    y = F.relu(net.first(x))
    below = y.sum(1, keepdim=True) + 1
    return net.head((y / (below.detach() if held else below)).mean((2, 3)))


def by_a_sum_in_place(net, x):
    y = F.relu(net.first(x)) * 1
    y.div_(y.sum(1, keepdim=True) + 1)
    return net.head(y.mean((2, 3)))


def by_its_reciprocal(net, x):
    y = F.relu(net.first(x))
    return net.head((y * (1 / (y.sum(1, keepdim=True) + 1))).mean((2, 3)))


def by_a_negative_power(net, x):
    y = F.relu(net.first(x))
    return net.head((y * (y.sum(1, keepdim=True) + 1).pow(-1)).mean((2, 3)))


def by_a_negative_exponent(net, x):
    y = F.relu(net.first(x))
    return net.head((y * (y.sum(1, keepdim=True) + 1) ** -1.0).mean((2, 3)))


@pytest.mark.parametrize(
    "written",
    [by_a_sum, by_a_sum_in_place, by_its_reciprocal, by_a_negative_power, by_a_negative_exponent],
)
def test_what_divides_is_held_constant(written, picture):
    leaf = picture.clone().requires_grad_()
    held = by_a_sum(network(by_a_sum), leaf, held=True)
    (slope,) = torch.autograd.grad(held[:, 2].sum(), leaf)
    assert apart(found(network(written), picture, "LRP-0"), slope * picture) <= 1e-10


def by_a_soft_gate(net, x, held=False):
    y = net.first(x)
    gate = F.silu(net.second(y))
    return net.head((y * (gate.detach() if held else gate)).mean((2, 3)))


def test_a_product_with_a_silu_gives_all_to_the_other_factor(picture):
    leaf = picture.clone().requires_grad_()
    held = by_a_soft_gate(network(by_a_soft_gate), leaf, held=True)
    (slope,) = torch.autograd.grad(held[:, 2].sum(), leaf)
    assert apart(found(network(by_a_soft_gate), picture, "LRP-0"), slope * picture) <= 1e-10


def by_statistics_of_the_batch(net, x, kept=True):
    mean, var = (net.norm.running_mean, net.norm.running_var) if kept else (None, None)
    y = F.batch_norm(
        net.first(x), mean, var, net.norm.weight, net.norm.bias, training=True, momentum=0.0
    )
    return net.head(F.relu(y).mean((2, 3)))


@every_preset
def test_statistics_of_the_batch_are_not_the_ones_that_were_kept(preset, picture):
    without = functools.partial(by_statistics_of_the_batch, kept=False)
    expected = found(network(without), picture, preset)
    assert apart(found(network(by_statistics_of_the_batch), picture, preset), expected) <= 1e-12


class Tokens(nn.Module):
    """A dense layer on eight tokens of eight numbers, and statistics of every token."""

    def __init__(self):
        super().__init__()
        self.layer, self.norm, self.head = nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Linear(8, 4)
        nn.init.uniform_(self.norm.running_var, 0.2, 2.0)

    def forward(self, x):
        return self.head(F.relu(self.norm(self.layer(x[:, 0]))).mean(1))


def test_a_normalisation_of_tokens_is_not_one_of_what_they_hold(picture):
    net, leaf = seeded(Tokens).double(), picture.clone().requires_grad_()
    (slope,) = torch.autograd.grad(net(leaf)[:, 2].sum(), leaf)
    assert apart(found(net, picture, "LRP-0"), slope * picture) <= 1e-10


@every_preset
def test_a_batch_is_its_pictures_one_by_one(preset, picture):
    net = network(with_modules)
    singles = torch.cat([found(net, each[None], preset) for each in picture])
    assert apart(found(net, picture, preset), singles) <= 1e-12


@every_preset
def test_every_picture_may_have_a_class_of_its_own(preset, picture):
    net = network(in_place)
    both = found(net, picture, preset, target=[1, 3])
    assert apart(both[:1], found(net, picture[:1], preset, 1)) <= 1e-12
    assert apart(both[1:], found(net, picture[1:], preset, 3)) <= 1e-12


@every_preset
def test_two_classes_of_one_pass_are_two_runs(preset, picture):
    net, one = network(with_modules), picture[:1]
    both = found(net, torch.cat([one, one]), preset, target=[1, 3])
    for values, target in zip(both, (1, 3), strict=True):
        assert apart(values, found(net, one, preset, target)[0]) <= 1e-12


def in_threads(jobs):
    """What every job gives, all of them at once."""
    with ThreadPoolExecutor(len(jobs)) as pool:
        return [future.result() for future in [pool.submit(job) for job in jobs]]


def test_threads_do_not_disturb_each_other():
    net = seeded(FunctionalNetwork)
    x = noise(2, 3, 32, 32, seed=7)
    plain, expected = net(x).detach(), {p: found(net, x, p) for p in PRESETS}
    state, wrong = State(net), []

    def attribute(preset):
        wrong.extend(preset for _ in range(3) if not found(net, x, preset).equal(expected[preset]))

    def forward():
        wrong.extend("forward" for _ in range(20) if not net(x).detach().equal(plain))

    attributions = [functools.partial(attribute, preset) for preset in (*PRESETS, *PRESETS[:2])]
    in_threads([*attributions, *[forward] * 4])
    assert wrong == []
    state.assert_unchanged()


def test_threads_that_watch_layers_do_not_disturb_each_other():
    net, x = seeded(FunctionalNetwork), noise(1, 3, 32, 32, seed=7)
    lrp, wrong = xw.LRP(), []
    state = State(net)

    def watch(answer):
        expected = answer()
        return lambda: wrong.extend(1 for _ in range(5) if not torch.equal(answer(), expected))

    def kept():
        steps = lrp.explain_rules(net, x, 1).steps
        return torch.tensor([[hash(step.name), step.entered] for step in steps])

    jobs = [watch(lambda: lrp.units(net, x, 1, layer="second")), watch(kept)]
    in_threads([*jobs * 3, *[lambda: [net(x) for _ in range(40)]] * 2])
    assert wrong == []
    state.assert_unchanged()


def test_after_an_exception_half_way_the_next_answer_is_right(picture):
    net = network(with_modules)
    expected, state = found(net, picture), State(net)

    def failing(net, x):
        net.second(F.relu(net.first(x)))
        raise RuntimeError("half way")

    net.written = failing
    with pytest.raises(ExplainError, match="half way"):
        xw.LRP()(net, picture, 2)
    net.written = with_modules
    state.assert_unchanged()
    assert found(net, picture).equal(expected)


def compiled_in_part(net):
    net.second = torch.compile(net.second, backend="eager")
    return net


def compiled_by_itself(net):
    net.compile(backend="eager")
    return net


COMPILED = {
    "whole": lambda net: torch.compile(net, backend="eager"),
    "in part": compiled_in_part,
    "by itself": compiled_by_itself,
}


@pytest.mark.slow
@pytest.mark.parametrize("how", list(COMPILED))
def test_a_compiled_network_has_the_relevance_of_the_plain_one(how, picture):
    compiled = COMPILED[how](network(with_modules))
    assert found(compiled, picture).equal(found(network(with_modules), picture))


class Squared(torch.autograd.Function):
    """An autograd Function of the user's own, its way back the gradient."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, slope):
        return slope * 2 * ctx.saved_tensors[0]


class Reversed(torch.autograd.Function):
    """One whose way back is the gradient's opposite, as in adversarial training."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, slope):
        return -slope


class ScaledInPlace(torch.autograd.Function):
    """One that writes into its input."""

    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(2)

    @staticmethod
    def backward(ctx, slope):
        return slope * 2


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.body, self.head = kind(8, 6, batch_first=True), nn.Linear(6, 4)

    def forward(self, x):
        return self.head(self.body(x.flatten(1, 2))[0][:, -1])


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_layers_are_refused_in_a_sentence(kind, picture):
    with pytest.raises(ExplainError, match="recurrent layer"):
        found(seeded(lambda: Recurrent(kind)).double(), picture)


def test_scripted_modules_are_refused_in_a_sentence(picture):
    net = nn.Sequential(torch.jit.script(nn.Conv2d(3, 4, 8)), nn.Flatten()).double().eval()
    for pictures in (picture[:1], picture):
        with pytest.raises(ExplainError, match="scripted module"):
            found(net, pictures)


def without_gradients(net, x):
    with torch.no_grad():
        x = F.relu(net.first(x))
    return net.head(net.second(x).mean((2, 3)))


def partly_without_gradients(net, x):
    with torch.no_grad():
        y = F.relu(net.first(x))
    return net.head((F.relu(net.second(y)) + F.relu(net.first(x))).mean((2, 3)))


def detached(net, x):
    return net.head(net.second(F.relu(net.first(x)).detach()).mean((2, 3)))


@pytest.mark.parametrize("written", [without_gradients, detached])
def test_a_network_that_hides_its_input_is_refused_in_a_sentence(written, picture):
    with pytest.raises(ExplainError, match=r"no_grad|does not depend"):
        found(network(written), picture)


def squared(net, x):
    return net.head(Squared.apply(F.relu(net.first(x))).mean((2, 3)))


def around_a_layer(net, x):
    return net.head(F.relu(Squared.apply(net.first(x))).mean((2, 3)))


def around_the_output(net, x):
    return Squared.apply(with_modules(net, x))


def around_the_input(net, x):
    return with_modules(net, Squared.apply(x))


def reversed_on_the_way_back(net, x):
    return net.head(Reversed.apply(F.relu(net.first(x))).mean((2, 3)))


def scaled_in_place(net, x):
    return net.head(ScaledInPlace.apply(F.relu(net.first(x)) + 1).mean((2, 3)))


FUNCTIONS = {
    squared: "Squared", around_a_layer: "Squared", around_the_output: "Squared",
    around_the_input: "Squared", reversed_on_the_way_back: "Reversed",
    scaled_in_place: "ScaledInPlace",
}  # fmt: skip


@every_preset
@pytest.mark.parametrize("written", list(FUNCTIONS))
def test_autograd_functions_of_their_own_are_refused_by_name(written, preset, picture):
    words = rf"\({FUNCTIONS[written]}\).*need not be its gradient.*torch's own operations"
    with pytest.raises(ExplainError, match=words):
        found(network(written), picture, preset)


@torch.jit.script
def swish(x: torch.Tensor) -> torch.Tensor:
    """A function that nobody can look into."""
    return x * torch.sigmoid(x)


@torch.jit.script
def swish_seen_otherwise(x: torch.Tensor) -> torch.Tensor:
    """One that gives back a view."""
    return (x * torch.sigmoid(x)).flatten(2)


def by_a_scripted_function(net, x):
    return net.head(swish(F.relu(net.first(x))).mean((2, 3)))


def by_a_scripted_function_around_a_layer(net, x):
    return net.head(swish(net.first(x)).mean((2, 3)))


def by_a_scripted_function_beside_the_rest(net, x):
    y = F.relu(net.first(x))
    return net.head((y + swish(net.second(y))).mean((2, 3)))


def by_a_view_from_a_scripted_function(net, x):
    return net.head(swish_seen_otherwise(F.relu(net.first(x))).mean(2))


def by_a_scripted_function_at_the_end(net, x):
    return swish(with_modules(net, x))


def by_an_extension(net, x):
    x = F.relu(net.first(x))
    with torch._C.DisableTorchFunction():  # as one that is compiled does not ask torch by Python
        x = x * torch.sigmoid(x)
    return net.head(x.mean((2, 3)))


@every_preset
@pytest.mark.parametrize(
    "written",
    [by_a_scripted_function, by_a_scripted_function_around_a_layer,
     by_a_scripted_function_beside_the_rest, by_a_view_from_a_scripted_function,
     by_a_scripted_function_at_the_end, by_an_extension],
)  # fmt: skip
def test_scripted_functions_and_extensions_are_refused_in_a_sentence(written, preset, picture):
    with pytest.raises(ExplainError, match="scripted function or an extension"):
        found(network(written), picture, preset)


def by_filling(net, x):
    y = net.norm(net.first(x))
    filled, ones = torch.zeros_like(y), torch.zeros(2, *y.shape, dtype=y.dtype)
    early = ones[1]  # seen before anything is written
    filled[:, :3], filled[:, 3:] = y[:, :3].relu(), F.relu(y[:, 3:])
    ones[:] = torch.stack([filled, filled])
    later = torch.zeros_like(filled)
    later[:, :2].copy_(early[:, :2])
    later.narrow(1, 2, 4).add_(early[:, 2:])
    rows = torch.stack(list(later))
    return net.head((rows + F.relu(net.second(rows))).mean((2, 3)))


def by_filling_nothing(net, x):
    y = F.relu(net.norm(net.first(x)))
    return net.head((y + F.relu(net.second(y))).mean((2, 3)))


@every_preset
def test_tensors_that_are_filled_part_by_part_are_followed(preset, picture):
    expected = found(network(by_filling_nothing), picture, preset)
    answer = xw.LRP(preset=preset)(network(by_filling), picture, 2)
    assert apart(answer.values, expected) <= 1e-10
    assert answer.warnings == []


@every_preset
def test_hooks_on_the_way_back_through_a_module_change_nothing(preset, picture):
    net = network(with_modules)
    expected = found(net, picture, preset)
    for module in (net, net.first, net.relu):
        module.register_full_backward_hook(lambda *_: None)
    assert apart(found(net, picture, preset), expected) <= 1e-12


def read_on_the_way(net, x):
    y = net.first(x)
    net.seen = y.detach().mean()
    with torch.no_grad():
        net.largest = y.abs().amax()
    return net.head(net.pool(with_the_rest(net, y)).flatten(1))


def with_the_rest(net, y):
    x = net.relu(net.norm(y))
    return x + net.relu(net.second(x))


@every_preset
def test_hooks_that_keep_what_goes_through_a_module_change_nothing(preset, picture):
    net, kept = network(with_modules), []
    expected = found(net, picture, preset)
    for module in (net.first, net.norm, net.second, net.relu):
        module.register_forward_hook(lambda _, x, y: kept.append(y.detach().cpu().mean()))
    answer = xw.LRP(preset=preset)(net, picture, 2)
    assert apart(answer.values, expected) <= 1e-12
    assert answer.warnings == []
    assert kept


@every_preset
def test_what_is_read_and_does_not_go_into_the_score_changes_nothing(preset, picture):
    answer = xw.LRP(preset=preset)(network(read_on_the_way), picture, 2)
    assert apart(answer.values, found(network(with_modules), picture, preset)) <= 1e-12
    assert answer.warnings == []


def doubled(net, x, in_place):
    """Between a layer that something has read and its normalisation."""
    y = net.first(x)
    net.seen = y.detach().mean()
    y = y.mul_(2) if in_place else y * 2
    return net.head(F.relu(net.norm(y)).mean((2, 3)))


def used_up(net, x, in_place):
    """What a layer that something has read was made from, before its normalisation."""
    x = net.first(x) * 1
    y = net.second(x)
    net.seen = y.detach().mean()
    if in_place:
        x.zero_()
    return net.head(F.relu(net.norm(y)).mean((2, 3)))


@pytest.mark.parametrize("written", [doubled, used_up])
def test_a_layer_that_was_read_may_be_overwritten_before_its_normalisation(written, picture):
    in_place, expected = (
        found(network(functools.partial(written, in_place=over)), picture, "LRP-0")
        for over in (True, False)
    )
    assert apart(in_place, expected) <= 1e-12


@every_preset
def test_what_a_layer_has_used_may_be_overwritten(preset, picture):
    def forward(net, x, over):
        x = F.relu(net.first(x)) * 1
        y = F.relu(net.second(x))
        return net.head((y + (x.zero_() if over else 0 * x)).mean((2, 3)))

    in_place, expected = (
        found(network(functools.partial(forward, over=over)), picture, preset)
        for over in (True, False)
    )
    assert apart(in_place, expected) <= 1e-12


def doubled_below_the_normalisation(net, x):
    x = net.relu(net.norm(net.first(x - 0.5) * 2))
    x = x + net.relu(net.second(x))
    return net.head(x.mean((2, 3)))


@every_preset
def test_hooks_that_change_what_goes_through_a_module_are_part_of_the_network(preset, picture):
    net = network(with_modules)
    net.first.register_forward_pre_hook(lambda _, x: (x[0] - 0.5,))
    net.first.register_forward_hook(lambda _, x, y: y * 2)
    expected = found(network(doubled_below_the_normalisation), picture, preset)
    assert apart(found(net, picture, preset), expected) <= 1e-12


def checkpointed(net, x):
    x = checkpoint(lambda x: F.relu(net.second(F.relu(net.first(x)))), x, use_reentrant=False)
    return net.head(x.mean((2, 3)))


def checkpointed_reentrant(net, x):
    x = checkpoint(lambda x: F.relu(net.second(F.relu(net.first(x)))), x, use_reentrant=True)
    return net.head(x.mean((2, 3)))


@pytest.mark.parametrize("written", [checkpointed, checkpointed_reentrant])
def test_checkpoints_are_refused_in_a_sentence(written, picture):
    with pytest.raises(ExplainError, match="switch checkpointing off"):
        found(network(written), picture)


def overwritten_part(net, x):
    first, second = net.first(x).chunk(2, 1)
    first.relu_()
    return net.head(torch.cat([first, second], 1).mean((2, 3)))


def overwritten_output(net, x):
    y = F.relu(net.first(x))
    y.mul_(y.sigmoid()).mul_(y.sigmoid())
    return net.head(y.mean((2, 3)))


@pytest.mark.parametrize("written", [overwritten_part, overwritten_output])
def test_what_torch_cannot_differentiate_is_refused_in_a_sentence(written, picture):
    net = network(written)
    with pytest.raises(RuntimeError, match="inplace"):
        net(picture.clone().requires_grad_())[:, 2].sum().backward()
    with pytest.raises(ExplainError, match="write that operation out of place") as refused:
        found(net, picture)
    assert "\n" not in str(refused.value)


def test_autocast_inside_the_network_is_refused_in_a_sentence(picture):
    def cast(net, x):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return with_modules(net, x)

    with pytest.raises(ExplainError, match=r"outside torch\.autocast"):
        found(network(cast).float(), picture.float())


def partly_detached(net, x):
    y = F.relu(net.first(x))
    return net.head((y + net.second(y.detach())).mean((2, 3)))


def by_its_data(net, x):
    y = F.relu(net.first(x))
    return net.head((y + net.second(y.data)).mean((2, 3)))


def detached_in_place(net, x):
    y = F.relu(net.first(x))
    return net.head((y + net.second((y * 1).detach_())).mean((2, 3)))


def written_without_gradients(net, x):
    y = F.relu(net.first(x))
    held = torch.zeros_like(y)
    with torch.no_grad():
        held[:, :3] = y[:, :3]
    return net.head((y + held * 2).mean((2, 3)))


def overwritten_without_gradients(net, x):
    y = net.first(x)
    with torch.no_grad():
        y.mul_(2)
    return net.head(F.relu(y).mean((2, 3)))


def copied_without_gradients(net, x):
    y = F.relu(net.first(x))
    with torch.no_grad():
        held = y.clone()
    return net.head((y + held).mean((2, 3)))


@pytest.mark.parametrize(
    "written",
    [partly_without_gradients, partly_detached, copied_without_gradients, by_its_data,
     detached_in_place, written_without_gradients, overwritten_without_gradients],
)  # fmt: skip
def test_what_is_computed_without_gradients_gives_a_warning(written, picture):
    (warning,) = xw.LRP()(network(written), picture, 2).warnings
    assert "computes without gradients" in warning
    assert "is not in the map" in warning
    assert not xw.LRP()(network(with_modules), picture, 2).warnings


@every_preset
def test_what_is_overwritten_without_gradients_is_followed_all_the_same(preset, picture):
    def doubled(net, x):
        y = net.first(x)
        return net.head(F.relu(y + y.detach()).mean((2, 3)))

    expected = found(network(doubled), picture, preset)
    in_place = found(network(overwritten_without_gradients), picture, preset)
    assert apart(in_place, expected) <= 1e-12


def test_softmax_at_the_end_is_explained_as_a_score(picture):
    answer = xw.LRP(preset="ε")(network(with_a_probability), picture, 2)
    assert torch.isfinite(answer.values).all()
    assert answer.values.abs().max() > 0
