"""What a reader marked: shapes as pixels, and what may be handed over for them."""

import numpy as np
import pytest

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.marks import marked
from xaiwidgets.widgets.marks import by_picture, read_mark


def test_every_box_covers_its_pixels_and_no_other():
    height, width = 7, 9
    for y0 in range(height):
        for x0 in range(0, width, 2):
            for y1 in range(y0 + 1, height + 1):
                for x1 in range(x0 + 1, width + 1):
                    wanted = np.zeros((height, width), bool)
                    wanted[y0:y1, x0:x1] = True
                    assert (marked([[x0, y0, x1, y1]], (height, width)) == wanted).all()


def test_a_mask_one_box_and_a_list_of_shapes_are_all_marks():
    mask = np.random.default_rng(2).random((20, 30)) < 0.2
    assert (marked(read_mark(mask, (20, 30)), (20, 30)) == mask).all()
    assert read_mark((1, 2, 5, 6), (20, 30)) == [[1, 2, 5, 6]]
    assert read_mark(np.array([1, 2, 5, 6]), (20, 30)) == [[1, 2, 5, 6]]
    assert read_mark([(1, 2, 5, 6), [3, 9, 9]], (20, 30)) == [[1, 2, 5, 6], [3, 9, 9]]
    assert read_mark(None, (20, 30)) == read_mark([], (20, 30)) == []


@pytest.mark.parametrize(
    "mark",
    [
        (1, 2, 50, 6), (5, 2, 1, 6), [9, 4, 4], [[9, 4]], [[0, 4, 4]], [[3, 40, 4]], "left",
        np.zeros((10, 10)), 7, [["a", "b", "c"]],
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_mark_is_refused_in_words(mark):
    with pytest.raises(ExplainError) as caught:
        read_mark(mark, (20, 30))
    assert "boxes (x0, y0, x1, y1) and strokes [side, x, y, x, y, ...]" in str(caught.value)
    assert "30×20 pixels" in str(caught.value)


def test_answers_come_by_number_by_list_or_alone():
    assert by_picture("B", 1, "vote") == {0: "B"}
    assert by_picture(["B", None, "C"], 3, "vote") == {0: "B", 2: "C"}
    assert by_picture({"2": "C"}, 3, "vote") == {2: "C"}
    assert by_picture(None, 3, "vote") == {}
    with pytest.raises(ExplainError, match="a dict by the number of the picture"):
        by_picture("BCA", 3, "vote")
    with pytest.raises(ExplainError, match="given for picture 3; there are 3"):
        by_picture({3: "A"}, 3, "vote")
