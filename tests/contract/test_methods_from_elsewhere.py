"""A method declared in a notebook cell, or a plain function, runs like the built-in ones; and
whatever it does to the network is undone."""

import copy
import functools
import threading

import numpy as np
import pytest
import torch
from conftest import inputs_for, network_of
from state import State
from torch import nn

from xaiwidgets.core.answers import Findings
from xaiwidgets.core.cache import AnswerCache
from xaiwidgets.core.declare import declared, knob
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.job import CancelToken
from xaiwidgets.core.knowing import knows
from xaiwidgets.core.method import Attribution, FromFunction, as_method
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import GradCam, Saliency


class Loudness(Attribution, title="Loudness"):
    """How bright a pixel is."""

    power: float = knob(default=1.0, low=0.5, high=4.0, help="exponent")

    def attribute(self, subject, x, target):
        return x.abs() ** self.power


class Vandal(Attribution, title="Vandal"):
    """Does to the network whatever `deed` says, then answers with zeros."""

    deed = None

    def attribute(self, subject, x, target):
        type(self).deed(subject.model)
        return torch.zeros_like(x)


def gradient_by_hand(subject, x, target):
    """What many people write first: backward() into every .grad there is."""
    x.requires_grad_()
    target.score(subject(x)).sum().backward()
    return x.grad


def test_a_class_declared_in_a_cell_joins_the_catalogue_and_runs(module_network, x):
    assert Loudness in declared(Attribution)
    answer = Loudness(power=2.0)(module_network, x, target=1)
    assert torch.allclose(answer.values, x**2)
    assert answer.provenance.method == "Loudness"
    assert answer.provenance.settings == {"power": 2.0}
    with pytest.raises(
        ExplainError, match=r"Loudness\.power is 9; it takes a number from 0\.5 to 4"
    ):
        Loudness(power=9)


def test_declaring_a_class_again_replaces_it():
    before = len(declared(Attribution))
    made = [
        type(Attribution)("Again", (Attribution,), {"__module__": "cell"}, title=f"Version {i}")
        for i in range(2)
    ]
    found = [method for method in declared(Attribution) if method.__name__ == "Again"]
    assert found == [made[1]]
    assert len(declared(Attribution)) == before + 1


def test_a_plain_function_runs_like_a_method_and_leaves_no_gradient_behind(module_network, x):
    state = State(module_network)
    answer = as_method(gradient_by_hand)(module_network, x, target=2)
    assert torch.allclose(answer.values, Saliency()(module_network, x, target=2).values)
    assert answer.provenance.method == "gradient_by_hand"
    assert answer.provenance.forwards == answer.provenance.backwards == len(x)
    state.assert_unchanged()


def test_a_plain_function_is_cached_and_cancelled_like_a_method(module_network, x):
    cache, method = AnswerCache(), as_method(gradient_by_hand)
    method(module_network, x, 2, cache=cache)
    assert as_method(gradient_by_hand)(module_network, x, 2, cache=cache).provenance.cached
    token = CancelToken()
    token.cancel()
    with pytest.raises(Exception, match="Cancelled"):
        method(module_network, x, 2, cancel=token)


def test_as_method_takes_instances_classes_and_functions_and_nothing_else():
    assert as_method(Saliency) == Saliency()
    assert as_method(Saliency(form="squared")).form == "squared"
    assert isinstance(as_method(lambda subject, x, target: x), FromFunction)
    assert as_method(gradient_by_hand) == as_method(gradient_by_hand)
    assert as_method(gradient_by_hand).having() == as_method(gradient_by_hand)
    with pytest.raises(ExplainError, match="A method is a int"):
        as_method(3)


