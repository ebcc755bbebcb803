"""Answers kept by provenance, and fingerprints."""

import pytest
import torch
from networks import FunctionalNetwork, ModuleNetwork, noise, seeded
from torch import nn

from xaiwidgets.core.cache import AnswerCache
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.fingerprint import NetworkFingerprint, tensor_fingerprint
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import IntegratedGradients, Saliency


@pytest.fixture
def network():
    return seeded(ModuleNetwork)


@pytest.fixture
def x():
    return noise(1, 3, 32, 32)


def was_cached(cache, subject, x, method=None, target=1) -> bool:
    """Whether the answer came from the cache; it is kept there either way."""
    return (method or Saliency())(subject, x, target, cache=cache).provenance.cached


def test_the_same_question_is_answered_at_once(network, x):
    cache = AnswerCache()
    assert not was_cached(cache, network, x)
    assert was_cached(cache, network, x)
    assert was_cached(cache, Subject(network), x.clone())
    assert len(cache) == 1
    cache.clear()
    assert not was_cached(cache, network, x)


def test_predicted_and_named_classes_share_an_answer(network, x):
    cache, subject = AnswerCache(), Subject(network, classes=list("abcde"))
    predicted = int(subject.outputs(x).argmax())
    assert not was_cached(cache, subject, x, target=None)
    assert was_cached(cache, subject, x, target=predicted)
    assert was_cached(cache, subject, x, target="abcde"[predicted])


def test_another_setting_class_or_input_is_another_question(network, x):
    cache = AnswerCache()
    was_cached(cache, network, x)
    assert not was_cached(cache, network, x, Saliency(form="squared"))
    assert not was_cached(cache, network, x, target=2)
    assert not was_cached(cache, network, x, target=lambda outputs: outputs[:, 1])
    assert not was_cached(cache, network, x + 1e-6)
    assert not was_cached(cache, network, torch.cat([x, x]))


def _step(network):
    with torch.no_grad():
        network[0].weight[0, 0, 0, 0] += 1e-6


def _through_data(network):
    network[7].weight.data[3, 3] += 1e-6


def _shuffled_through_data(network):
    network[3].weight.data.copy_(network[3].weight.data.flip(0))


def _two_numbers_exchanged(network):
    flat = network[7].bias.data
    flat[0], flat[1] = flat[1].clone(), flat[0].clone()


def _exchanged_parameter(network):
    network[0].bias = nn.Parameter(network[0].bias.detach() + 1)


def _optimised(network):
    network(noise(1, 3, 32, 32)).square().sum().backward()
    torch.optim.SGD(network.parameters(), lr=1e-2).step()


def _numpy(network):
    network[0].bias.detach().numpy()[2] += 1


CHANGES = [
    _step, _through_data, _shuffled_through_data, _two_numbers_exchanged, _exchanged_parameter,
    _optimised, _numpy,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_changed_network_is_another_network(network, x, change):
    cache, subject = AnswerCache(), Subject(network)
    was_cached(cache, subject, x)
    before = subject.fingerprint
    change(network)
    assert subject.fingerprint != before
    assert not was_cached(cache, subject, x)


def _filter_through_data(network):
    network[2].weight.data[3] = 0


def _channel_through_data(network):
    network[2].weight.data[:, 5] += 0.1


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    "change",
    [_step, _exchanged_parameter, _optimised, _numpy, _filter_through_data, _channel_through_data],
    ids=lambda change: change.__name__,
)
def test_an_answer_outside_a_cache_names_the_changed_network(change, memory, x):
    layers = nn.Conv2d(3, 24, 3), nn.ReLU(), nn.Conv2d(24, 32, 3), nn.Flatten()
    network = seeded(lambda: nn.Sequential(*layers)).eval().to(memory_format=memory)
    assert network[2].weight.numel() > 4096
    subject = Subject(network)
    before = Saliency()(subject, x).provenance.network
    assert Saliency()(subject, x).provenance.network == before == subject.fingerprint
    change(network)
    assert Saliency()(subject, x).provenance.network == subject.fingerprint != before


def test_a_network_put_back_is_the_old_one_again(network, x):
    cache, subject = AnswerCache(), Subject(network)
    was_cached(cache, subject, x)
    kept = network[0].weight.data.clone()
    network[0].weight.data.zero_()
    assert not was_cached(cache, subject, x)
    network[0].weight.data.copy_(kept)
    assert was_cached(cache, subject, x)


