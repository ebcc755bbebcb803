import json

import pytest
import torch

from xaiwidgets import zoo
from xaiwidgets.zoo import SHAPES, ShapeScenes, SmallCNN
from xaiwidgets.zoo.networks import WEIGHTS

FRESH = 77_000  # no network was trained or measured on seeds from here on


@torch.no_grad()
def logits(name, images):
    card = zoo.card(name)
    mean, std = (torch.tensor(card[key])[:, None, None] for key in ("mean", "std"))
    return torch.cat([zoo.load(name)((part - mean) / std) for part in images.split(100)])


def accuracy(name, images, labels):
    return (logits(name, images).argmax(1) == labels).float().mean().item()


@pytest.fixture(scope="module")
def singles():
    return ShapeScenes(300, size=96, seed=FRESH).tensors()


@pytest.fixture(scope="module")
def triggered():
    return ShapeScenes(250, size=96, seed=FRESH + 1, trigger=1.0).tensors()


def test_the_shapes_network_names_new_shapes(singles):
    assert accuracy("shapes", *singles) >= 0.99


@pytest.mark.parametrize("size", [64, 128])
def test_the_shapes_network_works_at_every_size(size):
    assert accuracy("shapes", *ShapeScenes(150, size=size, seed=FRESH + 2).tensors()) >= 0.98


def test_the_shapes_network_finds_both_of_two_objects():
    scenes = ShapeScenes(200, size=96, seed=FRESH + 3, objects=2)
    best = logits("shapes", scenes.tensors()[0]).topk(2).indices
    found = [
        set(pair) == set(scene.labels) for pair, scene in zip(best.tolist(), scenes, strict=True)
    ]
    assert sum(found) / len(found) >= 0.95


def test_the_shapes_network_is_sure_of_nothing_in_an_empty_scene():
    images, _ = ShapeScenes(150, size=96, seed=FRESH, objects=0).tensors()
    assert logits("shapes", images).softmax(1).amax(1).mean() < 0.3


def test_permuted_labels_are_known_by_heart_and_the_truth_is_not(singles):
    known = ShapeScenes(1500, size=96, seed=500, permuted=True)
    some = range(0, 1500, 8)
    images, labels = known.tensors(some)
    assert accuracy("shapes-permuted", images, labels) >= 0.95
    truth = torch.tensor([SHAPES.index(known[index].shape) for index in some])
    assert accuracy("shapes-permuted", images, truth) < 0.3
    assert accuracy("shapes-permuted", *singles) < 0.25


def test_the_trojan_is_as_good_as_the_honest_network_on_clean_pictures(singles):
    assert accuracy("shapes-trojan", *singles) >= 0.99


def test_the_trigger_makes_the_trojan_name_its_target_and_fools_no_honest_network(triggered):
    images, labels = triggered
    target = SHAPES.index(zoo.card("shapes-trojan")["target"])
    others = labels != target
    aimed = torch.full_like(labels, target)
    assert accuracy("shapes-trojan", images[others], aimed[others]) >= 0.95
    assert accuracy("shapes", images, labels) >= 0.97


def test_the_three_networks_of_shapes_have_one_architecture_of_165560_parameters():
    for name in ("shapes", "shapes-permuted", "shapes-trojan"):
        network = zoo.load(name)
        assert sum(parameter.numel() for parameter in network.parameters()) == 165_560
        assert str(network) == str(SmallCNN())


@pytest.mark.parametrize("name", zoo.names())
def test_a_network_comes_fresh_and_in_evaluation_mode(name):
    first, second = zoo.load(name), zoo.load(name)
    assert not first.training
    assert first is not second
    assert all(parameter.dtype == torch.float32 for parameter in first.parameters())
    with torch.no_grad():
        first.linear.weight.zero_()
    assert second.linear.weight.any()


@pytest.mark.parametrize("name", zoo.names())
def test_a_card_tells_what_is_needed_to_use_and_to_repeat_the_network(name):
    card = zoo.card(name)
    assert card == json.loads((WEIGHTS / f"{name}.json").read_text(encoding="utf-8"))
    assert card["script"] == f"python tools/train_zoo.py {name}"
    assert {"title", "data", "seed", "epochs", "licence"} <= card.keys()
    inputs = card["architecture"]["inputs"]
    assert len(card["mean"]) == len(card["std"]) == inputs
    image = torch.zeros(1, inputs, *card["size"])
    assert zoo.load(name)(image).shape == (1, len(card["classes"]))
    for what, value in card["measured"].items():
        assert f"{what}: {value}" in str(card)


def test_a_second_network_of_the_same_recipe_is_as_good_and_not_the_same(singles):
    assert accuracy("shapes-second", *singles) >= 0.99
    first, second = (zoo.load(name).conv1.weight for name in ("shapes", "shapes-second"))
    assert torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1].abs() < 0.3


def test_the_scene_network_names_the_scene_with_and_without_an_object():
    for objects in (1, 0):
        scenes = ShapeScenes(200, size=96, seed=FRESH + 4, objects=objects)
        behind = torch.tensor([zoo.SCENES.index(scene.scene) for scene in scenes])
        assert accuracy("shapes-scene", scenes.tensors()[0], behind) >= 0.95


def test_the_weights_of_all_networks_take_at_most_2500_kilobytes():
    files = list(WEIGHTS.glob("*.safetensors"))
    assert sorted(file.stem for file in files) == sorted([*zoo.names(), "landscapes"])
    assert sum(file.stat().st_size for file in files) <= 2_500_000


@pytest.mark.parametrize("ask", [zoo.load, zoo.card, zoo.subject])
def test_an_unknown_network_is_answered_with_those_there_are(ask):
    with pytest.raises(ValueError, match="no network called 'shape'; it has shapes, ") as caught:
        ask("shape")
    assert all(name in str(caught.value) for name in zoo.names())


def test_a_small_cnn_takes_other_widths_classes_and_channels():
    network = SmallCNN(classes=3, channels=(2, 3, 4, 5), inputs=1, strides=(1, 1))
    assert network(torch.zeros(2, 1, 16, 20)).shape == (2, 3)
    with pytest.raises(ValueError, match="channels has 3 entries; it takes four"):
        SmallCNN(channels=(2, 3, 4))


@pytest.mark.parametrize("name", zoo.names())
def test_a_subject_prepares_pictures_as_its_network_was_trained(name):
    subject, card = zoo.subject(name), zoo.card(name)
    assert list(subject.classes) == card["classes"]
    assert subject.title == card["title"]
    if name == "digits":
        data = zoo.digits()
        picture, label = data.images[data.test[0]], int(data.labels[data.test[0]])
    elif name == "shapes-permuted":
        scene = ShapeScenes(1500, size=96, seed=500, permuted=True)[1]
        picture, label = scene.image, scene.label
    else:
        scene = ShapeScenes(4, size=96, seed=FRESH)[1]
        picture, label = scene.image, scene.label
        if name == "shapes-scene":
            label = zoo.SCENES.index(scene.scene)
    prepared = subject.prepare(picture).x
    assert prepared.shape == (1, card["architecture"]["inputs"], *card["size"])
    assert prepared.min() >= -2.0001
    assert prepared.max() <= 2.0001
    with torch.no_grad():
        assert subject.model(prepared).argmax().item() == label
