"""Figures are shown in a notebook, whatever was imported there before."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import xaiwidgets
from xaiwidgets.core.answers import Provenance
from xaiwidgets.core.figure import below_each_other, contact_sheet
from xaiwidgets.core.scores import Curve, Scores

PACKAGE = Path(xaiwidgets.__file__).parent


def test_the_figure_of_an_answer_brings_its_own_picture():
    made = Provenance("PixelFlipping", {}, [], "a network", "", "", {})
    curve = Curve(np.array([0.0, 1.0]), np.array([[1.0, 0.0], [1.0, 0.5]]))
    figure = Scores(np.array([0.5, 0.25]), made, curves={"most first": curve}).plot()
    assert figure._repr_png_()[:4] == b"\x89PNG"


def test_no_figure_is_made_that_only_pyplot_could_show():
    bare = [
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "matplotlib.figure import" in (text := path.read_text()) or "pyplot" in text
    ]
    assert bare == ["core/figure.py"]


def sheet(*labels):
    """The pixels of white pictures under their labels."""
    white = np.full((8, 8, 3), 255, np.uint8)
    made = contact_sheet([white] * len(labels), labels, side=100)
    return np.asarray(Image.open(io.BytesIO(made)))


@pytest.mark.parametrize("letter", "×εβ⁺ᴮ−")
def test_a_sheet_has_every_letter_that_methods_are_called_by(letter):
    missing = "\ue000"
    assert not np.array_equal(sheet(letter), sheet(missing))


def test_a_long_label_stays_above_its_own_picture():
    assert (sheet("Integrated gradients of 32", "")[:, 100:] == 255).all()
    assert (sheet("Integrated gradients of 32", "")[:, :100] < 255).any()


def test_a_label_too_long_for_a_line_stands_on_two_in_letters_of_the_usual_size():
    one, two = sheet("LRP"), sheet("Concept relevance of channel 68")
    assert two.shape[0] - one.shape[0] == 14
    assert (two[:18] < 255).any()
    assert (two[18:32] < 255).any()


def test_short_labels_beside_a_long_one_keep_close_to_their_pictures():
    both = sheet("LRP", "Concept relevance of channel 68")
    assert (both[:16, :100] == 255).all()


def test_sheets_stand_below_each_other():
    black, white = (np.full((8, side, 3), side, np.uint8) for side in (8, 16))
    sheets = [contact_sheet([one], [], side=side) for one, side in ((black, 40), (white, 60))]
    page = Image.open(io.BytesIO(below_each_other(sheets, gap=10)))
    assert page.size == (60, 40 + 10 + 60)
    assert page.getpixel((50, 5)) == (255, 255, 255)
    assert page.getpixel((5, 5)) == (8, 8, 8)
    assert page.getpixel((5, 55)) == (16, 16, 16)
