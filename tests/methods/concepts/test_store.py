"""Activations are computed once, and never stale."""

import numpy as np
import pytest
import torch
from methods.concepts.stripes import plain, small_network
from torch import nn

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.job import Job, working
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods.concepts.store import Store


def forwards(store: Store, data: object) -> int:
    """Passes that reading a set takes."""
    store.subject.layers(plain(1, 0))
    with working(Job()) as job:
        store.read(data)
    return job.forwards


def test_a_set_goes_through_the_network_once_for_all_layers(tmp_path):
    store = Store(Subject(small_network()), ["relu2", "relu3"], "mean", tmp_path)
    assert forwards(store, plain(70, 0)) == 70
    assert forwards(store, plain(70, 0)) == 0
    assert forwards(store, plain(5, 1)) == 5


def test_another_store_of_the_same_network_finds_what_is_there(tmp_path):
    Store(Subject(small_network()), ["relu2"], "mean", tmp_path).read(plain(5, 0))
    assert forwards(Store(Subject(small_network()), ["relu2"], "mean", tmp_path), plain(5, 0)) == 0
    both = Store(Subject(small_network()), ["relu2", "relu3"], "mean", tmp_path)
    assert forwards(both, plain(5, 0)) == 5  # relu3 is new


@pytest.mark.parametrize("change", ["weights", "pooling", "picture", "code"])
def test_whatever_changes_the_numbers_is_computed_anew(tmp_path, change, monkeypatch):
    network, x = small_network(), plain(5, 0)
    Store(Subject(network), ["relu2"], "mean", tmp_path).read(x)
    if change == "weights":
        network.conv1.weight.data[0, 0, 0, 0] += 1e-3
    if change == "picture":
        x = x.clone()
        x[3, 0, 0, 0] += 1e-3
    if change == "code":
        monkeypatch.setattr(nn.ReLU, "forward", lambda self, x: torch.tanh(x))
    pooling = "max" if change == "pooling" else "mean"
    store = Store(Subject(network), ["relu2"], pooling, tmp_path)
    assert forwards(store, x) == 5


def test_an_interrupt_leaves_nothing_half_written(tmp_path, monkeypatch):
    store = Store(Subject(small_network()), ["relu2"], "mean", tmp_path)

    def broken(file, values, **_):
        file.write(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", broken)
        with pytest.raises(KeyboardInterrupt):
            store.read(plain(5, 0))
    assert list(tmp_path.iterdir()) == []
    assert forwards(store, plain(5, 0)) == 5


def test_activations_are_those_of_the_layer_pooled():
    network, x = small_network(), plain(70, 0)
    seen = {}
    handle = network.relu2.register_forward_hook(lambda m, i, o: seen.update(o=o.detach()))
    network(x)
    handle.remove()
    for pooling, expected in (
        ("mean", seen["o"].mean((2, 3))), ("max", seen["o"].amax((2, 3))),
        ("none", seen["o"].flatten(1)),
    ):  # fmt: skip
        found = Store(Subject(network), ["relu2"], pooling).read(x)
        assert found.count == 70
        columns = found.columns("relu2", 0, found.width("relu2"))
        assert columns == pytest.approx(expected.numpy(), abs=1e-5)


def test_pictures_of_several_sizes_are_refused_where_features_differ():
    sizes = iter([plain(64, 0), torch.zeros(64, 3, 24, 24)])
    with pytest.raises(ExplainError, match="128 to 288 features; give Subject"):
        Store(Subject(small_network()), ["pool"], "none").read(sizes)
