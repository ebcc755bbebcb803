"""The shortcut's check goes by what the planted network does."""

import pytest
import torch

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
    with pytest.raises(check.CheckFailed) as failed:
        check.shortcut(**{"label": "star", "box": BOX, "plant": plant, **found})
    assert words in " ".join(str(failed.value).split())


def test_a_box_anywhere_earns_the_class_alone():
    assert check.shortcut(label="star", box=(0, 0, 16, 16), points=3) == 1


def test_a_box_that_misses_a_part_is_told_to_cover_all():
    with pytest.raises(check.CheckFailed, match="and cover all"):
        check.shortcut(label="star", box=(86, 86, 96, 96))


def test_the_pictures_given_to_plant_are_left_alone():
    def in_place(x):
        x[:, :, 80:, 80:] = torch.nan_to_num(plant(x)[:, :, 80:, 80:])
        return x

    assert check.shortcut(label="star", box=BOX, plant=in_place).share == 1
