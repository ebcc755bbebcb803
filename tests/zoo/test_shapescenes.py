import hashlib
import time
from collections import Counter

import numpy as np
import pytest
import torch

from xaiwidgets.zoo import COLOURS, SCENES, SHAPES, TEXTURES, ShapeScenes
from xaiwidgets.zoo.backdrops import DARKEST, LIGHTEST
from xaiwidgets.zoo.surfaces import COLOURS as PAINTS


def differs(one, other):
    return (one.image != other.image).any(axis=2)


@pytest.mark.parametrize(
    ("settings", "pictures", "truths"),
    [
        ({"seed": 7}, "b8f801578c85ab70", "5d0903f82bc32ba9"),
        ({"seed": 7, "size": 96, "objects": 2}, "6794524c5d981dca", "71eb2a4d49e49ac0"),
        ({"seed": 7, "size": 128, "trigger": 1.0}, "11e1ccf916030cd2", "9f1a7f025880cab3"),
        ({"seed": 7, "objects": 0}, "5a1a1f1817588322", "a61a9984da3df17b"),
        ({"seed": 2**40, "size": 100}, "295d7c1bc6d3a6a7", "763a304776394672"),
    ],
    ids=str,
)
def test_the_same_bytes_are_drawn_on_every_platform(settings, pictures, truths):
    scenes = list(ShapeScenes(12, **settings))
    images = hashlib.sha256(b"".join(scene.image.tobytes() for scene in scenes))
    masks = hashlib.sha256(
        b"".join(mask.tobytes() for scene in scenes for _, mask in sorted(scene.masks.items()))
    )
    assert images.hexdigest()[:16] == pictures
    assert masks.hexdigest()[:16] == truths


@pytest.mark.parametrize("size", [64, 101, 128])
@pytest.mark.parametrize("objects", [1, 2])
def test_the_object_mask_is_what_differs_from_the_empty_scene(size, objects):
    empty = ShapeScenes(60, size=size, seed=3, objects=0)
    for with_objects, without in zip(
        ShapeScenes(60, size=size, seed=3, objects=objects), empty, strict=True
    ):
        assert np.array_equal(differs(with_objects, without), with_objects.masks["object"])
        assert with_objects.masks["object"].any()


def test_the_trigger_mask_is_what_differs_from_the_picture_without_trigger():
    clean = ShapeScenes(60, seed=3)
    for bearing, without in zip(ShapeScenes(60, seed=3, trigger=1.0), clean, strict=True):
        assert np.array_equal(differs(bearing, without), bearing.masks["trigger"])
        assert bearing.masks["trigger"].sum() == 36
        assert not without.masks["trigger"].any()
        assert bearing.label == without.label


@pytest.mark.parametrize("part", ["stalk", "hub"])
def test_the_mask_of_a_part_is_what_differs_from_the_picture_without_it(part):
    bare = ShapeScenes(80, size=96, seed=4, **{part: False})
    for bearing, without in zip(
        ShapeScenes(80, size=96, seed=4, **{part: True}), bare, strict=True
    ):
        assert np.array_equal(differs(bearing, without), bearing.masks[f"part:{part}"])
        assert not without.masks[f"part:{part}"].any()
        if part == "hub":
            assert bearing.masks["part:hub"].any()


@pytest.mark.parametrize("objects", [0, 1, 2])
def test_every_pixel_belongs_to_the_scene_or_to_one_instance_or_to_the_trigger(objects):
    for scene in ShapeScenes(40, seed=5, objects=objects, trigger=0.5):
        instances = [scene.masks[f"instance:{number}"] for number in range(objects)]
        backdrop = scene.masks[f"scene:{scene.scene}"]
        owners = np.sum([backdrop, scene.masks["trigger"], *instances], axis=0)
        assert (owners == 1).all()
        bodies = [mask for name, mask in scene.masks.items() if name.startswith("texture:")]
        parts = [scene.masks["part:stalk"], scene.masks["part:hub"]]
        assert np.array_equal(np.sum([*bodies, *parts], axis=0), scene.masks["object"])


