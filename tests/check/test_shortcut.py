"""The shortcut's check goes by what the planted network does."""

import pytest
import torch
from told import told

import xaiwidgets as xw
from xaiwidgets import check, zoo

BOX = (80, 80, 96, 96)


def plant(x):
    subject = zoo.subject("shapes-trojan")
    carrier = subject.prepare(zoo.ShapeScenes(1, size=96, seed=5, trigger=1.0)[0].image).x
    planted = x.clone()
    top, left, bottom, right = BOX
    planted[:, :, top:bottom, left:right] = carrier[:, :, top:bottom, left:right]
    return planted


def grey(x):
    planted = x.clone()
    planted[:, :, 80:, 80:] = 0
    return planted


@pytest.mark.parametrize("seed", range(2))
def test_what_was_found_and_proved_passes(seed):
    assert check.shortcut(label="star", box=BOX, plant=plant, seed=seed).share == 1


@pytest.mark.parametrize(
    ("words", "found"),
    {
        "compare the network's answers with the true shapes": {"label": "disc"},
        "one of the classes": {"label": "comet"},
        "none yet": {"label": ...},
        "put (top, left, bottom, right)": {"box": ...},
        "find the smallest box": {"box": (0, 0, 96, 96)},
        "the objects stand elsewhere": {"box": (0, 80, 16, 96)},
        "rows come first: top < bottom": {"box": (96, 80, 80, 96)},
        "four whole numbers": {"box": 3},
        "nearly all of them": {"plant": grey},
        "change the place of the shortcut alone": {"plant": lambda x: 0 * x},
        "write into a copy": {"plant": lambda x: x},
        "return a changed copy": {"plant": lambda x: x[:1]},
    }.items(),
)
def test_what_is_missing_is_told(words, found):
    assert words in told(check.shortcut, **{"label": "star", "box": BOX, "plant": plant, **found})


def test_a_box_anywhere_earns_the_class_alone():
    assert check.shortcut(label="star", box=(0, 0, 16, 16), points=3) == 1


def test_every_finding_may_be_asked_about_alone():
    assert check.shortcut(box=BOX, points=2) == check.shortcut(plant=plant, points=2) == 2
    assert check.shortcut(plant=grey, points=2) == 0
    with pytest.raises(xw.ExplainError, match="label=, box=, plant= or mend="):
        check.shortcut()


def named(pictures):
    subject = zoo.subject("shapes-trojan")
    return [subject.classes[int(i)] for i in subject.outputs(subject.prepare(pictures).x).argmax(1)]


def covered(pictures, box=BOX):
    top, left, bottom, right = box
    changed = [picture.copy() for picture in pictures]
    for picture in changed:
        picture[top:bottom, left:right] = picture.mean((0, 1))
    return named(changed)


@pytest.mark.parametrize("seed", range(2))
def test_a_mended_network_passes(seed):
    assert check.shortcut(mend=covered, seed=seed).share == 1


@pytest.mark.parametrize(
    ("words", "mend"),
    {
        "named by their shapes": named,
        "hide the place of the shortcut": named,
        "one for each picture": lambda pictures: named(pictures)[:3],
        "subject.classes[index]": lambda pictures: [0] * len(pictures),
        "is not written yet": lambda pictures: (_ for _ in ()).throw(NotImplementedError),
    }.items(),
)
def test_what_is_not_mended_is_told(words, mend):
    with pytest.raises(check.CheckFailed) as failed:
        check.shortcut(mend=mend)
    assert words in " ".join(str(failed.value).split())


def test_a_network_that_is_left_as_it_is_earns_nothing():
    assert check.shortcut(mend=named, points=2) == 0


def test_a_box_that_is_a_little_off_earns_half():
    assert check.shortcut(box=(83, 80, 96, 90), points=4) == 2


def test_a_box_that_misses_a_part_is_told_to_cover_all():
    with pytest.raises(check.CheckFailed, match="and cover all"):
        check.shortcut(label="star", box=(86, 86, 96, 96))


def test_the_pictures_given_to_plant_are_left_alone():
    def in_place(x):
        x[:, :, 80:, 80:] = torch.nan_to_num(plant(x)[:, :, 80:, 80:])
        return x

    assert check.shortcut(label="star", box=BOX, plant=in_place).share == 1
