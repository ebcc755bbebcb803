"""Units switched off: what falls is what depended on them."""

import numpy as np
import pytest
import torch
from networks import NETWORKS, noise, seeded
from state import State
from torch import nn

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.core.activations import layer_outputs
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.methods.concepts.dissection.ablation import silenced


class Sums(nn.Module):
    """Class c is the mean of channel c of its one layer."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 4, 1, bias=False)

    def forward(self, x):
        return self.body(x).mean((2, 3))


def test_a_class_that_is_one_unit_falls_with_it_and_no_other_does():
    network, x = seeded(Sums).eval(), noise(9, 3, 8, 8)
    answer = xw.ablate(network, x, "body", [2], labels=[0, 1, 2] * 3)
    assert np.array_equal(answer.after[:, 2], np.zeros(9))
    assert np.array_equal(answer.after[:, [0, 1, 3]], answer.before[:, [0, 1, 3]])
    scores = (torch.from_numpy(each).double() for each in (answer.before, answer.after))
    before, after = (each.softmax(1).numpy() for each in scores)
    row = answer.table().set_index("class").loc["class 1"]
    assert row["pictures"] == 3
    assert row["fall"] == pytest.approx((before - after)[1::3, 1].mean())
    assert answer.provenance.forwards == 18
    assert len(answer.plot().axes) == 1


def test_without_labels_classes_are_what_the_network_says():
    network = seeded(Sums).eval()
    answer = xw.ablate(network, list(noise(5, 3, 8, 8)), "body", [])
    assert np.array_equal(answer.classes, answer.before.argmax(1))
    assert answer.table()["share after"].eq(1).all()
    assert "100% without" in repr(answer)


def test_tokens_lose_their_channels_too():
    subject = xw.Subject(seeded(NETWORKS["vit"][0]))
    x = noise(2, 3, NETWORKS["vit"][1], NETWORKS["vit"][1])
    layer = next(layer for layer in subject.layers(x) if layer.layout == "tokens")
    (output,) = layer_outputs(subject, x, [layer.name])[0].values()
    without = silenced(output, layer, [0, 2])
    assert not without[:, :, [0, 2]].any()
    assert torch.equal(without[:, :, [1, 3]], output[:, :, [1, 3]])
    answer = xw.ablate(subject, x, layer.name, [0, 2])
    assert not np.array_equal(answer.before, answer.after)


@pytest.mark.slow
def test_the_class_that_falls_most_is_that_of_the_detectors_for_all_eight_shapes():
    subject = zoo.subject("shapes")
    dissected = xw.NetworkDissection(shuffles=0)(
        subject, zoo.ShapeScenes(300, size=96, seed=8), "relu4", concepts=["shape"]
    )
    data = zoo.ShapeScenes(160, size=96, seed=9)
    labels = [scene.shape for scene in data]
    found = dissected.detectors(iou=0.0)
    assert len(found) == 8
    for name, units in found.items():
        falls = xw.ablate(subject, data, "relu4", units[:16], labels=labels).table()
        assert falls["class"][0] == name.removeprefix("shape:")


def test_what_cannot_be_used_is_said_in_words_and_the_network_is_left_alone():
    network = seeded(Sums).eval()
    before = State(network)
    for units, labels, words in (
        ([4], None, "has 4 units, counted from 0; there is no 4"),
        (["first"], None, "there is no 'first'"),
        (0, None, "units= is 0; it takes a list of numbers"),
        ([0], [1, 2], "2 labels came for 3 pictures"),
        ([0], 2, "1 labels came for 3 pictures"),
        ([0], ["cat"] * 3, "3 labels came for 3 pictures"),
    ):
        with pytest.raises(ExplainError, match=words):
            xw.ablate(network, noise(3, 3, 8, 8), "body", units, labels=labels)
    before.assert_unchanged()