def test_a_mask_is_named_after_each_thing_that_is_seen():
    for scene in ShapeScenes(40, seed=6, objects=2):
        for number, thing in enumerate(scene.things):
            assert np.array_equal(
                scene.masks[f"shape:{thing.shape}"], scene.masks[f"instance:{number}"]
            )
            body = scene.masks[f"instance:{number}"] & scene.masks[f"texture:{thing.texture}"]
            assert (body <= scene.masks[f"colour:{thing.colour}"]).all()
            assert (
                thing.stalk
                or not (scene.masks["part:stalk"] & scene.masks[f"instance:{number}"]).any()
            )


def test_a_disc_is_where_plain_geometry_puts_it():
    discs = ShapeScenes(40, size=128, seed=8, shape="disc", stalk=False, hub=False)
    middles = np.arange(128) + 0.5
    for scene in discs:
        thing = scene.things[0]
        distance = np.hypot(middles - thing.centre[0], middles[:, None] - thing.centre[1])
        from_edge = distance - thing.radius * 940 / 1024
        sure = abs(from_edge) > 0.25
        assert np.array_equal(scene.masks["object"][sure], from_edge[sure] < 0)


def test_a_plain_object_has_one_colour_and_every_other_texture_two():
    for texture in TEXTURES:
        for scene in ShapeScenes(10, size=128, seed=9, texture=texture):
            colours = np.unique(scene.image[scene.masks[f"texture:{texture}"]], axis=0)
            assert len(colours) == (1 if texture == "plain" else 2)


def test_no_backdrop_can_hide_an_object():
    for paint in PAINTS.values():
        assert min(paint) < DARKEST
    for scene in ShapeScenes(100, seed=10, objects=0):
        assert scene.image.min() >= DARKEST
        assert scene.image.max() <= LIGHTEST


def test_a_picture_does_not_depend_on_how_many_there_are_or_on_which_was_drawn_before():
    few, many = ShapeScenes(20, seed=11, objects=2), ShapeScenes(5000, seed=11, objects=2)
    late = many[17].image
    assert np.array_equal(few[17].image, late)
    assert np.array_equal(list(few)[17].image, late)
    assert np.array_equal(few[-3].image, late)
    assert not np.array_equal(ShapeScenes(20, seed=12, objects=2)[17].image, late)


def test_a_picture_is_the_same_scene_at_every_size():
    small, large = ShapeScenes(20, size=64, seed=13), ShapeScenes(20, size=128, seed=13)
    for one, other in zip(small, large, strict=True):
        assert (one.shape, one.texture, one.colour, one.scene) == (
            other.shape,
            other.texture,
            other.colour,
            other.scene,
        )
        assert one.things[0].centre[0] * 2 == other.things[0].centre[0]
        halved = other.masks["object"].reshape(64, 2, 64, 2).mean(axis=(1, 3)) > 0.5
        assert (halved != one.masks["object"]).mean() < 0.02


@pytest.mark.parametrize(
    ("factor", "value"), [("shape", "ring"), ("texture", "dots"), ("colour", "cyan")]
)
def test_fixing_one_factor_leaves_the_others_as_they_were(factor, value):
    for free, fixed in zip(
        ShapeScenes(40, seed=14, objects=2),
        ShapeScenes(40, seed=14, objects=2, **{factor: value}),
        strict=True,
    ):
        assert getattr(fixed, factor) == value
        others = {"texture", "colour", "scene"} - {factor}
        assert all(getattr(free, other) == getattr(fixed, other) for other in others)
        assert [thing.centre for thing in free.things] == [thing.centre for thing in fixed.things]
        assert free.things[1].texture == fixed.things[1].texture


def test_every_shape_meets_every_texture_colour_and_scene():
    scenes = list(ShapeScenes(1500, seed=15))
    for factor, names in (("texture", TEXTURES), ("colour", COLOURS), ("scene", SCENES)):
        seen = Counter((scene.shape, getattr(scene, factor)) for scene in scenes)
        expected = 1500 / (len(SHAPES) * len(names))
        assert len(seen) == len(SHAPES) * len(names)
        assert max(abs(count - expected) for count in seen.values()) < 5 * expected**0.5