def test_a_function_may_return_an_array_or_findings_or_one_channel(module_network, x):
    as_array = as_method(lambda subject, x, target: x.numpy())(module_network, x, 0)
    assert torch.equal(as_array.values, x)
    flat = as_method(lambda subject, x, target: x.sum(1))(module_network, x, 0)
    assert flat.values.shape == (2, 1, 32, 32)
    found = as_method(lambda subject, x, target: Findings(x, numbers={"a": 1.0}))(
        module_network, x, 0
    )
    assert found.numbers == {"a": 1.0}


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (None, r"returned a NoneType; it has to return a tensor"),
        ("a map", r"returned a str; it has to return a tensor"),
        (torch.zeros(3, 4), r"returned shape \(3, 4\) for inputs \(2, 3, 32, 32\)"),
        (torch.zeros(1, 3, 32, 32), r"returned shape \(1, 3, 32, 32\)"),
        (torch.full((2, 3, 32, 32), np.nan), r"gave NaN or infinite values"),
    ],
)
def test_what_cannot_be_an_answer_is_refused_in_words(module_network, x, returned, words):
    with pytest.raises(ExplainError, match=words):
        as_method(lambda subject, x, target: returned)(module_network, x, 0)


# --- vandals --------------------------------------------------------------------------------------


def _train(network):
    network.train()


def _switch_in_place(network):
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = True


def _freeze(network):
    network.requires_grad_(False)


def _leave_hooks(network):
    network[0].register_forward_hook(lambda *_: None)
    network[0].register_full_backward_hook(lambda *_: None)
    network[1].register_forward_pre_hook(lambda *_: None)


def _leave_gradients(network):
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)


def _patch_forward(network):
    network[1].forward = lambda x: x
    network[2].note = "was here"


def _remove_gradients(network):
    network.zero_grad()


HARMLESS = [
    _train, _switch_in_place, _freeze, _leave_hooks, _leave_gradients, _patch_forward,
    _remove_gradients,
]  # fmt: skip


def _zero_weights(network):
    with torch.no_grad():
        network[0].weight.zero_()


def _write_through_data(network):
    network[3].weight.data = network[3].weight.data.flip(0)


def _halve(network):
    network.half()


def _exchange_a_parameter(network):
    network[0].weight = nn.Parameter(torch.zeros_like(network[0].weight))


def _exchange_a_module(network):
    network[3] = nn.Identity()


def _shuffle_in_place(network):
    network[7].weight.data.copy_(network[7].weight.data.flip(0))


HARMFUL = [_zero_weights, _write_through_data, _halve, _shuffle_in_place]
HIDDEN = [_exchange_a_parameter, _exchange_a_module]


def _with_gradients(network, x):
    network(x).sum().backward()
    return State(network)


@pytest.mark.parametrize("deed", [*HARMLESS, *HIDDEN], ids=lambda deed: deed.__name__)
@pytest.mark.parametrize("fails", [False, True], ids=["succeeds", "fails"])
def test_flags_hooks_gradients_and_attributes_are_put_back(module_network, x, deed, fails):
    state = _with_gradients(module_network, x)

    def vandal(subject, x, target):
        deed(subject.model)
        if fails:
            raise KeyboardInterrupt
        return torch.zeros_like(x)

    if fails:
        with pytest.raises(KeyboardInterrupt):
            as_method(vandal)(module_network, x, 1)
    else:
        as_method(vandal)(module_network, x, 1)
    state.assert_unchanged()


@pytest.mark.parametrize("deed", HARMFUL, ids=lambda deed: deed.__name__)
def test_changed_weights_are_put_back_and_the_answer_is_thrown_away(module_network, x, deed):
    state = _with_gradients(module_network, x)

    def vandal(subject, x, target):
        deed(subject.model)
        return torch.zeros_like(x)

    with pytest.raises(ExplainError, match="vandal changed the network's parameters or buffers"):
        as_method(vandal)(module_network, x, 1)
    state.assert_unchanged()


@pytest.mark.parametrize("deed", [*HARMLESS, *HIDDEN, *HARMFUL], ids=lambda deed: deed.__name__)
def test_a_declared_class_is_undone_as_well(module_network, x, deed, monkeypatch):
    state = _with_gradients(module_network, x)
    monkeypatch.setattr(Vandal, "deed", staticmethod(deed))
    if deed in HARMFUL:
        with pytest.raises(ExplainError, match="Vandal changed"):
            Vandal()(module_network, x, 1)
    else:
        Vandal()(module_network, x, 1)
    state.assert_unchanged()


