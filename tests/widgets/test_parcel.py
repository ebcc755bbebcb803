"""What travels deflated, and pictures as one sheet."""

import io

import numpy as np
import pytest
from page import opened
from PIL import Image

from xaiwidgets import zoo
from xaiwidgets.widgets.pack import pack_bytes, pack_map
from xaiwidgets.widgets.parcel import parcel
from xaiwidgets.widgets.picture_sheet import picture_sheet


def test_a_parcel_holds_what_was_put_into_it():
    content = [
        {"name": "odd", "bits": pack_bytes(np.arange(7)), "none": None},
        {"deep": {"map": pack_map(np.linspace(-2, 5, 12).reshape(3, 4))}, "list": [1.5, 2]},
    ]
    assert opened(parcel(content)) == content


def test_arrays_of_the_same_bytes_are_in_a_parcel_once():
    noise = np.random.default_rng(0).integers(0, 255, 4000)
    one, four = (len(parcel([pack_bytes(noise)] * many)["data"]) for many in (1, 4))
    assert one == four
    other = len(parcel([pack_bytes(noise), pack_bytes(255 - noise)])["data"])
    assert other > 1.9 * one


def tiles_of(sheet, count):
    """The pictures of a sheet as a browser reads them."""
    whole = np.asarray(Image.open(io.BytesIO(sheet["jpeg"])))
    height, width = sheet["size"]
    wide = whole.shape[1] // sheet["columns"]
    tall = whole.shape[0] // -(-count // sheet["columns"])
    corners = [
        (tall * (i // sheet["columns"]), wide * (i % sheet["columns"])) for i in range(count)
    ]
    return np.stack([whole[y : y + height, x : x + width] for y, x in corners])


@pytest.mark.parametrize("size", [(64, 64), (20, 9), (33, 64)])
def test_pictures_of_a_sheet_are_found_again_without_a_visible_loss(size):
    small = [
        np.asarray(Image.fromarray(scene.image).resize((64, 64), Image.Resampling.BICUBIC))
        for scene in zoo.ShapeScenes(7, size=96, seed=4)
    ]
    pictures = np.stack(small)[:, : size[0], : size[1]]
    found = tiles_of(picture_sheet(pictures), 7)
    assert found.shape == pictures.shape
    assert np.abs(found.astype(float) - pictures).mean() < 3


def test_a_picture_does_not_show_in_its_neighbours():
    pictures = np.full((4, 20, 20, 3), 128, np.uint8)
    alone = tiles_of(picture_sheet(pictures), 4)
    pictures[1] = np.random.default_rng(0).integers(0, 255, (20, 20, 3))
    found = tiles_of(picture_sheet(pictures), 4)
    assert np.array_equal(found[[0, 2, 3]], alone[[0, 2, 3]])


def test_many_pictures_of_noise_are_found_again_too():
    noise = np.random.default_rng(0).integers(0, 255, (90, 64, 64, 3), np.uint8)
    found = tiles_of(picture_sheet(noise), 90)
    assert np.corrcoef(found.ravel(), noise.ravel())[0, 1] > 0.98
