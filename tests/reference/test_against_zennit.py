"""The same relevance as zennit 0.5.1, preset by preset.

zennit's stabiliser at sums and average pools is taken away (benchmarks/beside_zennit.py), in all
tests but the last.
"""

import copy
import functools

import pytest
import torch
from networks import noise

from benchmarks.beside_zennit import (
    NETWORKS,
    THEIRS,
    apart,
    built,
    hold,
    merged,
    our_relevance,
    their_relevance,
    turned,
    with_known_winners,
)

every_preset = pytest.mark.parametrize("preset", list(THEIRS))


@functools.lru_cache(maxsize=2)
def network_of(name, dtype, seed=0):
    """One of them; every test hands it back as it was."""
    return built(name, seed).to(dtype)


@functools.lru_cache(maxsize=1)
def their_copy(name, dtype, seed=0):
    """The same network for zennit, which changes it and puts it back."""
    return copy.deepcopy(network_of(name, dtype, seed))


def twins(network):
    """A copy in doubles and one in single precision, which knows the winners of the former."""
    known = {}
    return [with_known_winners(network, dtype, known) for dtype in (torch.float64, torch.float32)]


def two_pictures(dtype):
    return noise(2, 3, 64, 64, seed=2).sigmoid().to(dtype)


@functools.cache
def ours_of(name, preset, dtype, amount):
    """Ours of class 3, once for every stabiliser of theirs."""
    return our_relevance(network_of(name, dtype), preset, two_pictures(dtype), 3, amount)


def both(name, preset, dtype, stabiliser=1e-30, amount=1e-6):
    """Relevance of class 3 by ours and by theirs; the ε preset with that amount of ε."""
    x, copied = two_pictures(dtype), their_copy(name, dtype)
    theirs = their_relevance(copied, name, preset, x, 3, stabiliser, amount)
    return ours_of(name, preset, dtype, amount), theirs


@pytest.mark.slow
@every_preset
@pytest.mark.parametrize("name", list(NETWORKS))
def test_relevance_is_theirs_in_doubles(name, preset):
    assert apart(*both(name, preset, torch.float64)) <= 1e-10


def leading(network, x):
    """The class with the largest score."""
    with torch.no_grad():
        return int(network(x).argmax())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "preset"),
    [(name, preset) for name in ("vgg16", "vgg16_bn") for preset in THEIRS
     if (name, preset) != ("vgg16_bn", "ε")],
)  # fmt: skip
def test_relevance_is_theirs_in_single_precision(name, preset):
    network = network_of(name, torch.float32, seed=1)
    x = noise(1, 3, 64, 64, seed=3).sigmoid()
    target = leading(network, x)
    ours = our_relevance(network, preset, x, target)
    theirs = their_relevance(their_copy(name, torch.float32, 1), name, preset, x, target)
    assert apart(ours, theirs) <= 1e-5


@pytest.mark.slow
@every_preset
def test_with_the_same_forward_pass_any_map_in_single_precision_is_theirs(preset):
    # a seed where the two lie 1e-3 apart: zennit merges batch normalisation into the weights, and
    # another window wins
    network, x = built("vgg16_bn", 4), noise(1, 3, 64, 64, seed=6).sigmoid()
    target = leading(network, x)
    theirs = their_relevance(copy.deepcopy(network), "vgg16_bn", preset, x, target)
    with merged(network, "vgg16_bn"):
        ours = our_relevance(network, preset, x, target)
    assert apart(ours, theirs) <= 1e-5


@pytest.mark.slow
def test_epsilon_everywhere_costs_us_no_more_than_them_behind_batch_normalisation():
    # no composite of theirs. With random weights it is the noise of gradients, and rounding alone
    # moves either library by more than 1e-5: see docs/decisions/0009-lrp.md
    ours, theirs = both("vgg16_bn", "ε", torch.float32, amount=0.01)
    exact, _ = both("vgg16_bn", "ε", torch.float64, amount=0.01)
    own, their_own = apart(ours, exact), apart(theirs, exact)
    print(f"from doubles: ours {own:.1e}, theirs {their_own:.1e}; apart {apart(ours, theirs):.1e}")
    assert own <= max(1e-5, 1.5 * their_own)


@pytest.mark.slow
@pytest.mark.parametrize("channels_last", [False, True], ids=["planes", "channels last"])
@pytest.mark.parametrize("preset", ["ε-plus-flat", "ε-γ-box"])
def test_with_the_same_winners_of_pooling_a_larger_picture_is_theirs_too(preset, channels_last):
    exact, network = twins(network_of("vgg16_bn", torch.float32))
    x = noise(1, 3, 128, 128, seed=2).sigmoid()
    target = leading(exact, x.double())
    hold(network)
    ours = our_relevance(network, preset, x, target, channels_last=channels_last)
    theirs = their_relevance(network, "vgg16_bn", preset, x, target)
    assert apart(ours, theirs) <= 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_either_library_lies_further_from_doubles_only_where_a_window_has_another_winner(seed):
    exact, network = twins(network_of("vgg16_bn", torch.float32, seed))
    x = noise(1, 3, 128, 128, seed=seed + 2).sigmoid()
    target = leading(exact, x.double())
    expected = our_relevance(exact, "ε-plus-flat", x.double(), target)

    distances = {}
    for whose, found in (
        ("ours", lambda: our_relevance(network, "ε-plus-flat", x, target)),
        ("theirs", lambda: their_relevance(network, "vgg16_bn", "ε-plus-flat", x, target)),
    ):
        off, windows = distances[whose] = apart(found(), expected), turned(network)
        print(f"{whose}: {off:.1e} from doubles, {windows} windows turned")
    assert all(off <= 1e-5 or windows for off, windows in distances.values())


@pytest.mark.slow
@pytest.mark.parametrize("preset", [preset for preset in THEIRS if preset != "ε"])
@pytest.mark.parametrize("name", ["resnet18", "resnet50", "mobilenet_v2"])
def test_zennit_as_it_is_differs_by_the_stabiliser_at_its_sums_and_pools(name, preset):
    # ε everywhere, which is no composite of theirs, amplifies it to 1e-3
    ours, theirs = both(name, preset, torch.float64, stabiliser=1e-6)
    assert 1e-10 < apart(ours, theirs) <= 1e-3
    assert float((ours - theirs).norm() / theirs.norm()) <= 1e-4