def test_the_input_is_safe_from_a_function_that_writes_into_it(module_network, x):
    kept = x.clone()
    as_method(lambda subject, x, target: x.zero_())(module_network, x, 1)
    assert torch.equal(x, kept)


def test_the_input_is_safe_from_a_declared_class_too(module_network, x):
    class Echo(Attribution):
        def attribute(self, subject, x, target):
            return x.mul_(2)

    kept = x.clone()
    answer = Echo()(module_network, x, target=1)
    assert torch.equal(x, kept)
    answer.values.zero_()
    assert torch.equal(x, kept)


def test_two_vandals_and_a_bystander_at_once_leave_the_network_as_it_was():
    network, x = network_of("modules"), inputs_for("modules")
    subject, state, problems = Subject(network), State(network), []
    expected = GradCam()(subject, x, 1).values

    def vandal(subject, x, target):
        for parameter in subject.model.parameters():
            parameter.grad = torch.ones_like(parameter)
        subject.model[0].register_forward_hook(lambda *_: None)
        return torch.zeros_like(x)

    def run(method):
        try:
            for _ in range(10):
                values = method(subject, x, 1).values
                if isinstance(method, GradCam) and not torch.allclose(values, expected, atol=1e-7):
                    problems.append("the bystander got something else")
        except Exception as error:
            problems.append(repr(error))

    threads = [
        threading.Thread(target=run, args=(method,))
        for method in (as_method(vandal), as_method(vandal), GradCam(), GradCam())
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    state.assert_unchanged()


# --- beside other threads -------------------------------------------------------------------------


class Halted:
    """A function as a method that waits within another thread until it may go on."""

    def __init__(self, subject, x, deed=lambda subject: None):
        self.subject, self.x, self.deed = subject, x, deed
        self.inside, self.on, self.failed = threading.Event(), threading.Event(), []

    def __enter__(self):
        self.thread = threading.Thread(target=self._work)
        self.thread.start()
        assert self.inside.wait(20)
        return self

    def __exit__(self, *_):
        self.on.set()
        self.thread.join()

    def _work(self):
        deed, inside, on = self.deed, self.inside, self.on  # and not `self`, which has the network

        def function(subject, x, target):
            deed(subject)
            inside.set()
            on.wait(20)
            return torch.ones_like(x)

        try:
            as_method(function)(self.subject, self.x, 1)
        except Exception as error:
            self.failed.append(repr(error))


def _load(network):
    network.load_state_dict({name: value + 1 for name, value in network.state_dict().items()})


def _step(network):
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    network(inputs_for("modules")).sum().backward()
    optimiser.step()


USERS = [
    *HARMLESS, _load, _step, _zero_weights, _exchange_a_parameter, _exchange_a_module,
]  # fmt: skip


@pytest.mark.parametrize("deed", USERS, ids=lambda deed: deed.__name__)
def test_what_the_user_does_while_a_function_runs_stays(deed):
    network, alike = (copy.deepcopy(network_of("modules")) for _ in range(2))
    with Halted(Subject(network), inputs_for("modules")) as halted:
        deed(network)
    deed(alike)
    assert halted.failed == []
    assert [len(m._forward_hooks) for m in network.modules()] == [
        len(m._forward_hooks) for m in alike.modules()
    ]
    assert [m.training for m in network.modules()] == [m.training for m in alike.modules()]
    assert network.state_dict().keys() == alike.state_dict().keys()
    for mine, expected in zip(network.parameters(), alike.parameters(), strict=True):
        assert torch.equal(mine, expected)
        assert mine.requires_grad == expected.requires_grad
        assert (mine.grad is None) == (expected.grad is None)
    assert vars(network[1]).keys() == vars(alike[1]).keys()


def _guided(network):
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.register_full_backward_hook(lambda m, given, _: (given[0].clamp(min=0) * 2,))


ONLOOKERS = [_train, _guided]


@pytest.mark.parametrize("deed", ONLOOKERS, ids=lambda deed: deed.__name__)
@pytest.mark.parametrize("named", [False, True], ids=["handed", "by its own name"])
def test_nobody_else_sees_what_a_function_does_to_the_network(deed, named):
    network, x = copy.deepcopy(network_of("modules")), inputs_for("modules")
    subject = Subject(network)
    expected = Saliency()(subject, x, 1).values
    named_or_handed = (lambda own: deed(network)) if named else (lambda own: deed(own.model))
    with Halted(subject, x, named_or_handed) as halted:
        assert torch.equal(Saliency()(subject, x, 1).values, expected)
    assert halted.failed == []


class Waiting(Attribution):
    """Stands for a method of ours, in the middle of which a function begins."""

    halted = None
    times = 0

    @property
    def _ours(self):
        return True

    def attribute(self, subject, x, target):
        type(self).times += 1
        if self.times == 1:
            self.halted.__enter__()
        return subject.gradient(x, target)


@pytest.mark.parametrize("deed", ONLOOKERS, ids=lambda deed: deed.__name__)
def test_an_answer_that_was_disturbed_is_made_again(deed, monkeypatch):
    network, x = copy.deepcopy(network_of("modules")), inputs_for("modules")
    subject = Subject(network)
    expected = subject.gradient(x, subject.bind(1, x))
    halted = Halted(subject, x, lambda own: deed(network))
    monkeypatch.setattr(Waiting, "halted", halted)
    monkeypatch.setattr(Waiting, "times", 0)
    try:
        torch.testing.assert_close(Waiting()(subject, x, 1).values, expected)
    finally:
        halted.__exit__()
    assert Waiting.times == 2


def test_parameters_never_vanish_for_a_moment():
    class Watched(dict):
        def clear(self):
            raise AssertionError("another thread would find it empty")

        def pop(self, *_):
            raise AssertionError("another thread would find it without an entry")

    network, x = copy.deepcopy(network_of("modules")), inputs_for("modules")
    vars(network[0])["_parameters"] = Watched(network[0]._parameters)
    as_method(lambda subject, x, target: network(x)[0, 0] * x)(network, x, 1)


# --- who knows the network by a name of its own ---------------------------------------------------

NETWORK = network_of("functional")


class Holder:
    """Has what it was given, as captum's methods have."""

    def __init__(self, thing):
        self.thing = thing

    def __call__(self, subject, x, target):
        return x

    def method(self, subject, x, target):
        return x


class Named(Attribution):
    """Uses a network that stands in the notebook."""

    def attribute(self, subject, x, target):
        return self.helped(x)

    def helped(self, x):
        return NETWORK(x)[:1, :1] * x


def _by_a_name(subject, x, target):
    return NETWORK(x)[:1, :1] * x


def _by_a_helper(subject, x, target):
    return [_by_a_name(subject, each, target) for each in x]


def _by_default(subject, x, target, network=NETWORK):
    return x


def _not_at_all(subject, x, target):
    return nn.functional.relu(subject(x))[:1, :1] * np.abs(x)


def _through_a_part(part):
    return lambda subject, x, target: part(x)


KNOWING = {
    "a name": _by_a_name,
    "a helper": _by_a_helper,
    "a default": _by_default,
    "a cell": _through_a_part(NETWORK),
    "a part of it": _through_a_part(next(NETWORK.children())),
    "what holds it": _through_a_part(nn.Sequential(NETWORK)),
    "a subject": _through_a_part(Subject(NETWORK)),
    "an object's attribute": _through_a_part(Holder(NETWORK)),
    "a list": _through_a_part([{"one": NETWORK}]),
    "an object that can be called": Holder(NETWORK),
    "a method of an object": Holder(NETWORK).method,
    "a partial function": functools.partial(_not_at_all, NETWORK),
    "a class": Named(),
    "an argument of a partial function": functools.partial(_not_at_all, other=[NETWORK]),
}
STRANGERS = {
    "a function": _not_at_all,
    "an object": Holder(3),
    "a class": Loudness(),
    "a cell": _through_a_part(network_of("modules")),
    "torch's own": torch.relu,
}


@pytest.mark.parametrize("name", KNOWING)
def test_code_that_knows_the_network_is_told(name):
    assert knows(KNOWING[name], NETWORK)


@pytest.mark.parametrize("name", STRANGERS)
def test_code_that_does_not_know_it_gets_a_copy(name):
    assert not knows(STRANGERS[name], NETWORK)
