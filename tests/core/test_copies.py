"""A network is saved, sent and copied while one of our threads watches it."""

import copy
import io
import pickle
from contextlib import ExitStack

import pytest
import torch
from networks import ModuleNetwork, noise, seeded
from torch import nn

from xaiwidgets.core.copies import own_copy, sharing_copy
from xaiwidgets.core.folding import fits
from xaiwidgets.core.layers import hooked
from xaiwidgets.core.subject import Subject
from xaiwidgets.evaluation.sanity.forgetting import Forgetting


def _saved(network):
    file = io.BytesIO()
    torch.save(network, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


def _sent(network):
    return pickle.loads(pickle.dumps(Subject(network))).model


def _forgetful(network):
    return Forgetting(Subject(network)).without([]).model


def hooks(network):
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in network.modules())


@pytest.mark.parametrize("taken", [copy.deepcopy, _saved, _sent], ids=lambda f: f.__name__)
def test_a_copy_taken_while_we_watch_hears_nothing(taken):
    network, x, heard = seeded(ModuleNetwork), noise(1, 3, 32, 32), []
    expected = network(x)
    with hooked(list(network), lambda *_: heard.append(1), lambda *_: heard.append(2)):
        twin = taken(network)
        assert torch.equal(twin(x), expected)
        assert not heard
        assert fits(twin, x)


@pytest.mark.parametrize("taken", [own_copy, sharing_copy, _forgetful], ids=lambda f: f.__name__)
def test_our_own_copies_have_the_hooks_of_others_alone(taken):
    network, x, heard = seeded(ModuleNetwork), noise(1, 3, 32, 32), []
    network[0].register_forward_hook(lambda *_: heard.append(1))
    network[1].register_forward_pre_hook(lambda *_: heard.append(2))
    with hooked(list(network), lambda *_: heard.append(3), lambda *_: heard.append(4)):
        twin = taken(network)
    twin(x)
    assert heard == [1, 2]
    assert hooks(twin) == 2


class Busy:
    """A hook in whose copying we begin to watch the network."""

    def __init__(self, network, stack):
        self.network, self.stack = network, stack

    def __call__(self, *_):
        pass

    def __deepcopy__(self, memo):
        modules = list(self.network.modules())
        self.stack.enter_context(hooked(modules, lambda *_: None, lambda *_: None))
        return lambda *_: None


@pytest.mark.parametrize("taken", [own_copy, sharing_copy], ids=lambda f: f.__name__)
def test_hooks_that_come_while_a_copy_is_made_do_not_disturb_it(taken):
    network = seeded(ModuleNetwork)
    with ExitStack() as stack:
        for module in list(network)[:2]:
            module.register_forward_hook(Busy(network, stack))
        with pytest.raises(RuntimeError, match="mutated"):
            copy.deepcopy(network)
        assert hooks(taken(network)) == 2


class Listening(nn.Module):
    """Hears itself: its hook is a method of its own."""

    def __init__(self):
        super().__init__()
        self.layer, self.heard = nn.Linear(4, 2), 0
        self.layer.register_forward_hook(self.hear)

    def hear(self, *_):
        self.heard += 1

    def forward(self, x):
        return self.layer(x)


def test_a_copy_whose_hook_is_a_method_of_its_own_hears_itself():
    network = Listening().eval()
    twin = sharing_copy(network)
    twin(torch.zeros(1, 4))
    assert (network.heard, twin.heard) == (0, 1)
    assert twin.layer.weight is network.layer.weight
    assert own_copy(network).layer.weight is not network.layer.weight
