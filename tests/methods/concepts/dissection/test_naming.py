"""Words for units: a toy pair whose space is colour, and the formula written slowly."""

import numpy as np
import pytest
from methods.concepts.dissection.planted import Colours, dissect, scenes
from networks import seeded

import xaiwidgets as xw
from xaiwidgets.core.errors import ExplainError

WORDS = ["green", "blue", "red", "grey"]
SPACE = {"red": [1, 0, 0], "green": [0, 1, 0], "blue": [0, 0, 1], "grey": [1, 1, 1]}


def images(pictures):
    """How much of each colour a picture has more than its noise."""
    return np.stack([x.numpy().mean((1, 2)) - 0.095 for x in pictures])


def texts(words):
    return np.array([SPACE[word] for word in words], float)


def dissected():
    return dissect(seeded(lambda: Colours(1)).eval(), scenes(120), "pool")


def test_units_of_colours_get_the_names_of_their_colours():
    found = xw.name_units(dissected(), WORDS, images, texts, count=20)
    assert found.names == ["red", "green", "blue"]
    table = found.table()
    assert table.name.tolist() == found.names
    assert (table.ahead > 0).all()


def test_scores_are_those_of_the_formula():
    answer = dissected()
    found = xw.name_units(answer, WORDS, images, texts, count=15, sharpness=4.0)
    pictures = [x for x, _ in scenes(120)]
    seen, told = images(pictures), texts(WORDS)
    seen = seen / np.linalg.norm(seen, axis=1, keepdims=True)
    told = told / np.linalg.norm(told, axis=1, keepdims=True)
    p = np.exp(4 * seen @ told.T)
    p /= p.sum(1, keepdims=True)
    activity = np.stack([x.numpy().mean((1, 2)) for x in pictures])
    expected = np.zeros((3, 4))
    for k in range(3):
        for place, i in enumerate(np.argsort(-activity[:, k])[:15]):
            surely = 0.998 - place / 15 * (0.998 - 0.97)
            expected[k] += np.log(1 + surely * (p[i] - 1) + 1e-7)
    expected -= np.log(np.exp(expected).mean(0))
    assert found.scores == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("words", "pair", "said"),
    [
        ("red", (images, texts), "takes a list of words"),
        ([], (images, texts), "takes a list of words"),
        (WORDS, (lambda p: np.ones(3), texts), r"images gave shape \(3,\)"),
        (WORDS, (lambda p: np.ones((len(p), 5)), texts), "they have to be of one space"),
    ],
)
def test_what_cannot_be_used_is_said_in_words(words, pair, said):
    with pytest.raises(ExplainError, match=said):
        xw.name_units(dissected(), words, *pair)