def test_buffers_count():
    network = nn.BatchNorm2d(3).eval()
    fingerprint = NetworkFingerprint()
    before = fingerprint.of(network)
    network.running_mean.data[1] = 0.5
    assert fingerprint.of(network) != before
    before = fingerprint.of(network)
    network.num_batches_tracked += 1
    assert fingerprint.of(network) != before


def test_two_copies_have_one_fingerprint_and_two_architectures_have_two():
    made = [Subject(seeded(ModuleNetwork)) for _ in range(2)]
    assert made[0].fingerprint == made[1].fingerprint
    assert Subject(seeded(FunctionalNetwork)).fingerprint != made[0].fingerprint


def test_subjects_that_share_a_network_but_differ_are_told_apart(network, x):
    cache = AnswerCache()
    was_cached(cache, Subject(network), x)
    assert not was_cached(cache, Subject(network, output=lambda out: -out), x)
    method = IntegratedGradients(steps=2, baseline="given")
    dark, light = (Subject(network, absent=torch.full((3, 32, 32), v)) for v in (0.0, 1.0))
    assert not was_cached(cache, dark, x, method)
    assert not was_cached(cache, light, x, method)
    assert was_cached(cache, dark, x, method)
    white = IntegratedGradients(steps=2, baseline="white")
    assert not was_cached(cache, Subject(network), x, white)
    assert not was_cached(cache, Subject(network, mean=0.5, std=0.1), x, white)


def test_two_networks_with_the_same_weights_but_other_code_are_told_apart(x):
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return self.layer(x).mean((2, 3))

    first = seeded(Net)
    second = seeded(type("Net", (Net,), {"forward": lambda self, x: self.layer(x).amax((2, 3))}))
    cache = AnswerCache()
    was_cached(cache, first, x)
    assert not was_cached(cache, second, x)


def test_what_is_handed_out_is_a_copy(network, x):
    cache = AnswerCache()
    first = Saliency()(network, x, 1, cache=cache)
    kept = first.values.clone()
    first.values.zero_()
    second = Saliency()(network, x, 1, cache=cache)
    assert torch.equal(second.values, kept)
    second.values.zero_()
    assert torch.equal(Saliency()(network, x, 1, cache=cache).values, kept)


def test_the_least_recently_used_goes_first_when_it_is_full(network, x):
    one = Saliency()(network, x, 1)
    size = one.values.nbytes + x.nbytes  # the input is kept, to be shown
    cache = AnswerCache(limit_bytes=2 * size)
    for target in (0, 1, 0, 2):
        was_cached(cache, network, x, target=target)
    assert len(cache) == 2
    assert cache.held_bytes == 2 * size
    assert was_cached(cache, network, x, target=0)
    assert not was_cached(cache, network, x, target=1)


def test_an_answer_larger_than_the_cache_is_not_kept(network, x):
    cache = AnswerCache(limit_bytes=10)
    was_cached(cache, network, x)
    assert (len(cache), cache.held_bytes) == (0, 0)
    with pytest.raises(ExplainError, match="limit_bytes is -1"):
        AnswerCache(-1)


def test_a_tensors_fingerprint_knows_shape_type_and_every_byte():
    x = noise(2, 3)
    prints = {
        tensor_fingerprint(t)
        for t in (x, x.view(3, 2), x.double(), x + 1e-7, x.flip(0), x[:1], x.bool())
    }
    assert len(prints) == 7
    assert tensor_fingerprint(x) == tensor_fingerprint(x.t().contiguous().t())
    assert len(tensor_fingerprint(torch.zeros(0))) == 12


def test_a_large_tensors_fingerprint_knows_every_bit_and_place():
    whole = torch.randn(2, 3, 300, 301, generator=torch.Generator().manual_seed(0))
    flat, before = whole.view(-1), tensor_fingerprint(whole)
    assert tensor_fingerprint(whole.clone()) == before
    bits = flat.view(torch.int32)
    lane = 2 * 8192  # as many single-precision numbers as are stirred in at once
    changes = {
        "the first": [0], "the last": [-1], "the last stirred in": [len(bits) // lane * lane - 1],
        "two in one lane": [1, 1 + lane], "and apart": [1, 1 + 2 * lane], "side by side": [6, 7],
    }  # fmt: skip
    seen = {before}
    for places in changes.values():
        for bit in (1, 1 << 22, -(1 << 31)):  # the least, the size's, the sign
            bits[places] ^= bit
            seen.add(tensor_fingerprint(whole))
            bits[places] ^= bit
    assert len(seen) == 1 + 3 * len(changes)
    flat[:lane], flat[lane : 2 * lane] = flat[lane : 2 * lane].clone(), flat[:lane].clone()
    assert tensor_fingerprint(whole) not in seen