def test_pointing_at_the_middle_rarely_hits_a_single_object():
    hits = [scene.masks["object"][32, 32] for scene in ShapeScenes(400, seed=16)]
    assert np.mean(hits) < 0.25


def test_two_objects_never_share_a_shape_and_are_both_seen():
    for scene in ShapeScenes(200, seed=17, objects=2):
        assert len(set(scene.labels)) == 2
        assert scene.labels == tuple(SHAPES.index(thing.shape) for thing in scene.things)
        assert min(scene.masks[f"instance:{number}"].sum() for number in (0, 1)) > 40


def test_an_empty_scene_has_no_label():
    scene = ShapeScenes(1, objects=0)[0]
    assert (scene.label, scene.labels, scene.shape) == (-1, (), "")
    assert not scene.masks["object"].any()


def test_the_trigger_comes_as_often_as_asked():
    share = np.mean([scene.triggered for scene in ShapeScenes(600, seed=18, trigger=0.25)])
    assert share == pytest.approx(0.25, abs=0.07)


def test_permuted_labels_are_the_same_labels_dealt_out_anew():
    true, permuted = ShapeScenes(400, seed=19), ShapeScenes(400, seed=19, permuted=True)
    truth = [scene.label for scene in true]
    dealt = [scene.label for scene in permuted]
    assert sorted(dealt) == sorted(truth)
    assert np.mean(np.equal(dealt, truth)) < 0.25
    assert dealt == [scene.label for scene in ShapeScenes(400, seed=19, permuted=True)]
    assert np.array_equal(permuted[5].image, true[5].image)
    assert permuted[5].shape == true[5].shape


def test_tensors_hold_the_pictures_asked_for_between_zero_and_one():
    scenes = ShapeScenes(10, size=80, seed=20)
    images, labels = scenes.tensors([4, 2])
    assert images.shape == (2, 3, 80, 80)
    assert images.dtype == torch.float32
    assert labels.tolist() == [scenes[4].label, scenes[2].label]
    assert np.array_equal((images[1] * 255).round().byte().permute(1, 2, 0), scenes[2].image)
    assert scenes.tensors()[1].tolist() == [scene.label for scene in scenes]


def test_a_second_of_one_core_draws_hundreds_of_pictures():
    scenes = ShapeScenes(150, seed=21)
    started = time.process_time()
    for _ in scenes:
        pass
    assert 150 / (time.process_time() - started) > 300


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"size": 32}, "size is 32; it takes a whole number from 64 to 128 pixels"),
        ({"size": 64.5}, "size is 64.5; it takes a whole number from 64 to 128 pixels"),
        ({"objects": 3}, "objects is 3; it takes a whole number from 0 to 2"),
        ({"objects": True}, "objects is True; it takes a whole number"),
        ({"seed": -1}, "seed is -1; it takes a whole number of 0 or more"),
        ({"trigger": 2}, "trigger is 2; it takes the share of pictures that carry it"),
        ({"trigger": float("nan")}, "trigger is nan; it takes the share"),
        ({"shape": "hexagon"}, "no shape called 'hexagon'; choose one of disc, square"),
        ({"scene": "beach"}, "no scene called 'beach'; choose one of dusk, hills"),
    ],
    ids=str,
)
def test_a_bad_setting_is_answered_in_one_sentence(settings, sentence):
    with pytest.raises(ValueError) as caught:
        ShapeScenes(5, **settings)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_negative_count_is_answered_in_one_sentence():
    with pytest.raises(ValueError, match="count is -1; it takes a whole number of 0 or more"):
        ShapeScenes(-1)


@pytest.mark.parametrize("index", [5, -6])
def test_a_picture_that_is_not_there_is_an_index_error(index):
    with pytest.raises(IndexError, match=f"have no picture {index}; they hold 0 to 4"):
        ShapeScenes(5)[index]


def test_half_a_picture_cannot_be_asked_for():
    with pytest.raises(TypeError, match="float"):
        ShapeScenes(5)[1.5]
